import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  deviceNumbered,
  nameOf,
  sessionChange,
  userChange,
  userNamed,
} from '../test/arbitraries.ts';
import { namingKey } from './device-name.ts';
import { DEVICE_NAMES_MAX, DEVICE_RECORDS_MAX, INACTIVE_SESSIONS_MAX } from './limits.ts';
import { decodeUserChanges, encodeUserChanges } from './user-change.ts';
import { applyUserChange } from './fold-user-change.ts';
import {
  allSessionsOf,
  currentDevices,
  droppedSessions,
  emptyUserRecord,
  matchesList,
} from './user-record.ts';
import { decodeUserRecord, encodeUserRecord } from './user-record-codec.ts';
import type { UserChange } from './user-change.ts';
import type { DeviceRecord, UserRecord } from './user-record.ts';

const bo = userNamed('bo');
const [one, two, three] = [deviceNumbered(1), deviceNumbered(2), deviceNumbered(3)];
const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const fold = (...changes: UserChange[]): UserRecord =>
  changes.reduce(applyUserChange, emptyUserRecord(bo));
const list = (version: number, ...ids: (typeof one)[]): UserChange => ({
  type: 'list',
  version,
  hash: key(version),
  at: 100 * version,
  devices: ids.map((deviceId) => ({
    deviceId,
    registrationId: 10 + deviceId,
    deviceKey: key(deviceId),
  })),
});
const insert = (session: string, deviceId = one): UserChange => ({
  type: 'insert',
  deviceId,
  session,
});
const entry = (record: UserRecord, id = one): DeviceRecord | undefined => record.devices.get(id);

describe('inserting a session (SES-29)', () => {
  it('makes it active and heads the inactive list with the one before', () => {
    const record = fold(list(1, one), insert('s1'), insert('s2'), insert('s3'));
    expect(entry(record)).toMatchObject({ active: 's3', inactive: ['s2', 's1'] });
  });

  it('drops from the tail of a full list', () => {
    const names = Array.from({ length: INACTIVE_SESSIONS_MAX + 3 }, (_, i) => `s${i}`);
    const record = fold(list(1, one), ...names.map((name) => insert(name)));
    const kept = names.slice(-INACTIVE_SESSIONS_MAX - 1).reverse();
    expect(entry(record)).toMatchObject({ active: kept[0], inactive: kept.slice(1) });
  });

  it('of a device without a record changes nothing', () => {
    const record = fold(list(1, one));
    expect(applyUserChange(record, insert('s1', two))).toBe(record);
  });
});

describe('activating a session (SES-30)', () => {
  it('moves it to the front and keeps the order of the others', () => {
    const record = fold(list(1, one), ...['d', 'c', 'b', 'a'].map((name) => insert(name)), {
      type: 'activate',
      deviceId: one,
      session: 'c',
    });
    expect(entry(record)).toMatchObject({ active: 'c', inactive: ['a', 'b', 'd'] });
  });

  it('that is active or not known changes nothing', () => {
    const record = fold(list(1, one), insert('s1'), insert('s2'));
    for (const session of ['s2', 'other']) {
      const after = applyUserChange(record, { type: 'activate', deviceId: one, session });
      expect(after).toEqual(record);
    }
  });
});

describe('retiring a session (SES-83)', () => {
  it('leaves none active and heads the inactive list with it', () => {
    const record = fold(list(1, one), insert('s1'), insert('s2'), {
      type: 'retire',
      deviceId: one,
    });
    expect(entry(record)?.active).toBeUndefined();
    expect(entry(record)?.inactive).toEqual(['s2', 's1']);
  });
});

