import { seededEntropy } from '@simsim/crypto';
import type { Crypto } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSymbolicCrypto, Knowledge } from '../src/symbolic/index.ts';
import type { SymbolicCrypto, Term } from '../src/symbolic/index.ts';
import { Talk } from './talk.ts';
import type { End, Offer } from './talk.ts';
import { parseMessage } from '@simsim/session';

const OFFERS: readonly Offer[] = [
  { version: 3, oneTime: true },
  { version: 3, oneTime: false },
  { version: 4, oneTime: true },
  { version: 4, oneTime: false },
];

/** The key a message lies under. */
function keyOf({ keyOf: find }: Pick<SymbolicCrypto, 'keyOf'>, bytes: Uint8Array): Term {
  const parsed = parseMessage(bytes);
  if (!parsed.ok) throw new Error('well-formed');
  const { ciphertext } = parsed.value.kind === 'regular' ? parsed.value : parsed.value.inner;
  const key = find(ciphertext);
  if (key === undefined) throw new Error('every ciphertext lies under a key');
  return key;
}

/** Speaks in turns; answers the keys of what was delivered, by turn. */
function converse(talk: Talk, symbolic: SymbolicCrypto, turns: number): Term[][] {
  const delivered: Term[][] = [];
  const say = (from: End, to: 'alice' | 'bob', count: number): void => {
    const lines = Array.from({ length: count }, (_, i) => talk.send(from, `line ${i}`));
    lines.forEach((line, i) => expect(talk.receive(to, line)).toBe(`line ${i}`));
    delivered.push(lines.map((line) => keyOf(symbolic, line)));
  };
  for (let turn = 0; turn < turns; turn++) {
    if (turn % 2 === 0) say(talk.alice, 'bob', 3);
    else say(talk.bob, 'alice', 3);
  }
  return delivered;
}

/** Which turns somebody can read who takes both sessions as they are. */
function readable(talk: Talk, symbolic: SymbolicCrypto, delivered: Term[][]): number[] {
  const thief = new Knowledge(symbolic.terms);
  for (const end of [talk.alice, talk.bob]) {
    for (const part of talk.written(end)) thief.takeFrom(part);
  }
  return delivered.flatMap((keys, turn) => (keys.some((key) => thief.has(key)) ? [turn] : []));
}

describe('sessions on terms', () => {
  it.each(OFFERS)('speak, in any order, and refuse what was changed: %o', (offer) => {
    const { crypto } = createSymbolicCrypto();
    const talk = new Talk(crypto, offer);
    const late = talk.send(talk.alice, 'late');
    expect(talk.receive('bob', talk.send(talk.alice, 'open'))).toBe('open');
    expect(talk.receive('alice', talk.send(talk.bob, 'sesame'))).toBe('sesame');
    expect(talk.receive('bob', late)).toBe('late');
    const next = talk.send(talk.alice, 'next');
    const spoilt = next.map((byte, i) => (i === next.length - 1 ? byte ^ 1 : byte));
    expect(talk.receive('bob', spoilt)).toBe('BAD_MAC');
    expect(talk.receive('bob', next)).toBe('next');
    expect(talk.receive('bob', next)).not.toBe('next');
  });

  it('write no secret on the wire', () => {
    const symbolic = createSymbolicCrypto();
    const talk = new Talk(symbolic.crypto, { version: 4, oneTime: true });
    const listener = new Knowledge(symbolic.terms);
    for (let i = 0; i < 3; i++) {
      const line = talk.send(talk.alice, 'open');
      expect(talk.receive('bob', line)).toBe('open');
      const answer = talk.send(talk.bob, 'sesame');
      expect(talk.receive('alice', answer)).toBe('sesame');
      listener.takeFrom(line).takeFrom(answer);
    }
    expect(listener.size()).toBe(0);
    for (const part of talk.written(talk.bob)) listener.takeFrom(part);
    expect(listener.size()).toBeGreaterThan(0);
  });

  it('lose nothing delivered to a thief of both ends', () => {
    for (const offer of OFFERS) {
      const symbolic = createSymbolicCrypto();
      const talk = new Talk(symbolic.crypto, offer);
      const delivered = converse(talk, symbolic, 6);
      expect(readable(talk, symbolic, delivered)).toEqual([]);
    }
  });

  it('lose the current chain where the old root is kept next to the chain it produced', () => {
    const symbolic = createSymbolicCrypto();
    const talk = new Talk(keepingRoots(symbolic.crypto), { version: 3, oneTime: true });
    const delivered = converse(talk, symbolic, 6);
    expect(readable(talk, symbolic, delivered)).toEqual([5]);
  });

  it('keep every message shut where one half of its key is lost: the post-quantum chain is the other', () => {
    const symbolic = createSymbolicCrypto();
    const talk = new Talk(keepingRoots(symbolic.crypto), { version: 4, oneTime: true });
    const delivered = converse(talk, symbolic, 6);
    expect(readable(talk, symbolic, delivered)).toEqual([]);
    const halves = delivered.map((keys) => keys.flatMap((key) => symbolic.terms.sourcesOf(key)));
    expect(readable(talk, symbolic, halves)).toEqual([5]);
  });

  it('show the first chain to a thief of the prekeys, as X3DH says, until there was an answer', () => {
    const symbolic = createSymbolicCrypto();
    const talk = new Talk(symbolic.crypto, { version: 4, oneTime: false });
    const delivered = converse(talk, symbolic, 3);
    const thief = new Knowledge(symbolic.terms);
    const { identity, signedPreKey, kem } = talk.bobKeys;
    for (const { privateKey } of [identity, signedPreKey]) thief.take(symbolic.termOf(privateKey));
    expect(delivered.map((keys) => keys.some((key) => thief.has(key)))).toEqual([
      false,
      false,
      false,
    ]);
    thief.take(symbolic.termOf(kem.privateKey));
    expect(delivered.map((keys) => keys.every((key) => thief.has(key)))).toEqual([
      true,
      false,
      false,
    ]);
  });
});

