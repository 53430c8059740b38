/** Replacing the keys that a vault is sealed under, step by step and killed anywhere. */

import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import type { Result } from '@simsim/bytes';
import type { StoreRefusal, Vault } from '@simsim/event-log';
import { describe, expect, test } from 'vitest';
import { createSlotFileVault, openSlotFileVault, openVaultReader } from '../src/index.ts';
import type { VaultFileOptions } from '../src/index.ts';
import { KEY, unwrap } from './files.ts';
import { memoryFiles } from './memory-files.ts';
import type { MemoryFiles } from './memory-files.ts';
import { headerAt, masterKeys, pagesUnder } from './raw-vault.ts';

const PATH = 'vault';
const LOG_ID = new Uint8Array(16).fill(3);
const PAGES = 5;
const POOL = 80 * PAGES - 10;

function options(world: MemoryFiles, more: Partial<VaultFileOptions> = {}): VaultFileOptions {
  const { files } = world;
  const seams = { crypto: nodeCrypto, entropy: nodeEntropy };
  return { ...seams, files, key: KEY, poolMin: POOL, rotatePages: 2, ...more };
}

function open(
  world: MemoryFiles,
  more: Partial<VaultFileOptions> = {},
): Result<Vault, StoreRefusal> {
  return openSlotFileVault(PATH, options(world, more));
}

/** A vault of some pages with a stream on the first and on the last. */
function newVault(
  world: MemoryFiles,
  more: Partial<VaultFileOptions> = {},
): { vault: Vault; slots: readonly number[] } {
  const vault = unwrap(createSlotFileVault(PATH, { ...options(world, more), logId: LOG_ID }));
  vault.flush(anchorAt(1), POOL);
  const slots = [5, 80 * PAGES - 1];
  for (const slot of slots) vault.assign(slot, { use: 'stream', owner: slot });
  vault.flush(anchorAt(2), POOL);
  return { vault, slots };
}

function anchorAt(seq: number) {
  return { seq, hash: new Uint8Array(32).fill(seq), streamMax: 4, at: 5 };
}

function file({ content }: MemoryFiles): Uint8Array {
  const bytes = content.get(PATH);
  if (bytes === undefined) throw new Error('there is a vault');
  return bytes;
}

function keysOf(vault: Pick<Vault, 'key'>, slots: readonly number[]): Uint8Array[] {
  return slots.map((slot) => nodeCrypto.exportSecret(vault.key(slot)));
}

function differingPages(a: Uint8Array, b: Uint8Array): number {
  let count = 0;
  for (let at = 2 * 4096; at < Math.max(a.length, b.length); at += 2 * 4096) {
    const isSame = Buffer.compare(a.subarray(at, at + 8192), b.subarray(at, at + 8192)) === 0;
    if (!isSame) count++;
  }
  return count;
}

