/**
 * Devices whose files were put back to an earlier moment, and copies that run side by side: each is
 * noticed before it can do harm, and afterwards mail flows again both ways, exactly once. That no
 * message key is used twice is checked by the world's journal with everything that leaves.
 */

import { invariant } from '@simsim/bytes';
import { claimIdFromBytes, signDeviceHead } from '@simsim/relay-protocol';
import type { DeviceHead, MessageId } from '@simsim/relay-protocol';
import type { Effect, PreKeys, Sabotage } from '@simsim/sesame';
import { AUDIT_STREAM, PRE_KEYS_STREAM } from '@simsim/sesame';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkDevice } from './checks.ts';
import { testLaw } from './law.ts';
import { factsOf } from './log-state.ts';
import type { DeviceImage, TestDeviceOptions } from './device-options.ts';
import { twoUsers, write } from './scene.ts';
import type { TestDevice } from './test-device.ts';
import { World } from './world.ts';

/** Who speaks in a stretch of conversation: phone and tablet are one user's. */
const turn = fc.constantFrom('phone', 'tablet', 'bo');
type Turn = typeof turn extends fc.Arbitrary<infer T> ? T : never;

interface Case {
  readonly seed: number;
  /** What is put back of the phone's files. */
  readonly what: 'log' | 'vault' | 'both';
  readonly before: readonly Turn[];
  /** Said after the copy was made, and lost to it. */
  readonly lost: readonly Turn[];
  /** Whether the phone had a message in its outbox when the copy was made. */
  readonly hasPending: boolean;
  /** Said by bo while the phone was away: it waits in the mailbox. */
  readonly waiting: number;
  readonly after: readonly Turn[];
}

const cases: fc.Arbitrary<Case> = fc.record({
  seed: fc.nat(1_000_000),
  what: fc.constantFrom('log' as const, 'vault' as const, 'both' as const),
  before: fc.array(turn, { maxLength: 4 }),
  lost: fc.array(turn, { minLength: 1, maxLength: 5 }).map((turns) => ['phone' as const, ...turns]),
  hasPending: fc.boolean(),
  waiting: fc.nat(2),
  after: fc.array(turn, { minLength: 1, maxLength: 4 }),
});

interface Town {
  readonly world: World;
  readonly phone: TestDevice;
  readonly tablet: TestDevice;
  readonly bo: TestDevice;
}

function town(seed: number, options: TestDeviceOptions = {}): Town {
  const world = new World({ seed, ...options });
  const phone = world.create('ann');
  const tablet = world.link(phone);
  const bo = world.create('bo');
  say({ world, phone, tablet, bo }, 'phone');
  say({ world, phone, tablet, bo }, 'bo');
  return { world, phone, tablet, bo };
}

/** One message to everybody else, all the way. */
function say(of: Town, who: Turn): MessageId {
  const to = who === 'bo' ? of.phone.userId : of.bo.userId;
  const messageId = of[who].send([to], `${who} ${of.world.journal.sent.size}`);
  of.world.settle();
  for (const device of of.world.devices) device.flush();
  return messageId;
}

/**
 * The phone's files in the middle of a chain, after which it sends and tells its head; the others take
 * all in, and nothing has come back to the phone yet. What they answer is for keys the copy has.
 */
function copyAndTell({ phone, tablet, bo }: Town): { image: DeviceImage; head: DeviceHead } {
  const out = (): void => {
    while (phone.work());
  };
  phone.send([bo.userId], 'begins a chain');
  out();
  const image = phone.image();
  const head = phone.core.head();
  phone.send([bo.userId], 'told');
  phone.run({ type: 'shareHeads' });
  out();
  for (const other of [tablet, bo]) other.receive(other.fetch());
  return { image, head };
}

/** Everybody else has a message exactly once; nobody has any message twice. */
function expectOnce({ world, ...of }: Town, messageIds: readonly MessageId[]): void {
  for (const device of [of.phone, of.tablet, of.bo]) {
    const kept = device.kept();
    for (const { count, line } of kept.values()) expect(count, line).toBe(1);
    for (const messageId of messageIds) {
      const sent = world.journal.sent.get(messageId);
      if (sent?.from === device) continue;
      const name = `${device.label} has ${sent?.text}`;
      expect(kept.has(messageId), name).toBe(true);
    }
  }
}

