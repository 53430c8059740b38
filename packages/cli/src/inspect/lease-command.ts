/** `simsim lease`: who has a log open, and how to go on without them. */

import { openSqliteStore } from '@simsim/event-log-sqlite';
import type { Arguments } from '../arguments.ts';
import { environmentError, usageError } from '../cli-error.ts';
import type { Command } from '../command.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Output } from '../output.ts';
import { theLog } from './find-logs.ts';

/** The command. */
export const leaseCommand: Command = {
  name: 'lease',
  positional: '<log.db or its folder>',
  options: { end: { type: 'string' } },
  help: `simsim lease <log.db or its folder> [options]

Says which process has a log open. A process of this machine that has died has nothing open any more.
Of one on another host, or in a container that was deleted, nobody here can know: where it is gone for
good, end its lease by name. Should it live after all, it writes nothing more and ends with
STORE_TAKEN_OVER; what it had committed is in the log.

  --end LEASE   ends this very lease, and no other
  --help        this text

Exit: 0 nobody has it open, or not any more; 1 somebody has; 2 wrong usage or no log; 3 it cannot be read.`,
  run,
};

async function run(given: Arguments, output: Output): Promise<ExitCode> {
  const path = theLog(given.positionals[0] ?? '');
  const lease = given.text('end');
  if (lease !== undefined && !/^[0-9a-f]{32}$/u.test(lease))
    throw usageError('A lease has 32 hex characters.', 'Copy it from `simsim lease <log>`.');
  // Whoever opens a log takes over what is over; the lease of this process ends at once.
  const opened = openSqliteStore(path, lease === undefined ? {} : { takeOver: lease });
  if (opened.ok) {
    opened.value.close();
    output.line(`nobody has ${path} open`);
    return 0;
  }
  const { code, detail } = opened.error;
  if (code === 'STORE_IN_USE') {
    output.line(detail);
    output.note('Close that process; where it is gone for good, give its lease to --end.');
    return 1;
  }
  if (code === 'STORE_MISSING') throw usageError(`${detail}.`, 'Name a log.db or its folder.');
  throw environmentError(
    `${path} does not open: ${code}, ${detail}.`,
    'Run `simsim verify` on it.',
  );
}