describe('freezing sessions', () => {
  const before = fold(list(1, one, two), insert('a'), insert('b'), insert('c', two));
  const frozen = applyUserChange(before, { type: 'freeze', at: 5 });

  it('leaves none that sends, of any device, and drops none', () => {
    expect(entry(frozen)).toMatchObject({ inactive: [], frozen: ['b', 'a'] });
    expect(entry(frozen)?.active).toBeUndefined();
    expect(entry(frozen, two)).toMatchObject({ inactive: [], frozen: ['c'] });
    expect(droppedSessions(before, frozen)).toEqual([]);
  });

  it('is for good: nothing that happens to them makes them active again', () => {
    const after = [
      { type: 'activate', deviceId: one, session: 'a' } as const,
      insert('b'),
      insert('new'),
    ].reduce(applyUserChange, frozen);
    expect(entry(after)).toMatchObject({ active: 'new', inactive: [], frozen: ['b', 'a'] });
    const again = applyUserChange(after, { type: 'freeze', at: 6 });
    expect(entry(again)).toMatchObject({ inactive: [], frozen: ['new', 'b', 'a'] });
  });

  it('ends with the thaw, which drops them all, or one by one', () => {
    const ended = applyUserChange(frozen, { type: 'end', deviceId: one, session: 'b' });
    expect(entry(ended)?.frozen).toEqual(['a']);
    expect(droppedSessions(frozen, ended)).toEqual([{ deviceId: one, session: 'b' }]);
    const thawed = applyUserChange(ended, { type: 'thaw' });
    expect(entry(thawed)).not.toHaveProperty('frozen');
    expect(droppedSessions(ended, thawed)).toHaveLength(2);
  });

  it('leaves records without any as they were written ever since', () => {
    const never = fold(list(1, one), insert('a'));
    expect(encodeUserRecord(never)[0]).toBe(1);
    expect(encodeUserRecord(frozen)[0]).toBe(2);
    const thawed = applyUserChange(frozen, { type: 'thaw' });
    expect(encodeUserRecord(thawed)[0]).toBe(1);
  });
});

describe('conditional update (SES-31…33)', () => {
  it('under the same key changes nothing', () => {
    const record = fold({ type: 'identity', key: key(7) }, list(1, one), insert('s1'));
    expect(applyUserChange(record, { type: 'identity', key: key(7) })).toBe(record);
  });

  it('under another key begins anew, with nothing of before', () => {
    const before = fold({ type: 'identity', key: key(7) }, list(1, one), insert('s1'), {
      type: 'trust',
      level: 'verified',
    });
    expect(before.trust).toBe('verified');
    const record = applyUserChange(before, { type: 'identity', key: key(8) });
    expect(record).toEqual({ ...emptyUserRecord(bo), identityKey: key(8) });
  });

  it('makes an empty record of a device that only mail told of, and keeps a known one', () => {
    const change = { type: 'device', deviceId: one, registrationId: 5 } as const;
    expect(entry(fold(change))).toEqual({
      deviceId: one,
      registrationId: 5,
      deviceKey: new Uint8Array(0),
      inactive: [],
    });
    const known = fold(list(1, one), insert('s1'));
    expect(applyUserChange(known, change)).toBe(known);
  });

  it('does not bring a removed device back (SES-33, SES-61)', () => {
    const record = fold(list(1, one, two), insert('s1', two), list(2, one));
    const after = applyUserChange(record, { type: 'device', deviceId: two, registrationId: 12 });
    expect(after).toBe(record);
    expect(currentDevices(after).map((device) => device.deviceId)).toEqual([one]);
  });
});

