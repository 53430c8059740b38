/** XEdDSA to the letter: both forms, both curves, and the edges of the verifier. */

import { createPublicKey, verify as verifyWithOpenssl } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { bytesToBase64url, bytesToHex, concatBytes, encodeUtf8 } from '@simsim/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CURVE25519 } from '../src/curve25519.ts';
import { CURVE448 } from '../src/curve448.ts';
import type { Crypto, KeyPair, ParameterChoice } from '../src/index.ts';
import { verifyStrict } from '../src/index.ts';
import type { XedCurve } from '../src/xed-curve.ts';
import { decodePoint, edwardsPublicKey, littleEndian, toEdwardsKey } from '../src/xed-curve.ts';
import { factories, hex, readVectors } from './backends.ts';

interface SignatureVector {
  readonly privateKey: string;
  readonly message: string;
  readonly entropy: string;
  readonly signature: string;
  readonly edwardsSign: number;
}
const { rev1, carriedSign } = readVectors<{
  rev1: readonly SignatureVector[];
  carriedSign: Pick<SignatureVector, 'message' | 'signature'> & { readonly publicKey: string };
}>('xeddsa');
const { xed448 } = readVectors<{ xed448: readonly SignatureVector[] }>('x448');

const REV1: ParameterChoice = { signatures: 'rev1' };
const X448: ParameterChoice = { curve: 'x448' };
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const { Fn } = CURVE25519.point;

function pairOf(crypto: Crypto, privateKey: string): KeyPair {
  return crypto.keyPair(hex(privateKey));
}

