import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { id16, openedLog, openLog, scratchFolder, text } from './files.ts';

const event = { stream: 'session/a', type: 1, schema: 1, facts: text('sent') };

describe('a log in files', () => {
  test('keeps everything over a close', () => {
    const folder = scratchFolder();
    const log = openedLog(folder);
    log.commit({
      at: 1,
      events: [{ ...event, sealed: [text('state')], seen: [text('d')] }],
      records: [{ name: 'r', value: text('record') }],
      outboxPut: [{ post: id16(1), body: text('post') }],
      inboxPut: [{ id: id16(2), body: text('mail') }],
      data: [{ key: 'k', value: text('row') }],
    });
    const tip = log.tip();
    log.close();
    const again = openedLog(folder, { ifMissing: 'refuse' });
    expect(again.tip()).toEqual(tip);
    expect(again.sealedValue('session/a')).toEqual(text('state'));
    expect(again.record('r')).toEqual(text('record'));
    expect(again.data('k')).toEqual(text('row'));
    expect(again.isSeen(text('d'))).toBe(true);
    expect(again.outbox().map(({ body }) => body)).toEqual([text('post')]);
    expect(again.inbox().map(({ body }) => body)).toEqual([text('mail')]);
    expect(again.lag()).toBe(0);
    again.close();
  });

  test('works over a WAL laid down in advance', () => {
    const folder = scratchFolder();
    for (let version = 1; version < 4; version++) {
      const log = openedLog(folder, { walBytes: 300_000 });
      expect(existsSync(join(folder, 'log.db-wal'))).toBe(true);
      log.commit({ at: 1, events: [{ ...event, sealed: [text(`state ${version}`)] }] });
      expect(log.sealedValue('session/a')).toEqual(text(`state ${version}`));
      log.close();
    }
  });

  test('has one owner at a time', () => {
    const folder = scratchFolder();
    const log = openedLog(folder);
    const second = openLog(folder);
    expect(second).toMatchObject({ error: { code: 'STORE_IN_USE', holder: { pid: process.pid } } });
    log.close();
    openedLog(folder).close();
  });
});