describe('a device list', () => {
  it('keeps the sessions of who stays, marks who is gone, adds who is new', () => {
    const record = fold(list(1, one, two), insert('s1'), insert('s2', two), list(2, one, three));
    expect(entry(record, one)).toMatchObject({ active: 's1' });
    expect(entry(record, two)).toMatchObject({ active: 's2', staleAt: 200 });
    expect(entry(record, three)).toEqual({
      deviceId: three,
      registrationId: 13,
      deviceKey: key(3),
      inactive: [],
    });
    expect(currentDevices(record).map((device) => device.deviceId)).toEqual([one, three]);
  });

  it('keeps the first time of a mark (SES-24)', () => {
    const record = fold(list(1, one, two), list(2, one), list(3, one), {
      type: 'deviceGone',
      deviceId: two,
      at: 999,
    });
    expect(entry(record, two)?.staleAt).toBe(200);
  });

  it('begins a device anew that was gone, or is another incarnation (SES-34)', () => {
    const back = fold(list(1, one, two), insert('s2', two), list(2, one), list(3, one, two));
    expect(entry(back, two)?.active).toBeUndefined();
    const before = fold(list(1, one), insert('s1'));
    const devices = [{ deviceId: one, registrationId: 99, deviceKey: key(9) }];
    const other = applyUserChange(before, {
      type: 'list',
      version: 2,
      hash: key(2),
      at: 5,
      devices,
    });
    expect(entry(other)).toMatchObject({ registrationId: 99, inactive: [] });
    expect(droppedSessions(before, other)).toEqual([{ deviceId: one, session: 's1' }]);
  });

  it('keeps the session of a device that only mail told of', () => {
    const told: UserChange = { type: 'device', deviceId: one, registrationId: 11 };
    expect(entry(fold(told, insert('s1'), list(1, one)))).toMatchObject({
      active: 's1',
      deviceKey: key(1),
    });
  });

  it('brings a user back who was gone', () => {
    const gone = fold(list(1, one), { type: 'gone', at: 50 }, { type: 'gone', at: 60 });
    expect(gone.staleAt).toBe(50);
    expect(currentDevices(gone)).toEqual([]);
    expect(currentDevices(applyUserChange(gone, list(2, one))).length).toBe(1);
  });

  it('matches a record with exactly its devices and incarnations', () => {
    const record = fold(list(1, one, two));
    const { devices } = list(1, one, two) as Extract<UserChange, { type: 'list' }>;
    expect(matchesList(record, devices)).toBe(true);
    expect(matchesList(record, devices.slice(1))).toBe(false);
    expect(
      matchesList(record, [...devices, { deviceId: three, registrationId: 1, deviceKey: key(3) }]),
    ).toBe(false);
    for (const change of [{ registrationId: 77 }, { deviceKey: key(77) }]) {
      const others = devices.map((device) => ({ ...device, ...change }));
      expect(matchesList(record, others)).toBe(false);
    }
    const gone = applyUserChange(record, { type: 'deviceGone', deviceId: two, at: 1 });
    expect(matchesList(gone, devices)).toBe(false);
  });
});

describe('names', () => {
  const naming = (byte: number, name = `n${byte}`): UserChange => ({
    type: 'name',
    naming: { deviceKey: key(byte), name: nameOf(name), counter: 1, by: one },
  });
  const named = ({ names }: UserRecord): string[] =>
    [...(names?.values() ?? [])].map(({ name }) => name);

  it('go with the record of a removed device, and with a key that another one follows', () => {
    const record = fold(list(1, one, two), naming(1), naming(2), naming(9));
    const gone = fold(list(1, one, two), naming(1), naming(2), naming(9), list(2, two), {
      type: 'drop',
      devices: [one],
    });
    expect([named(record), named(gone)]).toEqual([
      ['n1', 'n2', 'n9'],
      ['n2', 'n9'],
    ]);
    const relinked: UserChange = {
      ...(list(2, two) as Extract<UserChange, { type: 'list' }>),
      devices: [{ deviceId: two, registrationId: 9, deviceKey: key(7) }],
    };
    expect(named(fold(list(1, two), naming(2), relinked))).toEqual([]);
  });

  it('stay where the device stays, in whatever incarnation, and under another identity key', () => {
    const renewed: UserChange = {
      ...(list(2, one) as Extract<UserChange, { type: 'list' }>),
      devices: [{ deviceId: one, registrationId: 4321, deviceKey: key(1) }],
    };
    const other: UserChange = { type: 'identity', key: key(9) };
    expect(named(fold(list(1, one), naming(1), renewed, other))).toEqual(['n1']);
  });

  it('are no more than devices there may be', () => {
    const many = Array.from({ length: 255 }, (_, i) => naming(i, 'n'));
    expect(fold(...many).names?.size).toBe(DEVICE_NAMES_MAX);
    expect(fold(...many, naming(0, 'again')).names?.get(namingKey(key(0)))?.name).toBe('again');
  });
});

