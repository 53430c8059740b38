/** What devices know of each other: records and sessions as the specification has them. */

import {
  allSessionsOf,
  DEVICE_RECORDS_MAX,
  FROZEN_SESSIONS_MAX,
  INACTIVE_SESSIONS_MAX,
  USER_PREFIX,
} from '@simsim/sesame';
import type { DeviceRecord } from '@simsim/sesame';
import type { Process } from '../device/process.ts';
import type { Invariant } from './invariant.ts';
import { everySo } from './sample.ts';
import { sentMessages } from './sent-messages.ts';

/** Of checks that read a whole device, one in so many commits is made. */
const SAMPLE = 32;

/** S9. */
export const S9: Invariant = {
  id: 'S9',
  statement:
    'each device record has its own sessions, the active one alone encrypts, and no other session lives',
  watch(world) {
    const isDue = everySo(SAMPLE);
    return {
      *ran(process, inputs, result) {
        // Decisions of one commit follow each other: what was active may have been replaced since.
        if (inputs.length === 1) {
          for (const { userId, envelope, chain, active } of sentMessages(process, result)) {
            if (active?.chain === chain) continue;
            const to = `${userId}.${envelope.deviceId}`;
            yield `${process.machine.label} encrypts to ${to} with a session that is not active`;
          }
        }
        if (isDue(process)) yield* misfits(process);
      },
      *rested() {
        for (const process of world.living()) yield* misfits(process);
      },
    };
  },
};

function* misfits(process: Process): Generator<string> {
  const { log, core, machine } = process;
  const { userId, deviceId } = process.own();
  const named = new Set<string>();
  for (const stream of log.streamsWithPrefix(USER_PREFIX)) {
    const record = core.reader().value('user', stream);
    if (record === undefined) continue;
    const where = `${machine.label} on ${record.userId}`;
    if (record.devices.size > DEVICE_RECORDS_MAX) yield `${where}: too many devices`;
    for (const entry of record.devices.values()) {
      const device = `${record.userId}.${entry.deviceId}`;
      if (record.userId === userId && entry.deviceId === deviceId)
        yield `${where}: a record of itself`;
      for (const problem of misfitsOf(entry)) yield `${where}.${entry.deviceId}: ${problem}`;
      for (const id of allSessionsOf(entry)) named.add(`${device}/${id}`);
    }
  }
  yield* strayStreams(process, named);
}

function* misfitsOf(entry: DeviceRecord): Generator<string> {
  const sessions = allSessionsOf(entry);
  if (new Set(sessions).size !== sessions.length) yield 'a session is there twice';
  if (entry.inactive.length > INACTIVE_SESSIONS_MAX) yield 'too many inactive sessions';
  if ((entry.frozen?.length ?? 0) > FROZEN_SESSIONS_MAX) yield 'too many sessions of before';
  for (const id of entry.began?.keys() ?? []) {
    if (!sessions.includes(id)) yield `a time of ${id}, which is no session of it`;
  }
}

/** What lives of sessions is what records name, and all of it. */
function* strayStreams(
  { log, machine: { label } }: Process,
  named: ReadonlySet<string>,
): Generator<string> {
  for (const prefix of ['session/', 'chains/']) {
    const live = new Set(log.streamsWithPrefix(prefix));
    for (const stream of live) {
      if (!named.has(stream.slice(prefix.length))) yield `${label}: ${stream} has no record`;
    }
    for (const name of named) {
      if (!live.has(`${prefix}${name}`)) yield `${label}: a record names ${prefix}${name}`;
    }
  }
  for (const stream of log.streamsWithPrefix('skip/')) {
    const session = stream.slice('skip/'.length, stream.lastIndexOf('/'));
    if (!named.has(session)) yield `${label}: ${stream} belongs to no session`;
  }
}
