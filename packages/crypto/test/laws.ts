/** What any two backends of one parameter set must hold: equal bytes, and more than that. */

import { bytesToHex } from '@simsim/bytes';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Crypto } from '../src/index.ts';
import { exportHex, hex } from './backends.ts';

/** Fails where two backends differ, or where one of them breaks a law by itself. */
export type Law = (backends: readonly Crypto[]) => void;

const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });

/** Runs one calculation on all and compares what an outsider or a state codec sees. */
function same(backends: readonly Crypto[], run: (crypto: Crypto) => unknown): void {
  const [first, ...others] = backends.map(run);
  for (const other of others) expect(other).toEqual(first);
}

function parametersOf(backends: readonly Crypto[]): Crypto['parameters'] {
  if (backends[0] === undefined) throw new Error('a law needs backends');
  return backends[0].parameters;
}

const equalKeys: Law = (backends) => {
  const { keyBytes, signatureBytes } = parametersOf(backends);
  const input = fc.tuple(bytes(keyBytes), bytes(keyBytes), bytes(64), fc.uint8Array());
  fc.assert(
    fc.property(input, ([a, b, entropy64, message]) => {
      same(backends, (crypto) => {
        const [alice, bob] = [crypto.keyPair(a), crypto.keyPair(b)];
        const shared = crypto.dh(alice.privateKey, bob.publicKey);
        const mirrored = crypto.dh(bob.privateKey, alice.publicKey);
        if (shared === undefined || mirrored === undefined) throw new Error('good keys');
        expect(exportHex(crypto, shared)).toBe(exportHex(crypto, mirrored));
        const signature = crypto.sign(alice, [message], entropy64);
        expect(signature).toHaveLength(signatureBytes);
        expect(crypto.verify(alice.publicKey, [message], signature)).toBe(true);
        expect(crypto.verify(alice.publicKey, [message, hex('00')], signature)).toBe(false);
        const saved = crypto.exportSecret(alice.privateKey);
        const loaded = crypto.keyPairOf(crypto.importSecret('dh', saved));
        expect(loaded.publicKey.bytes).toEqual(alice.publicKey.bytes);
        expect(crypto.publicKey(alice.publicKey.bytes)?.bytes).toEqual(alice.publicKey.bytes);
        return [bytesToHex(saved), exportHex(crypto, shared), bytesToHex(signature)];
      });
    }),
    { numRuns: 5 },
  );
};

const equalVerdicts: Law = (backends) => {
  const { keyBytes, signatureBytes } = parametersOf(backends);
  const order = keyBytes === 56 ? 2n ** 448n - 2n ** 224n - 1n : 2n ** 255n - 19n;
  const toBytes = (u: bigint): Uint8Array =>
    Uint8Array.from({ length: keyBytes }, (_, i) => Number((u >> BigInt(8 * i)) & 0xffn));
  const peer = fc.oneof(
    bytes(keyBytes),
    fc.constantFrom(...[0n, 1n, 2n, order - 1n, order, order + 2n].map(toBytes)),
  );
  fc.assert(
    fc.property(peer, bytes(signatureBytes), bytes(keyBytes), (key, signature, own) => {
      same(backends, (crypto) => {
        const checked = crypto.publicKey(key);
        const shared = checked && crypto.dh(crypto.keyPair(own).privateKey, checked);
        return [
          checked?.bytes,
          checked && crypto.verify(checked, [], signature),
          shared && exportHex(crypto, shared),
          crypto.publicKey(key.subarray(1)),
        ];
      });
    }),
    { numRuns: 20 },
  );
};

const equalKdfs: Law = (backends) => {
  const { keyBytes, hashBytes } = parametersOf(backends);
  const input = fc.tuple(bytes(keyBytes), bytes(32), fc.uint8Array(), fc.uint8Array());
  const length = fc.integer({ min: 8, max: hashBytes });
  fc.assert(
    fc.property(input, bytes(80), length, ([ikm, k, salt, info], mk, tagLength) => {
      same(backends, (crypto) => {
        const shared = crypto.importSecret('shared', ikm);
        const root = crypto.importSecret('root', k);
        const roles = ['root', 'dh', 'chain', 'message', 'shared', 'pqAuth'] as const;
        const derived = [
          ...crypto.hkdf([ikm, shared], root, info, roles),
          ...crypto.hkdf([shared], undefined, info, ['seed']),
          ...crypto.hkdf([shared], salt, info, ['kem']),
        ];
        const chain = crypto.importSecret('chain', k);
        const [next, seed] = crypto.chainStep(chain);
        const keys = crypto.messageKeys(seed, undefined, info);
        const fused = crypto.chainMessage(chain, info).map((each) => exportHex(crypto, each));
        expect(fused).toEqual([exportHex(crypto, next), exportHex(crypto, keys)]);
        const message = crypto.importSecret('message', mk);
        const tag = crypto.tag(message, [salt, info], tagLength);
        expect(tag).toHaveLength(tagLength);
        expect(crypto.tagMatches(message, [salt, info], tag)).toBe(true);
        expect(crypto.tagMatches(message, [salt, info, hex('00')], tag)).toBe(false);
        expect(crypto.tagMatches(message, [salt, info], tag.subarray(0, 7))).toBe(false);
        const salted = crypto.messageKeys(seed, crypto.importSecret('seed', k), info);
        return [
          [...derived, next, seed, salted].map((each) => exportHex(crypto, each)),
          bytesToHex(tag),
        ];
      });
    }),
    { numRuns: 30 },
  );
};

const equalKem: Law = (backends) => {
  const kind = fc.constantFrom('mlKem1024' as const, 'kyber1024' as const);
  fc.assert(
    fc.property(kind, bytes(64), bytes(32), (which, entropy64, entropy32) => {
      same(backends, (crypto) => {
        const pair = crypto.kemKeyPair(which, entropy64);
        const made = crypto.encapsulate(which, pair.publicKey, entropy32);
        const shared = made && crypto.decapsulate(pair, made.ciphertext);
        if (made === undefined || shared === undefined) throw new Error('a good key');
        expect(exportHex(crypto, shared)).toBe(exportHex(crypto, made.shared));
        const forged = made.ciphertext.slice().fill(0xff, 0, 8);
        const rejected = crypto.decapsulate(pair, forged);
        return [
          bytesToHex(pair.publicKey),
          bytesToHex(made.ciphertext),
          exportHex(crypto, shared),
          rejected && exportHex(crypto, rejected),
        ];
      });
    }),
    { numRuns: 10 },
  );
};

/** All laws, by what they promise. */
export const laws = {
  'equal keys, agreements and signatures': equalKeys,
  'equal verdicts on any bytes': equalVerdicts,
  'equal KDFs, chains and tags': equalKdfs,
  'equal key encapsulation': equalKem,
} satisfies Record<string, Law>;
