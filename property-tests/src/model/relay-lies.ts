/** Commands of a relay that lies: about lists, keys, senders, and what it took. */

import { encodeUtf8, equalBytes, invariant } from '@simsim/bytes';
import type { OutboxItem } from '@simsim/device-core';
import {
  deviceListHash,
  envelopeIdFromBytes,
  messageIdFromBytes,
  parseDeviceId,
  signDeviceList,
} from '@simsim/relay-protocol';
import type {
  DeviceId,
  DeviceList,
  IncomingEnvelope,
  PostResult,
  PreKeyBundle,
  SignedDeviceList,
  UserId,
} from '@simsim/relay-protocol';
import { encodeContent, SEND_ROUNDS_MAX } from '@simsim/sesame';
import type { ClaimResult } from '@simsim/sesame';
import { encrypt, initiate } from '@simsim/session';
import type { TestDevice } from '../test-device.ts';
import { uploadFor } from '../shell.ts';
import { excuse, isAt } from './debts.ts';
import { oneOf, whoHas, anybody } from './deed.ts';
import type { Deed } from './deed.ts';
import { addressOf, say } from './model-state.ts';
import { FORGED_SEQ } from './observer.ts';
import { USERS } from './town.ts';
import type { Town } from './town.ts';

/** Envelopes of one relay that lies for ever. */
const PATIENCE = 3 * SEND_ROUNDS_MAX;
const WAITS_MS = [0, Number.MAX_SAFE_INTEGER, -1, Number.NaN, 0.5];

/** What a relay may say that is not so. */
export const LIES = {
  /** A post is answered with a lie, and kept from its recipients. */
  lieToPost: {
    weight: 5,
    able: whoHas('posts'),
    play(town, device, n) {
      if (!device.prove()) return;
      const item = oneOf(device.posts, n);
      if (item === undefined) return;
      const lies = postLies(town, device, item);
      const result = oneOf(lies, Math.floor(n / 7));
      if (result !== undefined) answerPost(town, device, { item, result });
    },
  },
  /** A send meets nothing but lists that do not match, for ever (SES-50). */
  lieForEver: {
    weight: 1,
    able: whoHas('posts'),
    play(town, device, n) {
      if (!device.prove()) return;
      const first = oneOf(device.posts, n);
      if (first?.origin.type !== 'round') return;
      const { messageId, userId } = first.origin;
      for (let round = 0; ; round++) {
        const item = device.posts.find(
          ({ origin }) =>
            origin.type === 'round' && origin.messageId === messageId && origin.userId === userId,
        );
        for (const claim of device.claims) device.claim(claim);
        if (item === undefined) return;
        if (round > PATIENCE) return say(town.model, 'L4', `${device.address} never gives up`);
        const list = newestList(town, userId);
        const listed = list.list.devices.map(({ deviceId }) => deviceId);
        const missing = round % 2 === 0 ? listed : [];
        const extra = round % 2 === 0 ? [] : listed;
        answerPost(town, device, {
          item,
          result: { kind: 'mismatch', missing, extra, stale: [], list },
        });
      }
    },
  },
  /** A claim is answered with keys that are not the device's. */
  lieToClaim: { weight: 4, able: whoHas('claims'), play: lieToClaim },
  /** A list of before, or of nobody's making, is handed out as the newest. */
  lieAboutList: {
    weight: 1,
    able: anybody,
    play(town, device, n) {
      const userId = oneOf(USERS, n) ?? device.userId;
      if (!town.isMet(device, userId)) return;
      const list = oneOf(falseLists(town, userId), Math.floor(n / 3));
      if (list !== undefined) device.run({ type: 'listLearned', list });
    },
  },
  /** Mail is said to have waited for ages, or for less than nothing (SES-81). */
  lieAboutWait: {
    weight: 1,
    able: whoHas('mail'),
    play(town, device, n) {
      const envelope = oneOf(device.fetch(), n);
      const waitedMs = oneOf(WAITS_MS, n) ?? 0;
      if (envelope === undefined) return;
      // A session said to be old from its first day sends no receipt.
      const from = addressOf({ userId: envelope.sender, deviceId: envelope.senderDevice });
      town.model.silenced.add(`${device.address} ${from}`);
      device.takeIn([{ ...envelope, waitedMs }]);
    },
  },
  /** Mail is said to be of another user (SES-9). Devices of one user have one key (SES-22). */
  lieAboutSender: {
    weight: 1,
    able: whoHas('mail'),
    play(town, device, n) {
      const envelope = oneOf(device.fetch(), n);
      if (envelope === undefined || envelope.kind === 'retry') return;
      const others = town.world.devices.filter(({ userId }) => userId !== envelope.sender);
      const other = oneOf(others, n >> 3);
      if (other === undefined || other === device || !town.isMet(device, other.userId)) return;
      const { userId: sender, deviceId: senderDevice } = other.own();
      deliverForged(town, device, { ...envelope, sender, senderDevice });
    },
  },
  /** A first message under a stranger's identity key comes in somebody's name (SES-79, SES-89). */
  forge: {
    weight: 2,
    able: anybody,
    play(town, device, n) {
      const sender = oneOf(
        town.world.devices.filter((each) => each !== device),
        n,
      );
      if (sender === undefined || !device.prove()) return;
      if (!town.isMet(device, sender.userId)) return;
      deliverForged(town, device, forged(town, { from: sender, to: device }));
    },
  },
} as const satisfies Readonly<Record<string, Deed>>;

