/**
 * A device whose every secret is written down, and somebody who gets its files and the vault's key:
 * of all that was ever alive, only what is alive now may be found.
 */

import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytesToHex, concatBytes } from '@simsim/bytes';
import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import { openSqliteLog } from '@simsim/event-log-sqlite';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { ForensicLife } from '../kill/frame-codec.ts';
import { playKillWorld } from '../kill/kill-world.ts';
import type { WorldPlan } from '../kill/plan.ts';
import { VictimPool } from '../kill/victim.ts';
import { VICTIM_KEY } from '../kill/victim-key.ts';
import { protocolSecrets, SecretTrace } from './attacker.ts';
import { findNeedles, needleOf } from './byte-search.ts';
import { mountExt4 } from './ext4-image.ts';

beforeAll(() => {
  // Victims run the built program; `pnpm build` makes it.
  expect(existsSync(join(import.meta.dirname, '../../dist/kill/victim-main.js'))).toBe(true);
});

const seed = Number(process.env['SIMSIM_SEED'] ?? 1);
const FILES = ['log.db', 'log.db-wal', 'log.db-shm', 'vault', 'vault.new'];
/** Every flush of these lives has ended; the last life is closed. */
const PLAN: WorldPlan = [
  { kind: 'site', site: 'vault:done', count: 20 },
  { kind: 'site', site: 'vault:done', count: 35 },
];
/** A past that is kept shows at once, and flushes come rarely there. */
const SHORT_PLAN: WorldPlan = [{ kind: 'site', site: 'vault:done', count: 5 }];
const KEYS = VICTIM_KEY.kind === 'raw' ? [bytesToHex(VICTIM_KEY.key)] : [];

/**
 * What is alive: the states of live streams as the log itself opens them, and what follows; mail that waits
 * for the application, and what that keeps.
 */
