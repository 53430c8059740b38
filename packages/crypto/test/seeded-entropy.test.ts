import fc from 'fast-check';
import { concatBytes } from '@simsim/bytes';
import { describe, expect, it } from 'vitest';
import { seededEntropy } from '../src/index.ts';
import { nodeEntropy } from '../src/node/index.ts';
import { backends } from './backends.ts';

describe('seeded entropy', () => {
  it('is one stream, however it is drawn and on whichever backend', () => {
    const draws = fc.array(fc.nat({ max: 70 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.uint8Array(), draws, (seed, lengths) => {
        const total = lengths.reduce((sum, length) => sum + length, 0);
        const streams = backends.map(([, crypto]) => {
          const entropy = seededEntropy(seed, crypto);
          return concatBytes(lengths.map((length) => entropy(length)));
        });
        for (const [i, [, crypto]] of backends.entries()) {
          expect(streams[i]).toEqual(seededEntropy(seed, crypto)(total));
          expect(streams[i]).toEqual(streams[0]);
        }
      }),
    );
  });

  it('differs between seeds and never repeats a block', () => {
    const [, crypto] = backends[1] ?? backends[0] ?? ['', undefined];
    if (crypto === undefined) throw new Error('a backend');
    const entropy = seededEntropy(Uint8Array.of(1), crypto);
    const blocks = new Set(Array.from({ length: 300 }, () => entropy(32).join()));
    expect(blocks.size).toBe(300);
    expect(blocks).not.toContain(seededEntropy(Uint8Array.of(2), crypto)(32).join());
  });
});

describe('entropy of the system', () => {
  it('gives fresh bytes of the asked length in memory of their own', () => {
    const [a, b] = [nodeEntropy(32), nodeEntropy(32)];
    expect(a).toHaveLength(32);
    expect(a).not.toEqual(b);
    expect(a.buffer.byteLength).toBe(32);
    expect(nodeEntropy(0)).toHaveLength(0);
  });

  it('hands out each byte of the shared draw once, in memory of its own', () => {
    const draws = Array.from({ length: 2000 }, (_, i) => nodeEntropy(16 + (i % 49)));
    const seen = new Set(draws.map((draw) => Buffer.from(draw.subarray(0, 16)).toString('hex')));
    expect(seen.size).toBe(draws.length);
    expect(new Set(draws.map((draw) => draw.buffer)).size).toBe(draws.length);
    expect(draws.every((draw) => draw.some((byte) => byte !== 0))).toBe(true);
  });
});
