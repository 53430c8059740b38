/**
 * The main job on a real conversation, against replaying the same sequence of (pair, direction)
 * through bare sessions in one process: no relay, no logs, no processes, no devices.
 */

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { invariant } from '@simsim/bytes';
import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import { vaultPathOf } from '@simsim/device';
import { createLogReader } from '@simsim/event-log';
import { openSqliteReader, openVaultReader } from '@simsim/event-log-sqlite';
import { decodeFact, factNumber, factText } from '@simsim/sesame';
import { decrypt, encrypt, parseMessage } from '@simsim/session';
import type { Session } from '@simsim/session';
import { limitRow, ratioRow } from './report.ts';
import type { BenchRow } from './report.ts';
import { createParty, initiated } from './session-pair.ts';
import type { Party } from './session-pair.ts';

/** Where the conversation lies unless `SIMSIM_TRANSCRIPT` names another. */
const TRANSCRIPT = '../shared/data/irc-2008-04-27.txt';

/** Most bytes of memory of any process of the play, in MiB. */
const MEMORY_MIB_MAX = 300;

/** One ciphertext of the play: in which session, and from which of its two ends. */
interface Step {
  readonly at: number;
  readonly session: string;
  readonly from: string;
  readonly to: string;
}

/** Plays, then replays what the logs say was sent. No rows where there is no transcript. */
export async function benchPlay(): Promise<readonly BenchRow[]> {
  const transcript = resolve(process.env['SIMSIM_TRANSCRIPT'] ?? TRANSCRIPT);
  if (!existsSync(transcript)) {
    process.stderr.write(
      `not run: play, because ${transcript} is not there (set SIMSIM_TRANSCRIPT)\n`,
    );
    return [];
  }
  const folder = mkdtempSync(join(process.env['SIMSIM_BENCH_DIR'] ?? tmpdir(), 'simsim-bench-'));
  try {
    const out = join(folder, 'play');
    const start = performance.now();
    const { peakMemoryMiB } = await play(transcript, out);
    const playedMs = performance.now() - start;
    const steps = stepsOf(join(out, 'devices'));
    const bareMs = replay(steps);
    return [
      ratioRow({
        what: `play of ${transcript.split('/').at(-1)} / its ${steps.length} ciphertexts through bare sessions`,
        ours: playedMs / 1000,
        theirs: bareMs / 1000,
        unit: 's',
        goal: 8,
      }),
      limitRow({
        what: 'peak memory of any process of the play',
        ours: peakMemoryMiB,
        unit: 'MiB',
        goal: MEMORY_MIB_MAX,
      }),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs `simsim play` with default settings; throws where it does not keep its promise. */
async function play(transcript: string, out: string): Promise<{ peakMemoryMiB: number }> {
  const cli = fileURLToPath(new URL('main.js', import.meta.resolve('@simsim/cli')));
  const child = spawn(
    process.execPath,
    [cli, 'play', transcript, '--out', out, '--json', '--seed', '1'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const code = await new Promise((done) => child.on('close', done));
  if (code !== 0) throw new Error(`play ended with ${String(code)}`);
  const report: unknown = JSON.parse(text.trim().split('\n').at(-1) ?? '');
  const memory =
    typeof report === 'object' && report !== null && 'peakMemoryBytes' in report
      ? Object.values(report.peakMemoryBytes ?? {}).flat()
      : [];
  const bytes = memory.filter((each) => typeof each === 'number');
  invariant(bytes.length >= 3, 'play reports the memory of coordinator, relay and hosts');
  return { peakMemoryMiB: Math.max(...bytes) / 2 ** 20 };
}

/** Every ciphertext of every device, in order of time. */
function stepsOf(devices: string): readonly Step[] {
  const steps: Step[] = [];
  for (const name of readdirSync(devices)) {
    const path = join(devices, name, 'log.db');
    const vault = openVaultReader(vaultPathOf(path), {
      crypto: nodeCrypto,
      key: { kind: 'none', unsafePlaintextVault: true },
    });
    const reader = openSqliteReader(path);
    if (!vault.ok || !reader.ok) throw new Error(`the log of ${name} does not open`);
    const log = createLogReader({ reader: reader.value, vault: vault.value, crypto: nodeCrypto });
    if (!log.ok) throw new Error(`the log of ${name} does not open`);
    let from = name;
    for (const event of log.value.events()) {
      const fact = decodeFact(event);
      if (fact?.name === 'DeviceCreated')
        from = `${factText(fact, 'userId')}.${factNumber(fact, 'deviceId')}`;
      const [kind, to, session] = event.stream.split('/');
      if (kind !== 'session' || fact?.name !== 'MessageSent') continue;
      invariant(
        to !== undefined && session !== undefined,
        'a session stream names peer and session',
      );
      steps.push({ at: event.at, session, from, to });
    }
    reader.value.close();
    vault.value.close();
  }
  return steps.sort((a, b) => a.at - b.at);
}

/** Sends each ciphertext through bare sessions, making each session when it is first used. */
function replay(steps: readonly Step[]): number {
  const env = { crypto: nodeCrypto, entropy: nodeEntropy };
  const plaintext = new Uint8Array(160);
  const parties = new Map<string, Party>();
  for (const step of steps) {
    for (const name of [step.from, step.to])
      if (!parties.has(name)) parties.set(name, createParty(env));
  }
  const pairs = new Map<string, Map<string, Session>>();
  const start = performance.now();
  for (const { session, from, to } of steps) {
    const known = pairs.get(session);
    if (known === undefined) {
      const { alice, bob } = initiated(partyOf(parties, from), partyOf(parties, to), env);
      pairs.set(
        session,
        new Map([
          [from, alice],
          [to, bob],
        ]),
      );
      continue;
    }
    const sender = known.get(from);
    const receiver = known.get(to);
    invariant(sender !== undefined && receiver !== undefined, 'both ends are known');
    const sent = encrypt(sender, plaintext, env);
    invariant(sent.ok, 'a session encrypts');
    const parsed = parseMessage(sent.value.message);
    invariant(parsed.ok, 'a message parses');
    const received = decrypt(receiver, parsed.value, env);
    invariant(received.ok, 'a message opens');
    for (const secret of [...sent.value.consumed, ...received.value.consumed])
      nodeCrypto.wipe(secret);
    known.set(from, sent.value.session);
    known.set(to, received.value.session);
  }
  return performance.now() - start;
}

function partyOf(parties: ReadonlyMap<string, Party>, name: string): Party {
  const party = parties.get(name);
  invariant(party !== undefined, 'every name has keys');
  return party;
}
