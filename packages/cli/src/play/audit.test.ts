/**
 * The count, end to end without processes: any journal, the rows that it calls for, and saboteurs
 * that spoil one of them. A count that does not notice is no count.
 */

import { encodeUtf8 } from '@simsim/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addTallies, auditDevice, EMPTY_TALLY } from './audit.ts';
import type { Tally } from './audit.ts';
import { expectDeliveries } from './expectation.ts';
import type { Expectation } from './expectation.ts';
import type { JournalEntry } from './journal.ts';
import { deviceKey } from './journal.ts';
import type { PlayLine } from './room.ts';
import { decodeSeenRecord, encodeSeenRecord } from './seen-record-codec.ts';
import type { SeenRecord } from './seen-record-codec.ts';

const USERS = ['ann', 'bob', 'cyd'];

interface World {
  readonly journal: readonly JournalEntry[];
  readonly lines: readonly PlayLine[];
}

/** Some users, their list changes, and lines that were accepted at whatever version held then. */
const worlds: fc.Arbitrary<World> = fc
  .array(
    fc.record({
      action: fc.constantFrom('line', 'line', 'line', 'link', 'remove'),
      user: fc.nat({ max: USERS.length - 1 }),
      pick: fc.nat({ max: 9 }),
      text: fc.string({ maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map(makeWorld);

function makeWorld(
  steps: readonly { action: string; user: number; pick: number; text: string }[],
): World {
  const journal: JournalEntry[] = [];
  const lines: PlayLine[] = [];
  const lists = new Map(USERS.map((user) => [user, { version: 1, devices: [1], next: 2 }]));
  for (const user of USERS) journal.push({ type: 'created', user, device: 1, version: 1 });
  for (const { action, user: at, pick, text } of steps) {
    const user = USERS[at] ?? '';
    const list = lists.get(user);
    if (list === undefined) continue;
    const { devices } = list;
    if (action === 'link' && devices.length < 4) {
      const device = list.next++;
      devices.push(device);
      journal.push({ type: 'linked', user, device, version: ++list.version });
    }
    if (action === 'remove' && devices.length > 1) {
      const [device = 0] = devices.splice(pick % devices.length, 1);
      journal.push({ type: 'removed', user, device, version: ++list.version });
    }
    if (action !== 'line') continue;
    const line = lines.length;
    const to = USERS.filter((each, i) => each !== user && (pick >> i) % 2 === 0);
    lines.push({
      index: line,
      number: line + 1,
      from: user,
      to: to.length > 0 ? to : [user],
      text,
    });
    const device = devices[pick % devices.length] ?? 0;
    journal.push({ type: 'issued', line, messageId: `m${line}`, user, device });
    for (const each of new Set([...to, user])) {
      const version = lists.get(each)?.version ?? 0;
      journal.push({ type: 'accepted', line, user: each, version });
    }
  }
  return { journal, lines };
}

/** What devices would hold if everything arrived. */
function rowsOf(expectation: Expectation): Map<string, SeenRecord[]> {
  return new Map(
    [...expectation.debts].map(([key, { owed }]) => [
      key,
      [...owed.values()].map(({ messageId, from, text }) => ({
        messageId,
        fromUser: from.user,
        fromDevice: from.device,
        body: encodeUtf8(text),
      })),
    ]),
  );
}

function count(expectation: Expectation, rows: ReadonlyMap<string, SeenRecord[]>): Tally {
  return [...expectation.debts]
    .map(([key, debt]) => auditDevice(debt, rows.get(key) ?? []).tally)
    .reduce(addTallies, EMPTY_TALLY);
}

/** A delivery on a device that was not removed, with room to spoil it. */
function somePlace(
  expectation: Expectation,
  rows: ReadonlyMap<string, SeenRecord[]>,
  pick: number,
): { device: string; index: number } | undefined {
  const places = [...rows].flatMap(([device, list]) =>
    expectation.debts.get(device)?.isRemoved ? [] : list.map((_, index) => ({ device, index })),
  );
  return places[pick % Math.max(1, places.length)];
}

describe('the count', () => {
  it('agrees when every device has what the lists call for', () => {
    fc.assert(
      fc.property(worlds, ({ journal, lines }) => {
        const expectation = expectDeliveries(journal, lines);
        const tally = count(expectation, rowsOf(expectation));
        const owed = [...expectation.debts.values()].reduce((sum, debt) => sum + debt.owed.size, 0);
        expect(tally).toEqual({ ...EMPTY_TALLY, expected: owed, seen: owed });
        expect(expectation).toMatchObject({ unaccepted: 0, unexplained: 0 });
      }),
    );
  });

  const saboteurs: readonly (readonly [
    name: string,
    spoil: (rows: SeenRecord[], index: number) => void,
    noticed: Partial<Tally>,
  ])[] = [
    ['loses a row', (rows, i) => rows.splice(i, 1), { lost: 1, wrong: 0, duplicated: 0 }],
    [
      'doubles a row',
      (rows, i) => rows.push(...rows.slice(i, i + 1)),
      { lost: 0, wrong: 0, duplicated: 1 },
    ],
    [
      'changes a text',
      (rows, i) => change(rows, i, (row) => ({ ...row, body: new Uint8Array([...row.body, 0]) })),
      { lost: 0, wrong: 1, duplicated: 0 },
    ],
    [
      'changes the sending user',
      (rows, i) => change(rows, i, (row) => ({ ...row, fromUser: `${row.fromUser}'` })),
      { lost: 0, wrong: 1, duplicated: 0 },
    ],
    [
      'changes the sending device',
      (rows, i) => change(rows, i, (row) => ({ ...row, fromDevice: row.fromDevice + 1 })),
      { lost: 0, wrong: 1, duplicated: 0 },
    ],
    [
      'changes the message id',
      (rows, i) => change(rows, i, (row) => ({ ...row, messageId: 'other' })),
      { lost: 1, wrong: 1, duplicated: 0 },
    ],
  ];

  for (const [name, spoil, noticed] of saboteurs) {
    it(`notices a saboteur who ${name}`, () => {
      let struck = 0;
      fc.assert(
        fc.property(worlds, fc.nat(), ({ journal, lines }, pick) => {
          const expectation = expectDeliveries(journal, lines);
          const rows = rowsOf(expectation);
          const place = somePlace(expectation, rows, pick);
          if (place === undefined) return;
          spoil(rows.get(place.device) ?? [], place.index);
          struck++;
          expect(count(expectation, rows)).toMatchObject(noticed);
        }),
      );
      expect(struck).toBeGreaterThan(10);
    });
  }

  it('notices a saboteur who hands a row to a device that was not in the list', () => {
    let struck = 0;
    fc.assert(
      fc.property(worlds, fc.nat(), ({ journal, lines }, pick) => {
        const expectation = expectDeliveries(journal, lines);
        const rows = rowsOf(expectation);
        const place = somePlace(expectation, rows, pick);
        const row = place && rows.get(place.device)?.[place.index];
        if (row === undefined) return;
        const stranger = [...expectation.debts.values()].find(
          ({ owed }) => !owed.has(row.messageId),
        );
        if (stranger === undefined) return;
        rows.get(deviceKey(stranger))?.push(row);
        struck++;
        expect(count(expectation, rows)).toMatchObject({ lost: 0, wrong: 1, duplicated: 0 });
      }),
    );
    expect(struck).toBeGreaterThan(10);
  });

  it('counts a row that does not decode as wrong', () => {
    const debt = {
      user: 'ann',
      device: 1,
      owed: new Map(),
      isRemoved: false,
      acknowledged: new Set<string>(),
    };
    expect(auditDevice(debt, [undefined]).tally.wrong).toBe(1);
  });
});

describe('a removed device', () => {
  const owed = new Map(
    ['m0', 'm1', 'm2'].map((messageId) => [
      messageId,
      { messageId, from: { user: 'bob', device: 1 }, text: 'x' },
    ]),
  );
  const row = { messageId: 'm1', fromUser: 'bob', fromDevice: 1, body: encodeUtf8('x') };
  const debt = {
    user: 'ann',
    device: 2,
    owed,
    isRemoved: true,
    acknowledged: new Set(['m0', 'm1']),
  };

  it('owes what it had acknowledged, and the rest is unread', () => {
    expect(auditDevice(debt, [row]).tally).toEqual({
      expected: 2,
      seen: 1,
      lost: 1,
      duplicated: 0,
      wrong: 0,
      unreadAtRemoval: 1,
    });
  });
});

describe('the expectation', () => {
  const line: PlayLine = { index: 0, number: 1, from: 'ann', to: ['bob'], text: 'x' };
  const start: readonly JournalEntry[] = [
    { type: 'created', user: 'ann', device: 1, version: 1 },
    { type: 'created', user: 'bob', device: 1, version: 1 },
    { type: 'issued', line: 0, messageId: 'm0', user: 'ann', device: 1 },
  ];

  it('counts copies that the relay never accepted', () => {
    const journal: JournalEntry[] = [
      ...start,
      { type: 'accepted', line: 0, user: 'ann', version: 1 },
    ];
    expect(expectDeliveries(journal, [line]).unaccepted).toBe(1);
  });

  it('counts acceptances at a version that no link or removal explains', () => {
    const journal: JournalEntry[] = [
      ...start,
      { type: 'accepted', line: 0, user: 'bob', version: 7 },
    ];
    expect(expectDeliveries(journal, [line]).unexplained).toBe(1);
  });

  it('follows the version that the relay answered, whatever order the journal is in', () => {
    const journal: JournalEntry[] = [
      ...start,
      { type: 'accepted', line: 0, user: 'bob', version: 2 },
      { type: 'removed', user: 'bob', device: 1, version: 3 },
      { type: 'linked', user: 'bob', device: 5, version: 2 },
    ];
    const { debts } = expectDeliveries(journal, [line]);
    expect([...debts.values()].map((debt) => [deviceKey(debt), debt.owed.size])).toEqual([
      ['ann.1', 0],
      ['bob.1', 1],
      ['bob.5', 1],
    ]);
  });
});

describe('the application row', () => {
  it('reads back as it was written, and nothing else does', () => {
    const records = fc.record({
      messageId: fc.string({ unit: 'grapheme' }),
      fromUser: fc.string({ unit: 'grapheme' }),
      fromDevice: fc.nat({ max: 127 }),
      body: fc.uint8Array(),
    });
    fc.assert(
      fc.property(records, (record) => {
        const bytes = encodeSeenRecord(record);
        expect(decodeSeenRecord(bytes)).toEqual(record);
        expect(decodeSeenRecord(new Uint8Array([...bytes, 0]))).toBeUndefined();
        expect(decodeSeenRecord(bytes.subarray(1))).toBeUndefined();
      }),
    );
  });
});

function change(rows: SeenRecord[], at: number, by: (row: SeenRecord) => SeenRecord): void {
  const row = rows[at];
  if (row !== undefined) rows[at] = by(row);
}
