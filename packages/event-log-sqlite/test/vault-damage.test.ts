/** Vault files that are damaged, swapped, missing, or on a medium that fails. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import type { Vault } from '@simsim/event-log';
import { describe, expect, test } from 'vitest';
import {
  createSlotFileVault,
  nodeFiles,
  openSlotFileVault,
  openSqliteLog,
  openVaultReader,
} from '../src/index.ts';
import type { FileSystem, SqliteLogOptions, VaultFileOptions } from '../src/index.ts';
import { KEY, logOptions, openedLog, scratchFolder, text, unwrap } from './files.ts';
import { memoryFiles } from './memory-files.ts';

const PATH = 'vault';
const LOG_ID = new Uint8Array(16).fill(3);
const SLOTS = [3, 40];

/** What a vault lets out: its anchor, its slots, its keys. */
function contentOf(vault: Pick<Vault, 'anchor' | 'slot' | 'key' | 'keys'>): string {
  const { metadata, name, dedupe } = vault.keys;
  const keys = [...SLOTS.map((slot) => vault.key(slot)), metadata, name, dedupe];
  const bytes = keys.map((key) => Buffer.from(nodeCrypto.exportSecret(key)).toString('hex'));
  return JSON.stringify([vault.anchor().seq, SLOTS.map((slot) => vault.slot(slot)), bytes]);
}

function optionsOf(files: FileSystem, more: Partial<VaultFileOptions> = {}): VaultFileOptions {
  return { crypto: nodeCrypto, entropy: nodeEntropy, key: KEY, poolMin: 8, files, ...more };
}

function filesWith(bytes: Uint8Array) {
  return memoryFiles({ content: new Map([[PATH, bytes]]) });
}

function anchorAt(seq: number) {
  return { seq, hash: new Uint8Array(32).fill(seq), streamMax: 4, at: 5 };
}

/** A small vault, and the states it has been in that a file of it may show. */
function smallVault(when: 'settled' | 'flushing'): { bytes: Uint8Array; states: Set<string> } {
  const world = memoryFiles();
  let isArmed = false;
  const chaos = {
    at(site: string) {
      if (isArmed && site === 'vault:copy-synced') throw new Error('killed');
    },
  };
  const options = { ...optionsOf(world.files, { chaos }), logId: LOG_ID };
  const vault = unwrap(createSlotFileVault(PATH, options));
  for (const slot of SLOTS) vault.assign(slot, { use: 'stream', owner: slot });
  vault.flush(anchorAt(1), 8);
  const states = new Set([contentOf(vault)]);
  if (when === 'flushing') {
    const [next] = nodeCrypto.sealStep(vault.key(3));
    vault.advance(3, 1, next);
    isArmed = true;
    expect(() => vault.flush(anchorAt(2), 8)).toThrow('killed');
    states.add(contentOf(unwrap(openVaultReader(PATH, optionsOf(world.files)))));
  }
  return { bytes: world.content.get(PATH) ?? new Uint8Array(), states };
}

/** Opens damaged bytes and answers the code, or `open`; checks what holds in any case. */
function tried(
  bytes: Uint8Array,
  states: ReadonlySet<string>,
  how: 'read' | 'open' = 'open',
): string {
  const world = filesWith(bytes);
  const reader = openVaultReader(PATH, optionsOf(world.files));
  if (reader.ok) expect(states).toContain(contentOf(reader.value));
  expect(world.operations()).toBe(0);
  if (reader.ok && how === 'read') return 'open';
  const opened = openSlotFileVault(PATH, optionsOf(world.files));
  expect(opened.ok).toBe(reader.ok);
  if (!opened.ok) {
    expect(world.operations()).toBe(0);
    expect(opened.error.detail).toMatch(/open|bring|try/u);
    return opened.error.code;
  }
  const content = contentOf(opened.value);
  expect(states).toContain(content);
  opened.value.close();
  expect(contentOf(unwrap(openVaultReader(PATH, optionsOf(world.files))))).toBe(content);
  return 'open';
}

