/** What opens a vault: passphrases, raw keys, keychains. */

import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import type { Vault } from '@simsim/event-log';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createSlotFileVault, openSlotFileVault, osKeychain } from '../src/index.ts';
import type { Keychain, VaultFileOptions, VaultKey } from '../src/index.ts';
import {
  decodeClearHeader,
  encodeHeaderPage,
  openSealedHeader,
  wrapMaster,
} from '../src/vault-header.ts';
import type { KeyDescriptor } from '../src/vault-key.ts';
import { createWrappingKeys } from '../src/vault-wrapping.ts';
import { KEY, unwrap } from './files.ts';
import { memoryFiles } from './memory-files.ts';
import type { MemoryFiles } from './memory-files.ts';
import { headerAt, masterKeys } from './raw-vault.ts';

const PATH = 'vault';
const LOG_ID = new Uint8Array(16).fill(3);

function optionsOf({ files }: MemoryFiles, key: VaultKey): VaultFileOptions {
  return { crypto: nodeCrypto, entropy: nodeEntropy, files, key };
}

function create(world: MemoryFiles, key: VaultKey) {
  return createSlotFileVault(PATH, { ...optionsOf(world, key), logId: LOG_ID });
}

function open(world: MemoryFiles, key: VaultKey) {
  return openSlotFileVault(PATH, optionsOf(world, key));
}

function file({ content }: MemoryFiles): Uint8Array {
  const bytes = content.get(PATH);
  if (bytes === undefined) throw new Error('there is a vault');
  return bytes;
}

function rotate(vault: Vault): void {
  vault.rotateMaster();
  vault.flush(vault.anchor());
}

/** A vault with a live stream; answers the stream's key too. */
function newVault(world: MemoryFiles, key: VaultKey): { vault: Vault; live: Uint8Array } {
  const vault = unwrap(create(world, key));
  vault.assign(4, { use: 'stream', owner: 1 });
  vault.flush({ seq: 1, hash: new Uint8Array(32), streamMax: 1, at: 1 });
  return { vault, live: nodeCrypto.exportSecret(vault.key(4)) };
}

function liveKey(vault: Vault): Uint8Array {
  return nodeCrypto.exportSecret(vault.key(4));
}

