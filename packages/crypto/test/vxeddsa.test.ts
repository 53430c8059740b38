/** VXEdDSA: published vectors, one output for a key and a message, and every kind of forgery. */

import { sha512 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes, encodeUtf8 } from '@simsim/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CURVE25519, clamp } from '../src/curve25519.ts';
import { CURVE448 } from '../src/curve448.ts';
import type { Vxeddsa } from '../src/vxeddsa/index.ts';
import { vxed25519, vxed448 } from '../src/vxeddsa/index.ts';
import { elligator2, hashToPoint, pointOfHash } from '../src/vxeddsa/elligator.ts';
import { signVxeddsa } from '../src/vxeddsa/vxeddsa.ts';
import type { XedCurve } from '../src/xed-curve.ts';
import { divide, hashI, littleEndian, toEdwardsKey } from '../src/xed-curve.ts';
import { factories, hex, readVectors } from './backends.ts';

interface Vectors {
  readonly signatures: readonly Record<
    'privateKey' | 'message' | 'entropy' | 'signature' | 'output',
    string
  >[];
  readonly chain: { readonly after200: string; readonly after10000: string };
  readonly elligator: readonly { readonly r: string; readonly u: string }[];
  readonly points: {
    readonly withoutPrefix: readonly { readonly input: string; readonly point: string }[];
    readonly withPrefix: readonly { readonly input: string; readonly point: string }[];
  };
}
const vectors = readVectors<Vectors>('vxeddsa');
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });

const curves: readonly (readonly [string, Vxeddsa, XedCurve, 'x25519' | 'x448'])[] = [
  ['VXEd25519', vxed25519, CURVE25519, 'x25519'],
  ['VXEd448', vxed448, CURVE448, 'x448'],
];

/** The authors' chain: each signature is the seed of the next key and bends the next message. */
function chain(rounds: number): string {
  let signature = new Uint8Array(96).fill(3);
  const message = new Uint8Array(200);
  for (let c = 1; c <= rounds; c++) {
    const seed = sha512(signature).slice(0, 32);
    const entropy64 = sha512(seed);
    const input = { privateKey: clamp(seed), message, entropy64 };
    signature = signVxeddsa(CURVE25519, input, 'clamped').signature.slice();
    const target = ((entropy64[63] ?? 0) & 1) === 1 ? signature : message;
    const at = c % target.length;
    if (c < rounds) target[at] = (target[at] ?? 0) ^ 1;
  }
  return bytesToHex(signature);
}

describe('hash_to_point', () => {
  it('maps by Elligator 2 as published, also at 0 and where 1 + n r² is 0', () => {
    for (const { r, u } of vectors.elligator) {
      const mapped = elligator2(CURVE25519, littleEndian(hex(r)));
      expect(bytesToHex(CURVE25519.point.Fp.toBytes(mapped))).toBe(u);
    }
    // On Curve448 n = −1, so r = 1 makes the denominator 0: u1 = 0, and w = 0 is no nonsquare.
    expect(elligator2(CURVE448, 1n)).toBe(0n);
  });

  it('gives the published points, and the prefix of hash_2 matters', () => {
    for (const { input, point } of vectors.points.withoutPrefix) {
      const mapped = pointOfHash(CURVE25519, sha512(hex(input)));
      expect(bytesToHex(mapped.toBytes())).toBe(point);
    }
    for (const { input, point } of vectors.points.withPrefix) {
      expect(bytesToHex(hashToPoint(CURVE25519, [hex(input)]).toBytes())).toBe(point);
    }
  });

  it.each(curves)('%s: every point has prime order, and both signs occur', (_n, _v, curve) => {
    const signs = new Set<number>();
    for (let i = 0; i < 8; i++) {
      const mapped = hashToPoint(curve, [Uint8Array.of(i)]);
      expect(mapped.isTorsionFree()).toBe(true);
      expect(mapped.is0()).toBe(false);
      signs.add((mapped.toBytes()[curve.pointBytes - 1] ?? 0) >> 7);
    }
    expect(signs).toEqual(new Set([0, 1]));
  });

  it.each(curves)('%s: Elligator 2 ends on the curve, never on its twist', (_n, _v, curve) => {
    const { Fp } = curve.point;
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: Fp.ORDER - 1n }), (r) => {
        const u = elligator2(curve, r);
        const w = Fp.mul(u, Fp.create(u * u + curve.montgomeryA * u + 1n));
        expect(Fp.eql(Fp.pow(w, (Fp.ORDER - 1n) / 2n), Fp.create(-1n))).toBe(false);
      }),
      { numRuns: 20 },
    );
  });

  it('divides by zero to zero', () => {
    expect(divide(CURVE25519.point.Fp, 5n, CURVE25519.point.Fp.ORDER)).toBe(0n);
  });
});

describe('the published chain', () => {
  it('is walked for 200 of its rounds, with SIMSIM_LONG=1 to its end', () => {
    const isLong = process.env['SIMSIM_LONG'] === '1';
    expect(isLong ? chain(10_000) : chain(200)).toBe(
      isLong ? vectors.chain.after10000 : vectors.chain.after200,
    );
  });
});

