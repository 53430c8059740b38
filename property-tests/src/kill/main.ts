/** `pnpm kill`: a device dies by SIGKILL at every named place and at random moments. */

import { isClean, runKills } from './kill-run.ts';
import { formatReport, jsonReport } from './report.ts';

const USAGE = `kill [--count <kills>] [--seed <number>] [--json]

A real device on a log in files is killed again and again while it sends, receives, acknowledges and
erases, and is looked at from outside and in its files after each death.

  --count   kills, 60 unless told otherwise; of 1000 each named place gets at least 20
  --seed    a whole number: other places, other moments, other conversations
  --json    one JSON object on standard output, and nothing else

Ends with 0 if everything held and every place was hit, 1 if not, 2 for wrong usage, 3 where no
process could be run.
`;

const COUNT = 60;
const COUNT_MAX = 1_000_000;

interface Options {
  readonly count: number;
  readonly seed: number;
  readonly isJson: boolean;
}

/** Reads the arguments; a text is what is wrong with them. */
function parseArguments(args: readonly string[]): Options | string {
  let [count, seed, isJson] = [COUNT, Date.now() % 1_000_000, false];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--help' || arg === '-h') return '';
    if (arg === '--json') isJson = true;
    else if (arg === '--count' || arg === '--seed') {
      const text = rest.shift() ?? '';
      if (!/^\d{1,9}$/.test(text)) return `${arg} takes a whole number.`;
      if (arg === '--count') count = Number(text);
      else seed = Number(text);
    } else return `There is no option ${arg}.`;
  }
  if (count < 1 || count > COUNT_MAX) return `--count is from 1 to ${COUNT_MAX}.`;
  return { count, seed, isJson };
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseArguments(args);
  if (typeof options === 'string') {
    (options === '' ? process.stdout : process.stderr).write(
      options === '' ? USAGE : `${options}\n\n${USAGE}`,
    );
    return options === '' ? 0 : 2;
  }
  const { count, seed, isJson } = options;
  const report = await runKills({
    count,
    seed,
    onKill: (kills) => progress(`${kills} of ${count} kills`),
  });
  progress('');
  process.stdout.write(isJson ? jsonReport(report) : formatReport(report));
  return isClean(report) ? 0 : 1;
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
    process.stderr.write(`${cause instanceof Error ? cause.message : 'kill failed'}\n`);
    process.exitCode = 3;
  },
);
