/** The saved form of a state with encrypted headers: whole, canonical and read without a throw. */

import { bytesToHex, concatBytes } from '@simsim/bytes';
import type { Crypto, Part } from '@simsim/crypto';
import { nobleCrypto } from '@simsim/crypto/noble';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HeaderRatchetState } from '../src/index.ts';
import { HEADER_STATE_BYTES_MAX, decodeHeaderRatchet, encodeHeaderRatchet } from '../src/index.ts';
import { Talk, headers, must } from './variants.ts';

const crypto = nobleCrypto;

/** What a store would keep. */
function saved(parts: readonly Part[]): Uint8Array {
  return concatBytes(
    parts.map((part) => (part instanceof Uint8Array ? part : crypto.exportSecret(part))),
  );
}

/** A state after some messages, lost and delivered; on noble, where handles are their bytes. */
function someState(script: readonly number[], elapsedMs: number | undefined): HeaderRatchetState {
  const limits = elapsedMs === undefined ? {} : { blockLifeMs: 1000 };
  const talk = new Talk(headers, crypto, { limits });
  talk.elapsedMs = elapsedMs;
  for (const step of script) {
    const from = step % 2 === 0 || talk.states.bob.sending.kind === 'borrowed' ? 'alice' : 'bob';
    const message = talk.send(from);
    if (step % 3 !== 0) talk.deliver(from === 'alice' ? 'bob' : 'alice', message);
  }
  return script.length % 2 === 0 ? talk.states.bob : talk.states.alice;
}

const scripts = fc.array(fc.nat({ max: 11 }), { maxLength: 14 });

