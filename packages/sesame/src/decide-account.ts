/** Deciding about this device itself: making it, linking it, its prekeys, its user's device list. */

import { invariant, equalBytes } from '@simsim/bytes';
import type { KeyPair, SigningKeyPair } from '@simsim/crypto';
import {
  deviceListHash,
  findDevice,
  PRE_KEY_ID_MAX,
  signDeviceList,
  verifyDeviceList,
} from '@simsim/relay-protocol';
import type { DeviceId, UserId } from '@simsim/relay-protocol';
import type { DecideResult } from './decision.ts';
import { listChanges, withoutSelf } from './decide-send.ts';
import type { Input } from './input.ts';
import { ONE_TIME_BATCH_KEYS, ONE_TIME_TARGET_KEYS, SEND_RECORD_MS } from './limits.ts';
import { changeUser } from './peer-session.ts';
import { registrationIdFrom } from './own-device.ts';
import { drawDeviceId } from './own-list.ts';
import type { OwnDevice } from './own-device.ts';
import { makeOneTimeBatch, makeSignedPreKey, uploadOf } from './pre-keys.ts';
import type { OneTimeBatch, PreKeys } from './pre-keys.ts';
import { decodeRegistration, encodeRegistration, makeToken } from './registration.ts';
import {
  DEVICE_STREAM,
  PRE_KEYS_STREAM,
  SEND_PREFIX,
  oneTimeStream,
  userStream,
} from './streams.ts';
import type { UserChange } from './user-record.ts';
import { needMore, refused } from './workspace.ts';
import type { Workspace } from './workspace.ts';

type In<T extends Input['type']> = Extract<Input, { type: T }>;

/** Makes a new identity and its first device; durable before anything is uploaded. */
export function decideCreate(input: In<'create'>, work: Workspace): DecideResult {
  const first = work.missing([DEVICE_STREAM, PRE_KEYS_STREAM, userStream(input.userId)]);
  if (first.length > 0) return needMore(first);
  if (work.value('device', DEVICE_STREAM) !== undefined) return refused('ALREADY_CREATED');
  const { crypto, entropy } = work.env;
  const identity = crypto.keyPair(entropy(32));
  const deviceKey = crypto.signingKeyPair(entropy(32));
  const registrationId = registrationIdFrom(entropy(2));
  const deviceId = input.deviceId ?? drawDeviceId(entropy, () => false);
  const { userId } = input;
  const list = signDeviceList(
    {
      userId,
      version: 1,
      previous: new Uint8Array(32),
      identityKey: identity.publicKey.bytes,
      devices: [{ deviceId, registrationId, deviceKey: deviceKey.publicKey }],
      signer: deviceId,
    },
    { deviceKey, identity, entropy64: entropy(64) },
    crypto,
  );
  const registration = encodeRegistration({ list });
  changeUser(work, userId, [{ type: 'identity', key: identity.publicKey.bytes }]);
  makeDevice(work, {
    own: { userId, deviceId, registrationId, identity, deviceKey, registration },
    oneTimeKeys: input.oneTimeKeys ?? ONE_TIME_TARGET_KEYS,
  });
  return work.decided();
}

/** Becomes a further device of a user. */
export function decideLinked(input: In<'linked'>, work: Workspace): DecideResult {
  const { provision, deviceKey, registrationId } = input;
  const { approval, list, identity } = provision;
  const { userId, deviceId } = approval;
  const contacts = provision.contacts.filter((contact) => contact.userId !== userId);
  const users = contacts.map((contact) => userStream(contact.userId));
  const first = work.missing([DEVICE_STREAM, PRE_KEYS_STREAM, userStream(userId), ...users]);
  if (first.length > 0) return needMore(first);
  if (work.value('device', DEVICE_STREAM) !== undefined) return refused('ALREADY_CREATED');
  const entry = findDevice(list.list, deviceId);
  const isOurs =
    entry !== undefined &&
    approval.registrationId === registrationId &&
    entry.registrationId === registrationId &&
    equalBytes(entry.deviceKey, deviceKey.publicKey) &&
    equalBytes(list.list.identityKey, identity.publicKey.bytes) &&
    verifyDeviceList({ signed: list }, work.env.crypto).ok;
  if (!isOurs) return refused('MALFORMED_PROVISION');
  changeUser(work, userId, [{ type: 'identity', key: identity.publicKey.bytes }]);
  for (const contact of contacts) {
    changeUser(work, contact.userId, [{ type: 'identity', key: contact.identityKey }]);
  }
  makeDevice(work, {
    own: {
      userId,
      deviceId,
      registrationId,
      identity,
      deviceKey,
      registration: encodeRegistration({ list, approval }),
    },
    oneTimeKeys: input.oneTimeKeys ?? ONE_TIME_TARGET_KEYS,
  });
  return work.decided();
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
  readonly oneTimeKeys: number;
}

