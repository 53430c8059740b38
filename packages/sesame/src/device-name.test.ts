import fc from 'fast-check';
import { createReader, encodeUtf8 } from '@simsim/bytes';
import { describe, expect, it } from 'vitest';
import { bytes, deviceNumbered, nameOf, naming } from '../test/arbitraries.ts';
import { parseDeviceName } from './device-name-brand.ts';
import {
  decodeNamesTold,
  encodeNamesTold,
  isNewerNaming,
  namingKey,
  nextNamingCounter,
  readNaming,
} from './device-name.ts';
import type { DeviceNaming } from './device-name.ts';
import { DEVICE_NAME_BYTES_MAX, DEVICE_NAME_COUNTER_MAX } from './limits.ts';

const REFUSED = { ok: false, error: { code: 'BAD_DEVICE_NAME' } };
const few = fc.constant(new Uint8Array(32).fill(1));

describe('a device name', () => {
  it.each(['Kitchen tablet', 'Küchentablett', '台所', '👩‍💻 work', 'x'.repeat(64), ''])(
    'may be %j',
    (text) => {
      expect(parseDeviceName(text)).toEqual({ ok: true, value: text });
    },
  );

  it.each([
    ['two lines', 'a\nb'],
    ['a bell', 'a\u0007'],
    ['a control of the second half', 'a\u0085b'],
    ['another line separator', 'a\u2028b'],
    ['text that turns round', 'a\u202eb'],
    ['a space in front', ' a'],
    ['a space behind', 'a '],
    ['half a character', 'a\ud800'],
    ['too many bytes', 'x'.repeat(DEVICE_NAME_BYTES_MAX + 1)],
    ['too many bytes in few characters', '台'.repeat(22)],
    ['no text', 7],
    ['nothing', undefined],
  ])('with %s is refused', (_title, text) => {
    expect(parseDeviceName(text)).toEqual(REFUSED);
  });

  it('that passes is written as it is, and nothing that is refused can be read', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 70 }), (text) => {
        const parsed = parseDeviceName(text);
        if (!parsed.ok) return;
        const one = { deviceKey: new Uint8Array(32), counter: 1, by: deviceNumbered(1) };
        const told = [{ ...one, name: parsed.value }];
        expect(decodeNamesTold(encodeNamesTold({ names: told }))).toEqual({ names: told });
      }),
    );
    const key = new Uint8Array(32);
    for (const name of ['a\nb', ' a']) {
      const reader = createReader(Uint8Array.of(...key, name.length, ...encodeUtf8(name), 1, 1));
      readNaming(reader);
      expect(reader.isDone()).toBe(false);
    }
  });
});

describe('two namings of one device', () => {
  it('have one that is newer, unless they are the same', () => {
    fc.assert(
      fc.property(naming(few), naming(few), (a, b) => {
        const isSame = a.counter === b.counter && a.by === b.by && a.name === b.name;
        expect([isNewerNaming(a, b), isNewerNaming(b, a)].filter(Boolean).length).toBe(
          isSame ? 0 : 1,
        );
      }),
    );
  });

  it('and any more of them leave the same one, in whatever order they come and how often', () => {
    const last = (all: readonly DeviceNaming[]): DeviceNaming | undefined =>
      all.reduce<DeviceNaming | undefined>(
        (kept, each) => (isNewerNaming(each, kept) ? each : kept),
        undefined,
      );
    const shuffled = fc.array(naming(few), { minLength: 1, maxLength: 8 }).chain((all) =>
      fc.record({
        all: fc.constant(all),
        again: fc.shuffledSubarray([...all, ...all], { minLength: all.length }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ all, again }) => {
        expect(last([...again, ...all])).toEqual(last(all));
      }),
    );
  });

  it('the one that is given now is newer than the one of its device that its giver knows', () => {
    fc.assert(
      fc.property(fc.array(naming(bytes(32)), { maxLength: 6 }), (all) => {
        const names = new Map(all.map((each) => [namingKey(each.deviceKey), each]));
        for (const each of names.values()) {
          const counter = nextNamingCounter(names, each.deviceKey);
          const given = { ...each, name: nameOf('zz'), counter };
          expect(isNewerNaming(given, each)).toBe(
            each.counter < DEVICE_NAME_COUNTER_MAX || each.name < 'zz',
          );
        }
      }),
    );
  });
});
