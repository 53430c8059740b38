/**
 * One session against the peers'. Every implementation runs in processes of its own, warm for
 * seconds, in turns; what counts is the CPU time of all its threads, in medians over the turns.
 */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { limitRow, machineName, median, ratioRow } from '../report.ts';
import type { BenchReport, BenchRow } from '../report.ts';
import { CONTENDERS } from './contenders.ts';
import { decodeCosts } from './costs-codec.ts';
import type { Costs } from './measure.ts';
import { stateBytesAfter } from './state-bytes.ts';

const PASSES = 3;
const REVERSED = 1000;
const STATE_BYTES_MAX = 600;
const PING_PONGS = 1000;

/** Runs all of it; `quick` takes one turn each. */
export async function benchSession({ quick }: { quick: boolean }): Promise<BenchReport> {
  const found = new Map<string, Costs[]>();
  for (let pass = 0; pass < (quick ? 1 : PASSES); pass++) {
    for (const { id } of CONTENDERS) {
      process.stderr.write(`${id}, pass ${pass + 1}\n`);
      const costs = await measuredApart(id);
      if (costs === undefined) process.stderr.write(`not run: ${id} cannot be installed\n`);
      else found.set(id, [...(found.get(id) ?? []), costs]);
    }
  }
  const costs = new Map([...found].map(([id, all]) => [id, middle(all)]));
  return { bench: 'session', machine: machineName(), rows: rowsOf(costs) };
}

/** Measures in a process of its own: one backend, one compiler state, one heap. */
async function measuredApart(id: string): Promise<Costs | undefined> {
  const script = fileURLToPath(new URL('contender-main.js', import.meta.url));
  const child = spawn(process.execPath, [script, id], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const code = await new Promise((done) => child.on('close', done));
  if (code === 3) return undefined;
  if (code !== 0) throw new Error(`${id} ended with ${String(code)}`);
  return decodeCosts(text);
}

function middle(all: readonly Costs[]): Costs {
  const of = (key: keyof Costs): number => median(all.map((costs) => costs[key]));
  return {
    establish: of('establish'),
    encrypt: of('encrypt'),
    decrypt: of('decrypt'),
    pingPong: of('pingPong'),
    reverse: of('reverse'),
    reverseOpened: of('reverseOpened'),
    decryptBesideSkipped: of('decryptBesideSkipped'),
    decryptBesideNone: of('decryptBesideNone'),
    wireFirst: of('wireFirst'),
    wireSteady: of('wireSteady'),
  };
}

/** What is compared, and the most the ratio may be; `undefined` for a stretch. */
const GOALS: readonly (readonly [
  ours: string,
  theirs: string,
  goals: Partial<Record<keyof Costs, number | null>>,
])[] = [
  ['ours, node', 'olm@3.2.15', { encrypt: 0.75, decrypt: 0.75, establish: null, pingPong: null }],
  [
    'ours, node',
    'libsignal-client@0.60.2',
    {
      establish: 1,
      pingPong: 0.8,
      encrypt: null,
      decrypt: null,
      wireFirst: null,
      wireSteady: null,
    },
  ],
  [
    'ours, node',
    'libsignal-client@0.103.0',
    { establish: null, pingPong: null, encrypt: null, decrypt: null },
  ],
  [
    'ours, node',
    'libsignal@6.0.0',
    { reverse: 0.3, establish: null, pingPong: null, encrypt: null, decrypt: null },
  ],
  [
    'ours, noble',
    'privacyresearch@0.0.16',
    { establish: 1 / 3, pingPong: 1 / 3, encrypt: 0.25, decrypt: 0.25, reverse: 0.25 },
  ],
];

const NAMES: Readonly<Record<keyof Costs, string>> = {
  establish: 'establish and first message',
  encrypt: 'encrypt 256 B',
  decrypt: 'decrypt 256 B',
  pingPong: 'ping-pong',
  reverse: 'each of 1,000 in reverse order',
  reverseOpened: 'opened of 1,000 in reverse order',
  decryptBesideSkipped: 'decrypt beside 1,000 skipped keys',
  decryptBesideNone: 'decrypt beside none',
  wireFirst: 'first message on the wire',
  wireSteady: 'later message on the wire',
};

function rowsOf(costs: ReadonlyMap<string, Costs>): readonly BenchRow[] {
  const rows: BenchRow[] = [];
  for (const [ourId, theirId, goals] of GOALS) {
    const [ours, theirs] = [costs.get(ourId), costs.get(theirId)];
    if (ours === undefined || theirs === undefined) continue;
    for (const key of KEYS) {
      const goal = goals[key];
      if (goal === undefined) continue;
      const unit = key.startsWith('wire') ? 'B' : 'us CPU';
      const what = `${NAMES[key]}: ${ourId} / ${theirId}`;
      rows.push(ratioRow({ what, ours: ours[key], theirs: theirs[key], unit, goal }));
    }
  }
  const node = costs.get('ours, node');
  if (node !== undefined) rows.push(...ownRows(node));
  return rows;
}

/** What has no other side but ourselves. */
function ownRows(costs: Costs): readonly BenchRow[] {
  return [
    ratioRow({
      what: `${NAMES.decryptBesideSkipped} / without`,
      ours: costs.decryptBesideSkipped,
      theirs: costs.decryptBesideNone,
      unit: 'us CPU',
      goal: 1.3,
    }),
    limitRow({
      what: 'not opened of 1,000 in reverse order',
      ours: REVERSED - costs.reverseOpened,
      unit: 'messages',
      goal: 0,
    }),
    limitRow({
      what: `state after ${PING_PONGS} turns`,
      ours: stateBytesAfter(PING_PONGS),
      unit: 'B',
      goal: STATE_BYTES_MAX,
    }),
  ];
}

const KEYS = [
  'establish',
  'encrypt',
  'decrypt',
  'pingPong',
  'reverse',
  'wireFirst',
  'wireSteady',
] as const;
