/**
 * Every decoder of the package on random and mutated input: no throw, no secret left behind. A short
 * run by default; `SIMSIM_RUNS=10000` makes it the million inputs of the issue.
 */

import { concatBytes } from '@simsim/bytes';
import { seededEntropy } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeBlock,
  decodeCold,
  decodeHot,
  decodeReplayRecord,
  decodeWireKemKey,
  decodeWireKey,
  encodeBlock,
  encodeCold,
  encodeHot,
  encodeReplayRecord,
  parseMessage,
} from '../src/index.ts';
import { decodePqField, encodePqField } from '../src/pq-field.ts';
import type { TalkOptions } from './conversation.ts';
import { Conversation, bytesOf, joinState } from './conversation.ts';
import { trackSecrets } from './tracking-crypto.ts';

const crypto = nodeCrypto;

/** Inputs for each property run: with 100 runs some ten thousand, with 10,000 more than a million. */
const INPUTS_EACH = 110;

/** Genuine inputs of every decoder, to be mutated. */
function seeds(): Uint8Array[] {
  const found: Uint8Array[] = [encodePqField(1), encodePqField(70_000)];
  const choices: readonly TalkOptions[] = [
    { version: 3 },
    { version: 3, withOneTimeKey: false },
    { version: 4 },
    { version: 4, policy: { pqRatchet: 'off' } },
  ];
  for (const choice of choices) {
    const talk = new Conversation(crypto, choice);
    const keep = (session = talk.alice.session): void => {
      found.push(joinState(encodeHot(session.hot), crypto));
      found.push(joinState(encodeCold(session.cold), crypto));
      for (const block of session.blocks.values()) {
        found.push(joinState(encodeBlock(block), crypto));
      }
    };
    keep();
    found.push(talk.send(talk.alice, bytesOf('lost')));
    const first = talk.send(talk.alice, bytesOf('first'));
    found.push(first);
    talk.toBob(first);
    keep(talk.bob.session);
    const reply = talk.send(talk.bob, bytesOf('reply'));
    found.push(reply);
    talk.deliver(talk.alice, reply);
    talk.deliver(talk.bob, talk.send(talk.alice, bytesOf('turn')));
    keep(talk.bob.session);
  }
  const fingerprints = concatBytes([new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]);
  found.push(encodeReplayRecord({ fingerprints, capacity: 10 }));
  return found;
}

/** A cheap source of choices: one property run gives the seed, and everything follows from it. */
function choices(seed: number): (below: number) => number {
  const entropy = seededEntropy(Uint8Array.of(seed, seed >> 8, seed >> 16, seed >> 24), crypto);
  let bytes = entropy(4096);
  let at = 0;
  return (below) => {
    if (at + 4 > bytes.length) {
      bytes = entropy(4096);
      at = 0;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, 4);
    at += 4;
    return view.getUint32(0) % below;
  };
}

function mutated(genuine: readonly Uint8Array[], pick: (below: number) => number): Uint8Array {
  const base = (genuine[pick(genuine.length)] ?? new Uint8Array()).slice();
  switch (pick(5)) {
    case 0: // noise behind a plausible first byte
      return Uint8Array.from({ length: pick(300) }, (_, i) =>
        i === 0 ? ([0x33, 0x44, 1, 2][pick(4)] ?? 0) : pick(256),
      );
    case 1:
      return base.subarray(0, pick(base.length + 1));
    case 2: {
      const other = genuine[pick(genuine.length)] ?? base;
      return concatBytes([base.subarray(0, pick(base.length + 1)), other.subarray(pick(40))]);
    }
    default: {
      for (let i = 0; i <= pick(4); i++) base[pick(base.length)] = pick(256);
      return base;
    }
  }
}

describe('every decoder', () => {
  it('answers whatever it is given, and keeps no secret of what it refuses', () => {
    const genuine = seeds();
    const { crypto: tracked, alive } = trackSecrets(crypto);
    let taken = 0;
    const decoders: readonly ((bytes: Uint8Array) => boolean)[] = [
      (bytes) => parseMessage(bytes).ok,
      (bytes) => decodeReplayRecord(bytes).ok,
      (bytes) => decodePqField(bytes) !== undefined,
      (bytes) => decodeWireKey(bytes) !== undefined,
      (bytes) => decodeWireKemKey(bytes) !== undefined,
      ...[decodeHot, decodeCold, decodeBlock].map((decode) => (bytes: Uint8Array) => {
        const isTaken = decode(bytes, tracked).ok;
        if (!isTaken) expect(alive.size).toBe(0);
        for (const secret of alive) tracked.wipe(secret);
        return isTaken;
      }),
    ];
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const pick = choices(seed);
        for (let i = 0; i < INPUTS_EACH; i++) {
          const input = mutated(genuine, pick);
          const before = input.slice();
          for (const decode of decoders) if (decode(input)) taken += 1;
          if (!before.every((byte, at) => byte === input[at])) throw new Error('input changed');
        }
      }),
    );
    // Not everything is refused at the door: mutants reach the inside of the decoders.
    expect(taken).toBeGreaterThan(100);
  });

  it('is noticed to throw', () => {
    const broken = (bytes: Uint8Array): number => {
      if (bytes.length > 40 && bytes[7] === 0) throw new Error('a decoder that throws');
      return bytes.length;
    };
    const genuine = seeds();
    const law = (): void =>
      fc.assert(
        fc.property(fc.integer(), (seed) => {
          const pick = choices(seed);
          for (let i = 0; i < INPUTS_EACH; i++) broken(mutated(genuine, pick));
        }),
      );
    expect(law).toThrow(/Property failed/);
  });
});
