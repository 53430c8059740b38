/**
 * UserRecord and DeviceRecord (Sesame §3.1) as a public value, folded from `UserChanged` events.
 *
 * Secrets live elsewhere: a session is named here by its id only. Identity keys, the user's or those of
 * its devices (SES-22), are pins, and outlive the records they came with (SES-35): nothing but an
 * explicit `identity` change moves one, and only forgetting the user as a whole drops it.
 */

import { equalBytes } from '@simsim/bytes';
import type {
  DeviceEntry,
  DeviceId,
  DeviceVoucher,
  EnvelopeId,
  UserId,
} from '@simsim/relay-protocol';
import type { DeviceNames } from './device-name.ts';

/** A session's name: 32 hex characters, the same on both ends. */
export type SessionId = string;

/** How many new sessions a device may still cause by asking for mail again. */
export interface HealAllowance {
  readonly left: number;
  /** When one more is there again, ms of device time. */
  readonly refillAt: number;
}

/** Mail that waits until the application has accepted its sender's key. */
export interface HeldMail {
  readonly deviceId: DeviceId;
  readonly envelopeId: EnvelopeId;
}

/** What stands behind a pinned key beyond having been seen first. */
export type TrustLevel = 'accepted' | 'verified';

/** An identity key, as this device knows it. */
export interface KeyPin {
  /** The pinned key, once any is known. */
  readonly identityKey?: Uint8Array;
  /** Absent where the key was only seen, and nobody said anything of it. */
  readonly trust?: TrustLevel;
  /** Another key that the relay or mail showed in its place, and that nobody has accepted. */
  readonly offered?: Uint8Array;
}

/** The pin of one device's key, in the per-device model. */
export interface DevicePin extends KeyPin {
  readonly voucher?: DeviceVoucher;
  /**
   * Of a device that the newest list does not name: it stands for no other one any more. `former`: mail
   * of it may be late; otherwise its key is worth nothing.
   */
  readonly standing?: 'former' | 'removed';
}

/** One device of a user, with its sessions in order (SES-18). */
export interface DeviceRecord {
  readonly deviceId: DeviceId;
  /** Tells incarnations of one device id apart; 0 where only a message told us of the device. */
  readonly registrationId: number;
  /** Ed25519 device key, empty where only a message told us of the device. */
  readonly deviceKey: Uint8Array;
  readonly active?: SessionId;
  /** Newest first. */
  readonly inactive: readonly SessionId[];
  /** When it was first marked stale, ms of device time (SES-24). */
  readonly staleAt?: number;
  /** When sessions began, ms of device time (SES-80); none is known of those of older records. */
  readonly began?: ReadonlyMap<SessionId, number>;
  /** Absent while it is full. */
  readonly heals?: HealAllowance;
  /** Sessions of before this device's state was put back, newest first: they only decrypt. */
  readonly frozen?: readonly SessionId[];
}

/** What this device knows of one user. In the per-user model the record is the pin of its key. */
export interface UserRecord extends KeyPin {
  readonly userId: UserId;
  /** In the per-device model: pins of all devices there ever were. */
  readonly devicePins?: ReadonlyMap<DeviceId, DevicePin>;
  /** Highest device list version accepted, 0 for none, and that list's hash. */
  readonly listVersion: number;
  readonly listHash: Uint8Array;
  readonly staleAt?: number;
  /** Mail under another key than the pinned one: it is asked for again once that is accepted. */
  readonly held?: readonly HeldMail[];
  /** Of the own user: what its devices are called, this very one too. Absent where none has a name. */
  readonly names?: DeviceNames;
  readonly devices: ReadonlyMap<DeviceId, DeviceRecord>;
}

/** A user of whom nothing is known. */
export function emptyUserRecord(userId: UserId): UserRecord {
  return { userId, listVersion: 0, listHash: new Uint8Array(32), devices: new Map() };
}

/** A session of a device. */
interface DeviceSession {
  readonly deviceId: DeviceId;
  readonly session: SessionId;
}

/**
 * Sessions named by the first record, or `inserted` on the way to the second, that the second does not
 * name: their keys must be destroyed.
 */
export function droppedSessions(
  before: UserRecord,
  after: UserRecord,
  inserted: readonly DeviceSession[] = [],
): readonly DeviceSession[] {
  const nameOf = ({ deviceId, session }: DeviceSession): string => `${deviceId}/${session}`;
  const kept = new Set(deviceSessions(after).map(nameOf));
  const dropped = new Map<string, DeviceSession>();
  for (const { deviceId, session } of [...deviceSessions(before), ...inserted]) {
    const name = nameOf({ deviceId, session });
    if (!kept.has(name)) dropped.set(name, { deviceId, session });
  }
  return [...dropped.values()];
}

function deviceSessions({ devices }: UserRecord): readonly DeviceSession[] {
  return [...devices.values()].flatMap(({ deviceId, ...device }) =>
    allSessionsOf(device).map((session) => ({ deviceId, session })),
  );
}

/** Every session of a device, the active one first. */
export function sessionsOf(
  device: Pick<DeviceRecord, 'active' | 'inactive'>,
): readonly SessionId[] {
  return device.active === undefined ? device.inactive : [device.active, ...device.inactive];
}

/** Those and the ones that may only decrypt: every session with keys. */
export function allSessionsOf(
  device: Pick<DeviceRecord, 'active' | 'inactive' | 'frozen'>,
): readonly SessionId[] {
  return [...sessionsOf(device), ...(device.frozen ?? [])];
}

/**
 * Whether a list that came after one of before left a device out. Only lists say so: the relay's word marks
 * a device as gone as well, and may be mistaken.
 */
export function isLeftOut(
  { devices, listVersion }: UserRecord,
  deviceId: DeviceId,
  sinceVersion: number,
): boolean {
  return listVersion > sinceVersion && devices.get(deviceId)?.staleAt !== undefined;
}

/** The devices a send goes to: not stale, and not this very device (SES-19, SES-39). */
export function currentDevices(record: UserRecord): readonly DeviceRecord[] {
  if (record.staleAt !== undefined) return [];
  return [...record.devices.values()].filter((device) => device.staleAt === undefined);
}

/** True where a record's current devices are exactly the listed ones, in the same incarnations. */
export function matchesList(record: UserRecord, listed: readonly DeviceEntry[]): boolean {
  const current = currentDevices(record);
  const isListed = (entry: DeviceEntry): boolean =>
    current.some((device) => {
      const { deviceId, registrationId, deviceKey } = device;
      const isSame = deviceId === entry.deviceId && registrationId === entry.registrationId;
      return isSame && equalBytes(deviceKey, entry.deviceKey);
    });
  return current.length === listed.length && listed.every(isListed);
}
