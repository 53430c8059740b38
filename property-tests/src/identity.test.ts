/**
 * A user who comes with another identity key is told in every path, and nothing that was known of the
 * user changes, until the application trusts the new key. What was sent meanwhile waits and never goes
 * to the new key unasked; then it leaves, and what came meanwhile is asked for again (SES-31, SES-36,
 * SES-56, SES-79, SES-89).
 */

import fc from 'fast-check';
import type { IdentityModel } from '@simsim/relay-protocol';
import type { Sabotage } from '@simsim/sesame';
import { expect } from 'vitest';
import { checkDevice } from './checks.ts';
import { testLaw } from './law.ts';
import type { TestDevice } from './test-device.ts';
import { createAtTwoRelays } from './two-relays.ts';
import { user, World } from './world.ts';

interface Case {
  readonly seed: number;
  readonly oneTimeKeys: number;
  readonly identityModel?: IdentityModel;
  /** What the two do before the key is trusted. */
  readonly before: readonly ('write' | 'answer' | 'learn' | 'restart')[];
}

const cases: fc.Arbitrary<Case> = fc.record({
  seed: fc.nat(1 << 20),
  oneTimeKeys: fc.constantFrom(0, 3),
  identityModel: fc.constantFrom<IdentityModel>('per-user', 'per-device'),
  before: fc.array(fc.constantFrom('write', 'answer', 'learn', 'restart'), {
    minLength: 1,
    maxLength: 5,
  }),
});

testLaw({
  name: 'identity',
  cases,
  check,
  saboteurs: ['trust-any-identity', 'take-offered-key', 'drop-held-mail'],
});

function check(story: Case, sabotage: readonly Sabotage[]): void {
  const { seed, oneTimeKeys, identityModel = 'per-user' } = story;
  const world = new World({ seed, oneTimeKeys, identityModel, sabotage });
  const { ada, other } = createAtTwoRelays(world);
  const bo = world.create('bo');
  ada.send([user('bo')], 'before');
  bo.send([user('ada')], 'before');
  world.settle();
  // From here on another relay answers, with another bo.
  world.relay = other;
  world.devices.splice(world.devices.indexOf(bo), 1);
  const impostor = world.create('bo');
  const record = knownOf(ada);
  const counts = { write: 0, answer: 0 };
  for (const deed of story.before) {
    if (deed === 'write') impostor.send([user('ada')], `trust me ${counts.write++}`);
    if (deed === 'answer') ada.send([user('bo')], `who is it ${counts.answer++}`);
    if (deed === 'learn') learnList(ada);
    if (deed === 'restart') ada.restart();
    world.settle();
    expect(knownOf(ada)).toEqual(record);
  }
  expect([...ada.kept().values()].map(({ line }) => line)).toEqual(['bo: before']);
  expect(impostor.kept().size).toBe(0);
  const isNoticed = ada.effects.some((effect) => effect.type === 'identityChanged');
  expect(isNoticed).toBe(story.before.some((deed) => deed !== 'restart'));

  // A key of one device among several has no place before a list has shown it.
  if (identityModel === 'per-device') learnList(ada);
  const identityKey = impostor.own().identity.publicKey.bytes;
  ada.run({ type: 'trustIdentity', userId: user('bo'), identityKey });
  ada.send([user('bo')], 'after');
  impostor.send([user('ada')], 'after');
  world.settle();
  const heard = linesOf(ada);
  expect(heard).toEqual(['bo: after', 'bo: before', ...lines('bo: trust me', counts.write)]);
  expect(linesOf(impostor)).toEqual(['ada: after', ...lines('ada: who is it', counts.answer)]);
  checkDevice(ada);
}

function learnList(device: TestDevice): void {
  const answer = device.world.ask({ kind: 'getList', userId: user('bo'), since: 0 });
  if (answer.kind !== 'getList' || answer.result.kind !== 'list') return;
  device.run({ type: 'listLearned', list: answer.result.list });
}

/** What is pinned and which sessions there are; a key that was offered stands beside it. */
function knownOf(device: TestDevice): unknown {
  const { identityKey, listVersion, devices } = device.record(user('bo'));
  return { identityKey, listVersion, devices };
}

function linesOf(device: TestDevice): string[] {
  const kept = [...device.kept().values()];
  expect(kept.every(({ count }) => count === 1)).toBe(true);
  return kept.map(({ line }) => line).sort();
}

const lines = (text: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${text} ${i}`);
