/** What every field of a case takes. What is drawn, changed or made smaller is well within. */

import { sessionExpiry } from '@simsim/sesame';
import { LIES, ROW_PARTS } from './case.ts';
import type { Action, Case, Deed, FailedCase, Knobs } from './case.ts';
import {
  anything,
  firstFault,
  flag,
  isRecord,
  listOf,
  oneOf,
  optional,
  rate,
  recordOf,
  setOf,
  text,
  textLike,
  whole,
} from './field.ts';
import type { Fault, Field } from './field.ts';

const HOUR_MS = 3600_000;
const DAY_MS = 24 * HOUR_MS;
/** The longest run that is drawn has 100 days. */
const SPAN_MAX_MS = 400 * DAY_MS;
/** A clock may be wrong by so much, and be set by so much at a time. */
const CLOCK_MAX_MS = 366 * DAY_MS;
/** All clocks together: worlds begin 53 years after 1970, and no clock comes before that. */
const CLOCKS_MAX_MS = 40 * 366 * DAY_MS;
/** What comes round by itself does so less often than this in a run; 60 times is what is drawn. */
const ROUNDS_MAX = 1000;
/** A process that dies at every tenth operation hardly ever starts; 0.004 is what is drawn. */
const KILL_RATE_MAX = 0.1;
const USERS_MAX = 16;
const ACTIONS_MAX = 10_000;
const LINES_MAX = 1000;
/** What one upload takes. */
const ONE_TIME_KEYS_MAX = 200;
const OPERATIONS_MAX = 1_000_000;
const BITS_MAX = 100_000;
const EVENTS_MAX = 1_000_000;
const SITES_MAX = 100;
const WORD_MAX = 100;
const DETAIL_MAX = 100_000;

const period = whole(0, SPAN_MAX_MS);
const interval = whole(1, SPAN_MAX_MS);
/** Labels name files of disks, too. */
const label = textLike(
  /^[\p{L}\p{N}_.~-]{1,80}$/u,
  'the label of a device, of at most 80 letters, digits, "_", ".", "-" and "~"',
);
/** The stranger of every world is called eve. */
const user = textLike(
  /^(?!eve$)[\p{L}\p{N}_.-]{1,32}$/u,
  'the name of a user, of at most 32 letters, digits, "_", "." and "-", and not eve',
);

const KNOB_FIELDS: Readonly<Record<keyof Knobs, Field>> = {
  calmMs: period,
  spanMs: interval,
  oneTimeKeys: whole(0, ONE_TIME_KEYS_MAX),
  identityModel: oneOf(['per-user', 'per-device']),
  delayMs: delay,
  lostRequests: rate,
  lostAnswers: rate,
  repeated: rate,
  shuffled: rate,
  lostNotices: rate,
  readMs: whole(1, DAY_MS),
  flushEvents: whole(1, EVENTS_MAX),
  vault: oneOf(['memory', 'file']),
  deadlySites: listOf(text(WORD_MAX), 0, SITES_MAX),
  killRate,
  pollMs: interval,
  sweepMs: interval,
  skewMs: whole(0, CLOCK_MAX_MS),
  latencyMs: optional(interval),
  sendMs: optional(interval),
  trust: optional(oneOf(['tofu', 'ask'])),
};

type DeedFields = {
  readonly [D in Deed['do']]: Readonly<
    Record<Exclude<keyof Extract<Deed, { do: D }>, 'do'>, Field>
  >;
};

