/** Any order of delivery within the limits gives the same plaintexts, and no key is used twice. */

import { bytesToHex } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RatchetMessage } from '../src/index.ts';
import type { Side, TalkOptions, Variant } from './variants.ts';
import { Talk, holds, other, variants } from './variants.ts';

interface Event {
  readonly kind: 'send' | 'deliver' | 'repeat';
  readonly side: Side;
  readonly at: number;
}

const events: fc.Arbitrary<Event[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('send', 'send', 'send', 'deliver', 'deliver', 'deliver', 'repeat'),
    side: fc.constantFrom('alice', 'bob'),
    at: fc.nat({ max: 1000 }),
  }),
  { minLength: 4, maxLength: 60 },
);

interface Letter {
  readonly message: RatchetMessage;
  readonly body: number;
}

/** Plays the events, then delivers what still lies around, in an order the script decides too. */
function play<S extends object>(
  variant: Variant<S>,
  script: readonly Event[],
  options: TalkOptions & { readonly crypto?: Crypto },
): void {
  const limits = { olderChainsMax: 100, ...options.limits };
  const talk = new Talk(variant, options.crypto ?? nodeCrypto, { ...options, limits });
  const waiting: Record<Side, Letter[]> = { alice: [], bob: [] };
  const seen: Record<Side, RatchetMessage[]> = { alice: [], bob: [] };
  let body = 0;
  const deliver = (to: Side, at: number): void => {
    const [letter] = waiting[to].splice(at % Math.max(1, waiting[to].length), 1);
    if (letter === undefined) return;
    if (talk.deliver(to, letter.message) !== letter.body) throw new Error('a wrong plaintext');
    seen[to].push(letter.message);
  };
  talk.deliver('bob', talk.send('alice'));
  for (const { kind, side, at } of script) {
    if (kind === 'send') {
      body += 1;
      waiting[other(side)].push({ message: talk.send(side, body), body });
    } else if (kind === 'deliver') {
      deliver(side, at);
    } else {
      const again = seen[side][at % Math.max(1, seen[side].length)];
      if (again !== undefined && talk.try(side, again).ok) throw new Error('a repeat was taken');
    }
  }
  script.forEach(({ side, at }, i) => deliver(other(side), at + i));
  for (const side of ['alice', 'bob'] as const) while (waiting[side].length > 0) deliver(side, 0);
  for (const side of ['alice', 'bob'] as const) {
    if (talk.variant.held(talk.states[side]) !== 0) throw new Error('all came, yet keys are held');
  }
}

/** Every message key that encrypted or opened something, as hex. */
function recording(): {
  readonly crypto: Crypto;
  readonly sent: string[];
  readonly opened: string[];
} {
  const sent: string[] = [];
  const opened: string[] = [];
  const shown = (keys: Secret): string => bytesToHex(nodeCrypto.exportSecret(keys));
  const crypto: Crypto = {
    ...nodeCrypto,
    encrypt(keys, plaintext) {
      sent.push(shown(keys));
      return nodeCrypto.encrypt(keys, plaintext);
    },
    decrypt(keys, ciphertext) {
      opened.push(shown(keys));
      return nodeCrypto.decrypt(keys, ciphertext);
    },
  };
  return { crypto, sent, opened };
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]),
  );
}

/** Two messages of each of three chains held back around the one that was delivered. */
function everyOrder<S extends object>(variant: Variant<S>, options: TalkOptions): void {
  const talk = new Talk(variant, nodeCrypto, options);
  const held: RatchetMessage[] = [];
  for (let chain = 0; chain < 3; chain++) {
    const early = talk.send('alice', held.length);
    const carrier = talk.send('alice', 99);
    held.push(early, talk.send('alice', held.length + 1));
    talk.deliver('bob', carrier);
    talk.deliver('alice', talk.send('bob'));
  }
  talk.deliver('bob', talk.send('alice'));
  const start = talk.states.bob;
  for (const order of permutations([0, 1, 2, 3, 4, 5])) {
    talk.states.bob = start;
    for (const at of order) {
      const message = held[at];
      if (message === undefined || talk.deliver('bob', message) !== at) throw new Error('wrong');
    }
  }
}

describe.each(variants)('the %s ratchet', (_name, variant) => {
  const anyOrder = (options: TalkOptions): void => {
    fc.assert(fc.property(events, (script) => play(variant, script, options)));
  };

  it('opens messages in any order of delivery within the limits', () => anyOrder({}));

  it('is noticed to lose messages where skipped keys are not stored', () => {
    expect(holds(() => anyOrder({ sabotage: 'forgets-skipped' }))).toBe(false);
  });

  it('opens six messages over three turns in every order', () => everyOrder(variant, {}));

  it('is noticed to lose some of the six', () => {
    expect(holds(() => everyOrder(variant, { sabotage: 'forgets-skipped' }))).toBe(false);
    expect(holds(() => everyOrder(variant, { limits: { skippedKeysMax: 0 } }))).toBe(false);
  });

  const keysOnce = (options: TalkOptions): void => {
    fc.assert(
      fc.property(events, (script) => {
        const { crypto, sent, opened } = recording();
        play(variant, script, { ...options, crypto });
        expect(new Set(sent).size).toBe(sent.length);
        expect(new Set(opened).size).toBe(opened.length);
        expect(opened.toSorted()).toEqual(sent.toSorted());
      }),
    );
  };

  it('never uses a message key twice', () => keysOnce({}));

  it.each(['stalls-sending', 'keeps-used-seed'] as const)('is noticed where it %s', (sabotage) => {
    expect(holds(() => keysOnce({ sabotage }))).toBe(false);
  });
});
