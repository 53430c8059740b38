/**
 * Removing a device that is in other hands (SES-92): whatever happens around it, the devices that stay
 * come to one new identity key, every message reaches every one of them once, nothing reaches the new
 * key of a peer who has not accepted it, and the thief's copy of the removed device is of no use.
 */

import { encodeUtf8, equalBytes, invariant } from '@simsim/bytes';
import fc from 'fast-check';
import {
  deviceListHash,
  findDevice,
  messageIdFromBytes,
  signDeviceList,
} from '@simsim/relay-protocol';
import type { IncomingEnvelope, RelayAnswer, SignedDeviceList } from '@simsim/relay-protocol';
import { encodeContent, makeSuccessor, openSuccessor, successionAsk } from '@simsim/sesame';
import type { Sabotage } from '@simsim/sesame';
import { encrypt, initiate } from '@simsim/session';
import { expect } from 'vitest';
import { checkDevice } from './checks.ts';
import { testLaw } from './law.ts';
import { listOf } from './scene.ts';
import { publish } from './shell.ts';
import type { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';

type Deed =
  | 'phone writes'
  | 'tablet writes'
  | 'peer writes'
  | 'settle'
  | 'phone restarts'
  | 'tablet restarts'
  | 'answer lost'
  | 'tablet wakes'
  | 'peer accepts';

interface Case {
  readonly seed: number;
  readonly oneTimeKeys: number;
  /** Whether the tablet is switched off while the key changes. */
  readonly isTabletAway: boolean;
  readonly before: readonly Deed[];
  readonly after: readonly Deed[];
}

const deeds = fc.array(
  fc.constantFrom<Deed>(
    'phone writes',
    'tablet writes',
    'peer writes',
    'settle',
    'phone restarts',
    'tablet restarts',
    'answer lost',
    'tablet wakes',
    'peer accepts',
  ),
  { maxLength: 7 },
);

const cases: fc.Arbitrary<Case> = fc.record({
  seed: fc.nat(1 << 20),
  oneTimeKeys: fc.constantFrom(0, 3),
  isTabletAway: fc.boolean(),
  before: deeds,
  after: deeds,
});

testLaw<Case>({
  name: 'compromise',
  cases,
  check,
  saboteurs: [
    'seal-to-former-identity',
    'take-any-succession',
    'keep-sessions-in-succession',
    'keep-keys-in-succession',
    'drop-own-copies',
  ],
  // Each succession makes 240 prekeys anew.
  share: 0.25,
});

/** Everybody in the story. */
interface Town {
  readonly world: World;
  readonly phone: TestDevice;
  readonly tablet: TestDevice;
  readonly stolen: TestDevice;
  readonly peer: TestDevice;
  isTabletAway: boolean;
  hasAccepted: boolean;
  count: number;
}

const [ada, bo] = [user('ada'), user('bo')];
const keyOf = (device: TestDevice): Uint8Array => device.freshOwn().identity.publicKey.bytes;

function check(story: Case, sabotage: readonly Sabotage[]): void {
  const town = build(story, sabotage);
  const { phone, tablet, stolen, peer } = town;
  for (const deed of story.before) act(town, deed);
  settle(town);
  const former = keyOf(phone);
  const planted = plant(town);
  const known = knownOf(peer);

  remove(town);
  for (const deed of story.after) {
    act(town, deed);
    if (knownOf(peer).isFormer) expect(knownOf(peer)).toEqual({ ...known, isFormer: true });
  }
  town.isTabletAway = false;
  settle(town);
  wake(tablet);
  settle(town);

  const next = keyOf(phone);
  expect(equalBytes(next, former), 'the key is another').toBe(false);
  expect(keyOf(tablet)).toEqual(next);
  expect(listOf(phone).list.identityKey).toEqual(next);
  expect(keyOf(stolen)).toEqual(former);
  stealNothing(town, { next, planted });

  expect(peer.record(ada).identityKey).toEqual(town.hasAccepted ? next : former);
  peer.run({ type: 'trustIdentity', userId: ada, identityKey: next });
  for (const device of [phone, tablet, peer]) write(town, device);
  settle(town);
  for (const device of [phone, tablet, peer]) {
    expectAllHeard(town, device);
    checkDevice(device);
  }
  linkAgain(town);
}

function build({ seed, oneTimeKeys, isTabletAway }: Case, sabotage: readonly Sabotage[]): Town {
  const world = new World({ seed, oneTimeKeys, sabotage });
  const phone = world.create('ada');
  const tablet = world.link(phone);
  const stolen = world.link(phone);
  const peer = world.create('bo');
  const people = { world, phone, tablet, stolen, peer };
  const town: Town = { ...people, isTabletAway: false, hasAccepted: false, count: 0 };
  for (const device of world.devices) write(town, device);
  settle(town);
  town.isTabletAway = isTabletAway;
  return town;
}

function write(town: Town, from: TestDevice): void {
  from.send([from.userId === ada ? bo : ada], `line ${town.count++}`);
}

function settle({ world, tablet, isTabletAway }: Town): void {
  world.settle(isTabletAway ? { without: tablet } : {});
}

/** The relay says that a device has no prekeys left, as it does when there is another key. */
function wake(device: TestDevice): void {
  device.replenish(1);
}

function act(town: Town, deed: Deed): void {
  const { phone, tablet, peer } = town;
  switch (deed) {
    case 'phone writes':
      return write(town, phone);
    case 'tablet writes':
      return write(town, tablet);
    case 'peer writes':
      return write(town, peer);
    case 'settle':
      return settle(town);
    case 'phone restarts':
      return phone.restart();
    case 'tablet restarts':
      return tablet.restart();
    case 'answer lost':
      // The relay may take the next key; the process dies before it hears of it.
      publish(phone);
      noteGone(town);
      return phone.restart();
    case 'tablet wakes':
      if (!town.isTabletAway) wake(tablet);
      return undefined;
    case 'peer accepts': {
      const { offered } = peer.record(ada);
      if (offered === undefined) return undefined;
      peer.run({ type: 'trustIdentity', userId: ada, identityKey: offered });
      town.hasAccepted = true;
      return undefined;
    }
  }
}

/** The owner finds out; the device is gone once the relay has taken the list without it. */
function remove(town: Town): void {
  const { phone, stolen } = town;
  phone.watcher = { ran: () => noteGone(town), offered: () => undefined };
  phone.learnOwnList();
  const { deviceId } = stolen.own();
  phone.run({ type: 'removeCompromised', deviceId });
}

function noteGone({ world, phone, stolen }: Town): void {
  const at = world.devices.indexOf(stolen);
  if (at < 0 || findDevice(listOf(phone).list, stolen.own().deviceId) !== undefined) return;
  world.devices.splice(at, 1);
  world.journal.removed(stolen);
}

/** What a peer holds true of the user, while it holds to the former key. */
function knownOf(peer: TestDevice): { key: unknown; version: number; isFormer: boolean } {
  const { identityKey, listVersion, offered } = peer.record(ada);
  return { key: identityKey, version: listVersion, isFormer: offered !== undefined };
}

/** Everything that was sent by or to somebody is there once, and nothing twice. */
function expectAllHeard({ world, stolen }: Town, device: TestDevice): void {
  const kept = device.kept();
  for (const { count, line } of kept.values()) expect(count, line).toBe(1);
  for (const [messageId, { from, to, text }] of world.journal.sent) {
    const isForUs = to.includes(device.userId) || from.userId === device.userId;
    if (from === device || from === stolen || !isForUs) continue;
    expect(kept.has(messageId), `${device.label} has ${text}`).toBe(true);
  }
  const forged = [...kept.values()].filter(({ line }) => line.includes('forged'));
  expect(forged, 'what a thief wrote').toEqual([]);
}

/**
 * Before it is known that the device was stolen, the thief begins a session with the tablet in the
 * phone's name, which the identity key is good for where the relay helps. Answers its next message.
 */
function plant({ world, phone, tablet, stolen }: Town): IncomingEnvelope {
  const { deviceId } = tablet.own();
  const claimed = stolen.ask({
    kind: 'claimKeys',
    claimId: messageIdFromBytes(world.entropy(16)) as never,
    userId: ada,
    devices: [deviceId],
  });
  const [result] = claimed.kind === 'claimKeys' ? claimed.results : [];
  invariant(result !== undefined && 'bundle' in result, 'the tablet has keys');
  const { identity } = stolen.own();
  const { registrationId } = phone.own();
  const begun = initiate({ bundle: result.bundle, identity, registrationId }, world);
  invariant(begun.ok, 'an honest bundle begins a session');
  const content = (text: string): Uint8Array =>
    encodeContent({
      messageId: messageIdFromBytes(world.entropy(16)),
      sentAt: 0,
      kind:
        text === '' ? { type: 'refresh' } : { type: 'syncSent', to: [bo], body: encodeUtf8(text) },
    });
  const first = encrypt(begun.value.session, content(''), world);
  invariant(first.ok, 'a new session sends');
  const as = {
    sender: ada,
    senderDevice: phone.own().deviceId,
    kind: 'message',
    waitedMs: 0,
  } as const;
  const envelope = (bytes: Uint8Array): IncomingEnvelope => ({
    ...as,
    seq: 1_000_000,
    envelopeId: messageIdFromBytes(world.entropy(16)) as never,
    content: bytes,
  });
  tablet.takeIn([envelope(first.value.message)]);
  const second = encrypt(first.value.session, content('forged'), world);
  invariant(second.ok, 'and again');
  return envelope(second.value.message);
}

/** All that the relay would tell a device, or whoever it helps. */
function wordFor(device: TestDevice): Extract<RelayAnswer, { kind: 'getSuccession' }> {
  const { own, record } = device.ownListInput();
  const first = { ...record, listVersion: 0 };
  const told = device.ask(successionAsk({ own, record: first }, device.world.crypto));
  invariant(told.kind === 'getSuccession', 'the relay knows its users');
  return told;
}

/** With all that was in the removed device, and a relay that helps, nothing is to be had. */
function stealNothing(
  town: Town,
  { next, planted }: { next: Uint8Array; planted: IncomingEnvelope },
): void {
  const { world, phone, tablet, stolen, peer } = town;
  const thief = stolen.own();
  // What is sealed for the others opens with nothing that the thief has.
  for (const heir of [phone, tablet]) {
    const { deviceId } = heir.own();
    const told = wordFor(heir);
    const list = told.lists.find(
      ({ list: { identityKey } }) => identityKey !== undefined && equalBytes(identityKey, next),
    )?.list;
    invariant(list !== undefined && told.sealed !== undefined, 'the key was sealed');
    const as = { ...thief, deviceId };
    const { crypto } = world;
    for (const sealsToFormer of [false, true])
      expect(
        openSuccessor(as, { list, sealed: told.sealed }, { crypto, sealsToFormer }),
      ).toBeUndefined();
  }
  // A list of the thief's, under a key of the thief's, for whoever the relay shows it to.
  const before = stateOf(town);
  const current = listOf(phone);
  for (const { list, sealed } of forgeriesOf(town)) {
    tablet.run({ type: 'listLearned', list });
    tablet.run({ type: 'succession', lists: [current, list], ...(sealed && { sealed }) });
    expect(phone.tryAsk({ kind: 'removeDevice', list }).ok).toBe(false);
    expect(stolen.tryAsk({ kind: 'removeDevice', list }).ok).toBe(false);
  }
  tablet.takeIn([planted]);
  settle(town);
  expect(stateOf(town)).toEqual(before);
  expect(peer.record(ada).offered ?? next).toEqual(next);
}

/** The devices' word on who they are. */
function stateOf({ phone, tablet, peer }: Town): unknown {
  const { identityKey, listVersion } = tablet.record(ada);
  return {
    keys: [phone, tablet].map(keyOf),
    own: { identityKey, listVersion },
    pinned: peer.record(ada).identityKey,
  };
}

interface Forgery {
  readonly list: SignedDeviceList;
  readonly sealed?: Uint8Array;
}

/** The next list as the thief would have it, with the former key and with one of its own. */
function forgeriesOf({ world, phone, tablet, stolen }: Town): Forgery[] {
  const { list: current } = listOf(phone);
  const thief = stolen.own();
  const { deviceId, registrationId, deviceKey, identity } = thief;
  const previous = deviceListHash(current, world.crypto);
  const entry = { deviceId, registrationId, deviceKey: deviceKey.publicKey };
  const version = current.version + 1;
  const { publicKey } = identity;
  const rejoined = signDeviceList(
    {
      ...current,
      version,
      previous,
      identityKey: publicKey.bytes,
      devices: [...current.devices, entry],
      signer: deviceId,
    },
    { deviceKey, identity, entropy64: world.entropy(64) },
    world.crypto,
  );
  // A succession as good as any, but for the device that signs it.
  const record = { ...stolen.record(ada), listVersion: current.version, listHash: previous };
  const made = makeSuccessor({ own: thief, record }, phone.own().deviceId, world);
  invariant(made.ok, 'whoever has a device key may sign with it');
  const sealed = made.value.sealed.get(tablet.own().deviceId);
  return [{ list: rejoined }, { list: made.value.list, ...(sealed && { sealed }) }];
}

/** Linked anew it is another device: its former id stays taken (SES-92). */
function linkAgain({ world, phone, stolen }: Town): void {
  const again = world.link(phone);
  expect(again.own().deviceId).not.toBe(stolen.own().deviceId);
  expect(keyOf(again)).toEqual(keyOf(phone));
}
