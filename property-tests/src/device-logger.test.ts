/** What a device tells a logger: what happens, by code, and nothing that was said. */

import { expect, it } from 'vitest';
import { recordOf } from '@simsim/device';
import type { HealthEvent, LogRecord } from '@simsim/device';
import { houseForEach, next } from './house.ts';

const { device } = houseForEach();

const SAID = 'the cellar door is open';

function notebook(): { logger: (record: LogRecord) => void; records: LogRecord[] } {
  const records: LogRecord[] = [];
  return { records, logger: (record) => void records.push(record) };
}

it('is told what happens, and neither texts nor keys', async () => {
  const { logger, records } = notebook();
  const alice = await device('alice', { logger });
  const bob = await device('bob');
  await alice.send('bob', SAID, { conversation: SAID });
  await next(bob);
  let isHeard = (): void => undefined;
  const heard = new Promise<void>((resolve) => (isHeard = resolve));
  let turns = 0;
  alice.handle(() => {
    if (turns++ > 0) return isHeard();
    throw Object.assign(new Error(SAID), { code: SAID, detail: SAID });
  });
  await bob.send('alice', SAID);
  await heard;
  await alice.close();
  const codes = records.map(({ code }) => code);
  expect(codes[0]).toBe('opened');
  expect(codes).toEqual(expect.arrayContaining(['fresh', 'connected', 'envelopeEnded']));
  expect(records).toContainEqual({
    level: 'warn',
    code: 'handlerFailed',
    fields: { messageId: expect.any(String), cause: 'UNKNOWN' },
  });
  expect(records.at(-1)).toEqual({ level: 'info', code: 'closed', fields: { reason: 'closed' } });
  expect(JSON.stringify(records)).not.toContain(SAID);
  for (const { fields } of records) {
    for (const value of Object.values(fields)) {
      expect(['string', 'number', 'boolean']).toContain(typeof value);
    }
  }
});

it('may fail: the device goes on', async () => {
  const alice = await device('alice', {
    logger() {
      throw new Error('the disk of the log is full');
    },
  });
  const bob = await device('bob');
  await alice.send('bob', SAID);
  expect((await next(bob)).text).toBe(SAID);
});

it('names the code of what an application or a medium threw, and no more', () => {
  const cause = Object.assign(new Error(SAID), { code: 'ENOSPC' });
  const event: HealthEvent = { type: 'handlerFailed', messageId: 'ab', cause };
  expect(recordOf(event).fields).toEqual({ messageId: 'ab', cause: 'ENOSPC' });
  const other: HealthEvent = { type: 'trustFailed', user: 'bob', cause: SAID };
  expect(recordOf(other).fields).toEqual({ user: 'bob', cause: 'UNKNOWN' });
});
