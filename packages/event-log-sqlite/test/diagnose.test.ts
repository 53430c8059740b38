/** What is said about a log's place, its vault and its key. */

import { readFileSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { diagnose, openSlotFileVault } from '../src/index.ts';
import type { Diagnosis, DiagnoseOptions, VaultKey } from '../src/index.ts';
import { erasureOf, mediumOf } from '../src/vault-erasure.ts';
import { logOptions, openedLog, scratchFolder, text, unwrap } from './files.ts';
import { memoryFiles } from './memory-files.ts';

function diagnosis(folder: string, more: Partial<DiagnoseOptions> = {}): Diagnosis {
  return unwrap(diagnose({ ...logOptions(folder), ...more }));
}

const EVENT = { stream: 's', type: 1, schema: 1, facts: text('f') };

describe('diagnose', () => {
  test('says how far the vault is behind, beside a live owner, and changes nothing', () => {
    const folder = scratchFolder();
    const { vaultPath } = logOptions(folder);
    const log = openedLog(folder);
    log.commit({ at: 7, events: [EVENT, EVENT] });
    log.flush();
    log.commit({ at: 9, events: [EVENT] });
    const before = readFileSync(vaultPath);
    const found = diagnosis(folder);
    expect(found.contents).toEqual({
      ok: true,
      value: {
        anchor: expect.objectContaining({ seq: 2, at: 7 }),
        lag: 1,
        leftovers: 0,
        isOldKeyKept: false,
      },
    });
    expect(found).toMatchObject({ isRotating: false, key: { kind: 'raw', isForgotten: false } });
    expect(found.flushes).toBeGreaterThan(0);
    expect(readFileSync(vaultPath)).toEqual(before);
    log.close();
    expect(diagnosis(folder).contents).toMatchObject({ value: { lag: 0 } });
  });

  test('finds nothing left over by a log that wipes lazily, once it is closed', () => {
    const folder = scratchFolder();
    const log = openedLog(folder, { wipe: 'lazy' });
    for (let at = 1; at < 4; at++) {
      log.commit({ at, events: [{ ...EVENT, sealed: [text('state')] }] });
      log.flush();
    }
    expect(diagnosis(folder).contents).toMatchObject({ value: { leftovers: 1 } });
    log.commit({ at: 4, events: [{ ...EVENT, sealed: [text('state')] }] });
    log.close();
    expect(diagnosis(folder).contents).toMatchObject({ value: { leftovers: 0 } });
  });

  test('without a key says less, with a wrong one what is wrong', () => {
    const folder = scratchFolder();
    openedLog(folder).close();
    const { path, vaultPath, crypto } = logOptions(folder);
    const less = unwrap(diagnose({ path, vaultPath, crypto }));
    expect(less).toMatchObject({ contents: undefined, key: { kind: 'raw' } });
    const wrong = diagnosis(folder, { key: { kind: 'raw', key: new Uint8Array(32) } });
    expect(wrong.contents).toMatchObject({ error: { code: 'VAULT_WRONG_KEY' } });
    expect(wrong.advice.join(' ')).toContain('this key does not open the vault');
  });

  test('says what a plain vault, a rotation and a keychain are worth', () => {
    const folder = scratchFolder();
    const { keychain, kept } = memoryFiles();
    const key: VaultKey = { kind: 'keychain', keychain };
    openedLog(folder, { key }).close();
    expect(diagnosis(folder, { key }).key).toMatchObject({ kind: 'keychain', isForgotten: true });
    kept.set([...kept.keys()][0]?.replace(/a$/u, 'b') ?? '', new Uint8Array(48));
    expect(diagnosis(folder, { key }).advice.join(' ')).toContain('still holds a key');

    const plainFolder = scratchFolder();
    const plain: VaultKey = { kind: 'none', unsafePlaintextVault: true };
    openedLog(plainFolder, { key: plain }).close();
    const { vaultPath } = logOptions(plainFolder);
    const options = { ...logOptions(plainFolder), key: plain, poolMin: 400, rotatePages: 1 };
    const vault = unwrap(openSlotFileVault(vaultPath, options));
    vault.flush(vault.anchor());
    vault.rotateMaster();
    vault.flush(vault.anchor());
    const found = diagnosis(plainFolder, { key: plain });
    expect(found.isRotating).toBe(true);
    expect(found.advice.join(' ')).toContain('opens without a key');
  });

  test('refuses what it cannot look at, by name', () => {
    const folder = scratchFolder();
    const { vaultPath } = logOptions(folder);
    expect(diagnose(logOptions(folder))).toMatchObject({ error: { code: 'VAULT_MISSING' } });
    writeFileSync(vaultPath, new Uint8Array(9000));
    expect(diagnose(logOptions(folder))).toMatchObject({ error: { code: 'VAULT_CORRUPT' } });
  });

  test('has a log that was put back, or is not there, named', () => {
    const folder = scratchFolder();
    const log = openedLog(folder);
    log.commit({ at: 7, events: [EVENT] });
    log.close();
    const elsewhere = scratchFolder();
    openedLog(elsewhere).close();
    const { path } = logOptions(elsewhere);
    expect(diagnosis(folder, { path }).advice.join(' ')).toContain('put back from an older copy');
    const none = diagnosis(folder, { path: `${path}.not` });
    expect(none.contents).toMatchObject({ value: { lag: undefined } });
  });
});

describe('erasing', () => {
  test('is known of this place', () => {
    const folder = scratchFolder();
    const type = statfsSync(folder).type;
    const found = mediumOf(`${folder}/vault`);
    if (process.platform !== 'linux') expect(found.erasure).toBe('unknown');
    else if (type === 0xef53) expect(found.fileSystem).toBe('ext4');
    else expect(found.fileSystem).not.toBe('');
  });

  test('is asked of the place that a link leads to', () => {
    const link = `${scratchFolder()}/vault`;
    symlinkSync('/dev/null', link);
    expect(mediumOf(link)).toEqual(mediumOf('/dev/null'));
  });

  test.each([
    [0xef53, ['rw', 'relatime'], 'ext4', 'in-place'],
    [0xef53, ['rw', 'data=journal'], 'ext4', 'copy-on-write'],
    [0x58465342, [], 'xfs', 'in-place'],
    [0x01021994, [], 'tmpfs', 'in-place'],
    [0x9123683e, ['rw'], 'btrfs', 'copy-on-write'],
    [0x9123683e - 2 ** 32, ['nodatacow'], 'btrfs', 'in-place'],
    [0xf2f52010, [], 'f2fs', 'copy-on-write'],
    [0x2fc12fc1, [], 'zfs', 'copy-on-write'],
    [0x794c7630, [], 'overlay', 'unknown'],
    [0x6969, [], 'nfs', 'unknown'],
    [0x1234, [], 'linux 1234', 'unknown'],
  ] as const)('on file system %s with %o is as measured', (type, options, fileSystem, erasure) => {
    expect(erasureOf({ platform: 'linux', type, options })).toEqual({ fileSystem, erasure });
  });

  test('on another system is not claimed', () => {
    const type = 0xef53;
    expect(erasureOf({ platform: 'darwin', type, options: [] }).erasure).toBe('unknown');
  });
});