/** The phone's files are put back, and everybody goes on. */
function putBack(one: Case, sabotage: readonly Sabotage[]): void {
  const of = town(one.seed, { sabotage });
  const { world, phone, tablet, bo } = of;
  one.before.forEach((who) => say(of, who));
  const pending = one.hasPending ? [phone.send([bo.userId], 'pending')] : [];
  const image = phone.image();
  const sessions = phone.log.streamsWithPrefix('session/');
  one.lost.forEach((who) => say(of, who));
  const waiting = Array.from({ length: one.waiting }, () => bo.send([phone.userId], 'waits'));
  world.settle({ without: phone });

  phone.restore(image, one.what);
  const unsent = phone.send([bo.userId], 'first of the new life');
  world.settle();
  const [evidence, ...more] = phone.rollbacks();
  expect(evidence?.source).toBe(one.what === 'both' ? 'relay' : one.what);
  expect(more).toEqual([]);
  expect([...factsOf(phone.log)].filter(({ stream }) => stream === AUDIT_STREAM)).toHaveLength(1);
  const after = one.after.map((who) => say(of, who));
  expectOnce(of, [...pending, ...waiting, unsent, ...after]);
  expect(usedAgain(phone, sessions)).toEqual([]);
  expectOneSession(of);
  for (const device of [phone, tablet, bo]) checkDevice(device);
}

/** Two exchanges later every pair has one session, the same on both ends. */
function expectOneSession(of: Town): void {
  const turns = ['phone', 'bo', 'tablet', 'phone', 'bo', 'tablet'] as const;
  turns.forEach((who) => say(of, who));
  const { phone, tablet, bo } = of;
  const active = (one: TestDevice, other: TestDevice): string | undefined =>
    one.record(other.userId).devices.get(other.own().deviceId)?.active;
  for (const [one, other] of [
    [phone, bo],
    [tablet, bo],
    [phone, tablet],
  ] as const) {
    expect(active(one, other)).toBeDefined();
    expect(active(one, other)).toBe(active(other, one));
  }
}

/** Sessions of before a quarantine that sent afterwards; receiving is all they may do. */
function usedAgain({ log }: TestDevice, sessions: readonly string[]): string[] {
  let isAfter = false;
  const used: string[] = [];
  for (const { name, stream } of factsOf(log)) {
    if (name === 'RolledBack') isAfter = true;
    if (isAfter && name === 'MessageSent' && sessions.includes(stream)) used.push(stream);
  }
  return used;
}

testLaw<Case>({
  name: 'rollback',
  cases,
  check: putBack,
  saboteurs: ['quarantine-spares-a-session'],
  // Every case makes 120 prekeys anew.
  share: 0.25,
});

