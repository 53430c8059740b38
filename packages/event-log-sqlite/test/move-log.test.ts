/** A log that goes to another machine: at every moment it can go on in one place at most. */

import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import { describe, expect, test } from 'vitest';
import { moveLogIn, moveLogOut, openSqliteLog } from '../src/index.ts';
import type { LogPlace, MoveStep, VaultKey } from '../src/index.ts';
import { id16, scratchFolder, text, unwrap } from './files.ts';
import { memoryFiles } from './memory-files.ts';

const STEPS: readonly MoveStep[] = [
  'ended',
  'vault-copied',
  'copied',
  'keys-destroyed',
  'destroyed',
];

interface Places {
  readonly old: LogPlace;
  readonly stick: LogPlace;
  readonly home: LogPlace;
}

function placesIn(folder: string): Places {
  const at = (name: string, byte: number): LogPlace => {
    mkdirSync(join(folder, name));
    const key: VaultKey = { kind: 'raw', key: new Uint8Array(32).fill(byte) };
    return { path: join(folder, name, 'log.db'), vaultPath: join(folder, name, 'vault'), key };
  };
  return { old: at('old', 1), stick: at('stick', 2), home: at('home', 3) };
}

function open(place: LogPlace) {
  return openSqliteLog({ ...place, crypto, entropy });
}

/** Makes a log with something of everything in it; more streams than a vault page holds. */
function makeLog(place: LogPlace): void {
  const { log } = unwrap(openSqliteLog({ ...place, crypto, entropy, ifMissing: 'create' }));
  const event = { type: 1, schema: 1, facts: text('fact') };
  const events = Array.from({ length: 200 }, (_, i) => ({
    ...event,
    stream: `s${i}`,
    sealed: [text(`state ${i}`)],
  }));
  unwrap(
    log.commit({
      at: 1,
      events,
      inboxPut: [{ id: id16(1), body: text('mail') }],
      outboxPut: [{ post: id16(2), body: text('post') }],
      data: [{ key: 'row', value: text('value') }],
    }),
  );
  log.close();
}

/** The log as it was made, and able to go on. */
function isWhole(place: LogPlace): void {
  const { log } = unwrap(open(place));
  expect(log.sealedValue('s199')).toEqual(text('state 199'));
  expect(log.inbox().map(({ body }) => body)).toEqual([text('mail')]);
  expect(log.outbox().map(({ body }) => body)).toEqual([text('post')]);
  expect(log.data('row')).toEqual(text('value'));
  const event = { stream: 's199', type: 1, schema: 1, facts: text('on') };
  unwrap(log.commit({ at: 2, events: [{ ...event, sealed: [text('state 199')] }] }));
  log.close();
}

function placesThatOpen(places: readonly LogPlace[]): number {
  return places.filter((place) => {
    const opened = open(place);
    if (opened.ok) opened.value.log.close();
    return opened.ok;
  }).length;
}

class Cut extends Error {}

