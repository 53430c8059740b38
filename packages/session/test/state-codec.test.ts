import fc from 'fast-check';
import type { Result } from '@simsim/bytes';
import { createWriter, equalBytes } from '@simsim/bytes';
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
function forms(version: 3 | 4): readonly (readonly [string, Form])[] {
  const talk = new Conversation(crypto, { version });
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

const allForms = ([3, 4] as const).flatMap((version) =>
  forms(version).map(([title, form]) => [`${title}, version ${version}`, form] as const),
);

describe.each(allForms)('the saved form of %s', (_title, { bytes, decode, recode }) => {
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
        // Form 1 of the cold state is read and never written.
        if (!result.ok || damaged[0] !== bytes[0]) return;
        expect(equalBytes(recode(damaged), damaged)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('reading saved state', () => {
  it('never throws on noise', () => {
    const noise = fc.uint8Array({ maxLength: 400 }).map((bytes) => {
      if (bytes.length > 0) bytes[0] = 1 + ((bytes[0] ?? 0) & 1);
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
    for (const [, { bytes }] of allForms) {
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

describe.each([3, 4] as const)(
  'skipped keys under a life in milliseconds, version %i,',
  (version) => {
    it('die by the clock too, also where the session was saved between', () => {
      const talk = new Conversation(crypto, { version, limits: { blockLifeMs: 1000 } });
      const at = (elapsedMs: number): void => {
        talk.bob.party = { ...talk.bob.party, env: { ...talk.bob.party.env, elapsedMs } };
      };
      talk.toBob(talk.send(talk.alice, bytesOf('first')));
      const [early, late] = ['1', '2'].map((text) => talk.send(talk.alice, bytesOf(text)));
      at(5000);
      talk.deliver(talk.bob, talk.send(talk.alice, bytesOf('3')));
      const saved = joinState(encodeCold(talk.bob.session.cold), crypto);
      const cold = must(decodeCold(saved, crypto));
      expect(cold).toEqual(talk.bob.session.cold);
      expect(cold.ratchet.directory.map(({ bornAtMs }) => bornAtMs)).toEqual(
        version === 4 ? [5000, 5000] : [5000],
      );
      talk.bob.session = { ...talk.bob.session, cold };
      at(6000);
      expect(talk.deliver(talk.bob, early ?? bytesOf(''))).toEqual(bytesOf('1'));
      at(6001);
      const refused = talk.tryDeliver(talk.bob, late ?? bytesOf(''));
      expect(refused).toEqual({ ok: false, error: { code: 'DUPLICATE' } });
      for (const flags of [8, 9, 12]) {
        const without = joinState(encodeCold(talk.alice.session.cold), crypto);
        without[1] = (without[1] ?? 0) | flags;
        expect(decodeCold(without, crypto).ok).toBe(false);
      }
    });
  },
);

describe('the cold state in form 1', () => {
  /** As it was written before: the base key where the id is now, wire version 3 only. */
  function encodeForm1(cold: SessionCold, baseKey: Uint8Array): Uint8Array {
    const { pending } = cold;
    const hasOneTimeKey = pending?.oneTimePreKeyId !== undefined;
    const writer = createWriter().u8(1);
    writer.u8((pending ? 1 : 0) | (hasOneTimeKey ? 2 : 0));
    writer.raw(baseKey).raw(cold.localIdentity).raw(cold.remoteIdentity);
    writer.varint(cold.localRegistrationId).varint(cold.remoteRegistrationId);
    if (pending) writer.varint(pending.signedPreKeyId);
    if (pending?.oneTimePreKeyId !== undefined) writer.varint(pending.oneTimePreKeyId);
    return writer.varint(0).varint(0).varint(0).finish();
  }

  it('is read, initiating or not', () => {
    const { cold } = new Conversation(crypto).alice.session;
    const baseKey = cold.pending?.baseKey ?? new Uint8Array();
    expect(must(decodeCold(encodeForm1(cold, baseKey), crypto))).toEqual(cold);
    const begun = { ...cold, pending: undefined };
    expect(must(decodeCold(encodeForm1(begun, baseKey), crypto))).toEqual(begun);
  });

  it('is refused with a one-time key and no initiation, and with version 4', () => {
    const { cold } = new Conversation(crypto).alice.session;
    const bytes = encodeForm1(cold, cold.pending?.baseKey ?? new Uint8Array());
    for (const flags of [2, 4, 5, 7]) {
      const bad = bytes.slice();
      bad[1] = flags;
      expect(decodeCold(bad, crypto).ok).toBe(false);
    }
  });
});

describe.each([3, 4] as const)('the whole state of version %i', (version) => {
  it('has at most 600 bytes after any number of turns, and 260 of them are hot', () => {
    const talk = new Conversation(crypto, { version });
    // As large as ids get in the house: 32-bit registration ids would be two bytes more each.
    const big = { localRegistrationId: 16_383, remoteRegistrationId: 16_383 };
    talk.toBob(talk.send(talk.alice, bytesOf('first')));
    talk.bob.session = { ...talk.bob.session, cold: { ...talk.bob.session.cold, ...big } };
    let largest = 0;
    for (let turn = 0; turn < 300; turn++) {
      for (let i = 0; i < 1 + (turn % 4); i++) {
        talk.deliver(talk.alice, talk.send(talk.bob, bytesOf('b')));
      }
      const { hot, cold } = talk.bob.session;
      const hotBytes = joinState(encodeHot(hot), crypto).length;
      expect(hotBytes).toBeLessThanOrEqual(260);
      largest = Math.max(largest, hotBytes + joinState(encodeCold(cold), crypto).length);
      talk.deliver(talk.bob, talk.send(talk.alice, bytesOf('a')));
    }
    expect(talk.bob.session.cold.ratchet.olderChains).toHaveLength(4);
    expect(largest).toBeLessThanOrEqual(600);
    expect(largest).toBeGreaterThan(500);
  });

  it('still has at most 600 bytes after a million messages each way', () => {
    const talk = new Conversation(crypto, { version });
    talk.toBob(talk.send(talk.alice, bytesOf('first')));
    for (let turn = 0; turn < 6; turn++) {
      talk.deliver(talk.alice, talk.send(talk.bob, bytesOf('b')));
      talk.deliver(talk.bob, talk.send(talk.alice, bytesOf('a')));
    }
    talk.send(talk.bob, bytesOf('the sending half is made'));
    const { hot, cold } = talk.bob.session;
    const { pq, sending } = hot;
    const far = {
      ...hot,
      receivedCount: 1_000_000,
      ...(sending.kind === 'ready' && {
        sending: { ...sending, chain: { ...sending.chain, counter: 100 } },
      }),
      ...(pq && {
        pq: {
          sending: { ...pq.sending, counter: 1_000_000 },
          receiving: { ...pq.receiving, counter: 1_000_000 },
        },
      }),
    };
    const registrationId = 16_383;
    const named = {
      ...cold,
      localRegistrationId: registrationId,
      remoteRegistrationId: registrationId,
      ratchet: { ...cold.ratchet, nextBlockId: 16_000 },
    };
    const parts = [...encodeHot(far), ...encodeCold(named)];
    expect(joinState(parts, crypto).length).toBeLessThanOrEqual(600);
  });
});
