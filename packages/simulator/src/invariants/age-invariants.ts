/** What is kept for a time only: gone when that is over, and not before the mailbox was read. */

import type { RunResult } from '@simsim/device-core';
import type { RelayOutcome, RelayRequest, UserId } from '@simsim/relay-protocol';
import {
  allSessionsOf,
  PRE_KEY_GRACE_MS,
  PRE_KEYS_KEPT_MAX,
  PRE_KEYS_STREAM,
  replaysStream,
  SEND_PREFIX,
  SEND_RECORD_MS,
  USER_PREFIX,
  userStream,
} from '@simsim/sesame';
import { defaultRatchetLimits } from '@simsim/session';
import type { SessionCold } from '@simsim/session';
import type { Machine } from '../device/machine.ts';
import type { Process } from '../device/process.ts';
import type { Invariant, Watch } from './invariant.ts';
import { everySo } from './sample.ts';

type Inputs = Parameters<NonNullable<Watch['ran']>>[1];
type Drained = Extract<Inputs[number], { type: 'drained' }>;

/** Of checks that read every session, one in so many commits is made. */
const SAMPLE = 32;

/** S10. */
export const S10: Invariant = {
  id: 'S10',
  statement:
    'what is kept for a time goes when it is over: records and sessions after a whole fetch, the rest at once',
  watch(world) {
    const drains = new Drains();
    const isDue = everySo(SAMPLE);
    const leads = new Map<Machine, number>();
    return {
      *ran(process, inputs, result) {
        const { machine, core } = process;
        const lead = machine.clockAt(process.world.agenda.nowMs).wallMs - core.nowMs();
        leads.set(machine, Math.max(leads.get(machine) ?? 0, lead));
        for (const input of inputs) {
          if (input.type === 'drained') yield* afterDrain(process, input, drains);
        }
        if (inputs.length === 1 && inputs[0]?.type === 'swept') {
          if (inputs[0].after === undefined) yield* afterSweep(process);
          yield* unasked(process, result);
        }
        yield* drains.ask(process, result);
        if (isDue(process)) yield* oldSkippedKeys(process);
      },
      reached: (process, request, outcome) => drains.fetched(process, request, outcome),
      *rested() {
        for (const process of world.living()) {
          yield* oldSkippedKeys(process);
          yield* oldSeenRuns(process, leads.get(process.machine) ?? 0);
          const isRegistered = process.own().status === 'registered';
          if (isRegistered && drains.isOpen(process))
            yield `${process.machine.label} never deletes what a sweep found over`;
        }
      },
    };
  },
};

/** How far the fetch is that a deletion waits for. */
type Step = 'asked' | 'begun' | 'through';

/** The deletions that wait, each by the moment that it is about. */
class Drains {
  readonly #steps = new Map<Process, Map<number, Step>>();

  *ask(process: Process, { effects }: RunResult): Generator<string> {
    for (const effect of effects) {
      if (effect.type !== 'drain') continue;
      this.#steps.set(process, this.#of(process).set(effect.dueMs, 'asked'));
      for (const userId of effect.users) {
        if (overdue(process, userId, effect.dueMs) !== undefined) continue;
        yield `${process.machine.label} deleted of ${userId} before it fetched its mail`;
      }
    }
  }

  fetched(process: Process, request: RelayRequest, outcome: RelayOutcome): void {
    if (request.kind !== 'fetch' || !outcome.ok) return;
    const isWhole = outcome.value.kind === 'fetch' && outcome.value.isEmpty;
    const steps = this.#of(process);
    for (const [dueMs, before] of steps) {
      const step = request.after === 0 && before === 'asked' ? 'begun' : before;
      steps.set(dueMs, isWhole && step === 'begun' ? 'through' : step);
    }
  }

  /** Answers whether the mailbox was fetched since. */
  end(process: Process, dueMs: number): boolean {
    const isThrough = this.#of(process).get(dueMs) === 'through';
    this.#of(process).delete(dueMs);
    return isThrough;
  }

  isOpen(process: Process): boolean {
    return this.#of(process).size > 0;
  }

  #of(process: Process): Map<number, Step> {
    return this.#steps.get(process) ?? new Map<number, Step>();
  }
}

function* afterDrain(process: Process, input: Drained, drains: Drains): Generator<string> {
  const { core, log, machine } = process;
  if (!drains.end(process, input.dueMs))
    yield `${machine.label} deletes before it fetched its mail`;
  const dueMs = Math.min(input.dueMs, core.nowMs());
  for (const userId of input.users) {
    const what = overdue(process, userId, dueMs);
    if (what !== undefined) yield `${machine.label} keeps ${what}, which is over`;
  }
  const { quarantinedAt } = process.own();
  const { latencyMs } = process.expiry;
  if (quarantinedAt !== undefined && dueMs - quarantinedAt > latencyMs)
    yield `${machine.label} is in quarantine for ever`;
  if (quarantinedAt !== undefined) return;
  for (const stream of log.streamsWithPrefix(USER_PREFIX)) {
    for (const { frozen } of core.reader().value('user', stream)?.devices.values() ?? []) {
      if (frozen !== undefined) yield `${machine.label} keeps sessions of before its quarantine`;
    }
  }
}

