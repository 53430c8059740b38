import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import {
  createEventLog,
  createMemoryStore,
  createMemoryVault,
  keepAll,
  RETENTION,
} from '@simsim/event-log';
import type { EventLog, Retention } from '@simsim/event-log';
import { openSqliteLog } from '@simsim/event-log-sqlite';
import type { Keychain } from '@simsim/event-log-sqlite';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { VaultKeeper } from './vault-keeper.ts';

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

const KEEP_ALL = keepAll({ iKnowThisDisablesForwardSecrecy: true });

interface Kept {
  readonly log: EventLog;
  readonly keeper: VaultKeeper;
  readonly failures: unknown[];
  readonly commit: () => void;
  /** What became of each event's sealed part. */
  readonly states: () => string[];
}

function kept(retention: Retention): Kept {
  const vault = createMemoryVault({ crypto, entropy });
  const opened = createEventLog(
    { store: createMemoryStore(), vault, crypto, entropy },
    { retention },
  );
  if (!opened.ok) throw new Error(opened.error.code);
  const log = opened.value;
  const failures: unknown[] = [];
  const keeper = new VaultKeeper(log, retention, {
    failed: (cause) => failures.push(cause),
    hindered: ({ detail }) => failures.push(detail),
  });
  const event = { stream: 'a', type: 1, schema: 1, facts: new Uint8Array(1) };
  return {
    log,
    keeper,
    failures,
    commit() {
      log.commit({ at: Date.now(), events: [{ ...event, sealed: [new Uint8Array(40)] }] });
      keeper.committed();
    },
    states: () => [...log.events()].map(({ sealed }) => sealed),
  };
}

test('paranoid: what a commit superseded is gone when it returns', () => {
  const { commit, states, log } = kept(RETENTION.paranoid);
  commit();
  commit();
  commit();
  expect([states(), log.lag()]).toEqual([['shredded', 'shredded', 'sealed'], 0]);
});

test('default: after 64 events, or a second, or a quarter of silence', () => {
  const { commit, log } = kept(RETENTION.default);
  for (let i = 0; i < 64; i++) commit();
  expect(log.lag()).toBe(0);
  commit();
  vi.advanceTimersByTime(249);
  expect(log.lag()).toBe(1);
  vi.advanceTimersByTime(1);
  expect(log.lag()).toBe(0);
  for (let i = 0; i < 5; i++) {
    commit();
    expect(log.lag()).toBe(i + 1);
    vi.advanceTimersByTime(200);
  }
  expect(log.lag()).toBe(0);
});

test('server: after five seconds', () => {
  const { commit, log } = kept(RETENTION.server);
  commit();
  vi.advanceTimersByTime(4_999);
  expect(log.lag()).toBe(1);
  vi.advanceTimersByTime(1);
  expect(log.lag()).toBe(0);
});

test('keepAll: every state opens for ever', () => {
  const { commit, states, log, keeper } = kept(KEEP_ALL);
  keeper.start();
  commit();
  commit();
  log.flush();
  expect(states()).toEqual(['sealed', 'sealed']);
  expect(log.sealedAt(1)).toEqual(new Uint8Array(40));
  keeper.stop();
});

test('takes new keys at the start and every hour', () => {
  const { log, keeper } = kept(RETENTION.default);
  const rotate = vi.spyOn(log, 'rotate');
  keeper.start();
  expect(rotate).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(2 * 3_600_000);
  expect(rotate).toHaveBeenCalledTimes(3);
  keeper.stop();
  vi.advanceTimersByTime(3_600_000);
  expect(rotate).toHaveBeenCalledTimes(3);
});

test('a policy in months does not begin anew each millisecond', () => {
  const months = 90 * 24 * 60 * 60 * 1000;
  const flush = { events: 64, ms: months, onIdleMs: months };
  const { keeper, log, commit } = kept({ ...RETENTION.default, flush, rotateMs: months });
  const rotate = vi.spyOn(log, 'rotate');
  keeper.start();
  commit();
  vi.advanceTimersByTime(60_000);
  expect(rotate).toHaveBeenCalledTimes(1);
  expect(log.lag()).toBe(1);
  keeper.stop();
});

test('shrinks what is old enough, and nothing younger', async () => {
  const { commit, states, log, keeper } = kept({ ...RETENTION.default, pruneAfterMs: 60_000 });
  commit();
  commit();
  vi.setSystemTime(1_060_001);
  commit();
  commit();
  log.flush();
  keeper.start();
  await vi.waitFor(() => expect(states()[0]).toBe('pruned'));
  expect(states()).toEqual(['pruned', 'shredded', 'shredded', 'sealed']);
  keeper.stop();
});

test('says what failed, once it is closed', () => {
  const { log, keeper, failures } = kept(RETENTION.default);
  log.close();
  keeper.flush();
  expect(failures).toHaveLength(1);
});

test('says once what keeps a rotation from ending, and again when that changes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'simsim-keeper-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const keys = new Map<string, Uint8Array>();
  let refusal: string | undefined = 'locked';
  const keychain: Keychain = {
    get: (name) => keys.get(name)?.slice(),
    set: (name, bytes) => void keys.set(name, bytes.slice()),
    remove(name) {
      if (refusal !== undefined) throw new Error(refusal);
      keys.delete(name);
    },
  };
  const opened = openSqliteLog({
    path: join(folder, 'log.db'),
    vaultPath: join(folder, 'vault'),
    key: { kind: 'keychain', keychain },
    ifMissing: 'create',
    crypto,
    entropy,
  });
  if (!opened.ok) throw new Error(opened.error.code);
  const { log } = opened.value;
  const told: string[] = [];
  const keeper = new VaultKeeper(log, RETENTION.default, {
    failed: (cause) => told.push(String(cause)),
    hindered: ({ code, detail }) => told.push(`${code}: ${detail}`),
  });
  keeper.start();
  for (const next of ['locked', 'locked', 'gone', undefined]) {
    refusal = next;
    keeper.flush();
    keeper.flush();
  }
  keeper.stop();
  log.close();
  expect(told).toEqual([
    expect.stringMatching(/^VAULT_KEY_UNAVAILABLE: .*locked/u),
    expect.stringMatching(/^VAULT_KEY_UNAVAILABLE: .*gone/u),
  ]);
  expect(keys.size).toBe(1);
});
