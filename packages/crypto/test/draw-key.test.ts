import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { drawKeyPair, drawSigningKeyPair } from '../src/index.ts';
import { backends, exportHex, factories } from './backends.ts';

describe.each([
  ...backends,
  ...factories.map(([name, make]) => [`${name}, X448`, make({ curve: 'x448' })] as const),
])('a key that %s draws', (_, crypto) => {
  it('is what was drawn, of which nothing stays', () => {
    const { keyBytes } = crypto.parameters;
    // A Buffer: its `slice` is no copy.
    const [one, two] = [randomBytes(keyBytes), randomBytes(32)];
    const expected = crypto.keyPair(new Uint8Array(one));
    const signing = crypto.signingKeyPair(new Uint8Array(two));
    const pair = drawKeyPair({ crypto, entropy: () => one });
    const device = drawSigningKeyPair({ crypto, entropy: () => two });
    expect([one, two].map((bytes) => bytes.every((byte) => byte === 0))).toEqual([true, true]);
    expect(exportHex(crypto, pair.privateKey)).toBe(exportHex(crypto, expected.privateKey));
    expect(pair.publicKey.bytes).toEqual(expected.publicKey.bytes);
    expect(exportHex(crypto, device.privateKey)).toBe(exportHex(crypto, signing.privateKey));
    expect(device.publicKey).toEqual(signing.publicKey);
  });
});

describe.each(backends)('a secret that %s takes over', (_, crypto) => {
  it('is a copy, also of a Buffer', () => {
    const [bytes, seed] = [randomBytes(32), randomBytes(64)];
    const expected = bytes.toString('hex');
    const secret = crypto.importSecret('seal', bytes);
    const pair = crypto.kemKeyPair('kyber1024', seed);
    const before = exportHex(crypto, pair.privateKey);
    bytes.fill(0);
    seed.fill(0);
    expect(exportHex(crypto, secret)).toBe(expected);
    expect(exportHex(crypto, pair.privateKey)).toBe(before);
  });
});
