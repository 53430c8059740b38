import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import type { ChaosSite, Vault } from '@simsim/event-log';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createSlotFileVault,
  nodeFiles,
  openSlotFileVault,
  openVaultReader,
} from '../src/index.ts';
import type { FileSystem, VaultFileOptions, VaultKey } from '../src/index.ts';
import { KEY, scratchFolder, unwrap } from './files.ts';
import { recoverablePages } from './raw-vault.ts';

const LOG_ID = new Uint8Array(16).fill(3);

function options(more: Partial<VaultFileOptions> = {}): VaultFileOptions {
  return { crypto: nodeCrypto, entropy: nodeEntropy, key: KEY, ...more };
}

function newVault(more: Partial<VaultFileOptions> = {}): { path: string; vault: Vault } {
  const path = join(scratchFolder(), 'vault');
  return { path, vault: unwrap(createSlotFileVault(path, { ...options(more), logId: LOG_ID })) };
}

function keyOf(vault: Pick<Vault, 'key'>, slot: number): Uint8Array {
  return nodeCrypto.exportSecret(vault.key(slot));
}

/** Moves the slot's key one step and answers the key it had. */
function step(vault: Vault, slot: number): Uint8Array {
  const before = keyOf(vault, slot);
  const [next] = nodeCrypto.sealStep(vault.key(slot));
  vault.advance(slot, (vault.slot(slot)?.index ?? 0) + 1, next);
  return before;
}

let seq = 0;
function flush(vault: Vault, poolMin?: number): void {
  vault.flush({ seq: ++seq, hash: new Uint8Array(32).fill(seq), streamMax: 4, at: 5 }, poolMin);
}

function contains(pages: readonly { slots: Uint8Array }[], key: Uint8Array): boolean {
  return pages.some(({ slots }) => Buffer.from(slots).includes(Buffer.from(key)));
}

describe('a vault file', () => {
  test('keeps slots, keys and anchor over a close, and is private', () => {
    const { path, vault } = newVault();
    const slot = vault.take();
    vault.assign(slot, { use: 'stream', owner: 9 });
    step(vault, slot);
    flush(vault, 200);
    const key = keyOf(vault, slot);
    const { metadata } = vault.keys;
    const sealed = nodeCrypto.seal(metadata, new Uint8Array(12), [], [key]);
    vault.close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    for (const opened of [openSlotFileVault(path, options()), openVaultReader(path, options())]) {
      const again = unwrap(opened);
      expect(again.slot(slot)).toEqual({ slot, use: 'stream', owner: 9, index: 1 });
      expect([...again.liveSlots()].map((state) => state.slot)).toEqual([slot]);
      expect(keyOf(again, slot)).toEqual(key);
      expect(again.anchor()).toEqual({
        seq,
        hash: new Uint8Array(32).fill(seq),
        streamMax: 4,
        at: 5,
      });
      expect(nodeCrypto.open(again.keys.metadata, new Uint8Array(12), [], sealed)).toEqual(key);
      again.close();
    }
  });

  test('what was not flushed is not there', () => {
    const { path, vault } = newVault();
    const slot = vault.take();
    vault.assign(slot, { use: 'stream', owner: 9 });
    const again = unwrap(openSlotFileVault(path, options()));
    expect(again.slot(slot)?.use).toBe('free');
  });

  test.each<readonly [string, VaultKey, VaultKey]>([
    ['raw', KEY, { kind: 'raw', key: new Uint8Array(32) }],
    [
      'passphrase',
      { kind: 'passphrase', passphrase: 'open' },
      { kind: 'passphrase', passphrase: 'sesame' },
    ],
    ['none', { kind: 'none', unsafePlaintextVault: true }, KEY],
  ])('opens with its %s key and no other', (_, key, wrong) => {
    const { path, vault } = newVault({ key });
    vault.close();
    unwrap(openSlotFileVault(path, options({ key }))).close();
    const refused = openSlotFileVault(path, options({ key: wrong }));
    expect(refused).toMatchObject({ error: { code: 'VAULT_WRONG_KEY' } });
  });

  test('is refused by name where it is missing, there already, or of a later format', () => {
    const { path, vault } = newVault();
    vault.close();
    const existing = createSlotFileVault(path, { ...options(), logId: LOG_ID });
    expect(existing).toMatchObject({ error: { code: 'VAULT_EXISTS' } });
    expect(openSlotFileVault(`${path}x`, options())).toMatchObject({
      error: { code: 'VAULT_MISSING' },
    });
    const short = createSlotFileVault(`${path}y`, {
      ...options({ key: { kind: 'raw', key: new Uint8Array(31) } }),
      logId: LOG_ID,
    });
    expect(short).toMatchObject({ error: { code: 'VAULT_WRONG_KEY' } });
  });
});

