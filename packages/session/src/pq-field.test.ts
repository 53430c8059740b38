import { concatBytes } from '@simsim/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePqField, encodePqField } from './pq-field.ts';

const chunk = new Uint8Array(32).fill(7);
const field = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

describe('the field of the post-quantum ratchet', () => {
  it('comes back, index by index', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0xffff_ffff }), (index) => {
        expect(decodePqField(encodePqField(index))).toEqual({ kind: 'key', epoch: 1, index });
      }),
    );
    expect(encodePqField(1)).toEqual(field(1, 1, 1, 0));
    expect(encodePqField(300)).toEqual(field(1, 1, 0xac, 2, 0));
  });

  it('is stepped over where it carries a piece of an epoch', () => {
    for (const type of [1, 2, 3, 5, 6]) {
      const whole = concatBytes([field(1, 1, 9, type, 0x80, 0x02), chunk]);
      expect(decodePqField(whole)).toEqual({ kind: 'key', epoch: 1, index: 9 });
      expect(decodePqField(whole.subarray(0, whole.length - 1))).toBeUndefined();
      expect(
        decodePqField(concatBytes([field(1, 1, 9, type, 0x80, 0x80, 4), chunk])),
      ).toBeUndefined();
    }
    expect(decodePqField(field(1, 3, 9, 4))).toEqual({ kind: 'key', epoch: 3, index: 9 });
  });

  it('ignores what trails, as peers do', () => {
    expect(decodePqField(field(1, 1, 5, 0, 99))).toEqual({ kind: 'key', epoch: 1, index: 5 });
  });

  it('gives no key while a peer negotiates or speaks a newer version', () => {
    expect(decodePqField(field(1, 1, 0, 0))).toEqual({ kind: 'keyless' });
    expect(decodePqField(field(2))).toEqual({ kind: 'keyless' });
  });

  it('is refused where it is cut, of epoch 0, of an unknown type or a number too large', () => {
    for (const bad of [
      field(),
      field(0),
      field(1),
      field(1, 1),
      field(1, 1, 1),
      field(1, 0, 1, 0),
      field(1, 2, 0, 0),
      field(1, 1, 1, 7),
      field(1, 1, 0xff, 0xff, 0xff, 0xff, 0x1f, 0),
    ]) {
      expect(decodePqField(bad)).toBeUndefined();
    }
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        decodePqField(bytes);
        if (bytes.length > 0) bytes[0] = 1;
        decodePqField(bytes);
      }),
      { numRuns: 2000 },
    );
  });
});
