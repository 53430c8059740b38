/** Deciding about this device itself: making it, linking it, its prekeys, its user's device list. */

import { equalBytes } from '@simsim/bytes';
import { drawKeyPair, drawSigningKeyPair } from '@simsim/crypto';
import type { KeyPair, SigningKeyPair } from '@simsim/crypto';
import {
  deviceListHash,
  findDevice,
  identityKeyOf,
  signDeviceList,
  verifyDeviceList,
} from '@simsim/relay-protocol';
import type { DeviceId, DeviceList, SignedDeviceList, UserId } from '@simsim/relay-protocol';
import type { DecideResult } from './decision.ts';
import { noteTold, owedPreKeys } from './decide-pre-keys.ts';
import { tellLater } from './decide-names.ts';
import { nextIncarnation } from './decide-quarantine.ts';
import { endDevice } from './end-device.ts';
import type { Input } from './input.ts';
import { dueAnchor } from './device-time.ts';
import { judgeKeys, shownKeys } from './judge-keys.ts';
import { pinnings } from './key-pin.ts';
import { isFork, judgeIn, listedChanges } from './learn-list.ts';
import { ONE_TIME_BATCH_KEYS, ONE_TIME_KEM_BATCH_KEYS } from './limits.ts';
import type { Contact } from './link.ts';
import { changeUser, roundStreams } from './peer-session.ts';
import { hasEnded, registrationIdFrom } from './own-device.ts';
import { drawDeviceId } from './own-list.ts';
import type { OwnDevice } from './own-device.ts';
import { makePreKeys } from './pre-key-mint.ts';
import type { FirstKeys } from './pre-key-mint.ts';
import { decodeRegistration, encodeRegistration, makeToken } from './registration.ts';
import { lostRounds, restartRound } from './lost-round.ts';
import { releaseHeld } from './send-round.ts';
import { DEVICE_STREAM, PRE_KEYS_STREAM, SEND_PREFIX, userStream } from './streams.ts';
import { heldSends, holdReason, tellHeld } from './trust.ts';
import type { IdentityKey, UserChange } from './user-change.ts';
import { currentDevices } from './user-record.ts';
import type { UserRecord } from './user-record.ts';
import { needMore, refused } from './workspace.ts';
import type { Workspace } from './workspace.ts';

type In<T extends Input['type']> = Extract<Input, { type: T }>;

/** Makes a new identity and its first device; durable before anything is uploaded. */
export function decideCreate(input: In<'create'>, work: Workspace): DecideResult {
  const first = work.missing([DEVICE_STREAM, PRE_KEYS_STREAM, userStream(input.userId)]);
  if (first.length > 0) return needMore(first);
  if (work.value('device', DEVICE_STREAM) !== undefined) return refused('ALREADY_CREATED');
  const { crypto, entropy } = work.env;
  const identity = drawKeyPair(work.env);
  const deviceKey = drawSigningKeyPair(work.env);
  const registrationId = registrationIdFrom(entropy(2));
  const deviceId = input.deviceId ?? drawDeviceId(entropy, () => false);
  const { userId } = input;
  const key = { identityKey: identity.publicKey.bytes };
  const isShared = input.identityModel !== 'per-device';
  const entry = { deviceId, registrationId, deviceKey: deviceKey.publicKey };
  const list = signDeviceList(
    {
      userId,
      version: 1,
      previous: new Uint8Array(32),
      ...(isShared ? key : {}),
      devices: [isShared ? entry : { ...entry, ...key }],
      signer: deviceId,
    },
    { deviceKey, identity, entropy64: entropy(64) },
    crypto,
  );
  const registration = encodeRegistration({ list });
  pinKeys(work, list.list);
  makeDevice(work, {
    own: { userId, deviceId, registrationId, identity, deviceKey, registration },
    keys: input,
  });
  return work.decided();
}

/** The keys of an own list are the own user's, without question. */
function pinKeys(work: Workspace, list: DeviceList): void {
  changeUser(work, list.userId, pinnings(shownKeys(list)));
}

