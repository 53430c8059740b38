/** Taking a signed device list, wherever it came from: what it would change, and changing it. */

import { equalBytes } from '@simsim/bytes';
import { deviceListHash, findDevice, verifyDeviceList } from '@simsim/relay-protocol';
import type {
  DeviceEntry,
  DeviceList,
  FormerDevice,
  SignedDeviceList,
  UserId,
} from '@simsim/relay-protocol';
import { askHeldMail, releases } from './held-mail.ts';
import { judgeKeys } from './judge-keys.ts';
import type { Judge } from './judge-keys.ts';
import { isSameKey, modelOf, offersOf, pinnings, withdrawals } from './key-pin.ts';
import { DEVICES_PER_USER_MAX } from './limits.ts';
import { changeUser } from './peer-session.ts';
import { offerKey } from './trust.ts';
import type { IdentityKey, UserChange } from './user-change.ts';
import { matchesList, sessionsOf } from './user-record.ts';
import type { HeldMail, UserRecord } from './user-record.ts';
import type { Workspace } from './workspace.ts';

/** What becomes of a list. */
export type ListCheck =
  | {
      readonly ok: true;
      readonly changes: readonly UserChange[];
      /** Keys of new devices, which a known one stands for. */
      readonly added: readonly IdentityKey[];
    }
  | { readonly ok: false; readonly reason: 'BAD_LIST' }
  /** It names another key for all own devices: maybe one that followed ours, which other lists must say. */
  | { readonly ok: false; readonly reason: 'OWN_IDENTITY_CHANGED' }
  /** It is sound, but of other keys than the pinned ones. */
  | {
      readonly ok: false;
      readonly reason: 'IDENTITY_CHANGED';
      readonly offers: readonly IdentityKey[];
    };

const BAD = { ok: false, reason: 'BAD_LIST' } as const;

/**
 * What accepting a signed list would change. A list below the highest version seen changes nothing:
 * an older answer never clears newer news.
 */
export function listChanges(work: Workspace, userId: UserId, signed: SignedDeviceList): ListCheck {
  const record = work.user(userId);
  const { list } = signed;
  if (list.userId !== userId || !isBounded(list)) return BAD;
  const isOwn = userId === work.self().userId;
  const { crypto } = work.env;
  const judged = judgeKeys(record, list, judgeIn(work));
  const isSound = (): boolean => verifyDeviceList({ signed }, crypto).ok;
  if (judged.kind === 'changed') {
    // An own device with a foreign key is no change of key but a lie (SES-36); nothing of it is believed.
    if ((isOwn && !mayFollow(record, list)) || !isSound()) return BAD;
    if (isOwn) return { ok: false, reason: 'OWN_IDENTITY_CHANGED' };
    return { ok: false, reason: 'IDENTITY_CHANGED', offers: judged.offers };
  }
  if (list.version < record.listVersion) return { ok: true, changes: [], added: [] };
  if (!isSound()) return BAD;
  const change = listChange(work, list);
  if (isFork(record, list, change.hash)) return BAD;
  // The pinned keys were shown again, and nothing newer: whatever was said meanwhile was wrong, but for
  // the keys that somebody known stands for by now. Mail under a key that was accepted waits on.
  const wrong = offersOf(record).filter(
    (offer) =>
      !judged.added.some(
        (shown) => shown.deviceId === offer.deviceId && isSameKey(offer.key, shown.key),
      ),
  );
  const isForeign = (mail: HeldMail): boolean =>
    wrong.some(({ deviceId = mail.deviceId }) => deviceId === mail.deviceId);
  const changes: UserChange[] =
    offersOf(record).length === 0 ? [] : [...withdrawals(record), ...releases(record, isForeign)];
  // The same list again says something new where mail or an answer told of other devices since.
  const isKnown = list.version === record.listVersion && record.staleAt === undefined;
  if (isKnown && matchesList(record, change.devices)) return { ok: true, changes, added: [] };
  changes.push(...pinnings(judged.added), ...listedChanges(work, list, change));
  if (modelOf(record) !== 'per-device') return { ok: true, changes, added: [] };
  const added = judged.added.filter(({ deviceId }) => deviceId && findDevice(list, deviceId));
  return { ok: true, changes, added };
}

/** Whether a list of this hash contradicts the one that is known: another in its place, or after another. */
export function isFork(
  { listVersion, listHash }: Pick<UserRecord, 'listVersion' | 'listHash'>,
  { version, previous }: DeviceList,
  hash: Uint8Array,
): boolean {
  if (version === listVersion) return !equalBytes(hash, listHash);
  return version === listVersion + 1 && listVersion > 0 && !equalBytes(previous, listHash);
}

function mayFollow(record: UserRecord, { identityKey, version }: DeviceList): boolean {
  const isShared = modelOf(record) === 'per-user' && identityKey !== undefined;
  return isShared && version > record.listVersion;
}

