/** What a device knew of other users at any moment can be told from its log, long afterwards. */

import { bytesToHex } from '@simsim/bytes';
import { recordFold } from '@simsim/device-core';
import { stateAt } from '@simsim/event-log';
import type { EventLog } from '@simsim/event-log';
import { expect, it } from 'vitest';
import { user, World } from './world.ts';

function recordsOf(log: EventLog): Record<string, string> {
  return Object.fromEntries(
    log
      .recordNames()
      .sort()
      .map((name) => [name, bytesToHex(log.record(name) ?? new Uint8Array(0))]),
  );
}

function recordsAt(log: EventLog, seq: number): Record<string, string> {
  const rows = [...recordFold.rows(stateAt(log, recordFold, seq))];
  rows.sort((a, b) => (a.name < b.name ? -1 : 1));
  return Object.fromEntries(rows.map(({ name, value }) => [name, bytesToHex(value)]));
}

it('the records of every moment are the fold of the events until then', () => {
  const world = new World({ seed: 5 });
  const ada = world.create('ada');
  const bo = world.create('bo');
  const then = new Map<number, Record<string, string>>();
  const look = (): unknown => then.set(ada.log.tip().seq, recordsOf(ada.log));
  look();
  for (let round = 0; round < 3; round++) {
    ada.send([user('bo')], `to bo ${round}`);
    look();
    world.settle();
    look();
    const another = world.link(bo);
    another.send([user('ada')], `from another ${round}`);
    world.settle();
    look();
  }
  expect(then.size).toBeGreaterThan(6);
  expect(
    new Set([...then.values()].map((records) => JSON.stringify(records))).size,
  ).toBeGreaterThan(4);
  for (const [seq, records] of then) expect(recordsAt(ada.log, seq)).toEqual(records);
});