function liveSecrets(folder: string, trace: SecretTrace): Set<string> {
  const copy = mkdtempSync(join(tmpdir(), 'simsim-forensic-'));
  try {
    for (const name of FILES)
      if (existsSync(join(folder, name))) cpSync(join(folder, name), join(copy, name));
    const [path, vaultPath] = [join(copy, 'log.db'), join(copy, 'vault')];
    const opened = openSqliteLog({ path, vaultPath, key: VICTIM_KEY, crypto, entropy });
    if (!opened.ok) throw new Error(opened.error.code);
    const { log } = opened.value;
    const states = log.streamsWithPrefix('').flatMap((stream) => log.sealedValue(stream) ?? []);
    const mail = log.inbox().map(({ body }) => body);
    const kept = [...log.dataEntries()].map(({ value }) => value);
    const all = [...states, ...mail, ...kept];
    const live = trace.closure(all.flatMap((bytes) => trace.secretsIn(bytes)));
    log.close();
    return live;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

interface Look {
  /** Secrets of sessions that were ever alive. */
  readonly ever: number;
  readonly live: readonly string[];
  /** What the attacker has. */
  readonly found: ReadonlySet<string>;
  /** Of these, what is not alive any more. */
  readonly superseded: readonly string[];
  /** Texts of messages that were sent or came, and of these the ones that the attacker reads though nothing alive has them. */
  readonly texts: { readonly ever: number; readonly stolen: readonly string[] };
  /** Secrets of any kind, and texts, that stand in the files in the clear. */
  readonly clear: readonly string[];
}

function look(folder: string, trace: SecretTrace): Look {
  const medium = mediumOf(folder);
  return { ...attackOn(medium, liveSecrets(folder, trace), trace), clear: trace.secretsIn(medium) };
}

function mediumOf(folder: string): Uint8Array {
  return concatBytes(
    FILES.map((name) => join(folder, name))
      .filter((path) => existsSync(path))
      .map((path) => readFileSync(path)),
  );
}

function attackOn(
  medium: Uint8Array,
  alive: ReadonlySet<string>,
  trace: SecretTrace,
): Omit<Look, 'clear'> {
  const found = trace.attack(medium, KEYS);
  const superseded = protocolSecrets(trace, found).filter((secret) => !alive.has(secret));
  const live = protocolSecrets(trace, alive);
  const stolen = trace.texts(found).filter((text) => !alive.has(text));
  const texts = { ever: trace.texts().length, stolen };
  return {
    ever: protocolSecrets(trace, trace.roles.keys()).length,
    live,
    found,
    superseded,
    texts,
  };
}

/** Plays a device's life and looks whenever nobody has its files open. */
async function live(forensic: ForensicLife, folder: string): Promise<Look[]> {
  const plan = forensic === 'paranoid' ? PLAN : SHORT_PLAN;
  const trace = new SecretTrace();
  const looks: Look[] = [];
  const pool = new VictimPool(1);
  const scratch = mkdtempSync(join(tmpdir(), 'simsim-forensic-'));
  try {
    await playKillWorld({
      folder,
      scratch,
      seed,
      name: forensic,
      plan,
      pool,
      forensic,
      onTrace: (entries) => trace.add(entries),
      onStill(texts) {
        trace.addTexts(texts);
        looks.push(look(folder, trace));
      },
    });
  } finally {
    await pool.end();
  }
  return looks;
}

function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'simsim-forensic-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'device');
}

describe('the files and the key of the vault', () => {
  test('give away nothing that is superseded, and all that is alive', async () => {
    const looks = await live('paranoid', scratchFolder());
    expect(looks.length).toBe(3);
    for (const { ever, live: alive, found, superseded, clear, texts } of looks) {
      expect(superseded).toEqual([]);
      expect(texts.stolen).toEqual([]);
      expect(texts.ever).toBeGreaterThan(5);
      expect(clear).toEqual([]);
      expect(alive.length).toBeGreaterThan(20);
      expect(alive.filter((secret) => !found.has(secret))).toEqual([]);
      expect(ever).toBeGreaterThan(2 * alive.length);
    }
  });

  test.each(['keepAll', 'keepsOldCopies'] as const)(
    'give the past away where it is kept: %s',
    async (forensic) => {
      const looks = await live(forensic, scratchFolder());
      expect(looks.at(-1)?.superseded.length).toBeGreaterThan(5);
      expect(looks.at(-1)?.texts.stolen.length).toBeGreaterThan(0);
    },
  );

  test('are searched at every offset', () => {
    const secret = 'ab12'.repeat(7) + '00ff00ee';
    const needle = needleOf(secret) ?? '';
    for (const at of [0, 1, 4095, 8192 - 16]) {
      const medium = new Uint8Array(8192);
      medium.set(Buffer.from(secret, 'hex').subarray(0, 16), at);
      expect(findNeedles(medium, new Set([needle]))).toEqual(new Set([needle]));
    }
  });
});

test('the raw device of an ext4 file system gives away nothing more', async (context) => {
  const image = mountExt4();
  if (typeof image === 'string') {
    process.stdout.write(`raw device not searched: ${image}\n`);
    context.skip(image);
    return;
  }
  onTestFinished(() => image.remove());
  const trace = new SecretTrace();
  const pool = new VictimPool(1);
  const folder = join(image.folder, 'device');
  let alive: ReadonlySet<string> = new Set();
  try {
    await playKillWorld({
      folder,
      scratch: scratchFolder(),
      seed,
      name: 'raw',
      plan: PLAN,
      pool,
      forensic: 'paranoid',
      onTrace: (entries) => trace.add(entries),
      onStill(texts) {
        trace.addTexts(texts);
        alive = liveSecrets(folder, trace);
      },
    });
  } finally {
    await pool.end();
  }
  const { superseded, found, texts } = attackOn(image.read(), alive, trace);
  expect(superseded).toEqual([]);
  expect(texts.stolen).toEqual([]);
  // The search does reach the device: what is alive lies there, though its files were removed.
  expect(protocolSecrets(trace, found).length).toBeGreaterThan(20);
});