function makeDevice(work: Workspace, { own, oneTimeKeys }: NewDevice): void {
  const { userId, deviceId, registrationId } = own;
  const token = makeToken(work.env);
  const device: OwnDevice = { ...own, token, status: 'registering' };
  work.write(
    DEVICE_STREAM,
    { name: 'DeviceCreated', fields: { userId, deviceId, registrationId } },
    device,
  );
  const signed = makeSignedPreKey(
    { id: 1, identity: own.identity, madeAt: work.env.clock.wallMs },
    work.env,
  );
  work.write(PRE_KEYS_STREAM, { name: 'SignedPreKeyMade', fields: { id: 1 } });
  mintOneTimeKeys(work, { nextId: 2, signed: [signed], batches: [] }, oneTimeKeys);
  work.effect({ type: 'register' });
}

/** Makes one-time prekeys in batches; the id counter moves in the same commit. */
function mintOneTimeKeys(work: Workspace, preKeys: PreKeys, count: number): OneTimeBatch[] {
  const made: OneTimeBatch[] = [];
  let { nextId } = preKeys;
  for (let left = count; left > 0; left -= ONE_TIME_BATCH_KEYS) {
    const batch = makeOneTimeBatch(nextId, left, work.env);
    nextId += batch.pairs.size;
    made.push(batch);
    const event = {
      name: 'OneTimePreKeysMade',
      fields: { firstId: batch.firstId, count: batch.pairs.size },
    } as const;
    work.write(oneTimeStream(batch.firstId), event, batch);
  }
  const batches = [...preKeys.batches, ...made.map((batch) => batch.firstId)];
  const event = { name: 'OneTimePreKeysMade', fields: { firstId: preKeys.nextId, count } } as const;
  work.write(PRE_KEYS_STREAM, event, { ...preKeys, nextId, batches });
  return made;
}

/** The relay has few of our one-time prekeys left: make as many as are missing, and upload them. */
export function decideReplenish(input: In<'replenish'>, work: Workspace): DecideResult {
  const first = work.missing([DEVICE_STREAM, PRE_KEYS_STREAM]);
  if (first.length > 0) return needMore(first);
  const preKeys = work.value('prekeys', PRE_KEYS_STREAM);
  invariant(preKeys !== undefined, 'a device has prekeys');
  const batches = preKeys.batches.map(oneTimeStream);
  const missing = work.missing(batches);
  if (missing.length > 0) return needMore(missing);
  const wanted = Math.max(0, (input.target ?? ONE_TIME_TARGET_KEYS) - input.count);
  if (preKeys.nextId + wanted > PRE_KEY_ID_MAX) return refused('PRE_KEYS_EXHAUSTED');
  const made = wanted === 0 ? [] : mintOneTimeKeys(work, preKeys, wanted);
  work.effect({ type: 'uploadKeys', keys: uploadOf(preKeys, made) });
  return work.decided();
}

/** The relay took the registration: the list in it is now the user's list. */
export function decideRegistered(work: Workspace): DecideResult {
  const first = work.missing([DEVICE_STREAM]);
  if (first.length > 0) return needMore(first);
  const own = work.value('device', DEVICE_STREAM);
  if (own === undefined) return refused('NOT_REGISTERED');
  const missing = work.missing([userStream(own.userId)]);
  if (missing.length > 0) return needMore(missing);
  const registration = decodeRegistration(own.registration);
  if (own.status === 'registered' || registration === undefined) return work.decided();
  const { list } = registration.list;
  work.write(
    DEVICE_STREAM,
    { name: 'DeviceRegistered', fields: { listVersion: list.version } },
    { ...own, status: 'registered', registration: new Uint8Array(0) },
  );
  const hash = deviceListHash(list, work.env.crypto);
  changeUser(work, own.userId, [
    {
      type: 'list',
      version: list.version,
      hash,
      at: work.env.clock.wallMs,
      devices: withoutSelf(work, list),
    },
  ]);
  return work.decided();
}

