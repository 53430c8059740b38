import fc from 'fast-check';
import type { Result } from '@simsim/bytes';
import { equalBytes } from '@simsim/bytes';
import type { Part, Secret } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import { describe, expect, it } from 'vitest';
import type { SessionCold, SessionHot, SkippedBlock } from '../src/index.ts';
import {
  decodeBlock,
  decodeCold,
  decodeHot,
  encodeBlock,
  encodeCold,
  encodeHot,
} from '../src/index.ts';
import { Conversation, bytesOf, joinState, must } from './conversation.ts';
import { trackSecrets } from './tracking-crypto.ts';

const crypto = nodeCrypto;

interface Form {
  readonly bytes: Uint8Array;
  readonly decode: (bytes: Uint8Array) => Result<unknown, { readonly code: string }>;
  readonly recode: (bytes: Uint8Array) => Uint8Array;
}

const form = <T>(
  value: T,
  encode: (value: T) => Part[],
  decode: (bytes: Uint8Array, backend: typeof crypto) => Result<T, { readonly code: string }>,
): Form => ({
  bytes: joinState(encode(value), crypto),
  decode: (bytes) => decode(bytes, crypto),
  recode: (bytes) => joinState(encode(must(decode(bytes, crypto))), crypto),
});
const hotForm = (hot: SessionHot): Form => form(hot, encodeHot, decodeHot);
const coldForm = (cold: SessionCold): Form => form(cold, encodeCold, decodeCold);
const blockForm = (block: SkippedBlock): Form => form(block, encodeBlock, decodeBlock);

/** One of each shape that a session's parts take. */
function forms(): readonly (readonly [string, Form])[] {
  const talk = new Conversation(crypto);
  const { alice } = talk;
  const fresh = alice.session;
  for (const text of ['1', '2']) talk.send(alice, bytesOf(text)); // never delivered
  talk.toBob(talk.send(alice, bytesOf('3')));
  const accepted = talk.bob.session;
  const reply = talk.send(talk.bob, bytesOf('4'));
  talk.deliver(alice, reply);
  talk.deliver(talk.bob, talk.send(alice, bytesOf('5')));
  const both = talk.bob.session;
  const [block] = both.blocks.values();
  if (block === undefined) throw new Error('two messages were skipped');
  const pending = fresh.cold.pending && { ...fresh.cold.pending, oneTimePreKeyId: undefined };
  const withoutKey = { ...fresh.cold, pending };
  return [
    ['hot: sending only', hotForm(fresh.hot)],
    ['hot: receiving only', hotForm(accepted.hot)],
    ['hot: after a turn', hotForm(both.hot)],
    ['hot: both ways', hotForm(alice.session.hot)],
    ['cold: initiating', coldForm(fresh.cold)],
    ['cold: initiating without one-time key', coldForm(withoutKey)],
    ['cold: with skipped keys', coldForm(accepted.cold)],
    ['cold: with older chains', coldForm(both.cold)],
    ['a block', blockForm(block)],
  ];
}

describe.each(forms())('the saved form of %s', (_title, { bytes, decode, recode }) => {
  it('comes back the same', () => {
    expect(recode(bytes)).toEqual(bytes);
  });

  it('is refused when cut or extended', () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(decode(bytes.subarray(0, length)).ok).toBe(false);
    }
    expect(decode(Uint8Array.of(...bytes, 0)).ok).toBe(false);
    expect(decode(new Uint8Array(64 * 1024).fill(1)).ok).toBe(false);
  });

  it('is refused under another version, by name', () => {
    const newer = bytes.slice();
    newer[0] = 3;
    const error = { code: 'UNSUPPORTED_VERSION', version: 3 };
    expect(decode(newer)).toEqual({ ok: false, error });
  });

  it('is canonical and total: what decodes at all encodes to the same bytes', () => {
    const changed = fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(fc.array(changed, { minLength: 1, maxLength: 3 }), (changes) => {
        const damaged = bytes.slice();
        for (const [at, value] of changes) damaged[at] = value;
        const result = decode(damaged);
        if (!result.ok) return;
        expect(equalBytes(recode(damaged), damaged)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('reading saved state', () => {
  it('never throws on noise', () => {
    const noise = fc.uint8Array({ maxLength: 400 }).map((bytes) => {
      if (bytes.length > 0) bytes[0] = 1;
      return bytes;
    });
    fc.assert(
      fc.property(noise, (bytes) => {
        for (const decode of [decodeHot, decodeCold, decodeBlock]) {
          expect(typeof decode(bytes, crypto).ok).toBe('boolean');
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('leaves no secret behind where it refuses', () => {
    const { crypto: tracked, alive } = trackSecrets(crypto);
    const decoders = [decodeHot, decodeCold, decodeBlock];
    for (const [, { bytes }] of forms()) {
      for (let length = 0; length < bytes.length; length++) {
        for (const decode of decoders) {
          if (decode(bytes.subarray(0, length), tracked).ok) throw new Error('taken');
        }
      }
    }
    expect(alive.size).toBe(0);
  });

  it('writes secrets as handles and everything else as bytes', () => {
    const { hot } = new Conversation(crypto).alice.session;
    const [head, ...secrets] = encodeHot(hot);
    expect(head).toBeInstanceOf(Uint8Array);
    const expected: Secret[] = [hot.root];
    if (hot.sending.kind === 'ready') {
      expected.push(hot.sending.own.privateKey, hot.sending.chain.chain);
    }
    expect(secrets).toEqual(expected);
  });
});
