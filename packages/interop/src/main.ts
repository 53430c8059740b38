/** `pnpm interop`: conversations with implementations that nobody here wrote. */

import { availableParallelism } from 'node:os';
import type { Options } from './arguments.ts';
import { USAGE, parseArguments } from './arguments.ts';
import { installPeer } from './installed-peer.ts';
import { ROLES } from './pair.ts';
import type { PairJob, PairOutcome } from './pair-job.ts';
import { runPairJob } from './pair-job.ts';
import type { KnownPeer } from './peer-catalog.ts';
import type { NotRun, Report, Row } from './report.ts';
import { formatReport, jsonReport, tally } from './report.ts';

async function main(args: readonly string[]): Promise<number> {
  const parsed = parseArguments(args);
  if (!parsed.ok) {
    process.stderr.write(`${parsed.error}\n\n${USAGE}`);
    return 2;
  }
  if (parsed.value === 'help') {
    process.stdout.write(USAGE);
    return 0;
  }
  const options = parsed.value;
  const report = await run(options);
  process.stdout.write(options.isJson ? jsonReport(report) : formatReport(report));
  if (tally(report).failed > 0) return 1;
  const isMissed = report.notRun.length > 0 && (options.isNamed || report.rows.length === 0);
  return isMissed ? 3 : 0;
}

async function run({ peers, seed }: Options): Promise<Report> {
  progress('installing what is missing');
  const asked = await Promise.all(
    peers.map(async (peer) => ({ peer, reason: await installPeer(peer) })),
  );
  const notRun = asked.flatMap(({ peer, reason }): readonly NotRun[] =>
    reason === undefined ? [] : [{ peer: peer.id, versions: peer.versions, roles: ROLES, reason }],
  );
  const jobs = asked.flatMap(({ peer, reason }) =>
    reason === undefined ? jobsOf(peer, seed) : [],
  );
  const { rows, unavailable } = await playAll(jobs);
  progress('');
  return { seed, rows, notRun: [...notRun, ...unavailable] };
}

function jobsOf(peer: KnownPeer, seed: number): readonly Job[] {
  return peer.versions.flatMap((version) => ROLES.map((role) => ({ peer, version, role, seed })));
}

type Job = Omit<PairJob, 'peer'> & { readonly peer: KnownPeer };

/** As many rows at a time as there are cores, answered in the order of the jobs. */
async function playAll(
  jobs: readonly Job[],
): Promise<{ readonly rows: readonly Row[]; readonly unavailable: readonly NotRun[] }> {
  const outcomes = new Map<Job, PairOutcome>();
  const left = [...jobs];
  const work = async (): Promise<void> => {
    for (let job = left.shift(); job !== undefined; job = left.shift()) {
      progress(`${outcomes.size} of ${jobs.length} rows, ${job.peer.id}`);
      outcomes.set(job, await runPairJob({ ...job, peer: job.peer.id }));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  const rows: Row[] = [];
  const unavailable: NotRun[] = [];
  for (const [job, outcome] of inOrder(jobs, outcomes)) {
    const { peer, version, role, seed } = job;
    const isSpared = role === 'both initiate' && peer.crossing === 'crossing in order';
    if ('unavailable' in outcome) {
      const reason = outcome.unavailable;
      unavailable.push({ peer: peer.id, versions: [version], roles: [role], reason });
    } else {
      rows.push({ peer: peer.id, version, role, seed, isSpared, outcome });
    }
  }
  return { rows, unavailable };
}

function inOrder(
  jobs: readonly Job[],
  outcomes: ReadonlyMap<Job, PairOutcome>,
): readonly (readonly [Job, PairOutcome])[] {
  return jobs.flatMap((job) => {
    const outcome = outcomes.get(job);
    return outcome === undefined ? [] : [[job, outcome] as const];
  });
}

/** On a terminal only; the empty text takes the line away. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text === '' ? '' : `${text} …`}`);
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (cause: unknown) => {
    process.stderr.write(`${cause instanceof Error ? cause.message : 'interop failed'}\n`);
    process.exitCode = 3;
  },
);