describe('a damaged vault file', () => {
  test('opens with what it had or is refused, whichever byte is flipped', () => {
    const { bytes, states } = smallVault('settled');
    const answers: Record<string, number> = {};
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      const answer = tried(damaged, states, at % 7 === 0 ? 'open' : 'read');
      answers[answer] = (answers[answer] ?? 0) + 1;
    }
    // Two equal headers, of which one will do; one copy of the page, all of which counts; zeros.
    expect(answers).toEqual({ open: expect.any(Number), VAULT_CORRUPT: expect.any(Number) });
    expect(answers['VAULT_CORRUPT']).toBe(6 + 12 + 3840 + 16);
  });

  test('the same in the middle of a flush, where the state before it will do', () => {
    const { bytes, states } = smallVault('flushing');
    expect(states.size).toBe(2);
    for (let at = 0; at < bytes.length; at += 5) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      expect(tried(damaged, states)).toBe('open');
    }
  });

  test('is refused where it is cut off, unless only zeros are missing', () => {
    const { bytes, states } = smallVault('settled');
    const [valid] = [2, 3].filter((page) =>
      bytes.subarray(4096 * page, 4096 * page + 64).some(Boolean),
    );
    expect(valid).toBeDefined();
    for (let length = 0; length < bytes.length; length += 509) {
      const isWhole = length >= 4096 * ((valid ?? 0) + 1);
      expect(tried(bytes.slice(0, length), states)).toBe(isWhole ? 'open' : 'VAULT_CORRUPT');
    }
  });

  test('opens with junk behind its end, which is erased', () => {
    const { bytes, states } = smallVault('settled');
    const longer = new Uint8Array(bytes.length + 5000).fill(7);
    longer.set(bytes);
    expect(tried(longer, states)).toBe('open');
  });

  test('is not taken for damaged where a later release wrote it', () => {
    const { bytes } = smallVault('settled');
    const later = bytes.slice();
    for (const start of [0, 4096]) {
      later[start + 9] = 77;
      const page = later.subarray(start, start + 4096);
      const check = nodeCrypto.digest([page.slice(0, 10), page.slice(26)]);
      page.set(check.subarray(0, 16), 10);
    }
    const world = filesWith(later);
    expect(openSlotFileVault(PATH, optionsOf(world.files))).toMatchObject({
      error: { code: 'VAULT_TOO_NEW', detail: expect.stringContaining('later release') },
    });
    expect(world.operations()).toBe(0);
  });

  test('does not lend a page to another place or another time', () => {
    const { bytes } = smallVault('flushing');
    const [first, second] = [bytes.slice(2 * 4096, 3 * 4096), bytes.slice(3 * 4096, 4 * 4096)];
    const swapped = bytes.slice();
    swapped.set(second, 2 * 4096);
    swapped.set(first, 3 * 4096);
    expect(openSlotFileVault(PATH, optionsOf(filesWith(swapped).files))).toMatchObject({
      error: { code: 'VAULT_CORRUPT' },
    });
  });
});

/** A log with an event, closed; and what its two files hold. */
function closedLog(more: Partial<SqliteLogOptions> = {}) {
  const folder = scratchFolder();
  const options = logOptions(folder, more);
  const log = openedLog(folder, more);
  log.commit({ at: 7, events: [{ stream: 's', type: 1, schema: 1, facts: text('f') }] });
  log.close();
  return { options, vault: readFileSync(options.vaultPath) };
}

/** Files on a medium that answers some calls with an error of the system. */
function failing(code: string, calls: 'edits' | 'writes' | 'syncs' | 'reads'): FileSystem {
  const fail = (): never => {
    throw Object.assign(new Error(`${code}: the medium says so`), { code });
  };
  return {
    ...nodeFiles,
    read: (path) => (calls === 'reads' ? fail() : nodeFiles.read(path)),
    open(path, mode) {
      if (calls === 'edits') return fail();
      const file = nodeFiles.open(path, mode);
      return {
        ...file,
        write: (bytes, offset) => (calls === 'writes' ? fail() : file.write(bytes, offset)),
        sync: () => (calls === 'syncs' ? fail() : file.sync()),
      };
    },
  };
}