describe('any history', () => {
  const history = fc.oneof(
    fc.array(userChange, { maxLength: 40 }),
    fc.array(sessionChange(one), { maxLength: 20 }).map((changes) => [list(1, one), ...changes]),
  );

  it('keeps what a record promises (trap T-28)', () => {
    fc.assert(
      fc.property(history, (changes) => {
        const record = changes.reduce(applyUserChange, emptyUserRecord(bo));
        expect(record.devices.size).toBeLessThanOrEqual(DEVICE_RECORDS_MAX);
        for (const [id, device] of record.devices) {
          expect(device.deviceId).toBe(id);
          const sessions = allSessionsOf(device);
          expect(new Set(sessions).size).toBe(sessions.length);
          expect(device.inactive.length).toBeLessThanOrEqual(INACTIVE_SESSIONS_MAX);
        }
      }),
    );
  });

  it('forgets no session without naming it as dropped', () => {
    fc.assert(
      fc.property(history, (changes) => {
        let record = emptyUserRecord(bo);
        const live = new Set<string>();
        const names = (of: UserRecord): string[] =>
          [...of.devices.values()].flatMap((device) =>
            allSessionsOf(device).map((session) => `${device.deviceId}/${session}`),
          );
        for (const change of changes) {
          const next = applyUserChange(record, change);
          for (const { deviceId, session } of droppedSessions(record, next)) {
            expect(live.delete(`${deviceId}/${session}`)).toBe(true);
          }
          for (const name of names(next)) live.add(name);
          expect([...live].sort()).toEqual(names(next).sort());
          record = next;
        }
      }),
    );
  });

  it('is the same folded at once or read back in between', () => {
    fc.assert(
      fc.property(history, (changes) => {
        const live = changes.reduce(applyUserChange, emptyUserRecord(bo));
        const told = decodeUserChanges(encodeUserChanges(changes));
        expect(told).toEqual(changes);
        const replayed = (told ?? []).reduce<UserRecord | undefined>((record, change) => {
          const read = record && decodeUserRecord(bo, encodeUserRecord(record));
          return applyUserChange(read ?? emptyUserRecord(bo), change);
        }, undefined);
        const bytes = encodeUserRecord(live);
        expect(encodeUserRecord(replayed ?? emptyUserRecord(bo))).toEqual(bytes);
        const back = decodeUserRecord(bo, bytes);
        expect(back).toEqual(live);
      }),
    );
  });

  it('has one encoding, whatever the order in which devices came', () => {
    const forth = fold(list(1, one, two, three));
    const back = fold(list(1, three, two, one));
    expect(encodeUserRecord(back)).toEqual(encodeUserRecord(forth));
  });
});

describe('bytes that are no record', () => {
  it('are refused or read, never thrown at', () => {
    const near = fc.array(userChange, { maxLength: 6 }).chain((changes) => {
      const whole = encodeUserChanges(changes);
      return fc
        .record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) })
        .map(({ at, byte }) => whole.with(at, byte));
    });
    fc.assert(
      fc.property(fc.oneof(near, fc.uint8Array({ maxLength: 300 })), (input) => {
        const changes = decodeUserChanges(input);
        if (changes !== undefined) expect(encodeUserChanges(changes)).toEqual(input);
        decodeUserRecord(bo, input);
      }),
      { numRuns: 500 },
    );
  });
});
