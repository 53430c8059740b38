/**
 * What a device does before it speaks: it asks the relay where it stood, has the answer judged, and takes
 * its next incarnation where its state was put back. The shell of `device` does the same over sockets.
 */

import { equalBytes } from '@simsim/bytes';
import { findDevice, identityKeyOf } from '@simsim/relay-protocol';
import type { DeviceHead, SignedDeviceList } from '@simsim/relay-protocol';
import { hasEnded, renewalRequest } from '@simsim/sesame';
import { ownDevice, ownListInput } from './own-device.ts';
import type { ProvingDevice } from './proving-device.ts';
import { succeed } from './succession.ts';
import { uploadFor } from './uploads.ts';

/** Whether a device may speak. */
export type Standing =
  /** It may; the link of the head that the relay has then. */
  | { readonly kind: 'open'; readonly expected: Uint8Array }
  /** The relay did not answer. */
  | { readonly kind: 'later' }
  /** It was removed, or a copy took its place. */
  | { readonly kind: 'shut' };

/** Has the relay say where this device stood, and quarantines where that is needed. */
export function proveDevice(device: ProvingDevice): Standing {
  for (;;) {
    if (isOver(device)) return { kind: 'shut' };
    if (ownDevice(device.core).status === 'renewing') {
      const renewed = renew(device);
      if (renewed === 'later') return { kind: 'later' };
      if (renewed === 'shut') return shutOut(device);
    }
    const first = device.core.firstHead();
    const outcome = device.tryAsk({ kind: 'exchangeHead', head: first });
    if (outcome === undefined) return { kind: 'later' };
    if (!outcome.ok) return shutOut(device);
    const { before = first } = outcome.value.kind === 'exchangeHead' ? outcome.value : {};
    device.run({ type: 'headSeen', source: 'relay', head: before });
    if (ownDevice(device.core).status === 'renewing') continue;
    if (!device.core.isOfLog(before)) return { kind: 'open', expected: before.hash };
    const told = tellHead(device, before);
    if (told !== 'moved') return told;
  }
}

/** Has the relay keep where the log stands, as long as it has what was judged. */
function tellHead(device: ProvingDevice, { seq, hash: expected }: DeviceHead): Standing | 'moved' {
  const head = device.core.head();
  if (head.seq === seq) return { kind: 'open', expected };
  const outcome = device.tryAsk({ kind: 'post', posts: [], from: { head, expected } });
  if (outcome === undefined) return { kind: 'later' };
  if (outcome.ok) return { kind: 'open', expected: head.hash };
  return outcome.error.code === 'HEAD_MOVED' ? 'moved' : shutOut(device);
}

/** The list of the device's user, where the relay gives it. */
export function fetchOwnList(device: ProvingDevice): SignedDeviceList | undefined {
  const { userId } = ownDevice(device.core);
  const outcome = device.tryAsk({ kind: 'getList', userId, since: 0 });
  if (outcome?.ok !== true || outcome.value.kind !== 'getList') return undefined;
  return outcome.value.result.kind === 'list' ? outcome.value.result.list : undefined;
}

function renew(device: ProvingDevice): 'renewed' | 'later' | 'shut' {
  const list = fetchOwnList(device);
  if (list === undefined) return 'later';
  const { deviceId, former, registrationId } = ownDevice(device.core);
  const listed = findDevice(list.list, deviceId)?.registrationId;
  if (listed !== former && listed !== registrationId) return 'shut';
  device.run({ type: 'listLearned', list });
  // What was put back may know an older identity key.
  const entry = findDevice(list.list, deviceId);
  const key = entry && identityKeyOf(list.list, entry);
  const isSame =
    key !== undefined && equalBytes(key, ownDevice(device.core).identity.publicKey.bytes);
  if (!isSame && !succeed(device)) return 'later';
  if (listed !== registrationId) {
    const upload = uploadFor(device);
    if (upload === undefined) return 'later';
    const request = renewalRequest(ownListInput(device.core), upload, device.env);
    const outcome = device.tryAsk(request);
    if (outcome === undefined) return 'later';
    if (!outcome.ok) return 'shut';
    device.run({ type: 'listLearned', list: request.list });
  }
  device.run({ type: 'registered' });
  device.run({ type: 'started' });
  return 'renewed';
}

function shutOut(device: ProvingDevice): Standing {
  const list = fetchOwnList(device);
  device.run({ type: 'shutOut', ...(list && { list }) });
  return isOver(device) ? { kind: 'shut' } : { kind: 'later' };
}

function isOver({ core }: ProvingDevice): boolean {
  return hasEnded(ownDevice(core).status);
}
