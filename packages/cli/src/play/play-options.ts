/** The options of `simsim play`, read and checked. */

import { randomInt } from 'node:crypto';
import { parseInteger } from '../arguments.ts';
import type { Arguments, OptionTable } from '../arguments.ts';
import { usageError } from '../cli-error.ts';
import { SEED_MAX } from '../random.ts';
import type { IdentityModel } from '@simsim/device';
import type { DeviceRange } from './plan.ts';

/** How to play. */
export interface PlayOptions {
  readonly transcript: string;
  readonly roomSize: number;
  readonly seed: number;
  readonly devices: DeviceRange;
  readonly identityModel: IdentityModel;
  readonly processes: number;
  readonly churn: boolean;
  /** Where to write; absent for a fresh folder. */
  readonly out?: string;
  /** A relay that runs already; absent for one of our own. */
  readonly relay?: string;
  readonly json: boolean;
  readonly linesInFlight: number;
}

const DEVICES_DEFAULT: DeviceRange = { min: 2, max: 3 };
/** A user may list 16 devices; linking midway needs room. */
const DEVICES_MAX = 8;
const LINES_IN_FLIGHT_MIN = 64;

/** As `parseArgs` takes them. */
export const PLAY_OPTIONS: OptionTable = {
  room: { type: 'string' },
  seed: { type: 'string' },
  devices: { type: 'string' },
  identity: { type: 'string' },
  processes: { type: 'string' },
  churn: { type: 'boolean' },
  out: { type: 'string' },
  relay: { type: 'string' },
  json: { type: 'boolean' },
  'lines-in-flight': { type: 'string' },
};

/** `simsim play --help`. */
export const PLAY_HELP: string = `simsim play <transcript> [options]

Plays a conversation over real devices, a real relay and real logs, and counts what arrived.

  <transcript>   an IRC log ([hh:mm] <nick> text) or JSON Lines ({"from","to"?,"text"});
                 detected from the content. Lines that are neither are counted and named.
                 "nick: text" and "nick, text" go to that person, every other line to the room.

  --room N             people in the room: the last N distinct speakers (default 8)
  --seed N             repeats who sends from where and what goes wrong (default random; printed)
  --devices N | A-B    devices of each user at the start (default 2-3; at most ${DEVICES_MAX})
  --identity MODEL     per-user: one identity key for a user's devices (default);
                       per-device: one for each
  --processes N        processes that the devices live in (default 4)
  --churn              link and remove devices, drop connections, kill and restart processes and
                       the relay while the conversation goes on
  --lines-in-flight N  lines that are being sent at any moment (default and least ${LINES_IN_FLIGHT_MIN})
  --out FOLDER         where everything is written: relay/, devices/, journal.jsonl
                       (default a fresh folder, which is named)
  --relay URL          use a relay that runs already instead of starting one
  --json               print one object as the last line, and nothing else
  --help               this text

Vaults are written without a passphrase (unsafePlaintextVault): this is a test drive.
Exit: 0 every line arrived once, 1 something was lost, doubled or wrong, 2 wrong usage or input,
3 the machine did not play along, 130 interrupted.`;

/** Throws: CliError 2 for values that make no sense. */
export function readPlayOptions(given: Arguments): PlayOptions {
  const [transcript = ''] = given.positionals;
  const out = given.text('out');
  const relay = given.text('relay');
  if (relay !== undefined) checkRelayUrl(relay);
  return {
    transcript,
    roomSize: given.integer('room', { min: 1, max: 64 }) ?? 8,
    seed: given.integer('seed', { min: 0, max: SEED_MAX }) ?? randomInt(SEED_MAX),
    devices: readDevices(given.text('devices')),
    identityModel: readIdentityModel(given.text('identity')),
    processes: given.integer('processes', { min: 1, max: 64 }) ?? 4,
    churn: given.isSet('churn'),
    json: given.isSet('json'),
    linesInFlight:
      given.integer('lines-in-flight', { min: LINES_IN_FLIGHT_MIN, max: 4096 }) ??
      LINES_IN_FLIGHT_MIN,
    ...(out === undefined ? {} : { out }),
    ...(relay === undefined ? {} : { relay }),
  };
}

function readDevices(text: string | undefined): DeviceRange {
  if (text === undefined) return DEVICES_DEFAULT;
  const bounds = { min: 1, max: DEVICES_MAX };
  const [low = '', high = low] = text.split('-');
  const min = parseInteger(low, '--devices', bounds);
  const max = parseInteger(high, '--devices', bounds);
  if (text.split('-').length > 2 || min > max) {
    throw usageError(
      '--devices is a number or a range such as 2-3.',
      'Give the lower number first.',
    );
  }
  return { min, max };
}

function readIdentityModel(text: string | undefined): IdentityModel {
  if (text === undefined || text === 'per-user') return 'per-user';
  if (text === 'per-device') return text;
  throw usageError('--identity is neither per-user nor per-device.', 'Give one of the two.');
}

function checkRelayUrl(text: string): void {
  const isHttp = /^https?:$/.test(URL.canParse(text) ? new URL(text).protocol : '');
  if (isHttp) return;
  throw usageError(
    '--relay is no http or https address.',
    'Give one such as http://127.0.0.1:8750.',
  );
}
