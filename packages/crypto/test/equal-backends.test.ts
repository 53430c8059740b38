import fc from 'fast-check';
import { bytesToHex } from '@simsim/bytes';
import { describe, expect, it } from 'vitest';
import type { Crypto, Secret } from '../src/index.ts';
import { nobleCrypto } from '../src/noble/index.ts';
import { nodeCrypto } from '../src/node/index.ts';

const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const anyBytes = fc.uint8Array({ maxLength: 700 });
const parts = fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 4 });

/** Runs one calculation on both backends and compares what an outsider or the state codec sees. */
function sameOnBoth(run: (crypto: Crypto) => unknown): void {
  expect(run(nodeCrypto)).toEqual(run(nobleCrypto));
}

function hexOf(crypto: Crypto, secrets: readonly Secret[]): string[] {
  return secrets.map((secret) => bytesToHex(crypto.exportSecret(secret)));
}

function textOf(result: Uint8Array | undefined): string {
  return result === undefined ? 'refused' : bytesToHex(result);
}

describe('both backends give the same bytes', () => {
  it('for keys and agreements', () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), (a, peer) => {
        sameOnBoth((crypto) => {
          const own = crypto.keyPair(a);
          const key = crypto.publicKey(peer);
          const shared = key && crypto.dh(own.privateKey, key);
          return [
            hexOf(crypto, [own.privateKey]),
            bytesToHex(own.publicKey.bytes),
            key && bytesToHex(key.bytes),
            shared && hexOf(crypto, [shared]),
          ];
        });
      }),
      { numRuns: 40 },
    );
  });

  it('for KDFs of any input length', () => {
    fc.assert(
      fc.property(anyBytes, bytes(32), fc.option(anyBytes), anyBytes, (ikm, key, salt, info) => {
        sameOnBoth((crypto) => {
          const shared = crypto.importSecret('shared', key);
          const out = ['root', 'message', 'dh', 'chain'] as const;
          return hexOf(crypto, crypto.hkdf([ikm, shared], salt ?? undefined, info, out));
        });
      }),
    );
  });

  it('for chain steps', () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), fc.uint8Array({ maxLength: 64 }), (key, pq, info) => {
        sameOnBoth((crypto) => {
          const chain = crypto.importSecret('chain', key);
          const [next, seed] = crypto.chainStep(chain);
          const salted = crypto.messageKeys(seed, crypto.importSecret('seed', pq), info);
          const plain = crypto.messageKeys(seed, undefined, info);
          const fused = crypto.chainMessage(chain, info);
          expect(hexOf(crypto, fused)).toEqual(hexOf(crypto, [next, plain]));
          expect(hexOf(crypto, [chain])).toEqual([bytesToHex(key)]);
          return hexOf(crypto, [next, seed, salted, plain]);
        });
      }),
    );
  });

  it('for message encryption and tags', () => {
    fc.assert(
      fc.property(bytes(80), anyBytes, parts, fc.integer({ min: 8, max: 32 }), (k, text, ad, n) => {
        sameOnBoth((crypto) => {
          const keys = crypto.importSecret('message', k);
          const ciphertext = crypto.encrypt(keys, text);
          const tag = crypto.tag(keys, ad, n);
          expect(crypto.tagMatches(keys, ad, tag)).toBe(true);
          expect(crypto.tagMatches(keys, ad, tag.subarray(0, 7))).toBe(false);
          expect(textOf(crypto.decrypt(keys, ciphertext))).toBe(bytesToHex(text));
          return [bytesToHex(ciphertext), bytesToHex(tag), textOf(crypto.decrypt(keys, text))];
        });
      }),
    );
  });

  it('for XEdDSA and its verdict on broken signatures', () => {
    const input = fc.tuple(bytes(32), parts, bytes(64), fc.nat({ max: 511 }));
    fc.assert(
      fc.property(input, ([a, message, entropy, bit]) => {
        sameOnBoth((crypto) => {
          const own = crypto.keyPair(a);
          const signature = crypto.sign(own, message, entropy);
          expect(crypto.verify(own.publicKey, message, signature)).toBe(true);
          const flipped = signature.slice();
          flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          expect(crypto.verify(own.publicKey, message, flipped)).toBe(false);
          expect(crypto.verify(own.publicKey, message, signature.subarray(1))).toBe(false);
          return bytesToHex(signature);
        });
      }),
      { numRuns: 20 },
    );
  });

  it('for verdicts on arbitrary keys and signatures', () => {
    fc.assert(
      fc.property(bytes(32), bytes(64), parts, (peer, signature, message) => {
        sameOnBoth((crypto) => {
          const key = crypto.publicKey(peer);
          return [
            key && crypto.verify(key, message, signature),
            crypto.verifyDeviceKey(peer, message, signature),
          ];
        });
      }),
      { numRuns: 40 },
    );
  });

  it('for device keys', () => {
    fc.assert(
      fc.property(bytes(32), parts, (seed, message) => {
        sameOnBoth((crypto) => {
          const own = crypto.signingKeyPair(seed);
          const signature = crypto.signWithDeviceKey(own, message);
          expect(crypto.verifyDeviceKey(own.publicKey, message, signature)).toBe(true);
          const saved = crypto.importSecret('sign', crypto.exportSecret(own.privateKey));
          expect(crypto.signingKeyPairOf(saved).publicKey).toEqual(own.publicKey);
          return [bytesToHex(own.publicKey), bytesToHex(signature)];
        });
      }),
      { numRuns: 20 },
    );
  });

  it('for sealing, its ratchet, keyed names and digests', () => {
    fc.assert(
      fc.property(bytes(32), bytes(12), parts, anyBytes, (k, nonce, ad, text) => {
        sameOnBoth((crypto) => {
          const [next, key] = crypto.sealStep(crypto.importSecret('stream', k));
          const sealed = crypto.seal(key, nonce, ad, [text, next]);
          const opened = crypto.open(key, nonce, ad, sealed);
          expect(textOf(opened)).toBe(bytesToHex(text) + hexOf(crypto, [next])[0]);
          const broken = sealed.slice();
          broken[0] = (broken[0] ?? 0) ^ 1;
          expect(crypto.open(key, nonce, ad, broken)).toBeUndefined();
          expect(crypto.open(key, nonce, ad, sealed.subarray(0, 15))).toBeUndefined();
          return [
            hexOf(crypto, [next, key]),
            bytesToHex(sealed),
            bytesToHex(crypto.mac(crypto.importSecret('name', k), ad)),
            bytesToHex(crypto.digest(ad)),
          ];
        });
      }),
    );
  });
});