describe('moving', () => {
  test('out and in again: the log goes on, nothing is left behind, nothing opens on the way', () => {
    const { old, stick, home } = placesIn(scratchFolder());
    makeLog(old);
    unwrap(moveLogOut({ from: old, to: stick, crypto, entropy }));
    expect(readdirSync(join(old.path, '..'))).toEqual([]);
    expect(open(stick)).toMatchObject({ error: { code: 'STORE_MOVED' } });
    unwrap(moveLogIn({ from: stick, to: home, crypto, entropy }));
    expect(readdirSync(join(stick.path, '..'))).toEqual([]);
    isWhole(home);
  });

  for (const cut of STEPS) {
    test(`cut off after "${cut}", either way: one place at most opens, and doing it again ends it`, () => {
      const { old, stick, home } = placesIn(scratchFolder());
      makeLog(old);
      const all = [old, stick, home];
      const onStep = (step: MoveStep): void => {
        if (step === cut) throw new Cut();
      };
      const cutOut = { from: old, to: stick, crypto, entropy };
      expect(() => moveLogOut({ ...cutOut, onStep })).toThrow(Cut);
      expect(placesThatOpen(all)).toBe(0);
      if (cut !== 'destroyed') unwrap(moveLogOut(cutOut));
      const cutIn = { from: stick, to: home, crypto, entropy };
      // Moving in ends nothing first: it was ended when it moved out.
      if (cut === 'ended') unwrap(moveLogIn(cutIn));
      else expect(() => moveLogIn({ ...cutIn, onStep })).toThrow(Cut);
      expect(placesThatOpen(all)).toBeLessThanOrEqual(1);
      if (cut !== 'ended' && cut !== 'destroyed') unwrap(moveLogIn(cutIn));
      expect(readdirSync(join(stick.path, '..'))).toEqual([]);
      isWhole(home);
    });
  }

  test('what is in the way stays as it is', () => {
    const { old, stick, home } = placesIn(scratchFolder());
    makeLog(old);
    makeLog(stick);
    const before = readFileSync(stick.vaultPath);
    const out = moveLogOut({ from: old, to: stick, crypto, entropy });
    expect(out).toMatchObject({ error: { code: 'STORE_EXISTS' } });
    expect(readFileSync(stick.vaultPath)).toEqual(before);
    isWhole(stick);
    isWhole(old);
    unwrap(moveLogOut({ from: old, to: home, crypto, entropy }));
    const back = moveLogIn({ from: home, to: old, crypto, entropy });
    unwrap(back);
    isWhole(old);
  });

  test('a place that is the log itself is refused, however it is spelt, and nothing ends', () => {
    const folder = scratchFolder();
    const { old, stick } = placesIn(folder);
    makeLog(old);
    symlinkSync(join(folder, 'old'), join(folder, 'alias'));
    linkSync(old.path, join(folder, 'stick/hard.db'));
    const same: readonly LogPlace[] = [
      old,
      { ...old, key: stick.key },
      { ...old, path: join(folder, 'stick/../old/log.db') },
      { ...stick, path: join(folder, 'alias/log.db') },
      { ...stick, path: join(folder, 'stick/hard.db') },
      { ...stick, vaultPath: old.vaultPath },
      { ...stick, path: old.vaultPath },
      { ...stick, vaultPath: stick.path },
    ];
    for (const to of same) {
      const out = moveLogOut({ from: old, to, crypto, entropy });
      expect(out).toMatchObject({ error: { code: 'STORE_EXISTS' } });
      isWhole(old);
    }
    unwrap(moveLogOut({ from: old, to: stick, crypto, entropy }));
    const home = { ...old, vaultPath: stick.vaultPath };
    for (const to of [stick, home]) {
      const back = moveLogIn({ from: stick, to, crypto, entropy });
      expect(back).toMatchObject({ error: { code: 'STORE_EXISTS' } });
    }
    unwrap(moveLogIn({ from: stick, to: old, crypto, entropy }));
    isWhole(old);
  });

  test('a place that cannot be written is refused before anything ends', () => {
    const folder = scratchFolder();
    const { old, stick } = placesIn(folder);
    makeLog(old);
    const away = { ...stick, path: join(folder, 'not there/log.db') };
    const vaultAway = { ...stick, vaultPath: join(folder, 'not there/vault') };
    for (const to of [away, vaultAway]) {
      const out = moveLogOut({ from: old, to, crypto, entropy });
      expect(out).toMatchObject({ error: { code: 'STORE_FAILED' } });
      isWhole(old);
    }
    expect(readdirSync(join(stick.path, '..'))).toEqual([]);
  });

  test('only what was moved out moves in, and only with its key', () => {
    const { old, stick, home } = placesIn(scratchFolder());
    makeLog(old);
    const notMoved = moveLogIn({ from: old, to: home, crypto, entropy });
    expect(notMoved).toMatchObject({ error: { code: 'STORE_MOVED' } });
    isWhole(old);
    unwrap(moveLogOut({ from: old, to: stick, crypto, entropy }));
    const wrong = { ...stick, key: home.key };
    const refused = moveLogIn({ from: wrong, to: home, crypto, entropy });
    expect(refused).toMatchObject({ error: { code: 'VAULT_WRONG_KEY' } });
    expect(existsSync(home.path)).toBe(false);
    unwrap(moveLogIn({ from: stick, to: home, crypto, entropy }));
    isWhole(home);
  });

  test('a log in use is not moved', () => {
    const { old, stick } = placesIn(scratchFolder());
    makeLog(old);
    const { log } = unwrap(open(old));
    const out = moveLogOut({ from: old, to: stick, crypto, entropy });
    expect(out).toMatchObject({ error: { code: 'STORE_IN_USE' } });
    log.close();
    isWhole(old);
  });

  test('a copy of the old files is of no use once the move has ended', () => {
    const folder = scratchFolder();
    const { old, stick } = placesIn(folder);
    makeLog(old);
    unwrap(moveLogOut({ from: old, to: stick, crypto, entropy }));
    cpSync(join(folder, 'stick'), join(folder, 'old'), { recursive: true });
    expect(open({ ...old, key: stick.key })).toMatchObject({ error: { code: 'STORE_MOVED' } });
  });

  test('a keychain forgets the vault that was moved, and keeps the one that came', () => {
    const folder = scratchFolder();
    const { keychain, kept } = memoryFiles();
    const key: VaultKey = { kind: 'keychain', keychain };
    const { stick, ...places } = placesIn(folder);
    const [old, home] = [
      { ...places.old, key },
      { ...places.home, key },
    ];
    makeLog(old);
    cpSync(join(folder, 'old'), join(folder, 'copy'), { recursive: true });
    unwrap(moveLogOut({ from: old, to: stick, crypto, entropy }));
    expect(kept.size).toBe(0);
    unwrap(moveLogIn({ from: stick, to: home, crypto, entropy }));
    isWhole(home);
    expect(kept.size).toBe(1);
    const copy = {
      ...old,
      path: join(folder, 'copy/log.db'),
      vaultPath: join(folder, 'copy/vault'),
    };
    expect(open(copy)).toMatchObject({ error: { code: 'VAULT_KEY_UNAVAILABLE' } });
  });

  test('a vault of a move that was cut off is destroyed before another takes its place', () => {
    const { keychain, kept } = memoryFiles();
    const { old, stick, home: bare } = placesIn(scratchFolder());
    const home: LogPlace = { ...bare, key: { kind: 'keychain', keychain } };
    makeLog(old);
    unwrap(moveLogOut({ from: old, to: stick, crypto, entropy }));
    const cutIn = { from: stick, to: home, crypto, entropy };
    const onStep = (): never => {
      throw new Cut();
    };
    expect(() => moveLogIn({ ...cutIn, onStep })).toThrow(Cut);
    // Another name of the file shows what becomes of its content.
    linkSync(home.vaultPath, `${home.vaultPath}.seen`);
    unwrap(moveLogIn(cutIn));
    expect(readFileSync(`${home.vaultPath}.seen`).every((byte) => byte === 0)).toBe(true);
    expect(kept.size).toBe(1);
    isWhole(home);
  });

  test('what a log that was removed by hand left beside it does not become a part of the new one', () => {
    const { old, stick, home } = placesIn(scratchFolder());
    makeLog(stick);
    const { log } = unwrap(open(stick));
    for (let at = 2; at < 40; at++) {
      const facts = text('another log');
      unwrap(log.commit({ at, events: [{ stream: 's', type: 1, schema: 1, facts }] }));
    }
    cpSync(`${stick.path}-wal`, `${stick.path}.kept`);
    log.close();
    for (const path of [stick.path, stick.vaultPath]) rmSync(path);
    cpSync(`${stick.path}.kept`, `${stick.path}-wal`);
    makeLog(old);
    unwrap(moveLogOut({ from: old, to: stick, crypto, entropy }));
    unwrap(moveLogIn({ from: stick, to: home, crypto, entropy }));
    isWhole(home);
  });
});