describe('rotating the master key', () => {
  test('takes a bounded number of pages with each flush, and then nothing opens under the old one', () => {
    const world = memoryFiles();
    const { vault, slots } = newVault(world);
    const old = masterKeys(file(world));
    const keys = keysOf(vault, slots);
    expect(pagesUnder(file(world), old)).toHaveLength(PAGES);
    vault.rotateMaster();
    const left: number[] = [];
    while (vault.isRotating()) {
      const before = file(world).slice();
      vault.flush(vault.anchor(), POOL);
      expect(differingPages(before, file(world))).toBeLessThanOrEqual(2);
      left.push(pagesUnder(file(world), old).length);
    }
    expect(left).toEqual([3, 1, 0]);
    expect(keysOf(vault, slots)).toEqual(keys);
    vault.close();
    for (const place of [0, 1] as const) {
      const header = headerAt(file(world), place);
      expect(header).toMatchObject({ next: undefined });
    }
    expect(pagesUnder(file(world), masterKeys(file(world)))).toHaveLength(PAGES);
    const again = unwrap(open(world));
    expect(keysOf(again, slots)).toEqual(keys);
    expect(again.isRotating()).toBe(false);
  });

  test('a lazy flush leaves the old key for one window more', () => {
    const world = memoryFiles();
    const { vault } = newVault(world, { wipe: 'lazy', rotatePages: PAGES });
    vault.flush(vault.anchor());
    const [old] = masterKeys(file(world));
    if (old === undefined) throw new Error('there is a master key');
    vault.rotateMaster();
    vault.flush(vault.anchor());
    expect(masterKeys(file(world)).length).toBeGreaterThan(1);
    vault.flush(vault.anchor());
    expect(pagesUnder(file(world), [old])).toEqual([]);
    const now = masterKeys(file(world)).map((key) => nodeCrypto.exportSecret(key));
    expect(now).toHaveLength(2);
    expect(now[0]).toEqual(now[1]);
    expect(now[0]).not.toEqual(nodeCrypto.exportSecret(old));
  });

  test('a vault that keeps old copies is caught', () => {
    const world = memoryFiles();
    const { vault } = newVault(world, { sabotage: { keepsOldCopies: true }, rotatePages: PAGES });
    const old = masterKeys(file(world));
    vault.rotateMaster();
    vault.flush(vault.anchor());
    expect(pagesUnder(file(world), old).length).toBeGreaterThan(0);
  });

  test('goes on with whoever opens the vault next, at open where it is asked for', () => {
    const world = memoryFiles();
    const { vault, slots } = newVault(world);
    const old = masterKeys(file(world));
    const keys = keysOf(vault, slots);
    vault.rotateMaster();
    vault.flush(vault.anchor(), POOL);
    const second = unwrap(open(world));
    expect(second.isRotating()).toBe(true);
    second.rotateMaster();
    while (second.isRotating()) second.flush(second.anchor(), POOL);
    expect(pagesUnder(file(world), old)).toEqual([]);
    expect(keysOf(unwrap(openVaultReader(PATH, options(world))), slots)).toEqual(keys);
    const third = unwrap(open(world, { rotates: 'at-open' }));
    expect(third.isRotating()).toBe(true);
  });

  test('another process takes the new key over', () => {
    const world = memoryFiles();
    const { vault, slots } = newVault(world);
    const other = unwrap(open(world, { shared: true }));
    vault.rotateMaster();
    for (const isDone of [false, false, true]) {
      vault.flush(vault.anchor(), POOL);
      expect(other.reload()).toBe(true);
      expect(other.isRotating()).toBe(!isDone);
    }
    expect(keysOf(other, slots)).toEqual(keysOf(vault, slots));
    other.flush(anchorAt(9), POOL);
    expect(vault.reload()).toBe(true);
    expect(vault.anchor()).toEqual(anchorAt(9));
  });

  test('does not begin by itself; once asked for, it outlives a reload', () => {
    const world = memoryFiles();
    const { vault } = newVault(world);
    expect(vault.isRotating()).toBe(false);
    const other = unwrap(open(world));
    other.rotateMaster();
    vault.flush(anchorAt(7), POOL);
    expect([other.reload(), other.isRotating()]).toEqual([true, true]);
    expect(headerAt(file(world), 0)?.next).toBe(undefined);
    other.flush(anchorAt(8), POOL);
    expect(headerAt(file(world), 0)?.next).toBeDefined();
    vault.reload();
    expect(vault.isRotating()).toBe(true);
  });
});

interface Provider {
  readonly name: string;
  readonly key: (world: MemoryFiles) => VaultFileOptions['key'];
}

const PROVIDERS: readonly Provider[] = [
  { name: 'a raw key', key: () => KEY },
  { name: 'a keychain', key: ({ keychain }) => ({ kind: 'keychain', keychain }) },
];

describe.each(PROVIDERS)('a vault with $name, killed at any change of a rotation', ({ key }) => {
  test.each(['strict', 'lazy'] as const)(
    'opens with all it had; then the old key goes (%s)',
    (wipe) => {
      const home = memoryFiles();
      const { vault, slots } = newVault(home, { key: key(home), wipe });
      vault.flush(anchorAt(3), POOL);
      vault.close();
      const old = masterKeys(file(home), key(home));
      const keys = unwrap(openVaultReader(PATH, options(home, { key: key(home) })));
      const expected = keysOf(keys, slots);
      const rotate = (world: MemoryFiles): void => {
        const here = unwrap(open(world, { key: key(world), wipe, rotates: 'at-open' }));
        while (here.isRotating()) here.flush(here.anchor(), POOL);
        here.flush(here.anchor(), POOL);
        here.close();
      };
      const whole = memoryFiles(home);
      rotate(whole);
      let kills = 0;
      expect(headerAt(file(whole), 0)?.descriptor.cost).toBe(
        key(whole).kind === 'keychain' ? 1 : 0,
      );
      for (let lives = 0; lives < whole.operations(); lives++) {
        const killed = memoryFiles({ ...home, lives });
        try {
          rotate(killed);
        } catch {
          kills++;
        }
        const later = memoryFiles(killed);
        const reader = unwrap(openVaultReader(PATH, options(later, { key: key(later) })));
        expect(keysOf(reader, slots)).toEqual(expected);
        expect(reader.anchor().seq).toBe(3);
        rotate(later);
        const again = unwrap(open(later, { key: key(later) }));
        expect(keysOf(again, slots)).toEqual(expected);
        expect(pagesUnder(file(later), old)).toEqual([]);
        expect(later.kept.size).toBe(key(later).kind === 'keychain' ? 1 : 0);
      }
    },
  );
});
