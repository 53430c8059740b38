/** `simsim replay`: the timeline of a log. */

import { describeFact } from '@simsim/sesame';
import { StoreFailure } from '@simsim/event-log';
import type { LogEvent } from '@simsim/event-log';
import type { Arguments } from '../arguments.ts';
import type { Command } from '../command.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Output } from '../output.ts';
import { theLog } from './find-logs.ts';
import { openLogWithVault, readVaultKey } from './log-files.ts';
import { PASSPHRASE_VARIABLE } from './store-advice.ts';

/** The command. */
export const replayCommand: Command = {
  name: 'replay',
  positional: '<log.db or its folder>',
  options: {
    json: { type: 'boolean' },
    peer: { type: 'string' },
    until: { type: 'string' },
    'key-file': { type: 'string' },
  },
  help: `simsim replay <log.db or its folder> [options]

Prints the timeline of a device's log, one event a line: when, which stream, what happened. Facts are
encrypted, so the vault must lie beside the log. Sealed parts (live secrets) are never opened: they
show as sealed while the vault still holds their key, as shredded once it does not. A running device
may own the log.

  --json            print one event a line as an object, and nothing else
  --peer USER       only events about this user
  --until SEQ       stop after this event
  --key-file FILE   the vault's key, 32 raw bytes; or the passphrase in ${PASSPHRASE_VARIABLE}
  --help            this text

Exit: 0 fine, 1 an event is damaged, 2 wrong usage or no log, 3 the log or its vault cannot be read.`,
  run,
};

const SEQ_MAX = 9_999_999_999;
/** Events between two looks whether anybody still reads. */
const PAUSE_EVENTS = 256;

/** An event as it is printed. */
interface ReplayedEvent {
  readonly seq: number;
  readonly at: string;
  readonly stream: string;
  readonly version: number;
  readonly sealed: LogEvent['sealed'];
  readonly [field: string]: unknown;
}

async function run(given: Arguments, output: Output): Promise<ExitCode> {
  const path = theLog(given.positionals[0] ?? '');
  const until = given.integer('until', { min: 1, max: SEQ_MAX }) ?? SEQ_MAX;
  const peer = given.text('peer');
  const isJson = given.isSet('json');
  const opened = openLogWithVault(path, readVaultKey(given.text('key-file')));
  try {
    for (const event of opened.log.events(1, Math.min(until, opened.log.tip().seq))) {
      if (event.seq % PAUSE_EVENTS === 0) await output.pause();
      if (output.isBroken()) break;
      const replayed = replayEvent(event);
      if (peer !== undefined && !isAbout(replayed, peer)) continue;
      output.line(isJson ? JSON.stringify(replayed) : describe(replayed));
    }
    return 0;
  } catch (error) {
    if (!(error instanceof StoreFailure)) throw error;
    output.note(`${error.message}. Run \`simsim verify ${path}\`.`);
    return 1;
  } finally {
    opened.close();
  }
}

function replayEvent(event: LogEvent): ReplayedEvent {
  const { seq, at, stream, version, sealed, closes } = event;
  return {
    seq,
    at: new Date(at).toISOString(),
    stream,
    version,
    ...(event.isForgotten ? { event: 'forgotten' } : describeFact(event)),
    ...(closes ? { closes } : {}),
    sealed,
  };
}

/** A user's own stream, the streams of sessions with its devices, or a fact that names it. */
function isAbout({ stream, ...event }: ReplayedEvent, user: string): boolean {
  const place = stream.slice(stream.indexOf('/') + 1);
  const isOwn = stream === `user/${user}`;
  const isSession = place.startsWith(`${user}.`) && /^\d+\//.test(place.slice(user.length + 1));
  const to = event['to'];
  const isNamed = event['userId'] === user || (Array.isArray(to) && to.includes(user));
  return isOwn || isSession || isNamed;
}

function describe({ seq, at, stream, version, sealed, ...facts }: ReplayedEvent): string {
  const { event, ...fields } = facts;
  const words = Object.entries(fields).map(([name, value]) => `${name}=${asText(value)}`);
  const secret = sealed === 'none' ? '' : ` [${sealed}]`;
  return `${String(seq).padStart(6)}  ${at}  ${String(event)} ${words.join(' ')}  ${stream}#${version}${secret}`;
}

function asText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number'
    ? String(value)
    : JSON.stringify(value);
}