/** Becomes a further device of a user. */
export function decideLinked(input: In<'linked'>, work: Workspace): DecideResult {
  const { provision, keys, registrationId } = input;
  const { deviceKey } = keys;
  const { approval, list, identity = keys.identity } = provision;
  const { userId, deviceId } = approval;
  const contacts = provision.contacts.filter((contact) => contact.userId !== userId);
  const users = contacts.map((contact) => userStream(contact.userId));
  const first = work.missing([DEVICE_STREAM, PRE_KEYS_STREAM, userStream(userId), ...users]);
  if (first.length > 0) return needMore(first);
  if (work.value('device', DEVICE_STREAM) !== undefined) return refused('ALREADY_CREATED');
  const entry = findDevice(list.list, deviceId);
  const listedKey = entry && identityKeyOf(list.list, entry);
  const isOurs =
    entry !== undefined &&
    listedKey !== undefined &&
    list.list.userId === userId &&
    approval.registrationId === registrationId &&
    entry.registrationId === registrationId &&
    equalBytes(entry.deviceKey, deviceKey.publicKey) &&
    equalBytes(listedKey, identity.publicKey.bytes) &&
    verifyDeviceList({ signed: list }, work.env.crypto).ok;
  if (!isOurs) return refused('MALFORMED_PROVISION');
  pinKeys(work, list.list);
  changeUser(
    work,
    userId,
    provision.names.map((naming) => ({ type: 'name', naming })),
  );
  for (const contact of contacts) meetContact(work, contact);
  makeDevice(work, {
    own: {
      userId,
      deviceId,
      registrationId,
      identity,
      deviceKey,
      registration: encodeRegistration({ list, approval }),
    },
    keys: input,
  });
  return work.decided();
}

/** Takes what the approver knows of a contact. Its devices are left for a list to tell, which is no older. */
function meetContact(work: Workspace, { userId, keys, listVersion, listHash }: Contact): void {
  const at = { version: listVersion, hash: listHash, at: work.nowMs(), devices: [] };
  const known: UserChange[] = listVersion === 0 ? [] : [{ type: 'list', ...at }];
  // A user's key begins the record anew; a device's, before a list that lacks it, would be a removed one's.
  const isUsers = ({ deviceId }: IdentityKey): boolean => deviceId === undefined;
  const [ofUser, ofDevices] = [keys.filter(isUsers), keys.filter((each) => !isUsers(each))];
  changeUser(work, userId, [...pinnings(ofUser), ...known, ...pinnings(ofDevices)]);
}

interface NewDevice {
  readonly own: {
    readonly userId: UserId;
    readonly deviceId: DeviceId;
    readonly registrationId: number;
    readonly identity: KeyPair;
    readonly deviceKey: SigningKeyPair;
    readonly registration: Uint8Array;
  };
  readonly keys: FirstKeys;
}

function makeDevice(work: Workspace, { own, keys }: NewDevice): void {
  const { userId, deviceId, registrationId } = own;
  const token = makeToken(work.env);
  const time = dueAnchor(undefined, work.env.clock);
  const device: OwnDevice = { ...own, token, status: 'registering', ...(time && { time }) };
  work.write(
    DEVICE_STREAM,
    { name: 'DeviceCreated', fields: { userId, deviceId, registrationId } },
    device,
  );
  makePreKeys(work, own.identity, keys);
  work.effect({ type: 'register' });
}