describe.each([
  ['noble', nobleCrypto],
  ['node', nodeCrypto],
])('handles of %s', (_name, crypto) => {
  it('copy on import and export, and wipe only themselves', () => {
    for (const role of ['chain', 'dh', 'sign'] as const) {
      const given = new Uint8Array(32).fill(7);
      const secret = crypto.importSecret(role, given);
      given.fill(9);
      const taken = crypto.exportSecret(secret);
      expect(taken).toEqual(new Uint8Array(32).fill(7));
      crypto.wipe(secret);
      expect(crypto.exportSecret(secret)).toEqual(new Uint8Array(32));
      expect(taken).toEqual(new Uint8Array(32).fill(7));
    }
  });

  it('keep each output in memory of its own', () => {
    const chain = crypto.importSecret('chain', new Uint8Array(32).fill(1));
    const [next, keys] = crypto.chainMessage(chain, new Uint8Array(4));
    const before = crypto.exportSecret(next);
    crypto.wipe(keys);
    crypto.wipe(chain);
    expect(crypto.exportSecret(next)).toEqual(before);
    expect(before).not.toEqual(new Uint8Array(32));
  });

  it('answer plain byte arrays, never views of a pool', () => {
    const keys = crypto.importSecret('message', new Uint8Array(80).fill(1));
    const ciphertext = crypto.encrypt(keys, new Uint8Array(20));
    const plaintext = crypto.decrypt(keys, ciphertext);
    for (const output of [ciphertext, plaintext, crypto.digest([]), crypto.tag(keys, [], 8)]) {
      expect(Object.getPrototypeOf(output)).toBe(Uint8Array.prototype);
      expect(output?.byteOffset).toBe(0);
      expect(output?.buffer.byteLength).toBe(output?.length);
    }
  });

  it('refuse a secret of a wrong length as a bug', () => {
    expect(() => crypto.importSecret('root', new Uint8Array(31))).toThrow('length of its role');
    expect(() => crypto.keyPair(new Uint8Array(31))).toThrow('length of its role');
  });
});
