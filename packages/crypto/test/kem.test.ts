/** Key encapsulation through the seam: one law book for both kinds on every backend. */

import { bytesToHex } from '@simsim/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Crypto, Encapsulated, KemKind } from '../src/index.ts';
import { backends, hex, readVectors } from './backends.ts';

const KINDS: readonly KemKind[] = ['mlKem1024', 'kyber1024'];
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
/** A millisecond and a half a run. */
const runs = { numRuns: 20 };

interface KemVector {
  readonly source: string;
  readonly d: string;
  readonly z: string;
  readonly m: string;
  readonly publicKeySha256: string;
  readonly kyberShared: string;
}
const vector = readVectors<KemVector>('kem');
const seed = hex(vector.d + vector.z);

function mustEncapsulate(
  crypto: Crypto,
  kind: KemKind,
  publicKey: Uint8Array,
  entropy: Uint8Array,
): Encapsulated {
  const made = crypto.encapsulate(kind, publicKey, entropy);
  if (made === undefined) throw new Error('a good key was refused');
  return made;
}

describe.each(backends)('kem of %s', (_name, crypto) => {
  it('the key pair of the wire vectors: public key and what Signal’s peers derive', () => {
    const pair = crypto.kemKeyPair('kyber1024', seed);
    expect(bytesToHex(crypto.digest([pair.publicKey]))).toBe(vector.publicKeySha256);
    const made = mustEncapsulate(crypto, 'kyber1024', pair.publicKey, hex(vector.m));
    expect(bytesToHex(crypto.exportSecret(made.shared))).toBe(vector.kyberShared);
    const shared = crypto.decapsulate(pair, made.ciphertext);
    expect(shared && bytesToHex(crypto.exportSecret(shared))).toBe(vector.kyberShared);
  });

  it('plain ML-KEM gives another secret over the same key and ciphertext', () => {
    const pair = crypto.kemKeyPair('mlKem1024', seed);
    expect(bytesToHex(crypto.digest([pair.publicKey]))).toBe(vector.publicKeySha256);
    const plain = mustEncapsulate(crypto, 'mlKem1024', pair.publicKey, hex(vector.m));
    const round3 = mustEncapsulate(crypto, 'kyber1024', pair.publicKey, hex(vector.m));
    expect(plain.ciphertext).toEqual(round3.ciphertext);
    expect(crypto.exportSecret(plain.shared)).not.toEqual(crypto.exportSecret(round3.shared));
  });

  it('a saved private key is 64 bytes and gives the same pair', () => {
    const pair = crypto.kemKeyPair('mlKem1024', seed);
    const saved = crypto.exportSecret(pair.privateKey);
    expect(saved).toEqual(seed);
    const loaded = crypto.kemKeyPairOf('mlKem1024', crypto.importSecret('kem', saved));
    expect(loaded.publicKey).toEqual(pair.publicKey);
    const made = mustEncapsulate(crypto, 'mlKem1024', pair.publicKey, hex(vector.m));
    const shared = crypto.decapsulate(loaded, made.ciphertext);
    expect(shared && crypto.exportSecret(shared)).toEqual(crypto.exportSecret(made.shared));
  });

  it('sealing takes a private key as a part', () => {
    const { privateKey } = crypto.kemKeyPair('kyber1024', seed);
    const key = crypto.importSecret('seal', new Uint8Array(32).fill(1));
    const sealed = crypto.seal(key, new Uint8Array(12), [], [privateKey]);
    expect(crypto.open(key, new Uint8Array(12), [], sealed)).toEqual(seed);
  });

  it('a KEM key is no X25519 key, nor the other way round', () => {
    const pair = crypto.kemKeyPair('kyber1024', seed);
    const own = crypto.keyPair(new Uint8Array(32).fill(1));
    // @ts-expect-error The roles differ.
    expect(() => crypto.kemKeyPairOf('kyber1024', own.privateKey)).toThrow('KEM private key');
    // @ts-expect-error The roles differ.
    expect(() => crypto.exportSecret(crypto.dh(pair.privateKey, own.publicKey))).toThrow();
  });

  it('wipe zeroes the seed, and the pair is dead', () => {
    const pair = crypto.kemKeyPair('kyber1024', seed);
    const made = mustEncapsulate(crypto, 'kyber1024', pair.publicKey, hex(vector.m));
    crypto.wipe(pair.privateKey);
    expect(crypto.exportSecret(pair.privateKey)).toEqual(new Uint8Array(64));
    const dead = crypto.decapsulate(pair, made.ciphertext);
    expect(dead && crypto.exportSecret(dead)).not.toEqual(crypto.exportSecret(made.shared));
  });

  describe.each(KINDS)('%s', (kind) => {
    const pair = crypto.kemKeyPair(kind, seed);

    it('decapsulate(encapsulate) agrees for any entropy', () => {
      fc.assert(
        fc.property(bytes(64), bytes(32), (entropy64, entropy32) => {
          const own = crypto.kemKeyPair(kind, entropy64);
          const made = mustEncapsulate(crypto, kind, own.publicKey, entropy32);
          const shared = crypto.decapsulate(own, made.ciphertext);
          expect(shared && crypto.exportSecret(shared)).toEqual(crypto.exportSecret(made.shared));
        }),
        runs,
      );
    });

    it('a flipped ciphertext is rejected implicitly: another secret, the same every time', () => {
      fc.assert(
        fc.property(fc.nat(1567), fc.integer({ min: 1, max: 255 }), (at, flip) => {
          const made = mustEncapsulate(crypto, kind, pair.publicKey, hex(vector.m));
          const forged = made.ciphertext.slice();
          forged[at] = (forged[at] ?? 0) ^ flip;
          const [first, second] = [0, 1].map(() => crypto.decapsulate(pair, forged));
          if (first === undefined || second === undefined) throw new Error('refused aloud');
          expect(crypto.exportSecret(first)).not.toEqual(crypto.exportSecret(made.shared));
          expect(crypto.exportSecret(first)).toEqual(crypto.exportSecret(second));
        }),
        runs,
      );
    });

    it.each([0, 1, 1567, 1569, 3168])('a key or ciphertext of %i bytes is refused', (length) => {
      expect(crypto.encapsulate(kind, new Uint8Array(length), hex(vector.m))).toBeUndefined();
      expect(crypto.decapsulate(pair, new Uint8Array(length))).toBeUndefined();
    });

    it('a coefficient of q is refused, of q − 1 taken', () => {
      const publicKey = pair.publicKey.slice();
      publicKey[0] = 3329 & 0xff;
      publicKey[1] = ((publicKey[1] ?? 0) & 0xf0) | (3329 >> 8);
      expect(crypto.encapsulate(kind, publicKey, hex(vector.m))).toBeUndefined();
      publicKey[0] = 3328 & 0xff;
      expect(crypto.encapsulate(kind, publicKey, hex(vector.m))).toBeDefined();
    });
  });
});