describe('a whole folder that was put back', () => {
  it('uses message keys again if it posts without asking: the world notices', () => {
    const blind = (options: TestDeviceOptions): void => {
      const of = town(1, options);
      const image = of.phone.image();
      say(of, 'phone');
      of.phone.restore(image, 'both');
      say(of, 'phone');
    };
    expect(() => blind({ skipsProof: true })).toThrow('a message key is used once');
    expect(() => blind({})).not.toThrow();
  });

  it('is told by an own device where the relay hides what it knows', () => {
    const of = town(2);
    const { world, phone, tablet } = of;
    const { image, head: before } = copyAndTell(of);
    // The relay answers what it had before, and looks at no head.
    world.withheld = { before };
    phone.restore(image, 'both');
    expect(phone.prove()).toBe(true);
    expect(phone.rollbacks()).toEqual([]);
    // The tablet's next word brings it.
    tablet.run({ type: 'shareHeads' });
    tablet.work();
    phone.receive(phone.fetch());
    expect(phone.rollbacks().map(({ source }) => source)).toEqual(['device']);
    world.withheld = undefined;
    expectOnce(of, [say(of, 'phone'), say(of, 'bo'), say(of, 'tablet')]);
    expect(phone.rollbacks()).toHaveLength(1);
  });

  it('that tells its own head hears of the newer one at once', () => {
    const of = town(3);
    const { world, phone, tablet } = of;
    const { image } = copyAndTell(of);
    world.withheld = {};
    phone.restore(image, 'both');
    phone.prove();
    tablet.run({ type: 'headsTold', deviceId: phone.own().deviceId, head: phone.core.head() });
    tablet.work();
    phone.receive(phone.fetch());
    expect(phone.rollbacks().map(({ source }) => source)).toEqual(['device']);
  });

  it('of an only device whose relay hides it is noticed by whoever gets its keys again, and heals', () => {
    const world = new World({ seed: 22 });
    const ann = world.create('ann');
    const bo = world.create('bo');
    const reused: string[] = [];
    world.journal.reused = (place) => reused.push(place);
    const tell = (from: TestDevice, to: TestDevice, text: string): void => {
      from.send([to.userId], text);
      world.settle();
    };
    tell(ann, bo, 'one');
    tell(bo, ann, 'two');
    ann.flush();
    const image = ann.image();
    tell(ann, bo, 'lost to the copy');
    const repeats = (): Effect[] => bo.effects.filter(({ type }) => type === 'keyRepeated');
    expect(repeats()).toEqual([]);
    world.withheld = {};
    ann.restore(image, 'both');
    tell(ann, bo, 'of the copy');
    expect(reused).not.toEqual([]);
    expect(repeats()[0]).toMatchObject({ userId: ann.userId, deviceId: ann.own().deviceId });
    expect(ann.rollbacks()).toEqual([]);
    expect([...bo.kept().values()].map(({ count }) => count)).toEqual([1, 1, 1]);
  });

  it('of before an earlier quarantine finds itself replaced, and changes nothing', () => {
    const of = town(4);
    const { phone } = of;
    const image = phone.image();
    say(of, 'phone');
    phone.restore(image, 'both');
    expectOnce(of, [say(of, 'phone'), say(of, 'bo')]);
    const listed = of.bo.record(phone.userId).devices.get(phone.own().deviceId)?.registrationId;
    expect(listed).toBe(phone.own().registrationId);
    const late = of.world.clone(image);
    expect(late.prove()).toBe(false);
    expect(late.own().status).toBe('replaced');
    expectOnce(of, [say(of, 'phone'), say(of, 'bo')]);
  });

  it('of a moment whose every word the relay knows needs no quarantine', () => {
    const of = town(5);
    const { phone } = of;
    say(of, 'phone');
    const image = phone.image();
    phone.restore(image, 'both');
    for (let i = 0; i < 3; i++) phone.restart();
    expectOnce(of, [say(of, 'phone'), say(of, 'bo')]);
    expect(phone.rollbacks()).toEqual([]);
  });
});

describe('a relay', () => {
  it('raises no alarm with an old head, a foreign one, a damaged one, or one of a former life', () => {
    const of = town(6);
    const { world, phone, bo } = of;
    const old = phone.core.head();
    say(of, 'phone');
    const head = phone.core.head();
    const former = signDeviceHead(
      { ...head, incarnation: (head.incarnation % 16_383) + 1, seq: head.seq + 9 },
      phone.own().deviceKey,
      world.crypto,
    );
    const lies: DeviceHead[] = [old, bo.core.head(), { ...head, seq: head.seq + 1 }, former];
    for (const before of lies) {
      world.withheld = { before };
      phone.restart();
      expect(phone.prove()).toBe(true);
    }
    world.withheld = undefined;
    expectOnce(of, [say(of, 'phone'), say(of, 'bo')]);
    expect(phone.rollbacks()).toEqual([]);
    const ignored = phone.effects.filter((effect) => effect.type === 'headIgnored');
    expect(ignored).toHaveLength(2);
  });

  it('that was put back itself is no rollback of its devices', () => {
    const of = town(7);
    const { world, phone } = of;
    world.withheld = { before: phone.core.head() };
    say(of, 'phone');
    world.withheld = undefined;
    phone.restart();
    expectOnce(of, [say(of, 'phone')]);
    expect(phone.rollbacks()).toEqual([]);
  });
});

