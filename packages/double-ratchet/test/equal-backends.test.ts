/** Equal entropy gives equal bytes on both backends, and the same bytes as in releases before. */

import { readFileSync } from 'node:fs';
import { bytesToHex } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import { nobleCrypto } from '@simsim/crypto/noble';
import { nodeCrypto } from '@simsim/crypto/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Side, Variant } from './variants.ts';
import { Talk, other, variants } from './variants.ts';

interface Line {
  readonly from: Side;
  readonly arrives: boolean;
}

const scripts: fc.Arbitrary<Line[]> = fc.array(
  fc.record({ from: fc.constantFrom<Side>('alice', 'bob'), arrives: fc.boolean() }),
  { maxLength: 12 },
);

/** Every byte that was sent and every secret that is held in the end. */
function transcript(
  variant: Variant<object>,
  crypto: Crypto,
  { script, seed }: { readonly script: readonly Line[]; readonly seed: number },
): readonly string[] {
  const talk = new Talk(variant, crypto, { seed });
  const lines: string[] = [];
  for (const { from, arrives } of [{ from: 'alice', arrives: true } as const, ...script]) {
    const message = talk.send(from, lines.length);
    lines.push(`${bytesToHex(message.header)} ${bytesToHex(message.ciphertext)}`);
    if (arrives) talk.deliver(other(from), message);
  }
  for (const side of ['alice', 'bob'] as const) {
    for (const secret of variant.secrets(talk.states[side])) {
      lines.push(bytesToHex(crypto.exportSecret(secret)));
    }
  }
  return lines;
}

/** Made by this package when the form was first written. */
const transcripts: readonly { readonly variant: string; readonly lines: readonly string[] }[] =
  JSON.parse(readFileSync(new URL('./vectors/transcripts.json', import.meta.url), 'utf8'));

const pinned: readonly Line[] = [
  { from: 'alice', arrives: false },
  { from: 'bob', arrives: true },
  { from: 'alice', arrives: false },
  { from: 'alice', arrives: true },
  { from: 'bob', arrives: true },
];

describe.each(variants)('the %s ratchet', (name, variant) => {
  it('gives equal bytes on both backends', () => {
    fc.assert(
      fc.property(scripts, fc.nat(999), (script, seed) => {
        const [a, b] = [nobleCrypto, nodeCrypto].map((crypto) =>
          transcript(variant, crypto, { script, seed }),
        );
        expect(a).toEqual(b);
      }),
      { numRuns: 12 },
    );
  });

  it('gives the bytes it gave before', () => {
    const known = transcripts.find((entry) => entry.variant === name);
    const now = transcript(variant, nodeCrypto, { script: pinned, seed: 5 });
    expect(now).toEqual(known?.lines);
  });
});
