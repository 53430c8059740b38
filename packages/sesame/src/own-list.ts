/** Changing one's own device list: approving a new device, removing one. Both only sign; the list
 * becomes true when the relay takes it. */

import { err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import {
  DEVICE_ID_MAX,
  parseDeviceId,
  signDeviceApproval,
  signDeviceList,
} from '@simsim/relay-protocol';
import type { DeviceId, SignedDeviceList } from '@simsim/relay-protocol';
import { sealProvision } from './link.ts';
import type { ContactPin, LinkOffer, LinkRejection } from './link.ts';
import { DEVICES_PER_USER_MAX } from './limits.ts';
import type { OwnDevice } from './own-device.ts';
import { currentDevices } from './user-record.ts';
import type { UserRecord } from './user-record.ts';

/** Why an own list cannot be changed. */
export interface OwnListRejection {
  readonly code: 'UNKNOWN_DEVICE' | 'LAST_DEVICE' | 'TOO_MANY_DEVICES' | LinkRejection['code'];
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

/** The next list without a device; the relay takes it as a removal. */
export function listWithout(
  { own, record }: OwnListInput,
  deviceId: DeviceId,
  env: ListEnv,
): Result<SignedDeviceList, OwnListRejection> {
  const entries = listed({ own, record });
  const left = entries.filter((entry) => entry.deviceId !== deviceId);
  if (left.length === entries.length) return err({ code: 'UNKNOWN_DEVICE' });
  if (left.length === 0) return err({ code: 'LAST_DEVICE' });
  return ok(nextList({ own, record }, left, env));
}

/** The next list with this device under its new registration id; nothing else is another. */
export function listRenewed({ own, record }: OwnListInput, env: ListEnv): SignedDeviceList {
  return nextList({ own, record }, listed({ own, record }), env);
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
  }: { offer: LinkOffer; contacts: readonly ContactPin[]; replaces?: DeviceId },
  env: ListEnv,
): Result<LinkAnswer, OwnListRejection> {
  const all = listed({ own, record });
  const entries = all.filter(({ deviceId }) => deviceId !== replaces);
  const isThere = entries.length < all.length && replaces !== own.deviceId;
  if (replaces !== undefined && !isThere) return err({ code: 'UNKNOWN_DEVICE' });
  if (entries.length >= DEVICES_PER_USER_MAX) return err({ code: 'TOO_MANY_DEVICES' });
  const deviceId = drawDeviceId(env.entropy, takenIds({ own, record }));
  const { registrationId, deviceKey } = offer;
  const list = nextList(
    { own, record },
    [...entries, { deviceId, registrationId, deviceKey }],
    env,
  );
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
  const sealed = sealProvision(offer, { identity: own.identity, approval, list, contacts }, env);
  return sealed.ok ? ok({ deviceId, ciphertext: sealed.value }) : sealed;
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

interface Entry {
  readonly deviceId: DeviceId;
  readonly registrationId: number;
  readonly deviceKey: Uint8Array;
}

/** All listed devices: the recorded ones, and this one, of which there is no record. */
function listed({ own, record }: OwnListInput): readonly Entry[] {
  const { deviceId, registrationId, deviceKey } = own;
  const others = currentDevices(record).filter((device) => device.deviceKey.length === 32);
  return [...others, { deviceId, registrationId, deviceKey: deviceKey.publicKey }];
}

function nextList(
  { own, record }: OwnListInput,
  entries: readonly Entry[],
  env: ListEnv,
): SignedDeviceList {
  return signDeviceList(
    {
      userId: own.userId,
      version: record.listVersion + 1,
      previous: record.listHash,
      identityKey: own.identity.publicKey.bytes,
      devices: entries.map(({ deviceId, registrationId, deviceKey }) => ({
        deviceId,
        registrationId,
        deviceKey,
      })),
      signer: own.deviceId,
    },
    { deviceKey: own.deviceKey, identity: own.identity, entropy64: env.entropy(64) },
    env.crypto,
  );
}
