/** What a device does about its own identity key: it publishes the one that waits, and follows lists. */

import type { Crypto, Entropy } from '@simsim/crypto';
import type { CoreInput } from '@simsim/device-core';
import type { RelayAnswer, RelayOutcome, RelayRequest, UserId } from '@simsim/relay-protocol';
import { successionAsk, successionRequest } from '@simsim/sesame';
import type { Effect, OwnDevice, UserRecord } from '@simsim/sesame';

/** What is asked of a device here. */
export interface SucceedingDevice {
  readonly world: {
    readonly crypto: Crypto;
    readonly entropy: Entropy;
    ask(request: RelayRequest): RelayAnswer;
  };
  freshOwn(): OwnDevice;
  record(userId: UserId): UserRecord;
  run(...inputs: CoreInput[]): unknown;
  tryAsk(request: RelayRequest): RelayOutcome;
  upload(): void;
}

/** Has the relay take an identity key that waits. Answers the code of a refusal. */
export function publish(device: SucceedingDevice): string | undefined {
  const own = device.freshOwn();
  const { successor } = own;
  if (successor === undefined) return undefined;
  const devices = successor.list.list.devices.map(({ deviceId }) => deviceId);
  const keys = device.tryAsk({ kind: 'getSignedKeys', devices });
  const signed = keys.ok && keys.value.kind === 'getSignedKeys' ? keys.value.devices : [];
  const request = successionRequest(own, signed, device.world);
  // A device that was removed meanwhile is shown no keys.
  if (request === undefined) return 'LIST_MOVED';
  const outcome = device.tryAsk(request);
  return outcome.ok ? undefined : outcome.error.code;
}

/** Does what the effect `succeed` asks for, and uploads what comes of it. */
export function succeed(device: SucceedingDevice): void {
  const code = publish(device);
  const isForGood = code !== undefined && !['LIST_MOVED', 'UNAUTHORIZED'].includes(code);
  if (isForGood) device.run({ type: 'successionRefused' });
  const own = device.freshOwn();
  const record = device.record(own.userId);
  const outcome = device.tryAsk(successionAsk({ own, record }, device.world.crypto));
  // A device that is not listed any more has nothing to follow.
  if (!outcome.ok || outcome.value.kind !== 'getSuccession') return;
  const { lists, sealed } = outcome.value;
  device.run({ type: 'succession', lists, ...(sealed && { sealed }) });
  device.freshOwn();
  device.upload();
}

/** Fetches a list or follows the own one, then decides the envelope that waited for it. */
export function followUp(
  device: SucceedingDevice,
  wanted: Extract<Effect, { type: 'fetchList' | 'succeed' }>,
): void {
  const { envelope } = wanted;
  if (wanted.type === 'succeed') {
    succeed(device);
    if (envelope !== undefined) device.run({ type: 'envelope', envelope, isFollowed: true });
    return;
  }
  const answer = device.world.ask({ kind: 'getList', userId: wanted.userId, since: 0 });
  if (answer.kind === 'getList' && answer.result.kind === 'list')
    device.run({ type: 'listLearned', list: answer.result.list });
  if (envelope !== undefined) device.run({ type: 'envelope', envelope, isListFresh: true });
}