/** A KDF whose root does not move on: both ends agree, and no message is ever missed. */
function keepingRoots(crypto: Crypto): Crypto {
  return {
    ...crypto,
    hkdf(ikm, salt, info, out) {
      const secrets = crypto.hkdf(ikm, salt, info, out);
      if (out.join() !== 'root,chain' || salt === undefined || salt instanceof Uint8Array)
        return secrets;
      const kept = crypto.importSecret('root', crypto.exportSecret(salt));
      return [kept, secrets[1]] as unknown as typeof secrets;
    },
  };
}

const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });

describe('the seam on terms', () => {
  const { crypto } = createSymbolicCrypto();

  it('has equal keys for equal entropy, and a Diffie-Hellman that commutes', () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), (one, other) => {
        const [a, b] = [crypto.keyPair(one), crypto.keyPair(other)];
        const ab = crypto.dh(a.privateKey, b.publicKey);
        const ba = crypto.dh(b.privateKey, a.publicKey);
        if (ab === undefined || ba === undefined) throw new Error('sound keys agree');
        expect(crypto.exportSecret(ab)).toEqual(crypto.exportSecret(ba));
        expect(crypto.keyPair(one).publicKey.bytes).toEqual(a.publicKey.bytes);
      }),
    );
  });

  it('writes a secret down and reads it back as the same', () => {
    fc.assert(
      fc.property(bytes(32), (raw) => {
        const chain = crypto.importSecret('chain', raw);
        expect(crypto.exportSecret(chain)).toEqual(raw);
        const [next] = crypto.chainStep(chain);
        const again = crypto.importSecret('chain', crypto.exportSecret(next));
        const [a] = crypto.chainStep(next);
        const [b] = crypto.chainStep(again);
        expect(crypto.exportSecret(a)).toEqual(crypto.exportSecret(b));
      }),
    );
  });

  it('opens what was sealed with the same key, nonce and context, unchanged, and nothing else', () => {
    const arbitrary = fc.tuple(bytes(32), bytes(12), fc.uint8Array(), fc.uint8Array(), fc.nat());
    fc.assert(
      fc.property(arbitrary, ([raw, nonce, ad, text, place]) => {
        const key = crypto.importSecret('seal', raw);
        const sealed = crypto.seal(key, nonce, [ad], [text]);
        expect(sealed.length).toBe(text.length + 16);
        expect(crypto.open(key, nonce, [ad], sealed)).toEqual(text);
        const other = crypto.importSecret(
          'seal',
          raw.map((byte) => byte ^ 1),
        );
        expect(crypto.open(other, nonce, [ad], sealed)).toBeUndefined();
        expect(crypto.open(key, nonce, [ad, Uint8Array.of(1)], sealed)).toBeUndefined();
        const spoilt = sealed.map((byte, i) => (i === place % sealed.length ? byte ^ 1 : byte));
        expect(crypto.open(key, nonce, [ad], spoilt)).toBeUndefined();
      }),
    );
  });

  it('encapsulates to the owner alone', () => {
    const entropy = seededEntropy(Uint8Array.of(9), nodeCrypto);
    const pair = crypto.kemKeyPair('mlKem1024', entropy(64));
    const other = crypto.kemKeyPair('mlKem1024', entropy(64));
    const made = crypto.encapsulate('mlKem1024', pair.publicKey, entropy(32));
    if (made === undefined) throw new Error('a sound key');
    const sharedBy = (owner: typeof pair, ciphertext: Uint8Array): Uint8Array => {
      const shared = crypto.decapsulate(owner, ciphertext);
      if (shared === undefined) throw new Error('a ciphertext of the right length');
      return crypto.exportSecret(shared);
    };
    const shared = crypto.exportSecret(made.shared);
    expect(sharedBy(pair, made.ciphertext)).toEqual(shared);
    expect(sharedBy(other, made.ciphertext)).not.toEqual(shared);
    const spoilt = made.ciphertext.map((byte, i) => (i === 1567 ? byte ^ 1 : byte));
    expect(sharedBy(pair, spoilt)).not.toEqual(shared);
  });

  it('signs for the owner of a key', () => {
    const entropy = seededEntropy(Uint8Array.of(7), nodeCrypto);
    const pair = crypto.keyPair(entropy(32));
    const device = crypto.signingKeyPair(entropy(32));
    const text = [Uint8Array.of(1, 2), Uint8Array.of(3)];
    const signature = crypto.sign(pair, text, entropy(64));
    expect(crypto.verify(pair.publicKey, [Uint8Array.of(1, 2, 3)], signature)).toBe(true);
    expect(crypto.verify(pair.publicKey, [Uint8Array.of(1, 2, 4)], signature)).toBe(false);
    const other = crypto.keyPair(entropy(32));
    expect(crypto.verify(other.publicKey, text, signature)).toBe(false);
    const signed = crypto.signWithDeviceKey(device, text);
    expect(crypto.verifyDeviceKey(device.publicKey, text, signed)).toBe(true);
    expect(crypto.verifyDeviceKey(pair.publicKey.bytes, text, signed)).toBe(false);
  });

  it('refuses a handle that was wiped, which bytes would not', () => {
    const chain = crypto.importSecret('chain', new Uint8Array(32).fill(7));
    crypto.wipe(chain);
    expect(() => crypto.chainStep(chain)).toThrow('a chain key that was wiped is not used again');
  });

  it('lets a key open its own time and what follows, nothing before', () => {
    const symbolic = createSymbolicCrypto();
    const key = symbolic.crypto.importSecret('stream', new Uint8Array(32).fill(1));
    const [second, first] = symbolic.crypto.sealStep(key);
    const [third, later] = symbolic.crypto.sealStep(second);
    const secret = symbolic.crypto.importSecret('chain', new Uint8Array(32).fill(2));
    symbolic.crypto.seal(later, new Uint8Array(12), [], [Uint8Array.of(1), secret]);
    const at = (handle: Parameters<typeof symbolic.termOf>[0]): Term => symbolic.termOf(handle);
    const knows = (start: Term): boolean[] => {
      const thief = new Knowledge(symbolic.terms).take(start);
      return [first, later, secret].map((each) => thief.has(at(each)));
    };
    expect(knows(at(key))).toEqual([true, true, true]);
    expect(knows(at(second))).toEqual([false, true, true]);
    expect(knows(at(third))).toEqual([false, false, false]);
  });

  it('draws conclusions from what comes later as well', () => {
    const symbolic = createSymbolicCrypto();
    const { crypto: own, terms, termOf } = symbolic;
    const chain = own.importSecret('chain', new Uint8Array(32).fill(3));
    const thief = new Knowledge(terms).take(termOf(chain));
    expect(thief.size()).toBe(1);
    const [next, seed] = own.chainStep(chain);
    expect([next, seed].map((each) => thief.has(termOf(each)))).toEqual([true, true]);
    const hidden = own.importSecret('root', new Uint8Array(32).fill(4));
    const [both] = own.hkdf([seed, hidden], undefined, new Uint8Array(0), ['root']);
    expect(thief.has(termOf(both))).toBe(false);
    expect(thief.take(termOf(hidden)).has(termOf(both))).toBe(true);
  });
});
