/** Changing one's own device list: approving a new device, removing one. Both only sign; the list
 * becomes true when the relay takes it. */

import { err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import {
  DEVICE_ID_MAX,
  DEVICES_MAX,
  parseDeviceId,
  signDeviceApproval,
  signDeviceList,
  signDeviceVoucher,
} from '@simsim/relay-protocol';
import type {
  DeviceEntry,
  DeviceId,
  DeviceVoucher,
  FormerDevice,
  SignedDeviceList,
  VouchedDevice,
} from '@simsim/relay-protocol';
import { nextNamingCounter } from './device-name.ts';
import type { DeviceName } from './device-name-brand.ts';
import type { DeviceNaming } from './device-name.ts';
import { modelOf } from './key-pin.ts';
import { sealProvision } from './link.ts';
import type { Contact, LinkOffer, LinkRejection } from './link.ts';
import { DEVICES_PER_USER_MAX } from './limits.ts';
import type { OwnDevice } from './own-device.ts';
import { currentDevices } from './user-record.ts';
import type { UserRecord } from './user-record.ts';

/** Why an own list cannot be changed. */
export interface OwnListRejection {
  readonly code:
    | 'UNKNOWN_DEVICE'
    | 'LAST_DEVICE'
    /** In the per-device model no device signs itself away: another one removes it. */
    | 'SIGNER_LEAVES'
    | 'TOO_MANY_DEVICES'
    | LinkRejection['code'];
}

/** An own user's record beside the device that signs. */
export interface OwnListInput {
  readonly own: OwnDevice;
  readonly record: UserRecord;
}

interface ListEnv {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
}

/** A device that leaves its user. */
export interface Leaving {
  readonly deviceId: DeviceId;
  /** It is in other hands: nothing that comes under its key from now on is its own. */
  readonly compromised?: boolean;
}

/** The next list without a device; the relay takes it as a removal. */
export function listWithout(
  { own, record }: OwnListInput,
  { deviceId, compromised = false }: Leaving,
  env: ListEnv,
): Result<SignedDeviceList, OwnListRejection> {
  const entries = listedDevices({ own, record });
  const left = entries.filter((entry) => entry.deviceId !== deviceId);
  if (left.length === entries.length) return err({ code: 'UNKNOWN_DEVICE' });
  if (left.length === 0) return err({ code: 'LAST_DEVICE' });
  const isPerDevice = modelOf(record) === 'per-device';
  if (isPerDevice && deviceId === own.deviceId) return err({ code: 'SIGNER_LEAVES' });
  const disowned = compromised ? { disowned: deviceId } : {};
  return ok(nextList({ own, record }, { devices: left, ...disowned }, env));
}

/** The next list with this device under its new registration id; nothing else is another. */
export function listRenewed({ own, record }: OwnListInput, env: ListEnv): SignedDeviceList {
  return nextList({ own, record }, { devices: listedDevices({ own, record }) }, env);
}

/** A new device's answer to its offer, and the id it will have. */
export interface LinkAnswer {
  readonly deviceId: DeviceId;
  readonly ciphertext: Uint8Array;
}

/**
 * Approves the device behind an offer: signs the list that names it and encrypts what it needs. It may
 * take the place of another one that is lost: the same list removes that one.
 */
export function answerOffer(
  { own, record }: OwnListInput,
  {
    offer,
    contacts,
    replaces,
    name,
  }: {
    offer: LinkOffer;
    contacts: readonly Contact[];
    replaces?: DeviceId;
    name?: DeviceName;
  },
  env: ListEnv,
): Result<LinkAnswer, OwnListRejection> {
  const all = listedDevices({ own, record });
  const entries = all.filter(({ deviceId }) => deviceId !== replaces);
  const isThere = entries.length < all.length && replaces !== own.deviceId;
  if (replaces !== undefined && !isThere) return err({ code: 'UNKNOWN_DEVICE' });
  if (entries.length >= DEVICES_PER_USER_MAX) return err({ code: 'TOO_MANY_DEVICES' });
  const deviceId = drawDeviceId(env.entropy, takenIds({ own, record }));
  const { registrationId, deviceKey, identityKey } = offer;
  const isShared = modelOf(record) === 'per-user';
  const entry = { deviceId, registrationId, deviceKey };
  const vouched = { ...entry, identityKey };
  const joining = isShared
    ? entry
    : { ...vouched, voucher: vouchFor({ own, record }, vouched, env) };
  const list = nextList({ own, record }, { devices: [...entries, joining] }, env);
  const approval = signDeviceApproval(
    {
      userId: own.userId,
      deviceId,
      registrationId,
      deviceKey,
      listVersion: list.list.version,
      approver: own.deviceId,
    },
    own.deviceKey,
    env.crypto,
  );
  const shared = isShared ? { identity: own.identity } : {};
  const names = namesFor({ own, record }, { deviceKey, name });
  const sealed = sealProvision(offer, { ...shared, approval, list, contacts, names }, env);
  return sealed.ok ? ok({ deviceId, ciphertext: sealed.value }) : sealed;
}

/** This device's word for a new one. */
function vouchFor(
  { own, record }: OwnListInput,
  device: Omit<VouchedDevice, 'userId'>,
  env: ListEnv,
): DeviceVoucher {
  const by = {
    approver: own.deviceId,
    listVersion: record.listVersion + 1,
    identity: own.identity,
    entropy64: env.entropy(64),
  };
  return signDeviceVoucher({ ...device, userId: own.userId }, by, env.crypto);
}

/** The names there are, and the new device's: it tells the others of it itself, once it is one. */
function namesFor(
  { own, record }: OwnListInput,
  { deviceKey, name }: { deviceKey: Uint8Array; name: DeviceName | undefined },
): readonly DeviceNaming[] {
  const { names = new Map<string, DeviceNaming>() } = record;
  const all = [...names.values()];
  if (name === undefined || name === '') return all;
  return [
    ...all,
    { deviceKey, name, counter: nextNamingCounter(names, deviceKey), by: own.deviceId },
  ];
}

/** Draws a device id of 1…127 that is not taken; random, so that reuse is unlikely (SES-96). */
export function drawDeviceId(entropy: Entropy, isTaken: (id: DeviceId) => boolean): DeviceId {
  const id = parseDeviceId((entropy(1)[0] ?? 0) & 0x7f);
  return id.ok && !isTaken(id.value) ? id.value : drawDeviceId(entropy, isTaken);
}

/** Ids of removed devices too, for as long as there are others. */
function takenIds({ own, record }: OwnListInput): (id: DeviceId) => boolean {
  const hasOthers = record.devices.size < DEVICE_ID_MAX - 1;
  const isKept = (id: DeviceId): boolean => {
    const device = record.devices.get(id);
    return device !== undefined && (hasOthers || device.staleAt === undefined);
  };
  return (id) => id === own.deviceId || isKept(id);
}

/** All listed devices: the recorded ones, and this one, of which there is no record. */
export function listedDevices({ own, record }: OwnListInput): readonly DeviceEntry[] {
  const others = currentDevices(record).filter((device) => device.deviceKey.length === 32);
  return [...others, { ...own, deviceKey: own.deviceKey.publicKey }].map(
    ({ deviceId, registrationId, deviceKey }) => {
      const { identityKey, voucher } = record.devicePins?.get(deviceId) ?? {};
      const entry = { deviceId, registrationId, deviceKey };
      return identityKey === undefined
        ? entry
        : { ...entry, identityKey, ...(voucher && { voucher }) };
    },
  );
}

interface Next {
  readonly devices: readonly DeviceEntry[];
  /** A device whose key stands for nothing any more, not even for late mail. */
  readonly disowned?: DeviceId;
}

function nextList({ own, record }: OwnListInput, next: Next, env: ListEnv): SignedDeviceList {
  const identityKey = own.identity.publicKey.bytes;
  const former = formerDevices(record, next);
  const ofDevices = former.length === 0 ? {} : { former };
  const keys = modelOf(record) === 'per-user' ? { identityKey } : ofDevices;
  return signDeviceList(
    {
      userId: own.userId,
      version: record.listVersion + 1,
      previous: record.listHash,
      ...keys,
      devices: next.devices,
      signer: own.deviceId,
    },
    { deviceKey: own.deviceKey, identity: own.identity, entropy64: env.entropy(64) },
    env.crypto,
  );
}

/** Devices whose mail may be late: those that leave with this list, and those that left within MAXLATENCY. */
function formerDevices(record: UserRecord, { devices, disowned }: Next): readonly FormerDevice[] {
  const isListed = new Set(devices.map(({ deviceId }) => deviceId));
  const left = [...record.devices.values()].filter(
    ({ deviceId }) => !isListed.has(deviceId) && deviceId !== disowned,
  );
  const newestFirst = left.toSorted((a, b) => (b.staleAt ?? Infinity) - (a.staleAt ?? Infinity));
  return newestFirst
    .flatMap(({ deviceId, deviceKey }) => {
      const { identityKey, standing, voucher } = record.devicePins?.get(deviceId) ?? {};
      if (identityKey === undefined || standing === 'removed' || deviceKey.length === 0) return [];
      return [{ deviceId, deviceKey, identityKey, ...(voucher && { voucher }) }];
    })
    .slice(0, DEVICES_MAX)
    .toSorted((a, b) => a.deviceId - b.deviceId);
}