describe('a vault that was not finished', () => {
  test('is overwritten before it goes, and its keychain forgets it', () => {
    const full = memoryFiles();
    unwrap(create(full, { kind: 'keychain', keychain: full.keychain })).close();
    // Killed once its header is there, and at every later step but the last.
    for (let lives = 3; lives < full.operations(); lives++) {
      const killed = memoryFiles({ lives });
      const { content, kept } = killed;
      const removeNothing = (path: string): void => {
        if (content.has(path)) throw new Error('killed');
      };
      const files = { ...killed.files, remove: removeNothing };
      create({ ...killed, files }, { kind: 'keychain', keychain: killed.keychain });
      expect([...content.keys()]).toEqual(['vault.new']);
      const world = memoryFiles({ content, kept });
      const removed: (Uint8Array | undefined)[] = [];
      const { keychain } = world;
      const remove = (path: string): void => {
        removed.push(world.content.get(path));
        world.files.remove(path);
      };
      const watched = { ...world, files: { ...world.files, remove } };
      const again = unwrap(create(watched, { kind: 'keychain', keychain }));
      expect(removed.some((bytes) => bytes?.some((byte) => byte !== 0))).toBe(false);
      expect(world.kept.size).toBe(1);
      again.close();
      unwrap(open(world, { kind: 'keychain', keychain })).close();
    }
  });

  test('leaves nothing in its keychain where there is no room for its file', () => {
    const world = memoryFiles();
    const { keychain, kept } = world;
    const noRoom = (): never => {
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    const crowded = { ...world, files: { ...world.files, open: noRoom } };
    expect(create(crowded, { kind: 'keychain', keychain })).toMatchObject({
      error: { code: 'VAULT_FAILED' },
    });
    expect([...kept.keys()]).toEqual([]);
  });
});

describe('a keychain', () => {
  test('keeps one key for the vault, and nothing else opens it', () => {
    const world = memoryFiles();
    const key: VaultKey = { kind: 'keychain', keychain: world.keychain };
    const { live } = newVault(world, key);
    expect(world.kept.size).toBe(1);
    expect(liveKey(unwrap(open(world, key)))).toEqual(live);
    const stranger = memoryFiles().keychain;
    expect(open(world, { kind: 'keychain', keychain: stranger })).toMatchObject({
      error: { code: 'VAULT_KEY_UNAVAILABLE' },
    });
    const [name = '', kept = new Uint8Array()] = [...world.kept].flat();
    const other = memoryFiles({ kept: new Map([[String(name), new Uint8Array(48)]]) }).keychain;
    expect(kept).toHaveLength(48);
    expect(open(world, { kind: 'keychain', keychain: other })).toMatchObject({
      error: { code: 'VAULT_KEY_UNAVAILABLE' },
    });
    expect(open(world, KEY)).toMatchObject({ error: { code: 'VAULT_WRONG_KEY' } });
  });

  test('of today does not open an old copy of the files; a raw key does', () => {
    const world = memoryFiles();
    for (const [key, isOpen] of [
      [{ kind: 'keychain', keychain: world.keychain }, false],
      [KEY, true],
    ] as const) {
      world.content.clear();
      const { vault, live } = newVault(world, key);
      for (let rotations = 1; rotations <= 3; rotations++) {
        const copy = memoryFiles({ content: world.content });
        rotate(vault);
        expect(world.kept.size).toBe(1);
        const old = open(copy, key);
        expect(old.ok ? liveKey(old.value) : old.error.code).toEqual(
          isOpen ? live : 'VAULT_KEY_UNAVAILABLE',
        );
        expect(liveKey(unwrap(open(world, key)))).toEqual(live);
      }
    }
  });

  test('that answers no more refuses by name, and stops no vault that is open', () => {
    const world = memoryFiles();
    let isLocked = false;
    const ask = <T>(work: () => T): T => {
      if (isLocked) throw new Error('it is locked');
      return work();
    };
    const keychain: Keychain = {
      get: (name) => ask(() => world.keychain.get(name)),
      set: (name, bytes) => ask(() => world.keychain.set(name, bytes)),
      remove: (name) => ask(() => world.keychain.remove(name)),
    };
    const key: VaultKey = { kind: 'keychain', keychain };
    const { vault, live } = newVault(world, key);
    isLocked = true;
    expect(open(world, key)).toMatchObject({
      error: {
        code: 'VAULT_KEY_UNAVAILABLE',
        detail: expect.stringMatching(/it is locked.*unlock it/u),
      },
    });
    rotate(vault);
    vault.flush({ ...vault.anchor(), seq: 9 });
    expect(vault.isRotating()).toBe(true);
    expect(vault.rotationHindrance()).toMatchObject({ code: 'VAULT_KEY_UNAVAILABLE' });
    isLocked = false;
    const again = unwrap(open(world, key));
    expect([again.isRotating(), again.anchor().seq]).toEqual([true, 9]);
    vault.flush(vault.anchor());
    expect([vault.isRotating(), vault.rotationHindrance()]).toEqual([false, undefined]);
    expect(liveKey(unwrap(open(world, key)))).toEqual(live);
    expect(world.kept.size).toBe(1);
  });

  test('that does not forget is asked again with the next flush', () => {
    const world = memoryFiles();
    let isStubborn = true;
    const remove = (name: string): void => {
      if (isStubborn) throw new Error('not now');
      world.keychain.remove(name);
    };
    const { vault } = newVault(world, {
      kind: 'keychain',
      keychain: { ...world.keychain, remove },
    });
    rotate(vault);
    expect(vault.isRotating()).toBe(false);
    expect(vault.rotationHindrance()).toMatchObject({ code: 'VAULT_KEY_UNAVAILABLE' });
    expect(world.kept.size).toBe(2);
    isStubborn = false;
    vault.flush(vault.anchor());
    expect([world.kept.size, vault.rotationHindrance()]).toEqual([1, undefined]);
  });

  test('keeps apart two vaults of one log', () => {
    const { keychain, kept } = memoryFiles();
    const [one, other] = [memoryFiles(), memoryFiles()];
    const key: VaultKey = { kind: 'keychain', keychain };
    const first = newVault(one, key);
    const second = newVault(other, key);
    expect(kept.size).toBe(2);
    rotate(second.vault);
    expect(liveKey(unwrap(open(one, key)))).toEqual(first.live);
    expect(liveKey(unwrap(open(other, key)))).toEqual(second.live);
  });

  test('that keeps nothing gets no vault', () => {
    const world = memoryFiles();
    const keychain = { ...world.keychain, set: () => undefined };
    expect(create(world, { kind: 'keychain', keychain })).toMatchObject({
      error: { code: 'VAULT_KEY_UNAVAILABLE' },
    });
    expect(world.content.size).toBe(0);
  });

  test('of a machine without one is refused with what to do', () => {
    if (process.platform !== 'linux') return;
    const before = process.env['DBUS_SESSION_BUS_ADDRESS'];
    process.env['DBUS_SESSION_BUS_ADDRESS'] = 'unix:path=/nowhere/bus';
    onTestFinished(() => {
      if (before === undefined) delete process.env['DBUS_SESSION_BUS_ADDRESS'];
      else process.env['DBUS_SESSION_BUS_ADDRESS'] = before;
    });
    const world = memoryFiles();
    const key = { kind: 'keychain', keychain: osKeychain('simsim test') } as const;
    expect(create(world, key)).toMatchObject({
      error: {
        code: 'VAULT_KEY_UNAVAILABLE',
        detail: expect.stringMatching(/passphrase or a raw key|install it/u),
      },
    });
    expect(world.content.size).toBe(0);
  });
});

/** Wraps the vault's master key anew, as a release with other parameters would have. */
function rewrapped(
  world: MemoryFiles,
  passphrase: string,
  change: Partial<KeyDescriptor>,
): MemoryFiles {
  const before = file(world);
  const [master] = masterKeys(before, { kind: 'passphrase', passphrase });
  const page = new Uint8Array(before.subarray(0, 4096));
  const found = decodeClearHeader(nodeCrypto, page);
  const sealed = master && openSealedHeader(nodeCrypto, master, page);
  if (master === undefined || found.kind !== 'whole' || sealed === undefined) {
    throw new Error('the vault is whole');
  }
  const descriptor = { ...found.clear.descriptor, ...change };
  const key: VaultKey = { kind: 'passphrase', passphrase };
  const wrapping = createWrappingKeys({
    crypto: nodeCrypto,
    key,
    vaultId: found.clear.vaultId,
  }).unlock(descriptor);
  const nonce = new Uint8Array(12);
  const wrapped = wrapping.ok
    ? wrapMaster(nodeCrypto, wrapping.value.key, { logId: LOG_ID, master, nonce })
    : found.clear.master;
  const clear = { ...found.clear, descriptor, master: wrapped };
  const header = encodeHeaderPage(nodeCrypto, master, { clear, sealed, nonce });
  const changed = before.slice();
  changed.set(header, 0);
  changed.set(header, 4096);
  return memoryFiles({ content: new Map([[PATH, changed]]) });
}

describe('a passphrase', () => {
  const passphrase = 'öffne dich';

  test.each(['scrypt', 'argon2id'] as const)(
    'opens with %s, and no other passphrase',
    (stretch) => {
      const world = memoryFiles();
      const { live } = newVault(world, { kind: 'passphrase', passphrase, stretch });
      expect(headerAt(file(world), 0)?.descriptor.kind).toBe(stretch);
      // The vault says itself how; the same text in another form of Unicode is the same passphrase.
      const again = open(world, { kind: 'passphrase', passphrase: passphrase.normalize('NFD') });
      expect(liveKey(unwrap(again))).toEqual(live);
      const wrong = open(world, { kind: 'passphrase', passphrase: 'sesame' });
      expect(wrong).toMatchObject({ error: { code: 'VAULT_WRONG_KEY' } });
    },
  );

  test('that was stretched too little is stretched as today with the next rotation', () => {
    const world = memoryFiles();
    const key: VaultKey = { kind: 'passphrase', passphrase };
    const { live } = newVault(world, key);
    const weak = rewrapped(world, passphrase, { cost: 10 });
    const vault = unwrap(open(weak, key));
    expect(headerAt(file(weak), 0)?.descriptor.cost).toBe(10);
    rotate(vault);
    const first = headerAt(file(weak), 0)?.descriptor;
    expect(first).toMatchObject({ kind: 'scrypt', cost: 17, passes: 8, lanes: 1 });
    expect(liveKey(unwrap(open(weak, key)))).toEqual(live);
    rotate(vault);
    expect(headerAt(file(weak), 0)?.descriptor).toEqual(first);
  });

  test('moves to another function with the next rotation where that is asked for', () => {
    const world = memoryFiles();
    newVault(world, { kind: 'passphrase', passphrase });
    const asked: VaultKey = { kind: 'passphrase', passphrase, stretch: 'argon2id' };
    rotate(unwrap(open(world, asked)));
    expect(headerAt(file(world), 0)?.descriptor).toMatchObject({ kind: 'argon2id', cost: 65536 });
    rotate(unwrap(open(world, { kind: 'passphrase', passphrase })));
    expect(headerAt(file(world), 0)?.descriptor.kind).toBe('argon2id');
  });

  const home = memoryFiles();
  beforeAll(() => {
    newVault(home, { kind: 'passphrase', passphrase }).vault.close();
  });

  test.each<Partial<KeyDescriptor>>([
    { cost: 40 },
    { cost: 0 },
    { passes: 255 },
    { lanes: 200 },
    { cost: 20, passes: 16, lanes: 4 },
    { kind: 'argon2id', cost: 2 ** 31 },
    { kind: 'argon2id', passes: 0 },
  ])('is not worked on for a forged header that asks for %o', (change) => {
    const forged = rewrapped(home, passphrase, change);
    expect(open(forged, { kind: 'passphrase', passphrase })).toMatchObject({
      error: { code: 'VAULT_CORRUPT' },
    });
  });

  test('must not be empty', () => {
    const world = memoryFiles();
    expect(create(world, { kind: 'passphrase', passphrase: '' })).toMatchObject({
      error: { code: 'VAULT_WRONG_KEY' },
    });
    expect(world.content.size).toBe(0);
  });
});

test('a vault made one way says so when it is opened another way', () => {
  const world = memoryFiles();
  newVault(world, { kind: 'none', unsafePlaintextVault: true });
  const wrong: readonly VaultKey[] = [
    KEY,
    { kind: 'passphrase', passphrase: 'x' },
    { kind: 'keychain', keychain: world.keychain },
  ];
  for (const key of wrong) {
    expect(open(world, key)).toMatchObject({
      error: { code: 'VAULT_WRONG_KEY', detail: expect.stringContaining('without a key') },
    });
  }
});
