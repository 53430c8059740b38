/** A refused message changes nothing, and a message seen before is refused before any derivation. */

import type { Crypto, Secret } from '@simsim/crypto';
import { nobleCrypto } from '@simsim/crypto/noble';
import { nodeCrypto } from '@simsim/crypto/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RatchetMessage } from '../src/index.ts';
import { decodeHeader, encodeHeader } from '../src/index.ts';
import type { TalkOptions, Variant } from './variants.ts';
import { AD, Talk, fingerprint, holds, variants } from './variants.ts';

type AnyTalk = Talk<object>;

/** What an attacker can lay hands on, by the path it takes through the ratchet. */
const targets: Record<string, (talk: AnyTalk) => RatchetMessage> = {
  'in order': (talk) => talk.send('alice', 7),
  skipped(talk) {
    const late = talk.send('alice', 7);
    talk.deliver('bob', talk.send('alice'));
    return late;
  },
  future(talk) {
    for (let i = 0; i < 40; i++) talk.send('alice');
    return talk.send('alice', 7);
  },
  'of an old chain'(talk) {
    const late = talk.send('alice', 7);
    talk.deliver('bob', talk.send('alice'));
    talk.roundTrip('bob');
    return late;
  },
  'of a new chain'(talk) {
    talk.deliver('bob', talk.send('alice'));
    talk.send('alice'); // lost: a gap in the old chain, and one in the new
    talk.deliver('alice', talk.send('bob'));
    talk.send('alice');
    return talk.send('alice', 7);
  },
};

type Damage =
  | { readonly part: 'header' | 'ciphertext' | 'tag'; readonly at: number; readonly bit: number }
  | { readonly part: 'cut' | 'extended'; readonly of: 'header' | 'ciphertext'; readonly by: number }
  | { readonly part: 'counter' | 'previous'; readonly value: number }
  | { readonly part: 'key'; readonly seed: number };

const damages: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({
    part: fc.constantFrom('header' as const, 'ciphertext' as const, 'tag' as const),
    at: fc.nat(200),
    bit: fc.nat(7),
  }),
  fc.record({
    part: fc.constantFrom('cut' as const, 'extended' as const),
    of: fc.constantFrom('header' as const, 'ciphertext' as const),
    by: fc.integer({ min: 1, max: 90 }),
  }),
  fc.record({
    part: fc.constantFrom('counter' as const, 'previous' as const),
    value: fc.oneof(fc.nat(60), fc.constantFrom(1999, 2000, 2001, 0xffff_fffe, 0xffff_ffff)),
  }),
  fc.record({ part: fc.constant('key' as const), seed: fc.nat(255) }),
);

/** The damaged message, or nothing where the damage leaves it as it was. */
function spoil(
  message: RatchetMessage,
  damage: Damage,
  crypto: Crypto,
): RatchetMessage | undefined {
  const { header, ciphertext } = message;
  switch (damage.part) {
    case 'header':
      return { header: flip(header, damage.at % header.length, damage.bit), ciphertext };
    case 'ciphertext': {
      const body = ciphertext.length - 16;
      return { header, ciphertext: flip(ciphertext, damage.at % body, damage.bit) };
    }
    case 'tag': {
      const at = ciphertext.length - 1 - (damage.at % 16);
      return { header, ciphertext: flip(ciphertext, at, damage.bit) };
    }
    case 'cut':
    case 'extended': {
      const bytes = message[damage.of];
      const length = damage.part === 'cut' ? bytes.length - damage.by : bytes.length + damage.by;
      const other = new Uint8Array(Math.max(0, length));
      other.set(bytes.subarray(0, other.length));
      return { ...message, [damage.of]: other };
    }
    case 'counter':
    case 'previous':
    case 'key': {
      // Only a plain header can be rewritten; an encrypted one has no such places.
      const plain = decodeHeader(header, crypto);
      if (plain === undefined) return undefined;
      const stranger = (seed: number): Uint8Array =>
        crypto.keyPair(new Uint8Array(32).fill(seed + 1)).publicKey.bytes;
      const rewritten = encodeHeader({
        ...plain,
        ...(damage.part === 'counter' ? { counter: damage.value } : {}),
        ...(damage.part === 'previous' ? { previousCount: damage.value } : {}),
        ...(damage.part === 'key' ? { ratchetKey: stranger(damage.seed) } : {}),
      });
      return rewritten.join() === header.join() ? undefined : { header: rewritten, ciphertext };
    }
  }
}

function flip(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  const damaged = bytes.slice();
  damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
  return damaged;
}

function changesNothing(
  variant: Variant<object>,
  target: (talk: AnyTalk) => RatchetMessage,
  options: TalkOptions,
): void {
  const talk = new Talk(variant, nobleCrypto, options);
  talk.roundTrip();
  talk.deliver('bob', talk.send('alice'));
  talk.deliver('alice', talk.send('bob'));
  const genuine = target(talk);
  const state = talk.states.bob;
  const before = fingerprint(state);
  const refuse = (message: RatchetMessage, associatedData: Uint8Array): void => {
    const step = variant.decrypt(state, { message, associatedData }, talk.receiveEnv());
    if (step.ok) throw new Error('a damaged message was taken');
    if (fingerprint(state) !== before) throw new Error('a refusal left traces');
  };
  refuse(genuine, Uint8Array.of(...AD, 0));
  fc.assert(
    fc.property(damages, (damage) => {
      const damaged = spoil(genuine, damage, nobleCrypto);
      if (damaged !== undefined) refuse(damaged, AD);
    }),
  );
  if (talk.deliver('bob', genuine) !== 7) throw new Error('the genuine message is lost');
}