describe('two copies that run side by side', () => {
  it.each([1, 2, 3])('are noticed by the first post of the other, and one goes on: %i', (lead) => {
    const of = town(8 + lead);
    const { world, phone, bo } = of;
    const copy = world.clone(phone.image());
    expect([phone.prove(), copy.prove()]).toEqual([true, true]);
    for (let i = 0; i < lead; i++) say(of, 'phone');
    // The copy, meanwhile, made ciphertext with the same keys; none of it is taken.
    copy.send([bo.userId], 'from the copy');
    copy.work();
    expect(copy.rollbacks().map(({ source }) => source)).toEqual(['relay']);
    expect(copy.own().registrationId).not.toBe(phone.own().registrationId);
    // The first one is shut out, and knows why.
    phone.isProven = false;
    expect(phone.prove()).toBe(false);
    expect(phone.own().status).toBe('replaced');
    world.devices[world.devices.indexOf(phone)] = copy;
    const now = { ...of, phone: copy };
    world.settle();
    expectOnce(now, [say(now, 'phone'), say(now, 'bo'), say(now, 'tablet')]);
  });

  it('are noticed also where the answer that tells of it is lost', () => {
    const of = town(14);
    const { world, phone, bo } = of;
    const copy = world.clone(phone.image());
    expect([phone.prove(), copy.prove()]).toEqual([true, true]);
    say(of, 'phone');
    // Its log is further on than what the other one posted with, and nothing of it has left.
    for (let i = 0; i < 9; i++) copy.send([bo.userId], 'from the copy');
    expect(copy.log.tip().seq).toBeGreaterThan(phone.log.tip().seq);
    const ask = world.tryAsk.bind(world);
    let lost = 0;
    world.tryAsk = (request, token) => {
      if (request.kind === 'exchangeHead' && lost++ === 0) ask(request, token);
      return ask(request, token);
    };
    copy.isProven = false;
    copy.prove();
    expect(copy.rollbacks().map(({ source }) => source)).toEqual(['relay']);
  });

  it('that both notice make one new incarnation, not two', () => {
    const of = town(20);
    const { world, phone } = of;
    const image = phone.image();
    say(of, 'phone');
    phone.restore(image, 'both');
    const copy = world.clone(image);
    const head = copy.core.head();
    const ahead = signDeviceHead(
      { ...head, seq: head.seq + 5 },
      copy.own().deviceKey,
      world.crypto,
    );
    for (const each of [phone, copy]) each.run({ type: 'headSeen', source: 'relay', head: ahead });
    expect([phone.prove(), copy.prove()]).toEqual([true, false]);
    expect(copy.freshOwn().status).toBe('replaced');
    expectOnce(of, [say(of, 'phone'), say(of, 'bo')]);
  });
});