/** What of a user's record is over at a moment; `undefined` where nothing is. */
function overdue({ core, expiry }: Process, userId: UserId, atMs: number): string | undefined {
  const record = core.reader().value('user', userStream(userId));
  for (const device of record?.devices.values() ?? []) {
    const name = `${userId}.${device.deviceId}`;
    const staleAt = device.staleAt ?? record?.staleAt;
    if (staleAt !== undefined && atMs - staleAt > expiry.latencyMs) return name;
    const sessions = allSessionsOf(device);
    if (device.deviceKey.length + sessions.length === 0) return name;
    for (const id of sessions) {
      if (atMs - (device.began?.get(id) ?? atMs) >= expiry.receiveMs) return `${name}/${id}`;
    }
  }
  return undefined;
}

/** Every sweep asks for the fetch that lets go of what it found. */
function* unasked(process: Process, { effects }: RunResult): Generator<string> {
  const asked = new Set(effects.flatMap((effect) => (effect.type === 'drain' ? effect.users : [])));
  // A sweep that goes on looks at the others then.
  if (effects.some(({ type }) => type === 'sweepOn')) return;
  const { core, log, machine } = process;
  for (const stream of log.streamsWithPrefix(USER_PREFIX)) {
    const userId = core.reader().value('user', stream)?.userId;
    if (userId === undefined || asked.has(userId)) continue;
    const what = overdue(process, userId, core.nowMs());
    if (what !== undefined) yield `${machine.label} keeps ${what} for ever`;
  }
}

/** What a sweep lets go of at once: plaintexts nobody receipts, prekeys nobody can name any more. */
function* afterSweep({ core, log, machine: { label } }: Process): Generator<string> {
  const reader = core.reader();
  const nowMs = core.nowMs();
  for (const stream of log.streamsWithPrefix(SEND_PREFIX)) {
    const send = reader.value('send', stream);
    if (send === undefined || nowMs - send.openedAt <= SEND_RECORD_MS) continue;
    const isHeld = [...send.recipients.values()].some(({ status }) => status === 'held');
    if (!isHeld) yield `${label} keeps the text of ${stream}`;
  }
  const preKeys = reader.value('prekeys', PRE_KEYS_STREAM);
  if (preKeys === undefined) return;
  for (const keys of [preKeys.signed, preKeys.lastResorts]) {
    if (keys.length > PRE_KEYS_KEPT_MAX) yield `${label} keeps ${keys.length} prekeys of a kind`;
    for (const [i, { id }] of keys.entries()) {
      const replacedAt = keys[i - 1]?.madeAt ?? nowMs;
      if (nowMs - replacedAt > PRE_KEY_GRACE_MS) yield `${label} keeps the prekey ${id}`;
    }
  }
  const records = new Set(preKeys.lastResorts.map(({ id }) => replaysStream(id)));
  for (const stream of log.streamsWithPrefix('replays/')) {
    if (!records.has(stream)) yield `${label} keeps ${stream}, whose prekey is gone`;
  }
}

/** Skipped keys die by number and by what was received since; no block outlives its entry. */
function* oldSkippedKeys({ core, log, machine: { label } }: Process): Generator<string> {
  const listed = new Set<string>();
  for (const stream of log.streamsWithPrefix('chains/')) {
    const at = stream.slice('chains/'.length);
    const cold = core.reader().value('chains', stream);
    const received = core.reader().value('session', `session/${at}`)?.receivedCount;
    if (cold === undefined || received === undefined) continue;
    const { directory } = cold.ratchet;
    for (const { id, bornAt } of directory) {
      listed.add(`skip/${at}/${id}`);
      if (received - bornAt > defaultRatchetLimits.blockLifeMessages)
        yield `${label} keeps old skipped keys of ${at}`;
    }
    if (exceedsLimits(directory)) yield `${label} keeps too many skipped keys of ${at}`;
  }
  for (const stream of log.streamsWithPrefix('skip/')) {
    if (!listed.has(stream)) yield `${label} keeps ${stream}, which its session does not know`;
  }
}

/** The two kinds of keys have the limits for themselves. */
function exceedsLimits(directory: SessionCold['ratchet']['directory']): boolean {
  const { skippedKeysMax, blocksMax } = defaultRatchetLimits;
  const keys = directory.reduce((sum, { count }) => sum + count, 0);
  return keys > 2 * skippedKeysMax || directory.length > 2 * blocksMax;
}

/**
 * A run of remembered digests goes with the first one that is written after its time: by device time, which
 * a wall clock may be ahead of.
 */
function* oldSeenRuns({ machine, log }: Process, leadMs: number): Generator<string> {
  const runs = [...(machine.disk.look()?.rows.seenRuns() ?? [])];
  const newest = runs.at(-1)?.upto;
  const [event] = newest === undefined ? [] : log.events(newest, newest);
  for (const { until, upto } of runs) {
    if (event !== undefined && until < event.at - leadMs)
      yield `${machine.label} remembers digests up to ${upto}, which are too old`;
  }
}
