import { signDeviceHead } from '@simsim/relay-protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crypto, deviceHead, deviceId, stored } from '../test/arbitraries.ts';
import { MemorySlice } from '../test/memory-slice.ts';
import { decodeKnownHeads, encodeKnownHeads, judgeHead, signedHead } from './heads.ts';
import type { ChainView } from './heads.ts';
import type { OwnDevice } from './own-device.ts';
import { userNamed } from '../test/arbitraries.ts';

const link = (seq: number, fill = seq): Uint8Array => new Uint8Array(32).fill(fill);
const chain: ChainView = {
  logId: new Uint8Array(16).fill(7),
  tip: { seq: 9, hash: link(9) },
  link: (seq) => (seq <= 9 ? link(seq) : undefined),
};

function device(): OwnDevice {
  const slice = new MemorySlice();
  slice.take({ type: 'create', userId: userNamed('ann'), oneTimeKeys: 1, oneTimeKemKeys: 1 });
  const own = slice.values.get('device');
  if (own === undefined || !('deviceKey' in own)) throw new Error('the device was made');
  return own;
}

const own = device();
const head = signedHead({ own, chain }, 5, crypto);
const signed = (change: Partial<typeof head>): typeof head =>
  signDeviceHead({ ...head, ...change }, own.deviceKey, crypto);
const judged = (given: typeof head): string => judgeHead(given, { own, chain }, crypto);

describe("judging one's own head", () => {
  it('finds one of this log fresh, the newest and every older one', () => {
    expect(judged(head)).toBe('fresh');
    for (let seq = 1; seq < 9; seq++)
      expect(judged(signed({ seq, hash: link(seq) }))).toBe('fresh');
  });

  it('finds one beyond or beside the log, whoever brings it', () => {
    expect(judged(signed({ seq: 10, hash: link(10) }))).toBe('ahead');
    expect(judged(signed({ hash: link(8) }))).toBe('beside');
    expect(judged(signed({ seq: 3, hash: link(4) }))).toBe('beside');
    expect(judged(signed({ logId: new Uint8Array(16) }))).toBe('beside');
  });

  it('lets nobody else raise an alarm, and no incarnation of before', () => {
    const other = { ...own, deviceKey: crypto.signingKeyPair(new Uint8Array(32).fill(1)) };
    const forged = signedHead(
      { own: other, chain: { ...chain, tip: { seq: 99, hash: link(1) } } },
      5,
      crypto,
    );
    expect(judged(forged)).toBe('foreign');
    expect(judged({ ...head, seq: 99 })).toBe('foreign');
    const incarnation = (own.registrationId % 16_383) + 1;
    expect(judged(signed({ incarnation, seq: 99 }))).toBe('former');
    fc.assert(
      fc.property(deviceHead, (any) => {
        expect(judged(any)).toBe('foreign');
      }),
      { numRuns: 20 },
    );
  });
});

describe('known heads', () => {
  const known = fc
    .uniqueArray(fc.tuple(deviceId, deviceHead), { selector: ([id]) => id, maxLength: 6 })
    .map((entries) => new Map(entries));

  it('read back as they were sealed', () => {
    fc.assert(
      fc.property(known, (heads) => {
        expect(decodeKnownHeads(stored(encodeKnownHeads(heads)), crypto)).toEqual(heads);
      }),
    );
  });

  it('are refused or read from any bytes, never thrown at', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (input) => {
        decodeKnownHeads(input, crypto);
      }),
    );
  });
});