const DEED_FIELDS: DeedFields = {
  send: { by: label, to: setOf(user, 1, USERS_MAX), lines: whole(1, LINES_MAX) },
  link: { by: label, as: label },
  remove: { by: label, who: label },
  reinstall: { who: label, by: label, as: label },
  replace: { who: label, by: label, as: label },
  relink: { who: label, by: label, as: label },
  beginAnew: { who: label, as: label },
  crash: { who: label, after: whole(0, OPERATIONS_MAX) },
  reboot: { who: label },
  cut: { who: label, way: oneOf(['both', 'up', 'down']), forMs: period },
  backup: { who: label },
  putBack: { who: label, what: oneOf(['log', 'vault', 'both']) },
  clone: { who: label, as: label },
  compromise: { who: label, as: label, forMs: period, how: oneOf(['openly', 'silently']) },
  setClock: { who: label, byMs: whole(-CLOCK_MAX_MS, CLOCK_MAX_MS) },
  exhaust: { who: label },
  lie: { how: oneOf(LIES), forMs: period },
  spoil: { who: label },
  seize: { who: label },
  flush: { who: label },
  own: { name: text(WORD_MAX), data: anything },
  losePower: { who: label, after: whole(0, OPERATIONS_MAX) },
  failSyncs: { who: label, count: whole(0, OPERATIONS_MAX) },
  fill: { who: label, forMs: period },
  occupy: { who: label, forMs: period },
  lieSyncs: { who: label },
  rot: { who: label, bits: whole(0, BITS_MAX) },
  rotRow: { who: label, part: oneOf(ROW_PARTS) },
  loseSlots: { who: label, copies: oneOf(['one', 'both']) },
  retain: {
    who: label,
    flushEvents: whole(0, EVENTS_MAX),
    wipe: oneOf(['strict', 'lazy']),
    prunes: flag,
  },
  lock: { who: label, forMs: period },
  rotate: { who: label },
  upgrade: { who: label },
};

const deedName = oneOf(Object.keys(DEED_FIELDS));
const ACTIONS = new Map(
  Object.entries(DEED_FIELDS).map(([name, fields]) => [
    name,
    recordOf({ do: deedName, ...fields, atMs: period }),
  ]),
);

const FAILURE_FIELDS: Readonly<Record<keyof FailedCase['failure'], Field>> = {
  invariant: text(WORD_MAX),
  detail: text(DETAIL_MAX),
  sabotage: optional(text(WORD_MAX)),
  trace: textLike(/^[0-9a-f]{64}$/, '64 hex digits'),
};

const CASE_FIELDS: Readonly<Record<keyof (Case & FailedCase), Field>> = {
  format: oneOf([1]),
  seed: whole(0, Number.MAX_SAFE_INTEGER),
  crypto: oneOf(['symbolic', 'node', 'noble']),
  store: oneOf(['memory', 'sqlite', 'disk']),
  users: setOf(user, 1, USERS_MAX),
  knobs: recordOf(KNOB_FIELDS),
  actions: listOf(action, 0, ACTIONS_MAX),
  failure: optional(recordOf(FAILURE_FIELDS)),
};

/** Checks each field by itself. */
export const caseField: Field = recordOf(CASE_FIELDS);

/** The first fault of fields that are right by themselves, and not together. */
export function faultTogether({ knobs, actions }: Case): Fault | undefined {
  const { spanMs, latencyMs, sendMs } = knobs;
  for (const name of ['pollMs', 'sweepMs'] as const) {
    if (knobs[name] * ROUNDS_MAX < spanMs)
      return { field: `knobs.${name}`, takes: `at least a ${ROUNDS_MAX}th of knobs.spanMs` };
  }
  const times = {
    ...(latencyMs !== undefined && { latencyMs }),
    ...(sendMs !== undefined && { sendMs }),
  };
  if (!sessionExpiry(times).ok)
    return { field: 'knobs.latencyMs', takes: 'a time that goes with knobs.sendMs' };
  return faultOfClocks(actions);
}

function faultOfClocks(actions: readonly Action[]): Fault | undefined {
  let setMs = 0;
  return firstFault(actions, (each, i) => {
    if (each.do === 'setClock') setMs += Math.abs(each.byMs);
    if (setMs <= CLOCKS_MAX_MS) return undefined;
    const takes = `no more, with all that was set before, than ${CLOCKS_MAX_MS}`;
    return { field: `actions[${i}].byMs`, takes };
  });
}

function delay(value: unknown, at: string): Fault | undefined {
  const fault = listOf(whole(1, HOUR_MS), 2, 2)(value, at);
  if (fault !== undefined || !Array.isArray(value)) return fault;
  return value[0] <= value[1] ? undefined : { field: at, takes: 'the least first, then the most' };
}

function killRate(value: unknown, at: string): Fault | undefined {
  const isRight = rate(value, at) === undefined && Number(value) <= KILL_RATE_MAX;
  return isRight ? undefined : { field: at, takes: `a number of 0 to ${KILL_RATE_MAX}` };
}

function action(value: unknown, at: string): Fault | undefined {
  if (!isRecord(value)) return { field: at, takes: 'an object' };
  const name = value['do'];
  const check = typeof name === 'string' ? ACTIONS.get(name) : undefined;
  return check === undefined ? deedName(name, `${at}.do`) : check(value, at);
}
