/** A log whose owner cannot be asked about, and the owner that lives after all. */

import { readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { nodeCrypto } from '@simsim/crypto/node';
import type { EventLog } from '@simsim/event-log';
import { describe, expect, test } from 'vitest';
import { nodeFiles, verifySqliteLog } from '../src/index.ts';
import type { FileSystem, LeaseClaim } from '../src/index.ts';
import { thisProcess } from '../src/lease.ts';
import { id16, KEY, logOptions, openedLog, openLog, scratchFolder, text, unwrap } from './files.ts';

const event = { stream: 'session/a', type: 1, schema: 1, facts: text('x') };
const NAME = '07'.repeat(16);

/** A lease of a container that may be gone, or not. */
function elsewhere(): LeaseClaim {
  const owner = { ...thisProcess(), host: 'old-container' };
  return { owner, nonce: new Uint8Array(16).fill(7), at: 1_700_000_000_000, isShared: false };
}

function write(log: EventLog, state: string): void {
  const answer = log.commit({
    at: 1,
    events: [{ ...event, sealed: [text(state)] }],
    inboxPut: [{ id: id16(log.tip().seq), body: text(`mail of ${state}`) }],
  });
  expect(answer.ok).toBe(true);
}

/** A log of another host, and who took it over with events that the vault has not followed. */
function takenOver(folder: string): { former: EventLog; owner: EventLog } {
  const former = openedLog(folder, { lease: elsewhere() });
  write(former, 'one');
  former.flush();
  write(former, 'two');
  const owner = openedLog(folder, { takeOver: NAME });
  return { former, owner };
}

function vaultOf(folder: string): Buffer {
  return readFileSync(logOptions(folder).vaultPath);
}

describe('a lease of another host', () => {
  test('refuses others, saying since when and how to take it over, until its name is given', () => {
    const folder = scratchFolder();
    const former = openedLog(folder, { lease: elsewhere() });
    write(former, 'one');
    const words = `process ${process.pid} on old-container has the log open since 2023-11-14T22:13:20.000Z, by lease ${NAME}`;
    const holder = { host: 'old-container', lease: NAME };
    const refusal = { error: { code: 'STORE_IN_USE', detail: words, holder } };
    expect(openLog(folder)).toMatchObject(refusal);
    expect(openLog(folder, { takeOver: '08'.repeat(16) })).toMatchObject(refusal);
    const owner = openedLog(folder, { takeOver: NAME });
    expect(owner.sealedValue('session/a')).toEqual(text('one'));
    // Left on, the option takes nothing over: this lease has another name.
    expect(openLog(folder, { takeOver: NAME })).toMatchObject({ error: { code: 'STORE_IN_USE' } });
    owner.close();
    openedLog(folder, { takeOver: NAME }).close();
  });
});

describe('a former owner that lives after all', () => {
  const deeds: readonly (readonly [string, (log: EventLog) => void])[] = [
    ['commits', (log) => write(log, 'three')],
    ['commits without an event', (log) => log.commit({ at: 1, events: [], inboxDone: [id16(0)] })],
    ['flushes', (log) => log.flush()],
    [
      'rotates',
      (log) => {
        log.rotate();
        log.flush();
      },
    ],
    ['forgets', (log) => void log.forget(() => true)],
    ['closes', (log) => log.close()],
  ];

  test.each(deeds)('finds out when it %s, and has written nothing', (_, deed) => {
    const folder = scratchFolder();
    const { former, owner } = takenOver(folder);
    const tip = owner.tip();
    const before = vaultOf(folder);
    expect(() => deed(former)).toThrow(/STORE_TAKEN_OVER: now process \d+ on /u);
    expect(vaultOf(folder)).toEqual(before);
    former.close();
    expect(vaultOf(folder)).toEqual(before);
    // Everything that it had committed is there, and the log goes on.
    expect(owner.tip()).toEqual(tip);
    expect(owner.sealedValue('session/a')).toEqual(text('two'));
    write(owner, 'three');
    expect(owner.inbox()).toHaveLength(3);
    owner.close();
    const { path, vaultPath } = logOptions(folder);
    const vault = { path: vaultPath, key: KEY };
    const report = unwrap(verifySqliteLog({ path, crypto: nodeCrypto, vault }));
    expect(unwrap(report.chain).tip.seq).toBe(3);
    expect(report.rebuilt?.differences).toEqual([]);
  });

  test('finds out before it writes into the vault alone, with nothing to commit', () => {
    const folder = scratchFolder();
    const former = openedLog(folder, { lease: elsewhere() });
    write(former, 'one');
    former.flush();
    former.rotate();
    const owner = openedLog(folder, { takeOver: NAME });
    const before = vaultOf(folder);
    expect(() => former.flush()).toThrow('STORE_TAKEN_OVER');
    expect(vaultOf(folder)).toEqual(before);
    former.close();
    owner.close();
  });

  test('finds out while it still opens, before it writes into the vault', () => {
    const folder = scratchFolder();
    const first = openedLog(folder);
    write(first, 'one');
    first.close();
    let owner: EventLog | undefined;
    const files: FileSystem = {
      ...nodeFiles,
      open(path, mode) {
        if (mode === 'edit') owner ??= openedLog(folder, { takeOver: NAME });
        return nodeFiles.open(path, mode);
      },
    };
    const before = vaultOf(folder);
    const late = openLog(folder, { lease: elsewhere(), files });
    expect(late).toMatchObject({ error: { code: 'STORE_TAKEN_OVER' } });
    expect(vaultOf(folder)).toEqual(before);
    expect(owner?.sealedValue('session/a')).toEqual(text('one'));
    owner?.close();
  });

  test('goes on as long as its lease is there, whoever else has written into the file', () => {
    const folder = scratchFolder();
    const log = openedLog(folder, { lease: elsewhere() });
    write(log, 'one');
    const db = new Database(logOptions(folder).path);
    db.exec("INSERT INTO meta VALUES ('of-a-tool', x'00')");
    db.close();
    write(log, 'two');
    log.close();
  });
});
