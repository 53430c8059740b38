/**
 * What a thief of a state can do with it, computed: from every secret in it all message keys are
 * derived that follow from it, with every public key that was on the wire.
 */

import { bytesToHex } from '@simsim/bytes';
import type { Crypto, PublicKey, Secret } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RatchetMessage } from '../src/index.ts';
import type { Side, TalkOptions, Variant } from './variants.ts';
import { AD, Talk, holds, other, variants } from './variants.ts';

const CHAIN_STEPS = 24;

/** A backend that notes public keys it made and message keys it used. */
function noting(): {
  readonly crypto: Crypto;
  readonly publics: PublicKey[];
  readonly keys: string[];
} {
  const publics: PublicKey[] = [];
  const keys: string[] = [];
  const crypto: Crypto = {
    ...nodeCrypto,
    keyPair(entropy) {
      const pair = nodeCrypto.keyPair(entropy);
      publics.push(pair.publicKey);
      return pair;
    },
    encrypt(messageKeys, plaintext) {
      keys.push(shown(messageKeys));
      return nodeCrypto.encrypt(messageKeys, plaintext);
    },
  };
  return { crypto, publics, keys };
}

function shown(secret: Secret): string {
  return bytesToHex(nodeCrypto.exportSecret(secret));
}

/** All message keys that follow from the secrets of a state: as seeds, chains, roots, private keys. */
function derivable<S extends object>(
  variant: Variant<S>,
  state: S,
  publics: readonly PublicKey[],
): ReadonlySet<string> {
  const found = new Set<string>();
  const { messageInfo, rootInfo } = variant.suite;
  const stolen = variant.secrets(state).map((secret) => nodeCrypto.exportSecret(secret));
  const fromChain = (chain: Secret<'chain'>): void => {
    let at = chain;
    for (let i = 0; i < CHAIN_STEPS; i++) {
      const [next, seed] = nodeCrypto.chainStep(at);
      found.add(shown(nodeCrypto.messageKeys(seed, undefined, messageInfo)));
      at = next;
    }
  };
  for (const bytes of stolen) {
    const seed = nodeCrypto.importSecret('seed', bytes);
    found.add(shown(nodeCrypto.messageKeys(seed, undefined, messageInfo)));
    fromChain(nodeCrypto.importSecret('chain', bytes));
  }
  const privateKeys = privateKeysOf(state);
  const { root } = rootOf(state);
  for (const own of privateKeys) {
    for (const peer of publics) {
      const shared = nodeCrypto.dh(own, peer);
      if (shared === undefined) continue;
      const [, chain] = nodeCrypto.hkdf([shared], root, rootInfo, ['root', 'chain']);
      fromChain(chain);
    }
  }
  return found;
}

interface Rooted {
  readonly root: Secret<'root'>;
  readonly sending: { readonly own?: { readonly privateKey: Secret<'dh'> } };
}

/** Both kinds of state hold these; the plain one in its hot part. */
function rootOf(state: object): Rooted {
  return ('hot' in state ? state.hot : state) as Rooted;
}

function privateKeysOf(state: object): readonly Secret<'dh'>[] {
  const { own } = rootOf(state).sending;
  return own === undefined ? [] : [own.privateKey];
}

/** Who sends next, and whether the message comes at once, later, or never. */
const scripts = fc.array(
  fc.record({
    from: fc.constantFrom('alice' as const, 'bob' as const),
    fate: fc.constantFrom('now' as const, 'now' as const, 'later' as const),
  }),
  { minLength: 1, maxLength: 14 },
);

/** After each message neither its sender nor its receiver holds anything that leads to its key. */
function forgets(variant: Variant<object>, options: TalkOptions): void {
  fc.assert(
    fc.property(scripts, (script) => {
      const { crypto, publics, keys } = noting();
      const talk = new Talk(variant, crypto, options);
      const late: { readonly to: Side; readonly message: RatchetMessage; readonly key: string }[] =
        [];
      const gone: Record<Side, Set<string>> = { alice: new Set(), bob: new Set() };
      const check = (side: Side): void => {
        const reach = derivable(variant, talk.states[side], publics);
        for (const key of gone[side])
          if (reach.has(key)) throw new Error('a used key is derivable');
      };
      const letters = [{ from: 'alice', fate: 'now' } as const, ...script];
      for (const { from, fate } of letters) {
        const message = talk.send(from);
        const key = keys.at(-1) ?? '';
        gone[from].add(key);
        const to = other(from);
        if (fate === 'later') {
          late.push({ to, message, key });
        } else {
          talk.deliver(to, message);
          gone[to].add(key);
        }
      }
      for (const { to, message, key } of late) {
        talk.deliver(to, message);
        gone[to].add(key);
      }
      check('alice');
      check('bob');
    }),
    { numRuns: 40 },
  );
}

