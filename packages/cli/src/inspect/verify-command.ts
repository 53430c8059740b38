/** `simsim verify`: proves that logs are whole. */

import type { Arguments } from '../arguments.ts';
import type { Command } from '../command.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Output } from '../output.ts';
import { findLogs } from './find-logs.ts';
import { PASSPHRASE_VARIABLE, readVaultKey } from './log-files.ts';
import { verifyLog } from './verify-log.ts';
import type { LogVerdict } from './verify-log.ts';

/** The command. */
export const verifyCommand: Command = {
  name: 'verify',
  positional: '<log.db or folder>',
  options: { 'key-file': { type: 'string' }, json: { type: 'boolean' } },
  help: `simsim verify <log.db or folder> [options]

Walks the hash chain of each log: every event, the versions of its streams, the heads. Needs no key.
With the vault beside a log it also checks the vault's anchor, rebuilds every projection from events
alone and compares all rows. A running device may own the log. The first bad event is named.

  --key-file FILE   the vault's key, 32 raw bytes; or the passphrase in ${PASSPHRASE_VARIABLE}
  --json            print one object a log and nothing else
  --help            this text

Exit: 0 all logs are whole, 1 one is not, 2 wrong usage or no log, 3 a log cannot be read.`,
  run,
};

async function run(given: Arguments, output: Output): Promise<ExitCode> {
  const [path = ''] = given.positionals;
  const key = readVaultKey(given.text('key-file'));
  const logs = findLogs(path);
  const isJson = given.isSet('json');
  let bad = 0;
  for (const [i, log] of logs.entries()) {
    const place = `verifying ${i + 1}/${logs.length}`;
    output.progress(place);
    const onProgress = (seq: number): void => output.progress(`${place}, event ${seq}`);
    const verdict = verifyLog(log, { key, onProgress });
    if (!verdict.ok) bad++;
    if (isJson) output.line(JSON.stringify(verdict));
    else if (!verdict.ok || logs.length === 1)
      for (const text of describe(verdict)) output.line(text);
    await output.pause();
    if (output.isBroken()) break;
  }
  if (!isJson && logs.length > 1) output.line(summary(logs.length, bad));
  return bad === 0 ? 0 : 1;
}

function summary(count: number, bad: number): string {
  return bad === 0 ? `${count} logs are whole.` : `${bad} of ${count} logs are not whole.`;
}

function describe(verdict: LogVerdict): readonly string[] {
  const { path, ok, events, streams, rebuiltRows, unchecked, badSeq, faults } = verdict;
  if (!ok) {
    const where = badSeq === undefined ? '' : ` at event ${badSeq}`;
    return [`${path} is NOT whole${where}`, ...faults.map((fault) => `  ${fault}`)];
  }
  const rest = unchecked === undefined ? '' : `; ${unchecked}`;
  const projections =
    rebuiltRows === undefined
      ? `projections not rebuilt: ${unchecked ?? 'no vault'}`
      : `${rebuiltRows} rows rebuilt from events alone and equal${rest}`;
  return [`${path} is whole: ${events} events in ${streams} streams; ${projections}`];
}
