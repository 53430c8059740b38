/** Short words for stories of a few devices: what tests of single rules begin with and look at. */

import { invariant } from '@simsim/bytes';
import type { KeyPair, SigningKeyPair } from '@simsim/crypto';
import {
  claimIdFromBytes,
  deviceListHash,
  idToBytes,
  signDeviceList,
} from '@simsim/relay-protocol';
import type {
  DeviceId,
  DeviceList,
  EnvelopeId,
  IncomingEnvelope,
  PostResult,
  SignedDeviceList,
} from '@simsim/relay-protocol';
import type { ClaimResult, DeviceRecord, EnvelopeState, SendFailure } from '@simsim/sesame';
import { allSessionsOf, chainsStream, sessionStream } from '@simsim/sesame';
import { parseMessage } from '@simsim/session';
import type { Session } from '@simsim/session';
import { factsOf } from './log-state.ts';
import { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';
import type { WorldOptions } from './world.ts';

/** Two users with a device each. */
export function twoUsers(options: Partial<WorldOptions> = {}): {
  world: World;
  a: TestDevice;
  b: TestDevice;
} {
  const world = new World({ seed: 1, ...options });
  return { world, a: world.create('ada'), b: world.create('bo') };
}

/** Makes a user whose first device has a certain id. */
export function createAs(world: World, name: string, deviceId: DeviceId): TestDevice {
  const device = new TestDevice(world);
  device.run({ type: 'create', userId: user(name), deviceId, oneTimeKeys: 3 });
  device.register();
  world.devices.push(device);
  return device;
}

/** Posts and claims until everything is at the relay. */
export function deliver(device: TestDevice): void {
  for (let i = 0; i < 6; i++) device.work();
}

/** Sends one line all the way to the other's mailbox; answers what came to lie there. */
export function write(from: TestDevice, to: TestDevice, text: string): IncomingEnvelope {
  from.send([to.userId], text);
  deliver(from);
  const mail = to.fetch().at(-1);
  invariant(mail !== undefined, 'the line is in the mailbox');
  return mail;
}

/** The same mail with one bit of its ciphertext changed. */
export function spoilt(mail: IncomingEnvelope): IncomingEnvelope {
  const parsed = parseMessage(mail.content);
  invariant(parsed.ok, 'honest mail is well-formed');
  const { ciphertext } = parsed.value.kind === 'regular' ? parsed.value : parsed.value.inner;
  const place = Buffer.from(mail.content).indexOf(ciphertext);
  const content = mail.content.map((byte, i) => (i === place ? byte ^ 1 : byte));
  return { ...mail, seq: 1_000_000, content };
}

/** Loses all that waits for a device. */
export function loseMail(device: TestDevice): void {
  device.ask({ kind: 'ack', seqs: device.fetch().map(({ seq }) => seq) });
}

/** The one item of a list. */
export function only<T>(items: readonly T[]): T {
  const [item] = items;
  invariant(item !== undefined && items.length === 1, 'there is one');
  return item;
}

/** The post that waits for a user's answer, taken out of the device's hands. */
export function takePost(device: TestDevice, to: TestDevice): TestDevice['posts'][number] {
  const item = only(device.posts.filter(({ post }) => post.recipient === to.userId));
  device.posts = device.posts.filter((each) => each !== item);
  return item;
}

/** The relay answers a post in this way, without having seen it. */
export function answer(
  device: TestDevice,
  { post, origin }: TestDevice['posts'][number],
  result: PostResult,
): void {
  device.run({ type: 'posted', postId: post.postId, origin, result });
}

/** Answers every claim that waits, with bundles of the relay that something befell on their way. */
export function answerClaims(
  device: TestDevice,
  befall: (result: ClaimResult, userId: string) => ClaimResult,
): void {
  for (const { userId, sends, resends, devices } of device.claims.splice(0)) {
    const claimId = claimIdFromBytes(device.world.entropy(16));
    const told = device.ask({ kind: 'claimKeys', claimId, userId, devices });
    invariant(told.kind === 'claimKeys', 'a claim is answered');
    const results = told.results.map((result) => befall(result, userId));
    device.run({ type: 'claimed', userId, results, sends, resends });
  }
}

/** A bundle whose signed prekey nobody signed. */
export function unsigned(result: ClaimResult): ClaimResult {
  if ('gone' in result) return result;
  const { bundle } = result;
  const { signedPreKey } = bundle;
  const signature = signedPreKey.signature.map((byte) => byte ^ 1);
  return { ...result, bundle: { ...bundle, signedPreKey: { ...signedPreKey, signature } } };
}

/** What one device knows of another. */
export function entryOf(device: TestDevice, peer: TestDevice): DeviceRecord {
  const entry = device.record(peer.userId).devices.get(peer.own().deviceId);
  invariant(entry !== undefined, 'they know each other');
  return entry;
}

/** The session that one device has with another. */
export function sessionOf(device: TestDevice, other: TestDevice): Session {
  const { userId, deviceId } = other.own();
  const record = device.record(userId).devices.get(deviceId);
  const [session] = record === undefined ? [] : allSessionsOf(record);
  invariant(session !== undefined, 'they have a session');
  const reader = device.core.reader();
  const hot = reader.value('session', sessionStream({ userId, deviceId, session }));
  const cold = reader.value('chains', chainsStream({ userId, deviceId, session }));
  invariant(hot !== undefined && cold !== undefined, 'its state is there');
  return { hot, cold, blocks: new Map() };
}

/** The list of a user as the relay has it. */
export function listOf(device: TestDevice): SignedDeviceList {
  const { userId } = device;
  const told = device.world.ask({ kind: 'getList', userId, since: 0 });
  invariant(told.kind === 'getList' && told.result.kind === 'list', 'the user has a list');
  return told.result.list;
}

/** How the envelopes of a device ended, in order. */
export function endsOf(device: TestDevice): EnvelopeState[] {
  return device.effects.flatMap((effect) => (effect.type === 'acknowledge' ? [effect.end] : []));
}

/** Who of the recipients of all sends is done, in order, and what went wrong. */
export function reportOf(device: TestDevice): [string, SendFailure | 'reached'][] {
  return device.effects.flatMap((effect): [string, SendFailure | 'reached'][] =>
    effect.type === 'recipientDone' ? [[effect.userId, effect.failure ?? 'reached']] : [],
  );
}

/** Names of a device's facts, in order. */
export function factNames(device: TestDevice): string[] {
  return [...factsOf(device.log)].map(({ name }) => name);
}

/** What a list of one device says otherwise than the device's first one would. */
interface ListChange {
  /** Who signs as the user: the own identity key unless told otherwise. */
  readonly identity?: KeyPair;
  /** Who signs as the device, and is listed with that key. */
  readonly deviceKey?: SigningKeyPair;
  /** The list that it follows. */
  readonly after?: DeviceList;
}

/** A list of a device's user that has this device alone, as whoever has these keys would sign it. */
export function listOfOne(device: TestDevice, change: ListChange = {}): SignedDeviceList {
  const { userId, deviceId, registrationId, ...own } = device.own();
  const { identity = own.identity, deviceKey = own.deviceKey, after } = change;
  const { crypto, entropy } = device.world;
  return signDeviceList(
    {
      userId,
      version: 1 + (after?.version ?? 0),
      previous: after === undefined ? new Uint8Array(32) : deviceListHash(after, crypto),
      identityKey: identity.publicKey.bytes,
      devices: [{ deviceId, registrationId, deviceKey: deviceKey.publicKey }],
      signer: deviceId,
    },
    { deviceKey, identity, entropy64: entropy(64) },
    crypto,
  );
}

/** The same under another identity key, such as a relay may make up. */
export function foreignList(device: TestDevice): SignedDeviceList {
  const { crypto, entropy } = device.world;
  return listOfOne(device, { identity: crypto.keyPair(entropy(32)) });
}

/** A retry request in the name of a device, as anybody at the relay could write it. */
export function forgedRetry(
  by: TestDevice,
  envelopeId: EnvelopeId,
  seq: number = 1_000_000,
): IncomingEnvelope {
  const { userId: sender, deviceId: senderDevice } = by.own();
  const content = idToBytes(envelopeId);
  return { seq, sender, senderDevice, envelopeId, kind: 'retry', content, waitedMs: 0 };
}

/** The envelope that a device's copy of the one open send went out in, last. */
export function lastEnvelope(from: TestDevice, to: TestDevice): EnvelopeId {
  const stream = only(from.log.streamsWithPrefix('send/'));
  const send = from.core.reader().value('send', stream);
  const copy = send?.recipients.get(to.userId)?.copies.get(to.own().deviceId);
  invariant(copy !== undefined, 'there is a copy for the device');
  return copy.envelopeId;
}
