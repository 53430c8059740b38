/** What the command says to people who get it wrong, and into pipes that close. */

import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '@simsim/event-log-sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conversation } from './conversation.ts';
import { simsim, simsimInto, start } from './simsim.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'simsim-command-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('the command', () => {
  it('tells what it can do', async () => {
    const help = await simsim('--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const name of ['play', 'relay', 'verify', 'replay', 'lease']) {
      expect(help.stdout).toContain(`simsim ${name}`);
      const own = await simsim(name, '--help');
      expect(own).toMatchObject({ code: 0, stderr: '' });
      expect(own.stdout).toContain('Exit:');
    }
    expect((await simsim('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  const mistakes: readonly (readonly string[])[] = [
    ['nonsense'],
    ['--nonsense'],
    ['play'],
    ['play', 'x', '--nonsense'],
    ['play', 'x', '--seed', '-5'],
    ['play', '/nowhere/at/all'],
    ['verify', '/nowhere/at/all'],
    ['replay', '/nowhere/at/all/log.db', '--until', 'soon'],
    ['relay', '--port', '70000'],
    ['lease', '/nowhere/at/all/log.db'],
    ['lease', '/nowhere/at/all/log.db', '--end', 'the other one'],
  ];
  for (const args of mistakes) {
    it(`answers \`${args.join(' ')}\` with the next step and exit code 2`, async () => {
      const { code, stdout, stderr } = await simsim(...args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(/^\S.*\. [A-Z].*\n$/);
      expect(stderr).not.toContain('    at ');
    });
  }

  it('refuses files that are no transcript, and folders that are not empty', async () => {
    const empty = join(folder, 'empty.txt');
    const prose = join(folder, 'prose.txt');
    const chat = join(folder, 'chat.txt');
    const full = join(folder, 'full');
    writeFileSync(empty, '');
    writeFileSync(prose, 'Once upon a time.\n');
    writeFileSync(chat, conversation(3));
    mkdirSync(join(full, 'devices'), { recursive: true });
    for (const args of [[empty], [prose], [folder], [chat, '--out', full]]) {
      const { code, stdout, stderr } = await simsim('play', ...args);
      expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' });
      expect(stderr).toMatch(/^\S.*\. [A-Z].*\n$/);
    }
  });

  it('says who has a log open, and ends the lease that is named', async () => {
    const path = join(folder, 'log.db');
    const made = openSqliteStore(path, { ifMissing: 'create' });
    if (!made.ok) throw new Error(made.error.detail);
    const held = await simsim('lease', path);
    expect(held).toMatchObject({ code: 1, stderr: expect.stringContaining('--end') });
    expect(held.stdout).toContain(`process ${process.pid} on `);
    const lease = /by lease ([0-9a-f]{32})\n$/u.exec(held.stdout)?.[1] ?? '';
    const wrong = await simsim('lease', path, '--end', '0'.repeat(32));
    expect(wrong).toEqual(held);
    expect(await simsim('lease', path, '--end', lease)).toMatchObject({ code: 0, stderr: '' });
    // Its owner is fenced, and anybody may have it now.
    expect(() => made.value.locked(() => 0)).toThrow('STORE_TAKEN_OVER: its lease was ended');
    made.value.close();
    expect((await simsim('lease', path)).stdout).toBe(`nobody has ${path} open\n`);
  });

  it.skipIf(!existsSync('/dev/full'))('says so where its result cannot be written', async () => {
    const full = openSync('/dev/full', 'w');
    const { code, stderr } = await simsimInto(full, 'play', '--help');
    closeSync(full);
    expect({ code, stderr }).toMatchObject({ code: 3, stderr: expect.stringContaining('ENOSPC') });
    expect(stderr).not.toContain('    at ');
  });

  it('ends quietly when nobody reads its output any more', async () => {
    const { child, ended } = start('play', '--help');
    child.stdout?.destroy();
    expect(await ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  });
});