/** Names of the calls a step makes, in which keys are derived or used. */
function watching(): { readonly crypto: Crypto; readonly calls: string[] } {
  const calls: string[] = [];
  const crypto: Crypto = {
    ...nodeCrypto,
    dh: (...given) => (calls.push('dh'), nodeCrypto.dh(...given)),
    chainStep: (...given) => (calls.push('chainStep'), nodeCrypto.chainStep(...given)),
    chainMessage: (...given) => (calls.push('chainMessage'), nodeCrypto.chainMessage(...given)),
    messageKeys: (...given) => (calls.push('messageKeys'), nodeCrypto.messageKeys(...given)),
    tagMatches: (...given) => (calls.push('tagMatches'), nodeCrypto.tagMatches(...given)),
  };
  return { crypto, calls };
}

/** A backend that knows which of its secrets were not wiped. */
function tracking(): { readonly crypto: Crypto; readonly alive: Set<Secret> } {
  const alive = new Set<Secret>();
  const made = <S extends readonly Secret[]>(secrets: S): S => {
    for (const secret of secrets) alive.add(secret);
    return secrets;
  };
  const crypto: Crypto = {
    ...nodeCrypto,
    keyPair(entropy) {
      const pair = nodeCrypto.keyPair(entropy);
      alive.add(pair.privateKey);
      return pair;
    },
    dh(own, peer) {
      const shared = nodeCrypto.dh(own, peer);
      if (shared !== undefined) alive.add(shared);
      return shared;
    },
    hkdf: (...given) => made(nodeCrypto.hkdf(...given)),
    chainStep: (chain) => made(nodeCrypto.chainStep(chain)),
    chainMessage: (...given) => made(nodeCrypto.chainMessage(...given)),
    messageKeys(...given) {
      const keys = nodeCrypto.messageKeys(...given);
      alive.add(keys);
      return keys;
    },
    wipe(secret) {
      alive.delete(secret);
      nodeCrypto.wipe(secret);
    },
  };
  return { crypto, alive };
}

/** Whatever a refused message made is wiped; whatever a state lost is given away, nothing else. */
function leavesNothing(variant: Variant<object>, target: (talk: AnyTalk) => RatchetMessage): void {
  const { crypto, alive } = tracking();
  const talk = new Talk(variant, crypto);
  talk.roundTrip();
  talk.deliver('bob', talk.send('alice'));
  talk.deliver('alice', talk.send('bob'));
  const message = target(talk);
  const before = new Set(variant.secrets(talk.states.bob));
  const known = new Set(alive);
  const ciphertext = flip(message.ciphertext, 0, 0);
  expect(talk.refused('bob', { ...message, ciphertext })).toBe('BAD_MAC');
  expect(alive).toEqual(known);
  const step = talk.try('bob', message);
  if (!step.ok) throw new Error('the genuine message is lost');
  const after = new Set(variant.secrets(talk.states.bob));
  const lost = [...before].filter((secret) => !after.has(secret));
  expect(step.value.consumed).toHaveLength(lost.length);
  expect(new Set(step.value.consumed)).toEqual(new Set(lost));
  for (const secret of alive) expect(known.has(secret) || after.has(secret)).toBe(true);
  const sender = new Set(variant.secrets(talk.states.bob));
  const input = { plaintext: AD, associatedData: AD };
  const sent = variant.encrypt(talk.states.bob, input, talk.sendEnv());
  if (!sent.ok) throw new Error('bob can answer');
  const kept = new Set(variant.secrets(sent.value.state));
  const spent = [...sender].filter((secret) => !kept.has(secret));
  expect(new Set(sent.value.consumed)).toEqual(new Set(spent));
  expect(sent.value.consumed).toHaveLength(spent.length);
  for (const secret of alive) {
    expect(known.has(secret) || after.has(secret) || kept.has(secret)).toBe(true);
  }
}

function duplicatesAreCheap(variant: Variant<object>, options: TalkOptions): void {
  fc.assert(
    fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 2 }), (order) => {
      const { crypto, calls } = watching();
      const talk = new Talk(variant, crypto, options);
      talk.roundTrip();
      const sent = Array.from({ length: 6 }, (_, i) => talk.send('alice', i));
      for (const at of order) {
        const message = sent[at];
        if (message === undefined || talk.deliver('bob', message) !== at) throw new Error('lost');
      }
      const state = talk.states.bob;
      for (const at of order) {
        calls.length = 0;
        expect(talk.refused('bob', sent[at] ?? { header: AD, ciphertext: AD })).toBe('DUPLICATE');
        expect(calls).toEqual([]);
        expect(talk.states.bob).toBe(state);
      }
    }),
    { numRuns: 30 },
  );
}

describe.each(variants)('the %s ratchet', (_name, variant) => {
  it.each(Object.entries(targets))(
    'refuses what is damaged and changes nothing: %s',
    (_title, target) => {
      changesNothing(variant, target, {});
    },
  );

  it.each(Object.entries(targets))(
    'leaves no secret behind and gives away all it lost: %s',
    (_title, target) => {
      leavesNothing(variant, target);
    },
  );

  it.each(['moves-before-tag', 'wipes-before-tag'] as const)(
    'is noticed where it %s',
    (sabotage) => {
      for (const target of Object.values(targets)) {
        expect(holds(() => changesNothing(variant, target, { sabotage }))).toBe(false);
      }
    },
  );

  it('refuses duplicates before anything is derived', () => duplicatesAreCheap(variant, {}));

  it('is noticed to derive keys for duplicates', () => {
    expect(holds(() => duplicatesAreCheap(variant, { sabotage: 'derives-duplicates' }))).toBe(
      false,
    );
  });
});