describe('erasing', () => {
  test('after each strict flush one copy of a page opens, and no superseded key is in it', () => {
    const { path, vault } = newVault();
    const slots = [vault.take(), vault.take()];
    for (const slot of slots) vault.assign(slot, { use: 'stream', owner: slot });
    flush(vault);
    for (let round = 0; round < 6; round++) {
      const superseded = slots.map((slot) => step(vault, slot));
      flush(vault);
      const pages = recoverablePages(readFileSync(path));
      expect(pages).toHaveLength(1);
      for (const key of superseded) expect(contains(pages, key)).toBe(false);
      for (const slot of slots) expect(contains(pages, keyOf(vault, slot))).toBe(true);
    }
    const [gone] = slots;
    if (gone === undefined) throw new Error('there are two slots');
    const key = keyOf(vault, gone);
    vault.destroy(gone);
    flush(vault);
    expect(contains(recoverablePages(readFileSync(path)), key)).toBe(false);
  });

  test('a lazy flush leaves one older copy, and the next flush erases it', () => {
    const { path, vault } = newVault({ wipe: 'lazy' });
    const slot = vault.take();
    vault.assign(slot, { use: 'stream', owner: 1 });
    flush(vault);
    const old = step(vault, slot);
    flush(vault);
    expect(contains(recoverablePages(readFileSync(path)), old)).toBe(true);
    vault.flush(vault.anchor());
    const pages = recoverablePages(readFileSync(path));
    expect(pages).toHaveLength(1);
    expect(contains(pages, old)).toBe(false);
  });

  test('a vault that does not zero is caught', () => {
    const { path, vault } = newVault({ sabotage: { keepsOldCopies: true } });
    const slot = vault.take();
    vault.assign(slot, { use: 'stream', owner: 1 });
    flush(vault);
    const old = step(vault, slot);
    flush(vault);
    const pages = recoverablePages(readFileSync(path));
    expect(pages.length).toBeGreaterThan(1);
    expect(contains(pages, old)).toBe(true);
  });
});