/** What a list that is believed changes. */
export function listedChanges(
  work: Workspace,
  list: DeviceList,
  change: ListChange = listChange(work, list),
): readonly UserChange[] {
  const record = work.user(list.userId);
  return [
    ...supplanted(record, change),
    change,
    ...returned(record, change),
    ...ownPin(work, list),
  ];
}

type ListChange = Extract<UserChange, { type: 'list' }>;

/**
 * Devices under whose ids others are listed: nothing of before is those others'. Their keys tell, for a
 * device that joins says its registration id itself, and may say that of the one before it (T-23).
 */
function supplanted(
  { devices }: UserRecord,
  { devices: listed, at }: ListChange,
): readonly UserChange[] {
  const gone: UserChange[] = [];
  for (const { deviceId, deviceKey } of listed) {
    // Of one that only mail told of no key is known.
    const known = devices.get(deviceId)?.deviceKey ?? new Uint8Array(0);
    const isOther = known.length > 0 && !equalBytes(known, deviceKey);
    if (isOther) gone.push({ type: 'deviceGone', deviceId, at });
  }
  return gone;
}

/**
 * Devices that were gone by the relay's word alone: their keys say that they are the same. Mail in the
 * sessions there were still opens; nothing is sent in them (SES-34), and what heals cost stays spent.
 */
function returned({ devices }: UserRecord, { devices: listed }: ListChange): readonly UserChange[] {
  return listed.flatMap(({ deviceId, deviceKey, registrationId }): UserChange[] => {
    const known = devices.get(deviceId);
    if (known?.staleAt === undefined || known.registrationId !== registrationId) return [];
    if (!equalBytes(known.deviceKey, deviceKey)) return [];
    const { heals, began } = known;
    const sessions = sessionsOf(known).toReversed();
    return [
      ...sessions.map((session): UserChange => {
        const at = began?.get(session);
        return { type: 'insert', deviceId, session, ...(at !== undefined && { at }) };
      }),
      ...(sessions.length === 0 ? [] : [{ type: 'retire', deviceId } as const]),
      ...(heals === undefined ? [] : [{ type: 'healSpent', deviceId, allowance: heals } as const]),
    ];
  });
}

function listChange(work: Workspace, list: DeviceList): ListChange {
  return {
    type: 'list',
    version: list.version,
    hash: deviceListHash(list, work.env.crypto),
    at: work.nowMs(),
    devices: withoutSelf(work, list),
    ...(list.former && { former: list.former.map(placeOfDevice) }),
  };
}

/** There is no record of this very device, but there is a pin of its key. */
function ownPin(work: Workspace, list: DeviceList): readonly UserChange[] {
  const { userId, deviceId } = work.self();
  const key = list.userId === userId ? findDevice(list, deviceId)?.identityKey : undefined;
  return key === undefined ? [] : pinnings([{ deviceId, key }]);
}

function placeOfDevice({ deviceId, deviceKey }: FormerDevice): Omit<FormerDevice, 'identityKey'> {
  return { deviceId, deviceKey };
}

/** Who judges lists in this workspace. */
export function judgeIn(work: Workspace): Judge {
  const { crypto } = work.env;
  return { crypto, self: work.self(), isSabotaged: (sabotage) => work.isSabotaged(sabotage) };
}

/** Takes a list as it was checked: its changes, or its keys as offers. */
export function takeList(work: Workspace, userId: UserId, checked: ListCheck): void {
  if (checked.ok) {
    changeUser(work, userId, checked.changes);
    askHeldMail(work, userId);
    for (const { deviceId, key } of checked.added) {
      const whose = deviceId === undefined ? {} : { deviceId };
      work.effect({ type: 'identityAdded', userId, identityKey: key, ...whose });
    }
  } else if (checked.reason === 'OWN_IDENTITY_CHANGED') {
    work.effect({ type: 'succeed' });
  } else if (checked.reason === 'IDENTITY_CHANGED') {
    for (const shown of checked.offers) offerKey(work, userId, shown);
  }
}

/**
 * A user has a few devices, each of them once, all of one identity model (SES-98): whoever signs another
 * list is not believed.
 */
function isBounded({ devices, identityKey }: DeviceList): boolean {
  if (devices.length === 0 || devices.length > DEVICES_PER_USER_MAX) return false;
  if (devices.some((each) => (each.identityKey === undefined) !== (identityKey !== undefined)))
    return false;
  return new Set(devices.map(({ deviceId }) => deviceId)).size === devices.length;
}

/** There is never a record of this very device (SES-19, SES-32). */
function withoutSelf(work: Workspace, list: DeviceList): readonly DeviceEntry[] {
  const own = work.self();
  if (list.userId !== own.userId) return list.devices;
  return list.devices.filter((entry) => entry.deviceId !== own.deviceId);
}