describe('a log whose vault is not as it must be', () => {
  test.each<readonly [string, string, Partial<SqliteLogOptions>, RegExp]>([
    [
      'the key is another one',
      'VAULT_WRONG_KEY',
      { key: { kind: 'raw', key: new Uint8Array(32) } },
      /try again with the one/u,
    ],
    [
      'a passphrase is given for a raw key',
      'VAULT_WRONG_KEY',
      { key: { kind: 'passphrase', passphrase: 'x' } },
      /with a raw key/u,
    ],
    [
      'the file is read-only',
      'VAULT_FAILED',
      { files: failing('EACCES', 'edits') },
      /as its owner/u,
    ],
    [
      'the medium is read-only',
      'VAULT_FAILED',
      { files: failing('EROFS', 'edits') },
      /where they can be written/u,
    ],
    [
      'the file cannot be read',
      'VAULT_FAILED',
      { files: failing('EIO', 'reads') },
      /copy log and vault/u,
    ],
  ])('%s: %s', (_, code, more, says) => {
    const { options, vault } = closedLog();
    const refused = openSqliteLog({ ...options, ...more });
    expect(refused).toMatchObject({ error: { code, detail: expect.stringMatching(says) } });
    expect(readFileSync(options.vaultPath)).toEqual(vault);
    const { log } = unwrap(openSqliteLog(options));
    expect(log.tip().seq).toBe(1);
    log.close();
  });

  test('the passphrase is wrong: the vault stays as it is', () => {
    const key = { kind: 'passphrase', passphrase: 'open sesame' } as const;
    const { options, vault } = closedLog({ key });
    const wrong = { kind: 'passphrase', passphrase: 'open barley' } as const;
    expect(openSqliteLog({ ...options, key: wrong })).toMatchObject({
      error: { code: 'VAULT_WRONG_KEY' },
    });
    expect(readFileSync(options.vaultPath)).toEqual(vault);
  });

  test('the vault is of another log', () => {
    const [one, other] = [closedLog(), closedLog()];
    expect(openSqliteLog({ ...one.options, vaultPath: other.options.vaultPath })).toMatchObject({
      error: { code: 'VAULT_MISMATCH' },
    });
    expect(readFileSync(other.options.vaultPath)).toEqual(other.vault);
  });

  test('the vault is missing, and none is made in its place', () => {
    const { options } = closedLog();
    const vaultPath = `${options.vaultPath}.gone`;
    expect(openSqliteLog({ ...options, vaultPath })).toMatchObject({
      error: { code: 'VAULT_MISSING', detail: expect.stringContaining('bring it back') },
    });
    expect(nodeFiles.exists(vaultPath)).toBe(false);
  });

  test('there is a folder in its place', () => {
    const { options } = closedLog();
    const vaultPath = `${options.vaultPath}.folder`;
    mkdirSync(vaultPath);
    expect(openSqliteLog({ ...options, vaultPath })).toMatchObject({
      error: { code: 'VAULT_FAILED', detail: expect.stringContaining('folder') },
    });
  });

  test('nothing of it is left but an empty file', () => {
    const { options } = closedLog();
    writeFileSync(options.vaultPath, '');
    expect(openSqliteLog(options)).toMatchObject({ error: { code: 'VAULT_CORRUPT' } });
    expect(readFileSync(options.vaultPath)).toHaveLength(0);
  });

  test.each(['writes', 'syncs'] as const)('the disk is full when it flushes (%s)', (calls) => {
    const { options } = closedLog();
    const { log } = unwrap(openSqliteLog({ ...options, files: failing('ENOSPC', calls) }));
    log.commit({ at: 8, events: [{ stream: 's', type: 1, schema: 1, facts: text('g') }] });
    expect(() => log.flush()).toThrow(/VAULT_FAILED: .*make room/u);
    log.close();
    const again = unwrap(openSqliteLog(options)).log;
    expect(again.tip().seq).toBe(2);
    again.close();
  });

  test.each(['writes', 'syncs'] as const)('the disk is full when it is made (%s)', (calls) => {
    const folder = scratchFolder();
    const options = logOptions(folder, { files: failing('ENOSPC', calls) });
    expect(openSqliteLog(options)).toMatchObject({
      error: { code: 'VAULT_FAILED', detail: expect.stringContaining('make room') },
    });
    expect(readdirSync(folder)).toEqual(['log.db']);
    openedLog(folder).close();
  });
});