describe('a flush that ends in the middle', () => {
  /** Lives through flushes and stops the last one at a site; answers the file and both states. */
  function interrupted(site: ChaosSite, tear?: (file: Buffer) => void) {
    let armed = false;
    const chaos = {
      at(here: ChaosSite) {
        if (armed && here === site) throw new Error('killed');
      },
    };
    const { path, vault } = newVault({ chaos });
    const slot = vault.take();
    vault.assign(slot, { use: 'stream', owner: 1 });
    flush(vault, 100);
    const before = { key: keyOf(vault, slot), seq };
    step(vault, slot);
    const after = { key: keyOf(vault, slot), seq: seq + 1 };
    armed = true;
    expect(() => flush(vault, 300)).toThrow('killed');
    const file = readFileSync(path);
    tear?.(file);
    writeFileSync(path, file);
    return { path, slot, before, after };
  }

  test.each<readonly [ChaosSite, 'before' | 'after']>([
    ['vault:before-copy', 'before'],
    ['vault:copy-written', 'after'],
    ['vault:copy-synced', 'after'],
    ['vault:before-zero', 'after'],
    ['vault:done', 'after'],
  ])('at %s opens as it was %s', (site, state) => {
    const { path, slot, ...states } = interrupted(site);
    const again = unwrap(openSlotFileVault(path, options()));
    expect(keyOf(again, slot)).toEqual(states[state].key);
    expect(again.anchor().seq).toBe(states[state].seq);
    again.flush({ ...again.anchor(), seq: again.anchor().seq + 1 });
    const opened = recoverablePages(readFileSync(path));
    if (state === 'after') expect(contains(opened, states.before.key)).toBe(false);
  });

  test('torn writes anywhere before the sync fall back to the state before', () => {
    const pageOf = (n: number): number => n * 4096;
    fc.assert(
      fc.property(fc.nat(2), fc.nat(7), (which, sector) => {
        // Of the flush's three writes (header, page 0, new page) one sector never arrived.
        const { path, slot, before, after } = interrupted('vault:copy-synced', (file) => {
          const [a, b] = [file.subarray(0, 4096), file.subarray(4096, 8192)];
          const newest = a.readUIntBE(42, 6) > b.readUIntBE(42, 6) ? 0 : 1;
          const target = which === 0 ? newest : which === 1 ? 2 : 3;
          const start = pageOf(target) + 512 * (which === 0 ? 0 : sector);
          file.fill(0, start, start + 512);
        });
        const again = openSlotFileVault(path, options());
        const key = again.ok ? keyOf(again.value, slot) : undefined;
        const isWhole =
          key !== undefined && [before.key, after.key].some((k) => Buffer.from(k).equals(key));
        expect(isWhole).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

describe('opening after a kill', () => {
  test('writes again what only the newest state has, and nothing that the older one needs', () => {
    const { path, vault } = newVault({ wipe: 'lazy', poolMin: 200 });
    const slot = vault.take();
    vault.assign(slot, { use: 'stream', owner: 1 });
    flush(vault);
    flush(vault);
    step(vault, slot);
    flush(vault);
    const written: number[] = [];
    const files: FileSystem = {
      ...nodeFiles,
      open(name, mode) {
        const file = nodeFiles.open(name, mode);
        const write = (bytes: Uint8Array, offset: number): void => {
          written.push(offset / 4096);
          file.write(bytes, offset);
        };
        return { ...file, write, sync: () => void written.push(-1) };
      },
    };
    unwrap(openSlotFileVault(path, options({ wipe: 'lazy', files }))).close();
    // A header and the newest copy of the stream's page, a sync; then what they replaced, a sync.
    const [again, replaced] = [written.indexOf(-1), written.lastIndexOf(-1)];
    const pair = [2, 3];
    expect(written.slice(0, again).filter((page) => page > 1)).toHaveLength(1);
    expect(written.slice(0, replaced).filter((page) => pair.includes(page))).toHaveLength(2);
    expect(written.filter((page) => page > 3)).toEqual([]);
  });
});

describe('damage', () => {
  test('any flipped byte of a settled vault is refused by name or harmless', () => {
    const { path, vault } = newVault();
    const slot = vault.take();
    vault.assign(slot, { use: 'stream', owner: 1 });
    flush(vault);
    const key = keyOf(vault, slot);
    vault.close();
    const file = readFileSync(path);
    const codes = new Set<string>();
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Buffer.from(file);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        writeFileSync(path, damaged);
        const opened = openSlotFileVault(path, options());
        if (opened.ok) expect(keyOf(opened.value, slot)).toEqual(key);
        else codes.add(opened.error.code);
      }),
    );
    expect([...codes]).toEqual(['VAULT_CORRUPT']);
  });

  test('any garbage is refused by name', () => {
    const path = join(scratchFolder(), 'vault');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9000 }), (bytes) => {
        writeFileSync(path, bytes);
        expect(openSlotFileVault(path, options())).toMatchObject({
          error: { code: 'VAULT_CORRUPT' },
        });
      }),
      { numRuns: 50 },
    );
  });
});