describe('a quarantine', () => {
  it('is begun again where a kill came between, and is one in the end', () => {
    const of = town(30);
    const { phone, bo } = of;
    const image = phone.image();
    say(of, 'phone');
    phone.restore(image, 'both');
    const messageId = phone.send([bo.userId], 'waits for the new life');
    phone.store.fault = 'after';
    phone.prove();
    phone.restart();
    expectOnce(of, [messageId, say(of, 'phone'), say(of, 'bo')]);
    const audits = [...factsOf(phone.log)].filter(({ stream }) => stream === AUDIT_STREAM);
    expect(audits).toHaveLength(1);
  });

  it('has no prekey of before, of any kind, and neither has the relay', () => {
    const of = town(35);
    const { world, phone, bo } = of;
    const image = phone.image();
    say(of, 'phone');
    phone.restore(image, 'both');
    const preKeys = (): PreKeys => {
      const value = phone.core.reader().value('prekeys', PRE_KEYS_STREAM);
      invariant(value !== undefined, 'a device has prekeys');
      return value;
    };
    const streams = (): string[] =>
      ['opk/', 'kpk/', 'replays/'].flatMap((prefix) => phone.log.streamsWithPrefix(prefix));
    const { nextId } = preKeys();
    const before = streams();
    phone.prove();
    const { signed, lastResorts, batches, kemBatches } = preKeys();
    const ids = [...signed, ...lastResorts].map(({ id }) => id).concat(batches, kemBatches);
    expect(Math.min(...ids)).toBeGreaterThanOrEqual(nextId);
    expect(streams().filter((stream) => before.includes(stream))).toEqual([]);
    const { userId, deviceId } = phone.own();
    const claimId = claimIdFromBytes(world.entropy(16));
    const told = bo.ask({ kind: 'claimKeys', claimId, userId, devices: [deviceId] });
    const [result] = told.kind === 'claimKeys' ? told.results : [];
    invariant(result !== undefined && !('gone' in result), 'the phone is there');
    const { signedPreKey, oneTimePreKey, kemPreKey } = result.bundle;
    for (const key of [signedPreKey, oneTimePreKey, kemPreKey])
      expect(key?.id).toBeGreaterThanOrEqual(nextId);
  });

  it('leaves no ciphertext of before in the outbox, also where it is read more than once', () => {
    const of = town(32);
    const { phone, bo } = of;
    const image = phone.image();
    say(of, 'phone');
    phone.restore(image, 'both');
    const unsent = phone.send([bo.userId], 'made with keys that were used');
    const before = phone.core.outbox().map(({ post }) => post.postId);
    expect(before).not.toEqual([]);
    phone.prove();
    const after = phone.core.outbox().map(({ post }) => post.postId);
    expect(after.filter((postId) => before.includes(postId))).toEqual([]);
    phone.restart();
    expectOnce(of, [unsent, say(of, 'phone'), say(of, 'bo')]);
    expect(phone.log.outbox()).toEqual([]);
  });

  it('is made also while the first message to somebody waits, whose record there is none of', () => {
    const of = town(33);
    const { world, phone } = of;
    const cy = world.create('cy');
    phone.send([cy.userId], 'the first to cy');
    const image = phone.image();
    world.settle();
    phone.restore(image, 'both');
    // Somebody else wrote meanwhile: nothing that was read before counts.
    phone.store.fault = 'moved';
    phone.prove();
    expect(phone.rollbacks()).toHaveLength(1);
    expectOnce(of, [say(of, 'phone'), say(of, 'bo')]);
    expect(cy.texts()).toEqual(['the first to cy']);
  });

  it('ends a session whose skipped keys are lost: late mail is asked for again, also after a restart', () => {
    const { world, a, b } = twoUsers();
    for (const text of ['first', 'second']) {
      write(a, b, text);
      world.settle();
      write(b, a, text);
      world.settle();
      b.flush();
    }
    const before = b.image();
    // Streams of later on take slots that are not in that copy.
    for (let i = 0; i < 80; i++) {
      b.send([a.userId], `answer ${i}`);
      b.flush();
    }
    world.settle();
    const late = write(a, b, 'late');
    const next = write(a, b, 'next');
    b.receive([next]);
    b.log.flush();
    b.restore(before, 'vault');
    expect(b.log.rollback?.lostStreams.some((stream) => stream.startsWith('skip/'))).toBe(true);
    b.restart();
    b.takeIn([late]);
    world.settle();
    const lines = [...b.kept().values()].map(({ line }) => line);
    for (const text of ['first', 'late', 'next']) expect(lines).toContain(`ada: ${text}`);
    checkDevice(b);
  });

  it('ends with the last mail that could be on its way: sessions of before are gone', () => {
    const of = town(31);
    const { world, phone } = of;
    const image = phone.image();
    say(of, 'phone');
    phone.restore(image, 'both');
    say(of, 'phone');
    const frozen = (): number =>
      [...phone.record(of.bo.userId).devices.values()].flatMap((each) => each.frozen ?? []).length;
    expect(frozen()).toBe(1);
    phone.run({ type: 'swept' });
    expect(frozen()).toBe(1);
    world.nowMs += 31 * 24 * 3600 * 1000;
    phone.run({ type: 'swept' });
    expect(frozen()).toBe(1);
    phone.sweep();
    expect(frozen()).toBe(0);
    expectOnce(of, [say(of, 'phone'), say(of, 'bo')]);
  });
});
