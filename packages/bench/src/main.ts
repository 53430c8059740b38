/** `pnpm bench <name> [--json]`: measurements as ratios in one run. */

import { benchHouse } from './house.ts';
import { benchLog } from './log/log-bench.ts';
import { benchSesame } from './sesame/sesame-bench.ts';
import { benchSession } from './session/session-bench.ts';
import { benchSimulator } from './simulator-bench.ts';
import { formatReport } from './report.ts';
import type { BenchReport } from './report.ts';

/** How a bench is run. */
interface BenchOptions {
  readonly quick: boolean;
  readonly only: string | undefined;
}

const BENCHES: Readonly<Record<string, (options: BenchOptions) => Promise<BenchReport>>> = {
  house: benchHouse,
  log: benchLog,
  sesame: benchSesame,
  session: benchSession,
  simulator: benchSimulator,
};

const USAGE = `bench <name> [--json] [--quick]

  house    the main job, one message, one durable send: against what they cannot do without
  log      the event log on SQLite against bare tables, its own history, and libsignal-client saving
           its session records, which is installed for it below packages/interop/peers
  sesame   one message to many devices against libsignal-client and libsignal, which are installed for
           it below packages/interop/peers; first contact; memory
  session  one session against libsignal, libsignal-client, Olm and privacyresearch, which are
           installed for it below packages/interop/peers
  simulator  messages a second through the simulated world, and what watching invariants costs

  --json   the last line is one JSON object, and nothing else is printed
  --quick  house: without the whole conversation; log: fewer sessions, shorter histories;
           sesame: fewer devices; session: one turn instead of three; simulator: shorter worlds
  --only=P log: one part of append, frames, bytes, receive, history
           sesame: one part of memory, durable, contact, resident
`;

const ONLY = '--only=';

async function main(args: readonly string[]): Promise<number> {
  const [name, ...flags] = args;
  const known = ['--json', '--quick'];
  const only = flags.find((flag) => flag.startsWith(ONLY))?.slice(ONLY.length);
  const bench = name === undefined ? undefined : BENCHES[name];
  if (
    bench === undefined ||
    flags.some((flag) => !known.includes(flag) && !flag.startsWith(ONLY))
  ) {
    process.stderr.write(USAGE);
    return name === '--help' ? 0 : 2;
  }
  const report = await bench({ quick: flags.includes('--quick'), only });
  process.stdout.write(
    flags.includes('--json') ? `${JSON.stringify(report)}\n` : formatReport(report),
  );
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (cause: unknown) => {
    process.stderr.write(`${cause instanceof Error ? cause.message : 'bench failed'}\n`);
    process.exitCode = 3;
  },
);