describe('a saved state', () => {
  it('comes back as it was, at every stage', () => {
    fc.assert(
      fc.property(scripts, fc.option(fc.nat({ max: 1e9 }), { nil: undefined }), (script, time) => {
        const state = someState(script, time);
        const bytes = saved(encodeHeaderRatchet(state));
        const read = must(decodeHeaderRatchet(bytes, crypto));
        expect(read).toEqual(state);
        expect(bytesToHex(saved(encodeHeaderRatchet(read)))).toBe(bytesToHex(bytes));
      }),
    );
  });

  it('goes on talking', () => {
    const talk = new Talk(headers, crypto);
    talk.send('alice');
    const late = talk.send('alice', 7);
    const reload = (): void => {
      for (const side of ['alice', 'bob'] as const) {
        const bytes = saved(encodeHeaderRatchet(talk.states[side]));
        talk.states[side] = must(decodeHeaderRatchet(bytes, crypto));
      }
    };
    for (let turn = 0; turn < 3; turn++) {
      reload();
      talk.deliver('bob', talk.send('alice'));
      reload();
      talk.deliver('alice', talk.send('bob'));
    }
    reload();
    expect(talk.deliver('bob', late)).toBe(7);
  });

  it('is 400 bytes without skipped keys', () => {
    const talk = new Talk(headers, crypto);
    for (let turn = 0; turn < 50; turn++) talk.roundTrip();
    expect(saved(encodeHeaderRatchet(talk.states.bob)).length).toBeLessThanOrEqual(400);
  });

  it('is read from any bytes without a throw, and only in one form', () => {
    const base = [[], [0], [1, 4, 7, 2], [3, 3, 4, 5, 7, 6, 2, 9, 8]].map((script) =>
      saved(encodeHeaderRatchet(someState(script, undefined))),
    );
    const mutations = fc.array(fc.record({ at: fc.nat(500), to: fc.nat(255) }), { maxLength: 4 });
    fc.assert(
      fc.property(fc.nat(3), mutations, fc.integer({ min: -40, max: 40 }), (which, changes, by) => {
        const from = base[which] ?? new Uint8Array(0);
        const bytes = new Uint8Array(Math.max(0, from.length + by));
        bytes.set(from.subarray(0, bytes.length));
        for (const { at, to } of changes) if (bytes.length > 0) bytes[at % bytes.length] = to;
        const read = decodeHeaderRatchet(bytes, crypto);
        if (!read.ok) return;
        expect(bytesToHex(saved(encodeHeaderRatchet(read.value)))).toBe(bytesToHex(bytes));
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(decodeHeaderRatchet(bytes, crypto).ok).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  it('is refused where no ratchet can have been in it', () => {
    const talk = new Talk(headers, crypto);
    talk.send('alice');
    talk.send('alice');
    talk.roundTrip();
    talk.send('alice');
    talk.send('alice');
    talk.deliver('bob', talk.send('alice'));
    const good = talk.states.bob;
    const { receiving, closed, peer } = good;
    const [chain] = closed;
    if (receiving === undefined || chain === undefined || peer === undefined) throw new Error();
    expect([receiving.skipped.length, chain.skipped.length, good.sending.kind]).toEqual([
      2,
      2,
      'owed',
    ]);
    const skippedAs = (skipped: typeof receiving.skipped): HeaderRatchetState => ({
      ...good,
      receiving: { ...receiving, skipped },
    });
    const [one, two] = receiving.skipped;
    if (one === undefined || two === undefined) throw new Error('two are skipped');
    const fresh = new Talk(headers, crypto).states;
    const { sending } = fresh.alice;
    if (sending.kind !== 'ready') throw new Error('the initiator can send');
    const bad: Record<string, HeaderRatchetState> = {
      'counters that descend': skippedAs([two, one]),
      'one counter twice': skippedAs([one, { ...two, counter: one.counter }]),
      'births that descend': skippedAs([
        { ...one, bornAt: 2 },
        { ...two, bornAt: 1 },
      ]),
      'a skipped message that is yet to come': skippedAs([{ ...one, counter: receiving.counter }]),
      'a birth in the future': skippedAs([{ ...one, bornAt: good.receivedCount + 1 }]),
      'a closed chain without keys': { ...good, closed: [{ ...chain, skipped: [] }] },
      'a turn without a chain': { ...good, receiving: undefined },
      'a turn without a peer': { ...good, peer: undefined },
      'a sender without a peer': { ...fresh.alice, peer: undefined },
      'a responder that has received': { ...fresh.bob, peer },
      'a responder with closed chains': { ...fresh.bob, closed },
      'an own key of low order': {
        ...fresh.alice,
        sending: { ...sending, own: { ...sending.own, publicKey: { bytes: new Uint8Array(32) } } },
      },
      'a peer of low order': { ...good, peer: { bytes: new Uint8Array(32) } },
    };
    expect(decodeHeaderRatchet(saved(encodeHeaderRatchet(good)), crypto).ok).toBe(true);
    for (const [what, state] of Object.entries(bad)) {
      const read = decodeHeaderRatchet(saved(encodeHeaderRatchet(state)), crypto);
      expect(read, what).toEqual({ ok: false, error: { code: 'MALFORMED' } });
    }
    const bytes = saved(encodeHeaderRatchet(good));
    const changes: readonly (readonly [at: number, to: number])[] = [
      [1, 3],
      [2, 7],
    ];
    for (const [at, to] of changes) {
      const changed = bytes.slice();
      changed[at] = to;
      expect(decodeHeaderRatchet(changed, crypto).ok).toBe(false);
    }
    for (const other of [bytes.slice(0, -1), Uint8Array.of(...bytes, 0), new Uint8Array(0)]) {
      const read = decodeHeaderRatchet(other, crypto);
      expect(read).toEqual({ ok: false, error: { code: 'MALFORMED' } });
    }
  });

  it('is refused where it counts more than it holds', () => {
    const { alice } = new Talk(headers, crypto).states;
    const bytes = saved(encodeHeaderRatchet(alice));
    // Version, kind, flags, two counts, own key, counter, peer: then the count of closed chains.
    const at = 3 + 2 + 32 + 1 + 32;
    expect(bytes[at]).toBe(0);
    for (const count of [[1], [0x7f], [0xff, 0xff, 0xff, 0x7f]]) {
      const more = Uint8Array.of(...bytes.slice(0, at), ...count, ...bytes.slice(at + 1));
      const read = decodeHeaderRatchet(more, crypto);
      expect(read).toEqual({ ok: false, error: { code: 'MALFORMED' } });
    }
  });

  it('orphans no secret: none is taken before all is known to be there', () => {
    const bytes = saved(encodeHeaderRatchet(new Talk(headers, crypto).states.alice));
    let taken = 0;
    const counting: Crypto = {
      ...crypto,
      importSecret: (role, secret) => ((taken += 1), crypto.importSecret(role, secret)),
    };
    for (let end = 0; end < bytes.length; end++) {
      expect(decodeHeaderRatchet(bytes.slice(0, end), counting).ok).toBe(false);
    }
    expect(taken).toBe(0);
    expect(decodeHeaderRatchet(bytes, counting).ok).toBe(true);
    expect(taken).toBe(6);
  });

  it('is refused from the future and beyond its size', () => {
    const bytes = saved(encodeHeaderRatchet(new Talk(headers, crypto).states.alice));
    bytes[0] = 2;
    expect(decodeHeaderRatchet(bytes, crypto)).toEqual({
      ok: false,
      error: { code: 'UNSUPPORTED_VERSION', version: 2 },
    });
    const huge = new Uint8Array(HEADER_STATE_BYTES_MAX + 1).fill(1);
    expect(decodeHeaderRatchet(huge, crypto)).toEqual({ ok: false, error: { code: 'MALFORMED' } });
  });
});
