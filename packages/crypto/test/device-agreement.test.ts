/** Device keys as keys of agreement: the published conversion, the same on both backends. */

import fc from 'fast-check';
import { bytesToHex } from '@simsim/bytes';
import { describe, expect, it } from 'vitest';
import { backends, exportHex, hex } from './backends.ts';

/** What libsodium's own test `ed25519_convert` prints. */
const LIBSODIUM = {
  seed: '421151a459faeade3d247115f94aedae42318124095afabe4d1451a559faedee',
  publicKey: 'f1814f0e8ff1043d8a44d25babff3cedcae6c22c3edaa48f857ae70de2baae50',
  privateKey: '8052030376d47112be7f73ed7a019293dd12ad910b654455798b4667d73de166',
};

const P = 2n ** 255n - 19n;

/** A key plus the point of order 2, (0, −1): still on the curve, outside the subgroup. */
function withTorsion(publicKey: Uint8Array): Uint8Array {
  const sign = (publicKey[31] ?? 0) >> 7;
  const y = BigInt(`0x${bytesToHex(publicKey.toReversed())}`) & (2n ** 255n - 1n);
  const moved = hex((P - y).toString(16).padStart(64, '0')).toReversed();
  moved[31] = (moved[31] ?? 0) | ((sign ^ 1) << 7);
  return moved;
}

describe.each(backends)('a device key on the %s backend', (_name, crypto) => {
  it('is converted as libsodium does', () => {
    const own = crypto.signingKeyPair(hex(LIBSODIUM.seed));
    const pair = crypto.agreementPairOf(own);
    expect(bytesToHex(pair.publicKey.bytes)).toBe(LIBSODIUM.publicKey);
    expect(bytesToHex(crypto.agreementKeyOf(own.publicKey)?.bytes ?? hex(''))).toBe(
      LIBSODIUM.publicKey,
    );
    // libsodium clears and sets the bits of the clamp, as this one does.
    expect(exportHex(crypto, pair.privateKey)).toBe(LIBSODIUM.privateKey);
  });

  it('agrees with whoever knows its public half alone', () => {
    const own = crypto.signingKeyPair(new Uint8Array(32).fill(7));
    const other = crypto.keyPair(new Uint8Array(32).fill(9));
    const theirs = crypto.agreementKeyOf(own.publicKey);
    const there = theirs && crypto.dh(other.privateKey, theirs);
    const here = crypto.dh(crypto.agreementPairOf(own).privateKey, other.publicKey);
    expect(there && exportHex(crypto, there)).toBe(here && exportHex(crypto, here));
    expect(here).toBeDefined();
  });

  it('is no key where it is malformed, of small order, off the curve or outside the subgroup', () => {
    const sound = crypto.signingKeyPair(new Uint8Array(32).fill(7)).publicKey;
    const refused = [
      new Uint8Array(31),
      new Uint8Array(32),
      hex(`01${'00'.repeat(31)}`),
      hex(`ec${'ff'.repeat(30)}7f`),
      hex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'),
      hex(`ed${'ff'.repeat(30)}7f`),
      hex(`02${'00'.repeat(31)}`),
      withTorsion(sound),
    ];
    expect(withTorsion(withTorsion(sound))).toEqual(sound);
    for (const key of refused) expect(crypto.agreementKeyOf(key), bytesToHex(key)).toBeUndefined();
  });
});

it('is the same on both backends, for any seed and any bytes', () => {
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(bytes, bytes, (seed, any) => {
      const [first, second] = backends.map(([, crypto]) => {
        const own = crypto.signingKeyPair(seed);
        const pair = crypto.agreementPairOf(own);
        const [known, strange] = [own.publicKey, any].map((key) => crypto.agreementKeyOf(key));
        expect(known?.bytes).toEqual(pair.publicKey.bytes);
        return [exportHex(crypto, pair.privateKey), known?.bytes, strange?.bytes];
      });
      expect(first).toEqual(second);
    }),
    { numRuns: 40 },
  );
});
