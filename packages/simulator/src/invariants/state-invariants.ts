/** What devices have: logs that say how it came about, records as the specification has them. */

import { bytesToHex } from '@simsim/bytes';
import {
  allSessionsOf,
  evolveRecord,
  oneTimeKemStream,
  oneTimeStream,
  PRE_KEYS_STREAM,
  sessionStream,
  USER_PREFIX,
} from '@simsim/sesame';
import { sessionIdOf } from '@simsim/session';
import type { IncomingEnvelope } from '@simsim/relay-protocol';
import type { Process } from '../device/process.ts';
import { wireMessage } from '../world/wire-message.ts';
import type { Invariant } from './invariant.ts';

/** Of checks that read a whole device, one in so many commits is made. */
const SAMPLE = 32;

/** S5. */
export const S5: Invariant = {
  id: 'S5',
  statement: 'a one-time prekey begins one session, and is gone then',
  watch() {
    return {
      *ran(process, inputs) {
        for (const input of inputs) {
          if (input.type !== 'envelope' || input.envelope.kind !== 'message') continue;
          yield* keptKeys(process, input.envelope);
        }
      },
    };
  },
};

/** One-time prekeys of a session that this envelope began here, and that are there all the same. */
function* keptKeys(process: Process, envelope: IncomingEnvelope): Generator<string> {
  const { world, log, machine } = process;
  const initiation = wireMessage(envelope.content)?.initiation;
  if (initiation === undefined) return;
  const { sender: userId, senderDevice: deviceId } = envelope;
  const session = sessionIdOf(initiation.baseKey, world.crypto);
  if (log.head(sessionStream({ userId, deviceId, session })) === undefined) return;
  const { oneTimePreKeyId, kem } = initiation;
  if (oneTimePreKeyId !== undefined) {
    world.situations.met('first message with a one-time prekey');
    if (hasOneTimeKey(process, oneTimePreKeyId)) {
      yield `${machine.label} keeps the one-time prekey ${oneTimePreKeyId} that began a session`;
    }
  }
  if (kem !== undefined && hasKemKey(process, kem.preKeyId)) {
    yield `${machine.label} keeps the one-time KEM prekey ${kem.preKeyId} that began a session`;
  }
}

function hasOneTimeKey({ core }: Process, id: number): boolean {
  const reader = core.reader();
  const batches = reader.value('prekeys', PRE_KEYS_STREAM)?.batches ?? [];
  return batches.some((batch) => reader.value('opk', oneTimeStream(batch))?.pairs.has(id) === true);
}

function hasKemKey({ core }: Process, id: number): boolean {
  const reader = core.reader();
  const batches = reader.value('prekeys', PRE_KEYS_STREAM)?.kemBatches ?? [];
  return batches.some(
    (batch) => reader.value('kpk', oneTimeKemStream(batch))?.keys.has(id) === true,
  );
}

/** S6. */
export const S6: Invariant = {
  id: 'S6',
  statement: 'what a device knows of users is what the events of its log say',
  watch(world) {
    return {
      started: (process) => unfolded(process),
      *rested() {
        for (const process of world.living()) yield* unfolded(process);
      },
    };
  },
};

function* unfolded({ log, machine }: Process): Generator<string> {
  // What rotted says so when it is read.
  if (machine.disk.isUntrue) return;
  const rows = new Map<string, Uint8Array | undefined>();
  for (const event of log.events()) {
    if (!event.stream.startsWith(USER_PREFIX)) continue;
    rows.set(event.stream, evolveRecord(rows.get(event.stream), event));
  }
  for (const name of new Set([...rows.keys(), ...log.recordNames()])) {
    if (textOf(rows.get(name)) !== textOf(log.record(name))) {
      yield `${machine.label} has a row of ${name} that its events do not say`;
    }
  }
}

function textOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'none' : bytesToHex(bytes);
}

/** S9. */
export const S9: Invariant = {
  id: 'S9',
  statement:
    'each device record has its own sessions and one active one, and no other session lives',
  watch(world) {
    const runs = new Map<Process, number>();
    return {
      *ran(process) {
        const count = (runs.get(process) ?? 0) + 1;
        runs.set(process, count);
        if (count % SAMPLE === 0) yield* misfits(process);
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
    for (const entry of record?.devices.values() ?? []) {
      const sessions = allSessionsOf(entry);
      const where = `${machine.label} on ${record?.userId}.${entry.deviceId}`;
      if (new Set(sessions).size !== sessions.length) yield `${where}: a session is there twice`;
      const isSelf = record?.userId === userId && entry.deviceId === deviceId;
      if (isSelf && sessions.length > 0) yield `${where}: a session with itself`;
      for (const id of sessions) named.add(`${record?.userId}.${entry.deviceId}/${id}`);
    }
  }
  for (const prefix of ['session/', 'chains/']) {
    for (const stream of log.streamsWithPrefix(prefix)) {
      if (named.has(stream.slice(prefix.length))) continue;
      yield `${machine.label}: ${stream} lives without a record`;
    }
  }
  for (const stream of log.streamsWithPrefix('skip/')) {
    const session = stream.slice('skip/'.length, stream.lastIndexOf('/'));
    if (!named.has(session)) yield `${machine.label}: ${stream} belongs to no session`;
  }
}

/** S13. A relay that hides heads keeps the evidence back; own devices may have it. */
export const S13: Invariant = {
  id: 'S13',
  statement: 'a device whose relay knows a later state of it gives its sessions up before it posts',
  watch(world) {
    const given = new Map<string, number>();
    const debts = new Map<Process, number>();
    return {
      started(process) {
        const seq = given.get(process.address) ?? 0;
        // What opening found put back is settled already.
        if (process.log.rollback !== undefined) return;
        if (process.log.tip().seq < seq) debts.set(process, process.own().registrationId);
      },
      reached(process, request, { ok }) {
        if (!ok || world.relay.lies.has('hideHeads')) return;
        const head = request.kind === 'post' ? request.from?.head : undefined;
        const told = request.kind === 'exchangeHead' ? request.head : head;
        if (told !== undefined) given.set(process.address, told.seq);
      },
      *leaves(process, request) {
        if (request.kind !== 'post' || world.relay.lies.has('hideHeads')) return;
        const { registrationId } = process.own();
        if (debts.get(process) === registrationId) {
          yield `${process.machine.label} posts with a state that was put back`;
        }
      },
    };
  },
};