describe.each(factories)('VXEdDSA over keys of %s', (_name, create) => {
  it('signs the vectors byte for byte and proves their outputs', () => {
    for (const { privateKey, message, entropy, signature, output } of vectors.signatures) {
      const own = create().keyPair(hex(privateKey));
      const proof = vxed25519.sign(own, [hex(message)], hex(entropy));
      expect(bytesToHex(proof.signature)).toBe(signature);
      expect(bytesToHex(proof.output)).toBe(output);
      const proven = vxed25519.verify(own.publicKey, [hex(message)], proof.signature);
      expect(proven && bytesToHex(proven)).toBe(output);
    }
  });

  describe.each(curves)('%s', (_curveName, vrf, curve, name) => {
    const crypto = create(name === 'x448' ? { curve: name } : {});
    const { keyBytes, pointBytes } = curve;

    it('proves one output for key and message, whatever the entropy', () => {
      fc.assert(
        fc.property(bytes(keyBytes), fc.uint8Array(), bytes(64), bytes(64), (k, m, z1, z2) => {
          const own = crypto.keyPair(k);
          const [first, second] = [vrf.sign(own, [m], z1), vrf.sign(own, [m], z2)];
          expect(first.signature).toHaveLength(3 * pointBytes);
          expect(first.output).toHaveLength(pointBytes);
          expect(second.output).toEqual(first.output);
          expect(vrf.verify(own.publicKey, [m], first.signature)).toEqual(first.output);
          expect(vrf.verify(own.publicKey, [m], second.signature)).toEqual(first.output);
          const other = vrf.sign(own, [m, Uint8Array.of(0)], z1);
          expect(other.output).not.toEqual(first.output);
        }),
        { numRuns: 4 },
      );
    });

    it('refuses any flipped bit, another message, key or length', () => {
      const own = crypto.keyPair(new Uint8Array(keyBytes).fill(7));
      const message = [encodeUtf8('message')];
      const { signature } = vrf.sign(own, message, new Uint8Array(64).fill(1));
      const { publicKey } = own;
      expect(vrf.verify(publicKey, message, signature)).toBeDefined();
      fc.assert(
        fc.property(fc.nat(signature.length * 8 - 1), (bit) => {
          const flipped = signature.slice();
          flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          expect(vrf.verify(publicKey, message, flipped)).toBeUndefined();
        }),
        { numRuns: 24 },
      );
      expect(vrf.verify(publicKey, [], signature)).toBeUndefined();
      expect(vrf.verify(publicKey, message, signature.subarray(1))).toBeUndefined();
      expect(vrf.verify(publicKey, message, new Uint8Array(0))).toBeUndefined();
      const other = crypto.keyPair(new Uint8Array(keyBytes).fill(8)).publicKey;
      expect(vrf.verify(other, message, signature)).toBeUndefined();
    });

    it('refuses h or s with the group order added', () => {
      const own = crypto.keyPair(new Uint8Array(keyBytes).fill(7));
      const { signature } = vrf.sign(own, [], new Uint8Array(64).fill(1));
      for (const at of [pointBytes, 2 * pointBytes]) {
        const value = littleEndian(signature.subarray(at, at + pointBytes));
        const raised = curve.point.Fn.ORDER + value;
        const bent = signature.map((byte, i) =>
          i >= at && i < at + pointBytes ? Number((raised >> BigInt(8 * (i - at))) & 0xffn) : byte,
        );
        expect(vrf.verify(own.publicKey, [], bent)).toBeUndefined();
      }
    });

    it('refuses a forgery under a key of low order', () => {
      // A = (0, −1) has order 2: where h is even, h·A and h·V vanish and any s will do.
      const { point } = curve;
      const peer = { bytes: new Uint8Array(keyBytes) };
      const [edwards, message] = [toEdwardsKey(curve, peer.bytes, 0), encodeUtf8('forged')];
      const base = hashToPoint(curve, [edwards, message]);
      const identity = point.ZERO.toBytes();
      const forge = (s: bigint): readonly [bigint, Uint8Array] => {
        const ends = [point.BASE, base].map((each) => each.multiply(s).toBytes());
        const hash = hashI(curve, 4, [edwards, identity, ...ends, message]);
        const h = point.Fn.create(littleEndian(hash));
        return [h, concatBytes([identity, point.Fn.toBytes(h), point.Fn.toBytes(s)])];
      };
      const forgeries = [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n].map(forge);
      const even = forgeries.filter(([h]) => h % 2n === 0n);
      expect(even.length).toBeGreaterThan(0);
      for (const [, signature] of even) {
        expect(vrf.verify(peer, [message], signature)).toBeUndefined();
      }
      expect(crypto.publicKey(peer.bytes)).toBeUndefined();
    });

    it('takes no key pair of the other curve and no short entropy', () => {
      const foreign = create(name === 'x448' ? {} : { curve: 'x448' });
      const stranger = foreign.keyPair(new Uint8Array(foreign.parameters.keyBytes).fill(1));
      expect(() => vrf.sign(stranger, [], new Uint8Array(64))).toThrow('of this curve');
      const signature = new Uint8Array(3 * pointBytes);
      expect(() => vrf.verify(stranger.publicKey, [], signature)).toThrow('of this curve');
      const own = crypto.keyPair(new Uint8Array(keyBytes).fill(7));
      expect(() => vrf.sign(own, [], new Uint8Array(63))).toThrow('64 bytes of entropy');
    });
  });
});