describe.each(factories)('XEdDSA of %s', (_name, create) => {
  it('signs the published and computed signatures of revision 1 byte for byte', () => {
    const signs = new Set<number>();
    for (const { privateKey, message, entropy, signature, edwardsSign } of rev1) {
      const crypto = create(REV1);
      const own = pairOf(crypto, privateKey);
      const made = crypto.sign(own, [hex(message)], hex(entropy));
      expect(bytesToHex(made)).toBe(signature);
      signs.add(edwardsSign);
    }
    expect(signs).toEqual(new Set([0, 1]));
  });

  it('signs the computed XEd448 signatures byte for byte, for either sign', () => {
    const crypto = create(X448);
    const signs = new Set<number>();
    for (const { privateKey, message, entropy, signature, edwardsSign } of xed448) {
      const own = pairOf(crypto, privateKey);
      const made = crypto.sign(own, [hex(message)], hex(entropy));
      expect(bytesToHex(made)).toBe(signature);
      expect(made).toHaveLength(114);
      expect(crypto.verify(own.publicKey, [hex(message)], made)).toBe(true);
      signs.add(edwardsSign);
    }
    expect(signs).toEqual(new Set([0, 1]));
  });

  it('verifyStrict refuses a carried sign that verify takes', () => {
    const crypto = create();
    const key = crypto.publicKey(hex(carriedSign.publicKey));
    if (key === undefined) throw new Error('the vector has a good key');
    const [message, signature] = [[hex(carriedSign.message)], hex(carriedSign.signature)];
    expect(crypto.verify(key, message, signature)).toBe(true);
    expect(verifyStrict(crypto, key, message, signature)).toBe(false);
  });

  it('what revision 1 signs, both verifiers take; what peers sign, strictly half of it', () => {
    const [rev1Crypto, carried] = [create(REV1), create()];
    const verdicts = new Set<boolean>();
    fc.assert(
      fc.property(bytes(32), bytes(64), fc.uint8Array(), (entropy, entropy64, message) => {
        const own = rev1Crypto.keyPair(entropy);
        const strict = rev1Crypto.sign(own, [message], entropy64);
        expect(verifyStrict(carried, own.publicKey, [message], strict)).toBe(true);
        expect(carried.verify(own.publicKey, [message], strict)).toBe(true);
        const loose = carried.sign(own, [message], entropy64);
        expect(rev1Crypto.verify(own.publicKey, [message], loose)).toBe(true);
        const isStrict = verifyStrict(carried, own.publicKey, [message], loose);
        expect(isStrict).toBe((loose[63] ?? 0) < 0x80);
        verdicts.add(isStrict);
      }),
      { numRuns: 20 },
    );
    expect(verdicts).toEqual(new Set([true, false]));
  });

  it('an XEd25519 signature is an Ed25519 signature under the converted key, and back', () => {
    const crypto = create(REV1);
    fc.assert(
      fc.property(bytes(32), bytes(64), fc.uint8Array(), (entropy, entropy64, message) => {
        const own = crypto.keyPair(entropy);
        const signature = crypto.sign(own, [message], entropy64);
        const x = bytesToBase64url(toEdwardsKey(CURVE25519, own.publicKey.bytes, 0));
        const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
        expect(verifyWithOpenssl(null, message, key, signature)).toBe(true);
        const back = ed25519.sign(message, entropy);
        const montgomery = ed25519.utils.toMontgomery(ed25519.getPublicKey(entropy));
        back[63] = (back[63] ?? 0) | ((ed25519.getPublicKey(entropy)[31] ?? 0) & 0x80);
        expect(crypto.verify({ bytes: montgomery }, [message], back)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it('XEd448: any flipped bit, another message, another key or length is refused', () => {
    const crypto = create(X448);
    fc.assert(
      fc.property(bytes(56), bytes(64), fc.uint8Array(), fc.nat(911), (k, z, message, bit) => {
        const own = crypto.keyPair(k);
        const signature = crypto.sign(own, [message], z);
        expect(crypto.verify(own.publicKey, [message], signature)).toBe(true);
        const flipped = signature.slice();
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(crypto.verify(own.publicKey, [message], flipped)).toBe(false);
        expect(crypto.verify(own.publicKey, [message, hex('00')], signature)).toBe(false);
        expect(crypto.verify(own.publicKey, [message], signature.subarray(1))).toBe(false);
        const other = crypto.keyPair(bytesXor(k, 0x40)).publicKey;
        expect(crypto.verify(other, [message], signature)).toBe(false);
      }),
      { numRuns: 6 },
    );
  });

  describe('at the edges of the verifier', () => {
    const crypto = create(REV1);
    const vector = rev1.find(({ edwardsSign }) => edwardsSign === 0);
    if (vector === undefined) throw new Error('the vectors have a sign 0');
    const own = pairOf(crypto, vector.privateKey);
    const message = hex(vector.message);
    const signature = hex(vector.signature);
    const says = (candidate: Uint8Array): boolean =>
      crypto.verify(own.publicKey, [message], candidate);

    it('the signature itself is good', () => {
      expect(says(signature)).toBe(true);
    });

    it.each([1n, 2n])('s + %s q is refused', (times) => {
      const s = littleEndian(signature.subarray(32)) + times * Fn.ORDER;
      expect(says(concatBytes([signature.subarray(0, 32), littleEndianBytes(s, 32)]))).toBe(false);
    });

    it('the top bit of s is a sign that this key does not have', () => {
      const carried = signature.slice();
      carried[63] = (carried[63] ?? 0) | 0x80;
      expect(says(carried)).toBe(false);
      expect(verifyStrict(crypto, own.publicKey, [message], carried)).toBe(false);
    });

    it('R = identity with s = h·a is good, its second encoding is not', () => {
      const edwards = toEdwardsKey(CURVE25519, own.publicKey.bytes, 0);
      const scalar = Fn.create(littleEndian(hex(vector.privateKey)));
      const [identity, second] = [hex(`01${'00'.repeat(31)}`), hex(`ee${'ff'.repeat(30)}7f`)];
      const signWith = (commitment: Uint8Array): Uint8Array => {
        const hash = sha512(concatBytes([commitment, edwards, message]));
        const s = Fn.mul(Fn.create(littleEndian(hash)), scalar);
        return concatBytes([commitment, Fn.toBytes(s)]);
      };
      expect(says(signWith(identity))).toBe(true);
      expect(says(signWith(second))).toBe(false);
    });

    it('u + p, u with bit 255, and u = p − 1 are no keys', () => {
      const { ORDER } = CURVE25519.point.Fp;
      expect(crypto.publicKey(littleEndianBytes(ORDER + 9n, 32))).toBeUndefined();
      const masked = own.publicKey.bytes.slice();
      masked[31] = (masked[31] ?? 0) | 0x80;
      expect(crypto.publicKey(masked)).toBeUndefined();
      expect(crypto.publicKey(littleEndianBytes(ORDER - 1n, 32))).toBeUndefined();
    });

    it('keys of low order would verify a forgery and are no keys', () => {
      const forgery = hex(`01${'00'.repeat(63)}`);
      const forgeries = [
        ['00'.repeat(32), 'forge 4'],
        [`01${'00'.repeat(31)}`, 'forge 3'],
      ] as const;
      for (const [u, text] of forgeries) {
        const unchecked = { bytes: hex(u) };
        expect(crypto.verify(unchecked, [encodeUtf8(text)], forgery)).toBe(true);
        expect(crypto.publicKey(hex(u))).toBeUndefined();
      }
    });
  });

  it('a megabyte is signed in one go', () => {
    const crypto = create(REV1);
    const own = crypto.keyPair(new Uint8Array(32).fill(1));
    const message = [new Uint8Array(1 << 19), new Uint8Array(1 << 19).fill(2)];
    const signature = crypto.sign(own, message, new Uint8Array(64).fill(3));
    expect(crypto.verify(own.publicKey, message, signature)).toBe(true);
    expect(crypto.verify(own.publicKey, message.toReversed(), signature)).toBe(false);
  });

  it('wants its 64 bytes of entropy: 63 or none are a bug, not a signature', () => {
    for (const choice of [REV1, X448, {}] as const) {
      const crypto = create(choice);
      const own = crypto.keyPair(new Uint8Array(crypto.parameters.keyBytes).fill(1));
      for (const length of [0, 32, 63, 65]) {
        expect(() => crypto.sign(own, [], new Uint8Array(length))).toThrow('64 bytes of entropy');
      }
    }
  });

  it('entropy makes another signature of the same message', () => {
    const crypto = create(REV1);
    const own = crypto.keyPair(new Uint8Array(32).fill(1));
    const [first, second, again] = [1, 2, 1].map((z) =>
      bytesToHex(crypto.sign(own, [hex('aa')], new Uint8Array(64).fill(z))),
    );
    expect(first).toBe(again);
    expect(first).not.toBe(second);
  });
});

describe.each<readonly [string, XedCurve, bigint]>([
  ['Curve25519', CURVE25519, 9n],
  ['Curve448', CURVE448, 5n],
])('%s from its Edwards side', (_name, curve, baseU) => {
  const { point, keyBytes, pointBytes } = curve;

  it('u of the base point gives the base point, of order q', () => {
    const encoded = toEdwardsKey(curve, littleEndianBytes(baseU, keyBytes), 0);
    const positive = point.BASE.toBytes();
    positive[pointBytes - 1] = (positive[pointBytes - 1] ?? 0) & 0x7f;
    expect(encoded).toEqual(positive);
    const base = decodePoint(curve, encoded);
    expect(base?.isTorsionFree()).toBe(true);
    expect(base?.is0()).toBe(false);
  });

  it('encodes and decodes −B and the identity, and knows no y with bits above p', () => {
    for (const each of [point.BASE.negate(), point.ZERO]) {
      const encoded = each.toBytes();
      expect(encoded).toHaveLength(pointBytes);
      expect(decodePoint(curve, encoded)?.equals(each)).toBe(true);
    }
    const tooBig = littleEndianBytes(point.Fp.ORDER + 1n, pointBytes);
    expect(decodePoint(curve, tooBig)).toBeUndefined();
    const off = Array.from({ length: 40 }, (_, y) => littleEndianBytes(BigInt(y), pointBytes));
    expect(off.filter((each) => decodePoint(curve, each) === undefined).length).toBeGreaterThan(5);
  });

  it('k·B has the u coordinate of the public key', () => {
    const crypto = factories[0]?.[1](keyBytes === 56 ? X448 : {});
    if (crypto === undefined) throw new Error('there are backends');
    fc.assert(
      fc.property(bytes(keyBytes), (entropy) => {
        const own = crypto.keyPair(entropy);
        const edwards = edwardsPublicKey(curve, crypto.exportSecret(own.privateKey));
        const sign = (edwards[pointBytes - 1] ?? 0) & 0x80;
        expect(toEdwardsKey(curve, own.publicKey.bytes, sign)).toEqual(edwards);
      }),
      { numRuns: 10 },
    );
  });
});

function bytesXor(input: Uint8Array, mask: number): Uint8Array {
  return input.map((byte) => byte ^ mask);
}

function littleEndianBytes(value: bigint, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}
