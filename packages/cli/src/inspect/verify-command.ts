/** `simsim verify`: whether logs are whole. */

import type { Arguments } from '../arguments.ts';
import type { Command } from '../command.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Output } from '../output.ts';
import { findLogs } from './find-logs.ts';
import { readVaultKey } from './log-files.ts';
import { PASSPHRASE_VARIABLE } from './store-advice.ts';
import { verifyLog } from './verify-log.ts';
import type { LogVerdict } from './verify-log.ts';

/** The command. */
export const verifyCommand: Command = {
  name: 'verify',
  positional: '<log.db or folder>',
  options: { 'key-file': { type: 'string' }, json: { type: 'boolean' } },
  help: `simsim verify <log.db or folder> [options]

Walks the hash chain of each log: every event, the versions of its streams, the heads; and asks SQLite
about its pages. Needs no key. Without the vault nothing shows whether somebody computed the whole chain
anew. With the vault beside a log it also checks the vault's anchor, rebuilds every projection from
events alone and compares all rows, and opens what no event tells of: posts, unread mail, application
rows. Of those last nobody can say whether some are gone. A running device may own the log. The first
bad event is named. One log that is damaged or cannot be read does not keep the others from being
verified.

  --key-file FILE   the vault's key, 32 raw bytes; or the passphrase in ${PASSPHRASE_VARIABLE}
  --json            print one object a log and nothing else
  --help            this text

Exit: 0 all logs are whole, 1 one is damaged, 2 wrong usage or no log, 3 none is damaged and one cannot
be read: its medium or rights, or it is of a later release.`,
  run,
};

async function run(given: Arguments, output: Output): Promise<ExitCode> {
  const [path = ''] = given.positionals;
  const key = readVaultKey(given.text('key-file'));
  const logs = findLogs(path);
  const isJson = given.isSet('json');
  const verdicts: LogVerdict[] = [];
  for (const [i, log] of logs.entries()) {
    const place = `verifying ${i + 1}/${logs.length}`;
    output.progress(place);
    const onProgress = (seq: number): void => output.progress(`${place}, event ${seq}`);
    const verdict = verifyLog(log, { key, onProgress });
    verdicts.push(verdict);
    if (isJson) output.line(JSON.stringify(verdict));
    else if (!verdict.ok || logs.length === 1)
      for (const text of describe(verdict)) output.line(text);
    await output.pause();
    if (output.isBroken()) break;
  }
  if (!isJson && logs.length > 1) output.line(summary(verdicts));
  return exitCodeOf(verdicts);
}

function exitCodeOf(verdicts: readonly LogVerdict[]): ExitCode {
  if (verdicts.some(({ state }) => state === 'damaged')) return 1;
  return verdicts.every(({ ok }) => ok) ? 0 : 3;
}

function summary(verdicts: readonly LogVerdict[]): string {
  const count = (state: LogVerdict['state']): number =>
    verdicts.filter((verdict) => verdict.state === state).length;
  const [damaged, unread] = [count('damaged'), count('unread')];
  const alone = verdicts.filter(({ ok, rebuiltRows }) => ok && rebuiltRows === undefined).length;
  const said = [
    damaged > 0 ? `${damaged} of ${verdicts.length} logs are not whole` : undefined,
    unread > 0 ? `${unread} of ${verdicts.length} logs cannot be read` : undefined,
    damaged + unread === 0 ? `${verdicts.length} logs are whole` : undefined,
    alone > 0 ? `${alone} were judged by their chain alone` : undefined,
  ];
  return `${said.filter((text) => text !== undefined).join('; ')}.`;
}

function describe(verdict: LogVerdict): readonly string[] {
  const { path, state, badSeq, faults, next } = verdict;
  if (state === 'whole') return [describeWhole(verdict)];
  const where = badSeq === undefined ? '' : ` at event ${badSeq}`;
  const what = state === 'unread' ? 'cannot be read' : `is NOT whole${where}`;
  const rest = next === undefined ? [] : [`  ${next}`];
  return [`${path} ${what}`, ...faults.map((fault) => `  ${fault}`), ...rest];
}

/** No more than was checked. */
function describeWhole({
  path,
  events,
  streams,
  rebuiltRows,
  opened,
  unchecked,
}: LogVerdict): string {
  const size = `${events} events in ${streams} streams`;
  if (rebuiltRows === undefined || opened === undefined) {
    return (
      `${path} has a whole chain: ${size}; ${unchecked ?? 'no vault'}, so nothing shows whether all ` +
      'of it was computed anew, and no row was opened'
    );
  }
  const { outbox, inbox, data } = opened;
  const rest = unchecked === undefined ? '' : `; ${unchecked}`;
  return (
    `${path} is whole: ${size}; ${rebuiltRows} rows rebuilt from events alone and equal; ` +
    `${outbox} posts, ${inbox} unread mails and ${data} application rows open${rest}`
  );
}