describe('several processes on one vault', () => {
  /** The same file, opened twice; flushes take turns, as under a lock. */
  function twice(more: Partial<VaultFileOptions> = {}) {
    const { path, vault: first } = newVault(more);
    return { path, first, second: unwrap(openSlotFileVault(path, options(more))) };
  }

  test('a reload takes over what another one flushed, and forgets what was not', () => {
    const { first, second } = twice();
    expect([first.reload(), second.reload()]).toEqual([false, false]);
    const slot = first.take();
    first.assign(slot, { use: 'stream', owner: 9 });
    step(first, slot);
    flush(first, 200);
    // The same slot, taken without being flushed: the other one was first.
    expect(second.take()).toBe(slot);
    expect(second.reload()).toBe(true);
    expect(second.slot(slot)).toEqual({ slot, use: 'stream', owner: 9, index: 1 });
    expect(keyOf(second, slot)).toEqual(keyOf(first, slot));
    expect(second.anchor()).toEqual(first.anchor());
    expect(second.poolSize()).toBe(first.poolSize());
    expect(second.take()).not.toBe(slot);
    expect(second.reload()).toBe(false);
    expect([second.keys.metadata, second.keys.name].length).toBe(2);
  });

  test.each(['strict', 'lazy'] as const)('take turns, and a %s flush erases', (wipe) => {
    const { path, first, second } = twice({ wipe });
    const slot = first.take();
    first.assign(slot, { use: 'stream', owner: 1 });
    flush(first);
    const superseded: Uint8Array[] = [];
    for (const vault of [second, first, first, second, second, first]) {
      vault.reload(seq);
      superseded.push(step(vault, slot));
      flush(vault);
    }
    first.flush(first.anchor());
    const again = unwrap(openSlotFileVault(path, options()));
    expect(again.slot(slot)?.index).toBe(superseded.length);
    const pages = recoverablePages(readFileSync(path));
    expect(pages).toHaveLength(1);
    for (const key of superseded) expect(contains(pages, key)).toBe(false);
  });

  test('copies of a process that was killed before its header are gone after the next flush', () => {
    let isArmed = false;
    const chaos = {
      at(site: ChaosSite) {
        if (isArmed && site === 'vault:pages-written') throw new Error('killed');
      },
    };
    const { path, vault: first } = newVault({ chaos, shared: true });
    const second = unwrap(openSlotFileVault(path, options({ shared: true })));
    const slot = first.take();
    first.assign(slot, { use: 'stream', owner: 1 });
    flush(first);
    second.reload();
    isArmed = true;
    step(first, slot);
    const lost = keyOf(first, slot);
    expect(() => flush(first)).toThrow('killed');
    expect(contains(recoverablePages(readFileSync(path)), lost)).toBe(true);
    expect(second.reload()).toBe(false);
    flush(second);
    const pages = recoverablePages(readFileSync(path));
    expect(pages).toHaveLength(1);
    expect(contains(pages, lost)).toBe(false);
  });

  test('who does not reload first stops before it erases what another one wrote', () => {
    const { path, first, second } = twice({ wipe: 'lazy', shared: true });
    const slot = first.take();
    first.assign(slot, { use: 'stream', owner: 1 });
    flush(first);
    second.reload();
    step(second, slot);
    flush(second);
    const before = readFileSync(path);
    expect(() => first.flush(first.anchor())).toThrow('reloaded before it is flushed');
    expect(readFileSync(path)).toEqual(before);
  });

  test('an older vault put in its place is not taken over', () => {
    const { path, vault } = newVault();
    const older = readFileSync(path);
    flush(vault);
    flush(vault);
    writeFileSync(path, older);
    expect(() => vault.reload()).toThrow('VAULT_ROLLED_BACK');
    expect(() => vault.flush(vault.anchor())).toThrow('the vault is open');
  });
});

describe('a log that was put back', () => {
  test("goes on from an anchor before the vault's own, which then lasts", () => {
    const { path, vault } = newVault();
    const slot = vault.take();
    vault.assign(slot, { use: 'stream', owner: 1 });
    flush(vault);
    const earlier = { seq: 0, hash: new Uint8Array(32).fill(9), streamMax: 0, at: 1 };
    vault.rebase(earlier);
    vault.destroy(slot);
    vault.flush(earlier);
    expect(unwrap(openSlotFileVault(path, options())).anchor()).toEqual(earlier);
    vault.rebase({ ...earlier, seq: 7 });
    vault.flush({ ...earlier, seq: 7 });
    expect(unwrap(openSlotFileVault(path, options())).anchor().seq).toBe(7);
    expect(() => vault.flush(earlier)).toThrow('an anchor only moves forward');
  });
});