/** Another device removed this one: nothing is sent any more. */
export function decideRevoked(work: Workspace): DecideResult {
  const first = work.missing([DEVICE_STREAM]);
  if (first.length > 0) return needMore(first);
  const own = work.value('device', DEVICE_STREAM);
  if (own === undefined) return refused('NOT_REGISTERED');
  if (own.status === 'removed') return work.decided();
  work.write(DEVICE_STREAM, { name: 'DeviceRemoved' }, { ...own, status: 'removed' });
  return work.decided();
}

/** A fetched list: accepted by the same rules as one in a post's answer. */
export function decideListLearned(input: In<'listLearned'>, work: Workspace): DecideResult {
  const { userId } = input.list.list;
  const first = work.missing([DEVICE_STREAM, userStream(userId)]);
  if (first.length > 0) return needMore(first);
  const checked = listChanges(work, userId, input.list);
  // A changed key is told as an effect, which a refusal would swallow (SES-89).
  if (!checked.ok) {
    return checked.reason === 'IDENTITY_CHANGED' ? work.decided() : refused(checked.reason);
  }
  changeUser(work, userId, checked.changes);
  return work.decided();
}

/** The application vouches for a changed identity key: the old record goes as a whole (SES-31). */
export function decideTrustIdentity(input: In<'trustIdentity'>, work: Workspace): DecideResult {
  const first = work.missing([DEVICE_STREAM, userStream(input.userId)]);
  if (first.length > 0) return needMore(first);
  const isOwn = work.value('device', DEVICE_STREAM)?.userId === input.userId;
  if (isOwn) return refused('IDENTITY_CHANGED');
  const change: UserChange = { type: 'identity', key: input.identityKey };
  changeUser(work, input.userId, [change]);
  return work.decided();
}

/** What a device owes after a start: registration, claims and empty posts; the outbox has the rest. */
export function decideStarted(work: Workspace): DecideResult {
  const sends = work.live(SEND_PREFIX);
  const first = work.missing([DEVICE_STREAM, ...sends]);
  if (first.length > 0) return needMore(first);
  const own = work.value('device', DEVICE_STREAM);
  if (own?.status === 'registering') work.effect({ type: 'register' });
  if (own?.status !== 'registered') return work.decided();
  const users = new Set<UserId>();
  for (const stream of sends) {
    for (const recipient of work.value('send', stream)?.recipients.values() ?? [])
      users.add(recipient.userId);
  }
  const missing = work.missing([...users].map(userStream));
  if (missing.length > 0) return needMore(missing);
  for (const stream of sends) owedEffects(work, stream);
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
    const { postId } = recipient;
    if (recipient.status === 'posting' && postId !== undefined && recipient.copies.size === 0) {
      const origin = { type: 'round', messageId, userId } as const;
      work.post({ postId, recipient: userId, scope: 'all', envelopes: [] }, origin);
    }
    for (const [deviceId, copy] of recipient.copies) {
      if (!copy.wantsResend) continue;
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

/** Ends sends whose receipts will not come: over the record limit, or owed by removed devices only. */
export function decideSwept(work: Workspace): DecideResult {
  const sends = work.live(SEND_PREFIX);
  const first = work.missing([DEVICE_STREAM, ...sends]);
  if (first.length > 0) return needMore(first);
  const users = new Set<UserId>();
  for (const stream of sends) {
    for (const userId of work.value('send', stream)?.recipients.keys() ?? []) users.add(userId);
  }
  const missing = work.missing([...users].map(userStream));
  if (missing.length > 0) return needMore(missing);
  for (const stream of sends) {
    const state = work.value('send', stream);
    if (state === undefined) continue;
    const isExpired = work.env.clock.wallMs - state.sentAt > SEND_RECORD_MS;
    const isMoot = [...state.recipients.values()].every((recipient) => {
      if (recipient.status === 'posting' || recipient.status === 'claiming') return false;
      const { devices } = work.user(recipient.userId);
      return [...recipient.copies].every(
        ([deviceId, copy]) => copy.isReceipted || devices.get(deviceId)?.staleAt !== undefined,
      );
    });
    const reason = isExpired ? 'expired' : 'devices removed';
    if (isExpired || isMoot) work.close(stream, { name: 'SendClosed', fields: { reason } });
  }
  return work.decided();
}
