import { describe, expect, it } from 'vitest';
import { deviceNumbered, userNamed } from '../test/arbitraries.ts';
import { placeOf } from './key-pin.ts';
import { emptyUserRecord } from './user-record.ts';

const [phone, tablet] = [deviceNumbered(1), deviceNumbered(2)];
const [one, two, other] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte));

describe('the place of a key', () => {
  it('is that of the device it is pinned for, whatever it was shown for since', () => {
    const devicePins = new Map([
      [phone, { ...(one && { identityKey: one }), ...(two && { offered: two }) }],
      [tablet, { ...(two && { identityKey: two }), ...(other && { offered: other }) }],
    ]);
    const record = { ...emptyUserRecord(userNamed('bo')), devicePins };
    const placesOf = [one, two, other].map((key) => key && placeOf(record, key)?.deviceId);
    expect(placesOf).toEqual([phone, tablet, tablet]);
  });
});