/**
 * A copy of Alice's state runs along, sees the whole wire and does what she does, but cannot know
 * her entropy. Once both ends have turned it opens nothing and derives nothing.
 */
function heals(variant: Variant<object>, options: TalkOptions): void {
  fc.assert(
    fc.property(scripts, fc.constantFrom<Side>('alice', 'bob'), (script, victim) => {
      const { crypto, publics, keys } = noting();
      const talk = new Talk(variant, crypto, options);
      talk.roundTrip();
      for (const { from, fate } of script) {
        const message = talk.send(from);
        if (fate === 'now') talk.deliver(other(from), message);
      }
      let copy = talk.states[victim];
      const foreign = noting().crypto;
      const open = (message: RatchetMessage): boolean => {
        const env = { ...talk.receiveEnv(), crypto: foreign };
        const step = variant.decrypt(copy, { message, associatedData: AD }, env);
        if (step.ok) copy = step.value.state;
        return step.ok;
      };
      const sendAlong = (): void => {
        const entropy = (length: number): Uint8Array => new Uint8Array(length).fill(0x5c);
        const input = { plaintext: AD, associatedData: AD };
        const env = { ...talk.sendEnv(), crypto: foreign, entropy };
        const step = variant.encrypt(copy, input, env);
        if (step.ok) copy = step.value.state;
      };
      const exchange = (from: Side): boolean => {
        const message = talk.send(from);
        const opened = from === victim ? false : open(message);
        if (from === victim) sendAlong();
        talk.deliver(other(from), message);
        return opened;
      };
      // Two turns of each end: whatever the copy held of them is spent, then both are new.
      for (let turn = 0; turn < 2; turn++)
        for (const from of ['alice', 'bob'] as const) exchange(from);
      const since = keys.length;
      const reach = [derivable(variant, copy, publics)];
      for (let turn = 0; turn < 3; turn++) {
        for (const from of ['alice', 'bob'] as const) {
          if (exchange(from)) throw new Error('a stolen copy still opens messages');
          reach.push(derivable(variant, copy, publics));
        }
      }
      for (const key of keys.slice(since)) {
        if (reach.some((known) => known.has(key))) throw new Error('a stolen copy derives keys');
      }
    }),
    { numRuns: 25 },
  );
}

describe.each(variants)('the %s ratchet', (_name, variant) => {
  it('holds what leads to a key until then, and the search finds it', () => {
    const { crypto, publics, keys } = noting();
    const talk = new Talk(variant, crypto);
    const reaches = (side: Side, key: string | undefined): boolean =>
      derivable(variant, talk.states[side], publics).has(key ?? '');
    for (const from of ['alice', 'alice', 'bob', 'alice'] as const) {
      const message = talk.send(from);
      const key = keys.at(-1);
      expect([reaches(from, key), reaches(other(from), key)]).toEqual([false, true]);
      talk.deliver(other(from), message);
      expect(reaches(other(from), key)).toBe(false);
    }
    const [late, message] = [talk.send('alice'), talk.send('alice')];
    const key = keys.at(-2);
    talk.deliver('bob', message);
    expect(reaches('bob', key)).toBe(true);
    talk.deliver('bob', late);
    expect(reaches('bob', key)).toBe(false);
  });

  it('holds nothing that leads to the key of a message once it has used it', () => {
    forgets(variant, {});
  });

  it.each(['keeps-spent-seed', 'keeps-used-seed'] as const)(
    'is noticed where it %s',
    (sabotage) => {
      expect(holds(() => forgets(variant, { sabotage }))).toBe(false);
    },
  );

  it('heals: a stolen state is worthless after both ends have turned', () => heals(variant, {}));

  it('is noticed not to heal where ratchet keys can be foreseen', () => {
    const sabotage = 'predictable-ratchet-key';
    expect(holds(() => heals(variant, { sabotage }))).toBe(false);
  });
});