/** The relay took the registration: the list in it is now the user's list. */
export function decideRegistered(work: Workspace): DecideResult {
  const first = work.missing([DEVICE_STREAM, PRE_KEYS_STREAM]);
  if (first.length > 0) return needMore(first);
  const own = work.value('device', DEVICE_STREAM);
  if (own === undefined) return refused('NOT_REGISTERED');
  const missing = work.missing([userStream(own.userId)]);
  if (missing.length > 0) return needMore(missing);
  if (own.status === 'registering' || own.status === 'renewing') noteAllTold(work);
  if (own.status === 'renewing') return renewed(work, own);
  const registration = decodeRegistration(own.registration);
  if (own.status !== 'registering' || registration === undefined) return work.decided();
  const { list } = registration.list;
  work.write(
    DEVICE_STREAM,
    { name: 'DeviceRegistered', fields: { listVersion: list.version } },
    own.quarantinedAt === undefined
      ? { ...own, status: 'registered', registration: new Uint8Array(0) }
      : nextIncarnation(work, own),
  );
  changeUser(work, own.userId, listedChanges(work, list));
  // What it was given may be old by now; whoever knows more answers. Its own name is news to them.
  if (registration.approval !== undefined) tellLater(work);
  return work.decided();
}

/** A registration uploads every prekey there is. */
function noteAllTold(work: Workspace): void {
  const preKeys = work.value('prekeys', PRE_KEYS_STREAM);
  if (preKeys === undefined) return;
  const last = (batches: readonly number[], size: number): number =>
    batches.length === 0 ? 0 : (batches.at(-1) ?? 0) + size - 1;
  noteTold(work, preKeys, {
    oneTime: last(preKeys.batches, ONE_TIME_BATCH_KEYS),
    kem: last(preKeys.kemBatches, ONE_TIME_KEM_BATCH_KEYS),
  });
}

/** The relay took the next incarnation; its list was learned before. */
function renewed(work: Workspace, own: OwnDevice): DecideResult {
  const { former: _, ...rest } = own;
  const listVersion = work.user(own.userId).listVersion;
  work.write(
    DEVICE_STREAM,
    { name: 'DeviceRegistered', fields: { listVersion } },
    { ...rest, status: 'registered' },
  );
  // It may have forgotten some.
  tellLater(work);
  return work.decided();
}

/** Another device removed this one: nothing is sent any more. */
export function decideRevoked(work: Workspace): DecideResult {
  const first = work.missing([DEVICE_STREAM, PRE_KEYS_STREAM]);
  if (first.length > 0) return needMore(first);
  const own = work.value('device', DEVICE_STREAM);
  if (own === undefined) return refused('NOT_REGISTERED');
  endDevice(work, own, 'removed');
  return work.decided();
}

/**
 * The relay does not know this device's token. Only a list that its user signed says what that means: it
 * leaves the device out, or a copy took the next incarnation. Otherwise the relay is mistaken, as one is
 * whose state was put back, or lies; it is asked again.
 */
export function decideShutOut(input: In<'shutOut'>, work: Workspace): DecideResult {
  const first = work.missing([DEVICE_STREAM, PRE_KEYS_STREAM]);
  if (first.length > 0) return needMore(first);
  const own = work.value('device', DEVICE_STREAM);
  if (own === undefined) return refused('NOT_REGISTERED');
  const missing = work.missing([userStream(own.userId)]);
  if (missing.length > 0) return needMore(missing);
  const isBelieved = input.list !== undefined && isOwnList(work, input.list);
  const end = isBelieved ? endIn(input.list.list, own) : undefined;
  if (end !== undefined) endDevice(work, own, end);
  return work.decided();
}

/** Whether a list is of this user, and no older than the one that is known. */
function isOwnList(work: Workspace, signed: SignedDeviceList): boolean {
  const { crypto } = work.env;
  const { list } = signed;
  const record = work.user(work.self().userId);
  if (list.userId !== record.userId || list.version < record.listVersion) return false;
  const isKnown = judgeKeys(record, list, judgeIn(work)).kind === 'known';
  if (
    isFork(record, list, deviceListHash(list, crypto)) ||
    (!isKnown && !isSignedByKnown(record, list))
  )
    return false;
  return verifyDeviceList({ signed }, crypto).ok;
}

