/** The ciphers beside the seam: vectors, laws, and one result on both backends. */

import { bytesToHex } from '@simsim/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ciphers, Crypto } from '../src/index.ts';
import { nobleCiphers, nobleCrypto } from '../src/noble/index.ts';
import { nodeCiphers, nodeCrypto } from '../src/node/index.ts';
import { hex, readVectors } from './backends.ts';

const vectors = readVectors<{
  ctr: Record<'key' | 'counter' | 'plaintext' | 'ciphertext', string>;
  siv: Record<'key' | 'nonce' | 'ad' | 'plaintext' | 'sealed', string>;
}>('ciphers');
const kits: readonly (readonly [string, Crypto, Ciphers])[] = [
  ['noble', nobleCrypto, nobleCiphers],
  ['node', nodeCrypto, nodeCiphers],
];
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
/** Blocks about to wrap, where a counter of 32 bits would go wrong. */
const counter = fc.oneof(
  bytes(16),
  fc.constantFrom(...[4, 8, 15, 16].map((n) => new Uint8Array(16).fill(0xff, 16 - n))),
);

describe.each(kits)('ciphers of %s', (_name, crypto, ciphers) => {
  it('agree with the published AES-256-CTR', () => {
    const { key, counter: block, plaintext, ciphertext } = vectors.ctr;
    const handle = crypto.importSecret('ctr', hex(key));
    expect(bytesToHex(ciphers.ctr(handle, hex(block), hex(plaintext)))).toBe(ciphertext);
    expect(bytesToHex(ciphers.ctr(handle, hex(block), hex(ciphertext)))).toBe(plaintext);
  });

  it('agree with RFC 8452', () => {
    const { key, nonce, ad, plaintext, sealed } = vectors.siv;
    const handle = crypto.importSecret('siv', hex(key));
    const made = ciphers.sealSiv(handle, hex(nonce), [hex(ad)], [hex(plaintext)]);
    expect(bytesToHex(made)).toBe(sealed);
    const opened = ciphers.openSiv(handle, hex(nonce), [hex(ad)], made);
    expect(opened && bytesToHex(opened)).toBe(plaintext);
  });

  it('open nothing that was bent, cut or moved to another nonce', () => {
    const key = crypto.importSecret('siv', new Uint8Array(32).fill(3));
    const [nonce, ad] = [new Uint8Array(12), [hex('aa')]];
    const sealed = ciphers.sealSiv(key, nonce, ad, [hex('0102030405')]);
    fc.assert(
      fc.property(fc.nat(sealed.length * 8 - 1), (bit) => {
        const bent = sealed.slice();
        bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(ciphers.openSiv(key, nonce, ad, bent)).toBeUndefined();
      }),
    );
    expect(ciphers.openSiv(key, nonce, [], sealed)).toBeUndefined();
    expect(ciphers.openSiv(key, new Uint8Array(12).fill(1), ad, sealed)).toBeUndefined();
    expect(ciphers.openSiv(key, new Uint8Array(11), ad, sealed)).toBeUndefined();
    for (let n = 0; n < sealed.length; n++) {
      expect(ciphers.openSiv(key, nonce, ad, sealed.subarray(0, n))).toBeUndefined();
    }
  });

  it('seal a handle without its bytes being seen', () => {
    const key = crypto.importSecret('siv', new Uint8Array(32).fill(3));
    const chain = crypto.importSecret('chain', new Uint8Array(32).fill(4));
    const sealed = ciphers.sealSiv(key, new Uint8Array(12), [], [hex('01'), chain]);
    const opened = ciphers.openSiv(key, new Uint8Array(12), [], sealed);
    expect(opened && bytesToHex(opened)).toBe(`01${'04'.repeat(32)}`);
  });
});

describe('both backends', () => {
  it('encrypt alike, whatever the counter block', () => {
    fc.assert(
      fc.property(bytes(32), counter, fc.uint8Array({ maxLength: 200 }), (k, block, data) => {
        const [first, second] = kits.map(([, crypto, ciphers]) =>
          ciphers.ctr(crypto.importSecret('ctr', k), block, data),
        );
        expect(second).toEqual(first);
        expect(Object.getPrototypeOf(second)).toBe(Uint8Array.prototype);
      }),
    );
  });

  it('seal alike', () => {
    fc.assert(
      fc.property(bytes(32), bytes(12), fc.uint8Array(), fc.uint8Array(), (k, nonce, ad, text) => {
        const [first, second] = kits.map(([, crypto, ciphers]) => {
          const key = crypto.importSecret('siv', k);
          const sealed = ciphers.sealSiv(key, nonce, [ad], [text]);
          expect(ciphers.openSiv(key, nonce, [ad], sealed)).toEqual(text);
          return sealed;
        });
        expect(second).toEqual(first);
      }),
    );
  });
});
