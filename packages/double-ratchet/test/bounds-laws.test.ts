/** What is kept for late messages is bounded, dies in time, and costs ordinary messages nothing. */

import type { Crypto } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RatchetMessage } from '../src/index.ts';
import { defaultRatchetLimits } from '../src/index.ts';
import type { TalkOptions, Variant } from './variants.ts';
import { Talk, headers, holds, variants } from './variants.ts';

const derivations = [
  'dh',
  'hkdf',
  'chainStep',
  'chainMessage',
  'messageKeys',
  'open',
  'tagMatches',
] as const;

/** A backend that counts its calls: what a step costs, without a clock. */
function counting(): { readonly crypto: Crypto; readonly count: (step: () => void) => number } {
  let calls = 0;
  const counted = Object.fromEntries(
    derivations.map((name) => [
      name,
      (...given: unknown[]) => {
        calls += 1;
        return Reflect.apply(nodeCrypto[name], nodeCrypto, given) as unknown;
      },
    ]),
  );
  const crypto: Crypto = { ...nodeCrypto, ...counted };
  return {
    crypto,
    count(step) {
      calls = 0;
      step();
      return calls;
    },
  };
}

/** A thousand keys held change nothing for a message in order, and each of them opens its own. */
function thousandHeld(variant: Variant<object>, options: TalkOptions): void {
  const { crypto, count } = counting();
  const talk = new Talk(variant, crypto, options);
  talk.roundTrip();
  talk.deliver('bob', talk.send('alice'));
  const inOrder = (): number => {
    const message = talk.send('alice', 5);
    return count(() => talk.deliver('bob', message));
  };
  const costWithout = inOrder();
  const late = Array.from({ length: 1000 }, (_, i) => talk.send('alice', i));
  talk.deliver('bob', talk.send('alice'));
  expect(variant.held(talk.states.bob)).toBe(1000);
  expect(inOrder()).toBe(costWithout);
  const costs = late.toReversed().map((message, i) =>
    count(() => {
      if (talk.deliver('bob', message) !== 999 - i) throw new Error('a wrong plaintext');
    }),
  );
  expect(Math.max(...costs)).toBeLessThanOrEqual(costWithout + 1);
  expect(variant.held(talk.states.bob)).toBe(0);
}

/** However much is lost over however many turns: no more is kept than the limits say. */
function isBounded(variant: Variant<object>, options: TalkOptions): void {
  const losses = fc.array(fc.nat({ max: 14 }), { minLength: 4, maxLength: 12 });
  const limits = { skippedKeysMax: 30, blocksMax: 6, headerKeysMax: 3, blockKeysMax: 4 };
  fc.assert(
    fc.property(losses, (turns) => {
      const talk = new Talk(variant, nodeCrypto, { ...options, limits });
      talk.roundTrip();
      let newest: RatchetMessage | undefined;
      for (const lost of [...turns, 20, 20]) {
        for (let i = 0; i < lost; i++) newest = talk.send('alice', 3);
        talk.deliver('bob', talk.send('alice'));
        talk.deliver('alice', talk.send('bob'));
        const { bob } = talk.states;
        expect(variant.held(bob)).toBeLessThanOrEqual(limits.skippedKeysMax);
        if ('closed' in bob && Array.isArray(bob.closed)) {
          expect(bob.closed.length).toBeLessThanOrEqual(limits.headerKeysMax);
        }
        if ('blocks' in bob && bob.blocks instanceof Map) expect(bob.blocks.size).toBeLessThan(7);
      }
      // The oldest went first: the newest is there.
      if (newest === undefined || talk.deliver('bob', newest) !== 3) throw new Error('lost');
    }),
    { numRuns: 20 },
  );
}

/** A key is there for exactly `blockLifeMessages` further messages. */
function diesByCount(variant: Variant<object>, options: TalkOptions): void {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.boolean(), (life, doesTurn) => {
      const limits = { blockLifeMessages: life, blockOpenMessages: 0 };
      const talk = new Talk(variant, nodeCrypto, { ...options, limits });
      talk.roundTrip();
      const late = talk.send('alice', 8);
      talk.deliver('bob', talk.send('alice'));
      if (doesTurn) talk.deliver('alice', talk.send('bob'));
      for (let i = 0; i < life; i++) talk.deliver('bob', talk.send('alice'));
      const young = talk.states.bob;
      expect(talk.deliver('bob', late)).toBe(8);
      talk.states.bob = young;
      talk.deliver('bob', talk.send('alice'));
      expect(variant.held(talk.states.bob)).toBe(0);
      expect(talk.try('bob', late).ok).toBe(false);
    }),
    { numRuns: 20 },
  );
}

