/** What a device does before it speaks: it asks where it stood, and takes its next incarnation. */

import { equalBytes } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import type { CoreInput, DeviceCore } from '@simsim/device-core';
import { findDevice, identityKeyOf } from '@simsim/relay-protocol';
import type {
  RelayAnswer,
  RelayOutcome,
  RelayRequest,
  SignedDeviceList,
} from '@simsim/relay-protocol';
import { renewalRequest } from '@simsim/sesame';
import type { OwnDevice, OwnListInput } from '@simsim/sesame';
import { succeed } from './succeed.ts';
import type { SucceedingDevice } from './succeed.ts';
import { uploadFor } from './upload-for.ts';

/** What is asked of a device here. */
interface ProvingDevice extends SucceedingDevice {
  readonly core: DeviceCore;
  readonly world: {
    readonly crypto: Crypto;
    readonly entropy: Entropy;
    ask(request: RelayRequest): RelayAnswer;
    tryAsk(request: RelayRequest): RelayOutcome;
  };
  own(): OwnDevice;
  freshOwn(): OwnDevice;
  ownListInput(): OwnListInput;
  run(...inputs: CoreInput[]): unknown;
  tryAsk(request: RelayRequest): RelayOutcome;
}

/**
 * Has the relay say where this device stood, and quarantines where that is needed. Answers the link of
 * the head that the relay has then; `undefined` where the device may not speak: it was removed, or a
 * copy took its place.
 */
export function proveDevice(device: ProvingDevice): Uint8Array | undefined {
  for (;;) {
    const { status } = device.freshOwn();
    if (status === 'removed' || status === 'replaced') return undefined;
    if (status === 'renewing' && !renew(device)) return shutOut(device);
    const head = device.core.head();
    const outcome = device.tryAsk({ kind: 'exchangeHead', head });
    if (!outcome.ok) return shutOut(device);
    const before = outcome.value.kind === 'exchangeHead' ? outcome.value.before : undefined;
    if (before !== undefined) device.run({ type: 'headSeen', source: 'relay', head: before });
    if (device.freshOwn().status === 'renewing') continue;
    return before !== undefined && before.seq > head.seq ? before.hash : head.hash;
  }
}

function renew(device: ProvingDevice): boolean {
  const list = ownList(device);
  const { deviceId, former, registrationId } = device.own();
  const listed = list && findDevice(list.list, deviceId)?.registrationId;
  if (list === undefined || (listed !== former && listed !== registrationId)) return false;
  device.run({ type: 'listLearned', list });
  // What was put back may know an older identity key.
  const entry = findDevice(list.list, deviceId);
  const key = entry && identityKeyOf(list.list, entry);
  const isSame = key !== undefined && equalBytes(key, device.own().identity.publicKey.bytes);
  if (!isSame) succeed(device);
  if (listed !== registrationId) {
    const request = renewalRequest(device.ownListInput(), uploadFor(device), device.world);
    if (!device.world.tryAsk(request).ok) return false;
    device.run({ type: 'listLearned', list: request.list });
  }
  device.run({ type: 'registered' });
  device.freshOwn();
  device.run({ type: 'started' });
  return true;
}

function shutOut(device: ProvingDevice): undefined {
  const list = ownList(device);
  device.run({ type: 'shutOut', ...(list && { list }) });
  device.freshOwn();
  return undefined;
}

function ownList(device: ProvingDevice): SignedDeviceList | undefined {
  const { userId } = device.own();
  const answer = device.world.ask({ kind: 'getList', userId, since: 0 });
  const isList = answer.kind === 'getList' && answer.result.kind === 'list';
  return isList ? answer.result.list : undefined;
}
