/** What a device's log says: a whole chain, what was the case, and all of it in words of today. */

import { bytesToHex, concatBytes, equalBytes } from '@simsim/bytes';
import { decodeInboxItem, decodeOutboxItem, recordFoldOf } from '@simsim/device-core';
import type { RecordsByName } from '@simsim/device-core';
import { stateAt, verifyChain } from '@simsim/event-log';
import type { LogEvent } from '@simsim/event-log';
import { decodeStreamValue, encodeStreamValue, eventType, isRecordStream } from '@simsim/sesame';
import type { Release, StreamId } from '@simsim/sesame';
import type { Machine } from '../device/machine.ts';
import type { Process } from '../device/process.ts';
import type { Invariant } from './invariant.ts';
import { everySo } from './sample.ts';

/** Of checks that read every live state, one in so many commits is made. */
const SAMPLE = 64;

/** S6. What rotted on a disk says so when it is read; here only that a rotten event shows. */
export const S6: Invariant = {
  id: 'S6',
  statement:
    'a log has no gap, its events say what the device knows of users, and its states are those in memory',
  watch(world) {
    const isDue = everySo(SAMPLE);
    const folds = new Folds();
    return {
      *started(process) {
        if (process.machine.disk.isUntrue) return;
        yield* chainFaults(process);
        yield* unfolded(process, folds.goOn(process));
      },
      *ran(process) {
        if (isDue(process) && !process.machine.disk.isUntrue) yield* otherStates(process);
      },
      *rested() {
        for (const process of world.living()) {
          yield* hiddenRot(process);
          if (process.machine.disk.isUntrue) continue;
          yield* chainFaults(process);
          yield* unfolded(process, stateAt(process.log, recordFoldOf(process.machine.release)));
          yield* otherStates(process);
        }
      },
    };
  },
};

function* chainFaults({ machine, world }: Process): Generator<string> {
  const { rows } = machine.disk.look() ?? {};
  const chain = rows && verifyChain(rows, world.crypto);
  if (chain?.ok === false) yield `${machine.label}: ${chain.error.detail}`;
}

/** An event with another bit than was written is found by whoever verifies the log, read or not. */
function* hiddenRot({ machine, world }: Process): Generator<string> {
  const { rows } = machine.disk.look() ?? {};
  if (!machine.hasRottenEvent || rows === undefined) return;
  if (verifyChain(rows, world.crypto).ok) yield `${machine.label} verifies, and an event rotted`;
}

/** What logs fold to, as far as they were read when a process started before. */
class Folds {
  readonly #known = new WeakMap<Machine, { seq: number; hash: Uint8Array; rows: RecordsByName }>();

  /** Reads on from there, where the log still says the same so far. */
  goOn({ log, machine }: Process): RecordsByName {
    const known = this.#known.get(machine);
    const isOfLog = known !== undefined && equalBytes(log.link(known.seq) ?? NO_HASH, known.hash);
    const fold = recordFoldOf(machine.release);
    let rows = isOfLog ? known.rows : fold.initial();
    for (const event of log.events(isOfLog ? known.seq + 1 : 1)) {
      if (!event.isForgotten) rows = fold.apply(rows, event);
    }
    this.#known.set(machine, { ...log.tip(), rows });
    return rows;
  }
}

const NO_HASH = new Uint8Array(0);

function* unfolded({ log, machine }: Process, rows: RecordsByName): Generator<string> {
  for (const name of new Set([...rows.keys(), ...log.recordNames()])) {
    if (textOf(rows.get(name)) !== textOf(log.record(name))) {
      yield `${machine.label} has a row of ${name} that its events do not say`;
    }
  }
}

function textOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'none' : bytesToHex(bytes);
}

/** Streams that a process would find otherwise if it were started now. */
function* otherStates({ log, core, world, machine }: Process): Generator<string> {
  for (const stream of log.streamsWithPrefix('')) {
    const value = core.reader().get(stream)?.value;
    if (value === undefined) continue;
    const stored = encodeStreamValue(stream, value);
    const parts = stored.kind === 'record' ? [stored.bytes] : stored.parts;
    const bytes = parts.map((part) =>
      part instanceof Uint8Array ? part : world.crypto.exportSecret(part),
    );
    const found = stateOf(log, stream);
    if (found === undefined || !equalBytes(found, concatBytes(bytes)))
      yield `${machine.label} has another state of ${stream} than its log`;
  }
}

function stateOf(log: Process['log'], stream: StreamId): Uint8Array | undefined {
  return isRecordStream(stream) ? log.record(stream) : log.sealedValue(stream);
}

/** S8. What was read once does not change: a later look reads on from there. */
export const S8: Invariant = {
  id: 'S8',
  statement: 'every event, state and waiting item of a log is read in the form of today',
  watch(world) {
    const readUpTo = new WeakMap<Machine, number>();
    function* unread(process: Process): Generator<string> {
      const { log, machine } = process;
      if (machine.disk.isUntrue) return;
      const { seq } = log.tip();
      const before = readUpTo.get(machine) ?? 0;
      for (const event of log.events(before <= seq ? before + 1 : 1)) {
        const why = faultOf(event, machine.release);
        if (why !== undefined) yield `${machine.label}: event ${event.seq} is ${why}`;
      }
      readUpTo.set(machine, seq);
      yield* unreadStates(process);
    }
    return {
      started: (process) => unread(process),
      *rested() {
        for (const process of world.living()) yield* unread(process);
      },
    };
  },
};

/** Why an event is not one that would be written today; `undefined` where it is. */
function faultOf(event: LogEvent, release: Release): string | undefined {
  if (event.isForgotten) return undefined;
  const read = release.read(event);
  if (!read.ok) return read.error.code;
  const fact = read.value;
  const schema = release.schemaOf(fact.name);
  if (eventType(fact.name) !== event.type) return 'of another type';
  if (schema < event.schema) return 'of a later release';
  const today = { type: event.type, schema, facts: release.encode(fact) };
  const again = release.read(today);
  if (!again.ok) return again.error.code;
  const isSame = event.schema !== today.schema || equalBytes(today.facts, event.facts);
  return isSame ? undefined : 'not what it would be written as';
}

function* unreadStates({ log, world, machine }: Process): Generator<string> {
  for (const stream of log.streamsWithPrefix('')) {
    const bytes = stateOf(log, stream);
    const isRead = bytes === undefined || decodeStreamValue(stream, bytes, world.crypto);
    if (isRead === undefined) yield `${machine.label}: the state of ${stream} is not read`;
  }
  for (const { body } of log.outbox()) decodeOutboxItem(body);
  for (const { body } of log.inbox()) decodeInboxItem(body);
}
