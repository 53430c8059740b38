/** What a device does about its own identity key: it publishes the one that waits, and follows lists. */

import { successionAsk, successionRequest } from '@simsim/sesame';
import { ownDevice, ownListInput } from './own-device.ts';
import type { ProvingDevice } from './proving-device.ts';

/** Does what the effect `succeed` asks for; false where no answer came. */
export function succeed(device: ProvingDevice): boolean {
  const code = publish(device);
  if (code === 'NO_ANSWER') return false;
  const isForGood = code !== undefined && code !== 'LIST_MOVED' && code !== 'UNAUTHORIZED';
  if (isForGood) device.run({ type: 'successionRefused' });
  const request = successionAsk(ownListInput(device.core), device.env.crypto);
  const outcome = device.tryAsk(request);
  if (outcome === undefined) return false;
  // A device that is not listed any more has nothing to follow.
  if (!outcome.ok || outcome.value.kind !== 'getSuccession') return true;
  const { lists, sealed } = outcome.value;
  device.run({ type: 'succession', lists, ...(sealed && { sealed }) });
  return true;
}

/** Has the relay take an identity key that waits. Answers the code of a refusal, `NO_ANSWER` without an answer. */
export function publish(device: ProvingDevice): string | undefined {
  const own = ownDevice(device.core);
  if (own.successor === undefined) return undefined;
  const devices = own.successor.list.list.devices.map(({ deviceId }) => deviceId);
  const keys = device.tryAsk({ kind: 'getSignedKeys', devices });
  if (keys === undefined) return 'NO_ANSWER';
  const signed = keys.ok && keys.value.kind === 'getSignedKeys' ? keys.value.devices : [];
  const request = successionRequest(own, signed, device.env);
  // A device that was removed meanwhile is shown no keys.
  if (request === undefined) return 'LIST_MOVED';
  const outcome = device.tryAsk(request);
  if (outcome === undefined) return 'NO_ANSWER';
  return outcome.ok ? undefined : outcome.error.code;
}