/** The post leaves the device and comes to nobody; the device is told something. */
function answerPost(
  { model }: Town,
  device: TestDevice,
  { item, result }: { item: OutboxItem; result: PostResult },
): void {
  const { post, origin } = item;
  device.posts = device.posts.filter((each) => each.post.postId !== post.postId);
  if (origin.type === 'round') model.lies.add(`${origin.messageId} ${origin.userId}`);
  for (const { envelopeId, deviceId, kind, content } of post.envelopes) {
    const to = addressOf({ userId: post.recipient, deviceId });
    const copy = model.copies.get(envelopeId);
    if (copy !== undefined) copy.fate = 'ended';
    if (origin.type === 'resend') excuse(model, 'lied about', isAt(origin.messageId, to));
    if (origin.type === 'notice') model.silenced.add(`${device.address} ${to}`);
    if (result.kind === 'accepted') model.silenced.add(`${to} ${device.address}`);
    if (kind !== 'retry') continue;
    const id = Buffer.from(content).toString('hex');
    const asked = [...model.copies].find(([each]) => each === id)?.[1].messageId;
    if (asked !== undefined) excuse(model, 'lied about', isAt(asked, device.address));
  }
  device.run({ type: 'posted', postId: post.postId, origin, result });
}

function postLies(town: Town, device: TestDevice, { post, origin }: OutboxItem): PostResult[] {
  const userId = post.recipient;
  const list = newestList(town, userId);
  const posted = post.envelopes.map(({ deviceId }) => deviceId);
  const named = list.list.devices.map(({ deviceId }) => deviceId);
  const known: readonly DeviceId[] = posted.length > 0 ? posted : [device.own().deviceId];
  const mismatch = { kind: 'mismatch', missing: [], extra: [], stale: [], list } as const;
  const falsehoods = town.isMet(device, userId) ? falseLists(town, userId) : [];
  const plain: PostResult[] = [
    { kind: 'accepted', listVersion: list.list.version },
    { kind: 'gone' },
    { kind: 'unknownUser' },
    { kind: 'gone' },
    { kind: 'unknownUser' },
    { kind: 'unknownUser' },
    { kind: 'conflict' },
    { kind: 'mailboxFull' },
  ];
  if (origin.type !== 'round') return plain;
  return [
    ...plain,
    mismatch,
    { ...mismatch, missing: [...known, ...known] },
    { ...mismatch, missing: known },
    { ...mismatch, extra: named },
    { ...mismatch, stale: named },
    { ...mismatch, missing: [device.own().deviceId] },
    ...falsehoods.map((each): PostResult => {
      const missing = each.list.devices.map(({ deviceId }) => deviceId);
      return { ...mismatch, missing, extra: posted, list: each };
    }),
  ];
}

function lieToClaim(town: Town, device: TestDevice, n: number): void {
  if (!device.prove()) return;
  const claim = oneOf(device.claims, n);
  if (claim === undefined) return;
  const { model } = town;
  const { userId, sends, resends } = claim;
  device.claims = device.claims.filter((each) => each !== claim);
  for (const messageId of sends) model.lies.add(`${messageId} ${userId}`);
  for (const { messageId, deviceId } of resends) {
    excuse(model, 'lied about', isAt(messageId, addressOf({ userId, deviceId })));
  }
  const lie = Math.floor(n / 5) % 7;
  if (lie === 0 || lie === 6)
    return void device.run({ type: 'claimFailed', userId, sends, resends });
  const results = claim.devices.flatMap((deviceId): ClaimResult[] => {
    const owner = town.world.devices.find(
      (each) => each.address === addressOf({ userId, deviceId }),
    );
    if (owner === undefined || lie === 1) return [{ deviceId, gone: true }];
    if (lie === 2) return [];
    const stranger = bundleOf(town.outsider(), deviceId);
    const swapped = bundleOf(
      oneOf(
        town.world.devices.filter((each) => each !== owner),
        n,
      ) ?? owner,
      deviceId,
    );
    const { identityKey } = bundleOf(owner, deviceId);
    if (lie === 3) return [{ deviceId, bundle: stranger }];
    return [{ deviceId, bundle: lie === 4 ? swapped : { ...stranger, identityKey } }];
  });
  const before = new Set(model.begun.keys());
  device.run({ type: 'claimed', userId, results, sends, resends });
  // Keys of a sister device are under the same identity: such a session begins, and opens nowhere.
  for (const session of model.begun.keys()) if (!before.has(session)) model.begun.set(session, 0);
}

