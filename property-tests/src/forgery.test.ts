/**
 * Forged, damaged, cut and misdirected mail changes no session and no record, moves the log's tip
 * not at all, and takes nothing from real mail: what was damaged in place comes again (SES-10,
 * SES-56, SES-59).
 */

import { isDeepStrictEqual } from 'node:util';
import { invariant } from '@simsim/bytes';
import fc from 'fast-check';
import { ENVELOPE_BYTES_MAX } from '@simsim/relay-protocol';
import type { IncomingEnvelope } from '@simsim/relay-protocol';
import type { Sabotage } from '@simsim/sesame';
import { parseMessage } from '@simsim/session';
import { expect } from 'vitest';
import { checkWorld } from './checks.ts';
import { testLaw } from './law.ts';
import { stateOf } from './log-state.ts';
import type { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';

/** How an envelope is spoilt; `at` picks the place, `with` what stands there then. */
interface Damage {
  readonly how: 'flip' | 'cut' | 'extend' | 'splice' | 'noise' | 'empty' | 'oversize';
  readonly at: number;
  readonly with: number;
}

interface Forgery {
  readonly mail: number;
  readonly damage: Damage;
  /** `beside`: the real one comes too. `instead`: it was spoilt on its way. */
  readonly place: 'beside' | 'instead';
  /** What the outside claims: the true sender, another user, an unknown device, a retry request. */
  readonly claim: 'sender' | 'other' | 'device' | 'retry';
}

interface Case {
  readonly seed: number;
  readonly oneTimeKeys: number;
  /** Whether the two have talked before, so that mail comes on sessions that both know. */
  readonly turns: number;
  readonly lines: number;
  readonly forgeries: readonly Forgery[];
}

const damages = fc.record({
  how: fc.constantFrom('flip', 'flip', 'cut', 'extend', 'splice', 'noise', 'empty', 'oversize'),
  at: fc.nat(1 << 16),
  with: fc.nat(255),
});

const cases: fc.Arbitrary<Case> = fc.record({
  seed: fc.nat(1 << 20),
  oneTimeKeys: fc.constantFrom(0, 3),
  turns: fc.nat(2),
  lines: fc.integer({ min: 1, max: 3 }),
  forgeries: fc.array(
    fc.record({
      mail: fc.nat(8),
      damage: damages,
      place: fc.constantFrom('beside', 'beside', 'instead'),
      claim: fc.constantFrom('sender', 'sender', 'sender', 'other', 'device', 'retry'),
    }),
    { minLength: 1, maxLength: 6 },
  ),
});

testLaw({ name: 'forgery', cases, check, saboteurs: ['trust-any-identity', 'drop-damaged-mail'] });

function check(story: Case, sabotage: readonly Sabotage[]): void {
  const { seed, oneTimeKeys, turns, lines } = story;
  const world = new World({ seed, oneTimeKeys, sabotage });
  const [ada, bo, cy] = [world.create('ada'), world.create('bo'), world.create('cy')];
  for (let turn = 0; turn < turns; turn++) {
    for (const from of [ada, bo]) {
      from.send([user('ada'), user('bo')], `turn ${turn}`);
      world.settle();
    }
  }
  cy.send([user('bo')], 'from cy');
  world.settle();
  for (let line = 0; line < lines; line++) ada.send([user('bo')], `line ${line}`);
  for (let i = 0; i < 4; i++) ada.work();
  const mail = bo.fetch();
  invariant(mail.length === lines, 'all lines wait');
  const spoilt = new Set<number>();
  for (const forgery of story.forgeries) forge(world, bo, { forgery, mail, spoilt });
  world.settle();
  checkWorld(world);
}

function forge(
  world: World,
  victim: TestDevice,
  {
    forgery,
    mail,
    spoilt,
  }: { forgery: Forgery; mail: readonly IncomingEnvelope[]; spoilt: Set<number> },
): void {
  const real = mail[forgery.mail % mail.length];
  invariant(real !== undefined, 'some mail waits');
  const isInstead =
    forgery.place === 'instead' && !spoilt.has(real.seq) && forgery.claim === 'sender';
  if (isInstead) spoilt.add(real.seq);
  const content = spoil(real.content, forgery.damage);
  if (isStillReal(real.content, content)) return;
  const claimed = claim(world, victim, { ...real, content }, forgery);
  const before = stateOf(victim.log);
  const seq = isInstead ? real.seq : 1_000_000;
  victim.takeIn([{ ...claimed, seq }]);
  expect(withoutOutbox(stateOf(victim.log))).toEqual(withoutOutbox(before));
}

/** No tag covers the registration id, nor fields that no release knows: without them it is real. */
function isStillReal(real: Uint8Array, forged: Uint8Array): boolean {
  const [a, b] = [parseMessage(real), parseMessage(forged)];
  if (!a.ok || !b.ok || a.value.kind === 'regular' || b.value.kind === 'regular') return false;
  return isDeepStrictEqual({ ...a.value, registrationId: 0 }, { ...b.value, registrationId: 0 });
}

/** A retry request may leave; nothing else may. */
function withoutOutbox(state: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(state).filter(([key]) => !key.startsWith('outbox ')));
}

function claim(
  world: World,
  victim: TestDevice,
  envelope: IncomingEnvelope,
  forgery: Forgery,
): IncomingEnvelope {
  const cy = world.devicesOf(user('cy'))[0];
  invariant(cy !== undefined, 'cy has a device');
  switch (forgery.claim) {
    case 'sender':
      return envelope;
    case 'other':
      return { ...envelope, sender: cy.userId, senderDevice: cy.own().deviceId };
    case 'device':
      return { ...envelope, senderDevice: victim.own().deviceId };
    case 'retry':
      return { ...envelope, kind: 'retry' };
  }
}

/** Spoils content; what comes out is never what went in. */
function spoil(content: Uint8Array, { how, at, with: value }: Damage): Uint8Array {
  const place = at % content.length;
  switch (how) {
    case 'flip': {
      const flipped = content.slice();
      flipped[place] = (flipped[place] ?? 0) ^ (1 << (value & 7));
      return flipped;
    }
    case 'cut':
      return content.slice(0, place);
    case 'extend':
      return Uint8Array.of(...content, value);
    case 'splice':
      return Uint8Array.of(...content.subarray(0, place), value, ...content.subarray(place));
    case 'noise':
      return content.map((byte, i) => (i < 1 ? byte : byte ^ (value | 1) ^ (i & 0xff)));
    case 'empty':
      return new Uint8Array(0);
    case 'oversize':
      return new Uint8Array(ENVELOPE_BYTES_MAX * 2).fill(value);
  }
}