/** A key is there for exactly `blockLifeMs`, and gone from the state with the next message. */
function diesByTime(variant: Variant<object>, options: TalkOptions): void {
  fc.assert(
    fc.property(fc.nat({ max: 1e6 }), fc.integer({ min: 1, max: 1e6 }), (bornAtMs, blockLifeMs) => {
      const talk = new Talk(variant, nodeCrypto, { ...options, limits: { blockLifeMs } });
      talk.elapsedMs = bornAtMs;
      talk.roundTrip();
      const [late, later] = [talk.send('alice', 8), talk.send('alice', 9)];
      talk.deliver('bob', talk.send('alice'));
      const young = talk.states.bob;
      const next = talk.send('alice');
      for (const at of [bornAtMs + blockLifeMs, bornAtMs]) {
        talk.elapsedMs = at;
        expect(talk.deliver('bob', late)).toBe(8);
        talk.states.bob = young;
      }
      for (const at of [bornAtMs + blockLifeMs + 1, bornAtMs - 1]) {
        talk.states.bob = young;
        talk.elapsedMs = at;
        expect(talk.refused('bob', late)).toBe('DUPLICATE');
        expect(talk.states.bob).toBe(young);
        talk.deliver('bob', next);
        expect(variant.held(talk.states.bob)).toBe(0);
        talk.elapsedMs = bornAtMs;
        expect(talk.refused('bob', later)).toBe('DUPLICATE');
      }
    }),
    { numRuns: 20 },
  );
}

function jumpIsBounded(variant: Variant<object>, options: TalkOptions): void {
  const talk = new Talk(variant, nodeCrypto, { ...options, limits: { forwardJumpMax: 10 } });
  talk.roundTrip();
  talk.deliver('bob', talk.send('alice'));
  const ahead = Array.from({ length: 12 }, (_, i) => talk.send('alice', i));
  const start = talk.states.bob;
  expect(talk.refused('bob', ahead[11] ?? talk.send('alice'))).toBe('TOO_FAR_AHEAD');
  expect(talk.states.bob).toBe(start);
  expect(talk.deliver('bob', ahead[10] ?? talk.send('alice'))).toBe(10);
}

describe.each(variants)('the %s ratchet', (_name, variant) => {
  it('works with a thousand skipped keys held, at the price of none', () => {
    thousandHeld(variant, {});
  });

  it('keeps no more than its limits say', () => isBounded(variant, {}));

  it('forgets skipped keys after a number of messages', () => diesByCount(variant, {}));

  it('forgets skipped keys after a time, and those of unknown age', () => diesByTime(variant, {}));

  it('skips as far as the limit and not one further', () => jumpIsBounded(variant, {}));

  it('is noticed to have no limits', () => {
    expect(holds(() => isBounded(variant, { sabotage: 'stores-without-limit' }))).toBe(false);
    expect(holds(() => diesByCount(variant, { sabotage: 'never-expires' }))).toBe(false);
    expect(holds(() => diesByTime(variant, { sabotage: 'never-expires' }))).toBe(false);
    expect(holds(() => jumpIsBounded(variant, { sabotage: 'jumps-without-limit' }))).toBe(false);
  });

  it('needs the time in every step once a life in milliseconds is set', () => {
    const talk = new Talk(variant, nodeCrypto, { limits: { blockLifeMs: 5 } });
    const late = talk.send('alice');
    const message = talk.send('alice');
    expect(late.header).not.toEqual(message.header);
    talk.elapsedMs = 3;
    talk.deliver('bob', message);
    talk.elapsedMs = undefined;
    expect(() => talk.try('bob', late)).toThrow('needs the time');
  });
});

it('is noticed to try a header once for each key', () => {
  expect(holds(() => thousandHeld(headers, { sabotage: 'tries-every-key' }))).toBe(false);
});

it('has defaults that bound what one message can cost', () => {
  expect(defaultRatchetLimits.forwardJumpMax).toBeLessThanOrEqual(2_000);
  expect(defaultRatchetLimits.skippedKeysMax).toBeLessThanOrEqual(1_000);
});