/** Whether another device of the user signed, as we know it; of a removal with the identity key only that tells. */
function isSignedByKnown(record: UserRecord, list: DeviceList): boolean {
  const known = currentDevices(record).find(({ deviceId }) => deviceId === list.signer);
  const named = findDevice(list, list.signer);
  if (known === undefined || named === undefined || known.deviceKey.length === 0) return false;
  return list.version > record.listVersion && equalBytes(known.deviceKey, named.deviceKey);
}

/** What a list says of this device: `undefined` where it is on it. */
function endIn(list: DeviceList, own: OwnDevice): 'removed' | 'replaced' | undefined {
  const entry = findDevice(list, own.deviceId);
  if (entry === undefined || !equalBytes(entry.deviceKey, own.deviceKey.publicKey))
    return 'removed';
  const { registrationId } = entry;
  return registrationId === own.registrationId || registrationId === own.former
    ? undefined
    : 'replaced';
}

/**
 * What a device owes after a start: registration, claims, empty posts, and word of what waits for a key:
 * whoever was asked about it may not be there any more. The outbox has the rest, and what it has lost is
 * encrypted anew.
 */
export function decideStarted(work: Workspace): DecideResult {
  const sends = work.live(SEND_PREFIX);
  const first = work.missing([DEVICE_STREAM, PRE_KEYS_STREAM, ...sends]);
  if (first.length > 0) return needMore(first);
  const own = work.value('device', DEVICE_STREAM);
  const users = new Set<UserId>();
  for (const stream of sends) {
    for (const recipient of work.value('send', stream)?.recipients.values() ?? [])
      users.add(recipient.userId);
  }
  const missing = work.missing([...users].map(userStream));
  if (missing.length > 0) return needMore(missing);
  if (own !== undefined && !hasEnded(own.status)) owedPreKeys(work);
  if (own?.status === 'registering' || own?.status === 'renewing')
    work.effect({ type: 'register' });
  if (own?.status !== 'registered') return work.decided();
  if (own.successor !== undefined) work.effect({ type: 'succeed' });
  if (own.toldUpTo !== undefined) work.effect({ type: 'tellContacts' });
  // What waits under a policy that the application has given up since waits for nothing.
  const free = [...users].filter(
    (userId) =>
      heldSends(work, userId).length > 0 && holdReason(work, work.user(userId)) === undefined,
  );
  const lost = lostRounds(work, sends);
  const again = lost.map(({ userId }) => userId);
  const rounds = new Set([...free, ...again].flatMap((userId) => roundStreams(work, userId)));
  if (rounds.size > 0) return needMore([...rounds]);
  for (const stream of sends) owedEffects(work, stream);
  for (const round of lost) restartRound(work, round);
  for (const userId of free) releaseHeld(work, userId, 'anew');
  return work.decided();
}

function owedEffects(work: Workspace, stream: string): void {
  const state = work.value('send', stream);
  if (state === undefined) return;
  const { messageId } = state;
  for (const recipient of state.recipients.values()) {
    const { userId } = recipient;
    if (recipient.status === 'claiming') {
      const devices = [...work.user(userId).devices.values()]
        .filter((device) => device.staleAt === undefined && device.active === undefined)
        .map((device) => device.deviceId);
      work.effect({ type: 'claim', userId, devices, sends: [messageId], resends: [] });
    }
    const reason = holdReason(work, work.user(userId));
    const isHeld = recipient.status === 'held' && reason !== undefined;
    if (isHeld) tellHeld(work, { messageId, userId, reason });
    const { postId } = recipient;
    if (recipient.status === 'posting' && postId !== undefined && recipient.copies.size === 0) {
      const origin = { type: 'round', messageId, userId } as const;
      work.post({ postId, recipient: userId, scope: 'all', envelopes: [] }, origin);
    }
    for (const [deviceId, copy] of recipient.copies) {
      if (copy.stage !== 'healing') continue;
      work.effect({
        type: 'claim',
        userId,
        devices: [deviceId],
        sends: [],
        resends: [{ messageId, deviceId }],
      });
    }
  }
}