/** A bundle of one device's prekeys, under whatever device id. */
function bundleOf(owner: TestDevice, deviceId: DeviceId): PreKeyBundle {
  const { keys } = uploadFor(owner);
  const { identity, registrationId } = owner.own();
  return {
    deviceId,
    registrationId,
    identityKey: identity.publicKey.bytes,
    signedPreKey: keys.signedPreKey,
    kemPreKey: keys.lastResortKemPreKey,
  };
}

function newestList(town: Town, userId: UserId): SignedDeviceList {
  const newest = town.lists.get(userId)?.at(-1);
  invariant(newest !== undefined, 'every user has a list');
  return newest;
}

/** The list before the newest, one under a foreign identity, one that names a device nobody has. */
function falseLists(town: Town, userId: UserId): SignedDeviceList[] {
  const { list } = newestList(town, userId);
  const { identity, deviceKey } = town.outsider().own();
  const { crypto, entropy } = town.world;
  const sign = (each: DeviceList): SignedDeviceList =>
    signDeviceList(each, { identity, deviceKey, entropy64: entropy(64) }, crypto);
  const next = { ...list, version: list.version + 1 };
  const free = [...Array(127).keys()].find((i) =>
    list.devices.every((each) => each.deviceId !== i + 1),
  );
  const deviceId = parseDeviceId((free ?? 0) + 1);
  invariant(deviceId.ok, 'some id is free');
  const identityKey = identity.publicKey.bytes;
  const isShared = list.identityKey !== undefined;
  const entry = { deviceId: deviceId.value, registrationId: 7, deviceKey: deviceKey.publicKey };
  const devices = [...list.devices, isShared ? entry : { ...entry, identityKey }];
  const before = town.lists.get(userId)?.findLast((each) => isBefore(town, each.list, list));
  return [
    ...(before === undefined ? [] : [before]),
    sign(underKey(next, identityKey)),
    sign({ ...next, devices }),
    sign(underKey({ ...next, devices }, identityKey)),
    foreignList(town, userId),
  ];
}

function isBefore({ world }: Town, one: DeviceList, other: DeviceList): boolean {
  const hash = deviceListHash(one, world.crypto);
  return one.version === other.version - 1 && equalBytes(hash, other.previous);
}

/** The list with another key for its user, or for the device that signs it where each has its own. */
function underKey(list: DeviceList, identityKey: Uint8Array): DeviceList {
  if (list.identityKey !== undefined) return { ...list, identityKey };
  const devices = list.devices.map((each) =>
    each.deviceId === list.signer ? { ...each, identityKey } : each,
  );
  return { ...list, devices };
}

/** A list of a stranger in somebody's name: it verifies, under another identity key. */
export function foreignList(town: Town, userId: UserId): SignedDeviceList {
  const { list } = newestList(town, userId);
  const { identity, deviceKey } = town.outsider().own();
  const { crypto, entropy } = town.world;
  const [first, ...others] = list.devices;
  invariant(first !== undefined, 'every user has a device');
  const own = { ...first, deviceKey: deviceKey.publicKey };
  const next: DeviceList = {
    ...list,
    version: list.version + 1,
    devices: [own, ...others],
    signer: first.deviceId,
  };
  const foreign = underKey(next, identity.publicKey.bytes);
  return signDeviceList(foreign, { identity, deviceKey, entropy64: entropy(64) }, crypto);
}

/** Comes beside the real mail, which stays where it was. */
function deliverForged(town: Town, device: TestDevice, envelope: IncomingEnvelope): void {
  const seq = FORGED_SEQ + envelope.seq;
  const spoilt = { ...envelope, seq };
  town.spoilt.add(spoilt);
  device.takeIn([spoilt]);
}

function forged(town: Town, { from, to }: { from: TestDevice; to: TestDevice }): IncomingEnvelope {
  const { world } = town;
  const outsider = town.outsider().own();
  const bundle = bundleOf(to, to.own().deviceId);
  const { identity, registrationId } = outsider;
  const begun = initiate({ bundle, identity, registrationId }, world);
  invariant(begun.ok, 'an honest bundle begins a session');
  const content = encodeContent({
    messageId: messageIdFromBytes(world.entropy(16)),
    sentAt: world.nowMs,
    kind: { type: 'app', body: encodeUtf8('forged') },
  });
  const sealed = encrypt(begun.value.session, content, world);
  invariant(sealed.ok, 'a new session encrypts');
  return {
    seq: 1,
    sender: from.userId,
    senderDevice: from.own().deviceId,
    envelopeId: envelopeIdFromBytes(world.entropy(16)),
    kind: 'message',
    content: sealed.value.message,
    waitedMs: 0,
  };
}
