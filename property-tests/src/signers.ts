/** Whoever signs lists of a user, or would like to: devices, thieves of devices, and strangers. */

import { invariant } from '@simsim/bytes';
import type { KeyPair, SigningKeyPair } from '@simsim/crypto';
import { parseDeviceId, signDeviceList, signDeviceVoucher } from '@simsim/relay-protocol';
import type { DeviceEntry, DeviceList, SignedDeviceList } from '@simsim/relay-protocol';
import type { TestDevice } from './test-device.ts';
import { user } from './world.ts';
import type { World } from './world.ts';

const bo = user('bo');

/** Whoever signs a list: a device, or somebody who wants to be one. */
export interface Signer {
  readonly entry: DeviceEntry;
  readonly identity: KeyPair;
  readonly deviceKey: SigningKeyPair;
}

/** The user's newest list. */
export function listAtRelay(world: World, userId = bo): SignedDeviceList {
  const answer = world.ask({ kind: 'getList', userId, since: 0 });
  invariant(answer.kind === 'getList' && answer.result.kind === 'list', 'the user exists');
  return answer.result.list;
}

/** A device as lists name it. */
export function signerOf(device: TestDevice): Signer {
  const { deviceId, registrationId, deviceKey, identity } = device.own();
  const keys = { deviceKey: deviceKey.publicKey, identityKey: identity.publicKey.bytes };
  return { entry: { deviceId, registrationId, ...keys }, identity, deviceKey };
}

/** Somebody with keys of their own under an id that is free, also beside other strangers. */
export function stranger(world: World, ...others: readonly Signer[]): Signer {
  const { devices } = listAtRelay(world).list;
  const taken = [...devices, ...others.map(({ entry }) => entry)];
  const ids = new Set<number>(taken.map(({ deviceId }) => deviceId));
  const free = Array.from({ length: 127 }, (_, i) => i + 1).find((id) => !ids.has(id));
  const deviceId = parseDeviceId(free ?? 0);
  invariant(deviceId.ok, 'an id is free');
  const identity = world.crypto.keyPair(world.entropy(32));
  const deviceKey = world.crypto.signingKeyPair(world.entropy(32));
  const keys = { deviceKey: deviceKey.publicKey, identityKey: identity.publicKey.bytes };
  return {
    entry: { deviceId: deviceId.value, registrationId: 7, ...keys },
    identity,
    deviceKey,
  };
}

/** A list that follows the relay's, with whoever signs it among the devices. */
export function listBy(
  world: World,
  signer: Signer,
  change: (list: DeviceList) => Partial<DeviceList> = () => ({}),
): SignedDeviceList {
  const { list } = listAtRelay(world);
  const { deviceId } = signer.entry;
  const others = list.devices.filter((entry) => entry.deviceId !== deviceId);
  const own = list.devices.find((entry) => entry.deviceId === deviceId) ?? signer.entry;
  const next: DeviceList = {
    ...list,
    version: list.version + 1,
    previous: world.crypto.digest([new Uint8Array(1)]),
    devices: [...others, own],
    signer: deviceId,
  };
  const { deviceKey, identity } = signer;
  return signDeviceList(
    { ...next, ...change(next) },
    { deviceKey, identity, entropy64: world.entropy(64) },
    world.crypto,
  );
}

/** What a thief has of a device: its keys, and its entry with the voucher from a list of before. */
export function withVoucher(world: World, device: TestDevice): Signer {
  const signer = signerOf(device);
  const { deviceId } = signer.entry;
  const entry = listAtRelay(world).list.devices.find((each) => each.deviceId === deviceId);
  return { ...signer, entry: entry ?? signer.entry };
}

/** The same with the word of somebody who vouches for it after the relay's list. */
export function vouchedFor(world: World, signer: Signer, by: Signer, userId = bo): Signer {
  const { entry, identity } = signer;
  const listVersion = listAtRelay(world, userId).list.version + 1;
  const voucher = signDeviceVoucher(
    { ...entry, userId, identityKey: identity.publicKey.bytes },
    {
      approver: by.entry.deviceId,
      listVersion,
      identity: by.identity,
      entropy64: world.entropy(64),
    },
    world.crypto,
  );
  return { ...signer, entry: { ...entry, voucher } };
}
