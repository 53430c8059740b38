/** How fast the simulator is: messages through the whole engine, and what watching them costs. */

import { INVARIANTS, loadWasmSqlite, runCase } from '@simsim/simulator';
import type { Action, Case, Invariant } from '@simsim/simulator';
import { limitRow, machineName, median } from './report.ts';
import type { BenchReport, BenchRow } from './report.ts';

const ROUNDS = 5;
const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;

/** What a world is made of. */
type Kind = Pick<Case, 'crypto' | 'store'>;

/** Microseconds that one delivered message may take: 10,000 and 1,500 a second. */
const FAST_US = 100;
const REAL_US = 667;
/** Thirty power losses a second. */
const CYCLE_MS = 33;

const STORES: Readonly<Record<Case['store'], string>> = {
  memory: 'rows in memory',
  sqlite: 'SQLite in memory',
  disk: 'SQLite on a disk',
};

/** Three users with two devices each, who all speak in bursts, over a network that only takes time. */
function busyCase({ crypto, store }: Kind, bursts: number): Case {
  const users = ['ada', 'bo', 'cy'];
  const links = users.map((name, i): Action => ({
    atMs: 1000 * (i + 1),
    do: 'link',
    by: `${name}-1`,
    as: `${name}-2`,
  }));
  const sends = Array.from({ length: bursts }, (_, i): Action => {
    const by = `${users[i % 3]}-${1 + (i % 2)}`;
    return { atMs: 600_000 + 20 * SECOND_MS * i, do: 'send', by, to: users, lines: 20 };
  });
  return {
    format: 1,
    seed: 1,
    crypto,
    store,
    users,
    actions: [...links, ...sends],
    knobs: {
      calmMs: 600_000,
      spanMs: 600_000 + 20 * SECOND_MS * (bursts + 1),
      oneTimeKeys: 30,
      identityModel: 'per-user',
      delayMs: [10, 500],
      lostRequests: 0,
      lostAnswers: 0,
      repeated: 0,
      shuffled: 0,
      lostNotices: 0,
      readMs: 2000,
      flushEvents: 64,
      vault: 'memory',
      deadlySites: [],
      killRate: 0,
      pollMs: HOUR_MS,
      sweepMs: HOUR_MS,
      skewMs: 0,
    },
  };
}

/** Microseconds of processor time for one delivered message: one core, whoever else uses the machine. */
function measure(one: Case, invariants: readonly Invariant[]): number {
  const before = process.cpuUsage();
  const { failure, delivered } = runCase(one, { invariants });
  const { user, system } = process.cpuUsage(before);
  const us = (user + system) / delivered;
  if (failure !== undefined) throw new Error(`${failure.invariant}: ${failure.detail}`);
  return us;
}

function rowsOf(kind: Kind, { bursts, goal }: { bursts: number; goal: number }): BenchRow[] {
  const one = busyCase(kind, bursts);
  const named = `${kind.crypto} primitives, ${STORES[kind.store]}`;
  const watched: number[] = [];
  const bare: number[] = [];
  // A swarm runs for minutes: what compiling takes at first is not what it costs.
  measure(one, INVARIANTS);
  for (let round = 0; round < ROUNDS; round++) {
    watched.push(measure(one, INVARIANTS));
    bare.push(measure(one, []));
  }
  const ours = median(watched);
  const share = Math.max(0, 1 - median(bare) / ours);
  const what = `a delivered message, ${named}, invariants watched`;
  return [
    limitRow({ what, ours, unit: 'us', goal }),
    {
      what: `share of that for invariants, ${named}`,
      ours: 100 * share,
      theirs: null,
      unit: '%',
      ratio: null,
      goal: null,
      ok: true,
    },
  ];
}

/** Two users who talk while the machine of one of them loses power again and again. */
function darkCase(losses: number): Case {
  const { knobs } = busyCase({ crypto: 'symbolic', store: 'disk' }, losses);
  const actions = Array.from({ length: losses }, (_, i): Action[] => {
    const atMs = 600_000 + 60 * SECOND_MS * i;
    return [
      { atMs, do: 'losePower', who: 'ada-1', after: 5 + (i % 40) },
      { atMs: atMs + 1, do: 'send', by: 'ada-1', to: ['bo'], lines: 1 },
      { atMs: atMs + 2, do: 'send', by: 'bo-1', to: ['ada'], lines: 1 },
    ];
  });
  return {
    format: 1,
    seed: 1,
    crypto: 'symbolic',
    store: 'disk',
    users: ['ada', 'bo'],
    actions: actions.flat(),
    knobs: { ...knobs, spanMs: 600_000 + 60 * SECOND_MS * (losses + 1), pollMs: 30 * SECOND_MS },
  };
}

/** Milliseconds of processor time from one loss of power to the next. */
async function powerRow(losses: number): Promise<BenchRow[]> {
  const wasm = await loadWasmSqlite();
  if (!('vfs' in wasm)) return [];
  // Compiled first, as above.
  runCase(darkCase(losses), { wasm });
  const before = process.cpuUsage();
  const { failure, situations } = runCase(darkCase(losses), { wasm });
  const { user, system } = process.cpuUsage(before);
  if (failure !== undefined) throw new Error(`${failure.invariant}: ${failure.detail}`);
  const ours = (user + system) / 1000 / (situations.counts.get('power lost') ?? 0);
  const what = 'a power loss and what follows, SQLite and the vault in files';
  return [limitRow({ what, ours, unit: 'ms', goal: CYCLE_MS })];
}

/** Measures. */
export async function benchSimulator({ quick }: { readonly quick: boolean }): Promise<BenchReport> {
  const bursts = quick ? 30 : 120;
  const few = Math.ceil(bursts / 2);
  const rows = [
    ...rowsOf({ crypto: 'symbolic', store: 'memory' }, { bursts, goal: FAST_US }),
    ...rowsOf({ crypto: 'node', store: 'memory' }, { bursts: few, goal: REAL_US }),
    ...rowsOf({ crypto: 'symbolic', store: 'sqlite' }, { bursts: few, goal: REAL_US }),
    ...(await powerRow(quick ? 20 : 200)),
  ];
  return { bench: 'simulator', machine: machineName(), rows };
}
