/** What becomes of one-time prekeys: each begins one session and goes with it, and goes for nothing else. */

import {
  factNumber,
  ONE_TIME_ID_MAX,
  oneTimeKemStream,
  oneTimeStream,
  PRE_KEYS_STREAM,
  sessionStream,
} from '@simsim/sesame';
import type { EventName } from '@simsim/sesame';
import { sessionIdOf } from '@simsim/session';
import type { InitiationMessage } from '@simsim/session';
import type { Process } from '../device/process.ts';
import { wireMessage } from '../world/wire-message.ts';
import type { Invariant, Watch } from './invariant.ts';

/** A first message that a device was given. */
interface Initiation {
  readonly session: string;
  /** Whether it, or one before it, began its session here. */
  readonly hasBegun: boolean;
  readonly message: InitiationMessage;
}

type Inputs = Parameters<NonNullable<Watch['ran']>>[1];

/** S5. A copy of a device has the same prekeys until one of them is told. */
export const S5: Invariant = {
  id: 'S5',
  statement:
    'a one-time prekey begins one session, and is gone then and not before; there is a next one',
  watch(world) {
    const sessionByKey = new Map<string, string>();
    const seqs = new WeakMap<Process, number>();
    return {
      *rested() {
        for (const { core, machine } of world.living()) {
          const preKeys = core.reader().value('prekeys', PRE_KEYS_STREAM);
          if (preKeys !== undefined && preKeys.nextId > ONE_TIME_ID_MAX)
            yield `${machine.label} has used up its prekey ids`;
        }
      },
      *ran(process, inputs) {
        const from = seqs.get(process);
        seqs.set(process, process.log.tip().seq);
        const initiations = initiationsAmong(process, inputs);
        if (initiations.length === 0) return;
        for (const each of initiations) if (each.hasBegun) yield* keptKeys(process, each.message);
        if (from !== undefined) yield* burntKeys(process, initiations, from);
        if (world.ledger.copied.has(process.incarnation)) return;
        for (const { hasBegun, message, session } of initiations) {
          if (!hasBegun) continue;
          for (const key of keysOf(process, message)) {
            const place = `${process.incarnation} ${key}`;
            const before = sessionByKey.get(place) ?? session;
            sessionByKey.set(place, session);
            if (before !== session) yield `${place} began ${before} and ${session}`;
          }
        }
      },
    };
  },
};

function initiationsAmong({ world, log }: Process, inputs: Inputs): Initiation[] {
  return inputs.flatMap((input) => {
    if (input.type !== 'envelope' || input.envelope.kind !== 'message') return [];
    const message = wireMessage(input.envelope.content)?.initiation;
    if (message === undefined) return [];
    const { sender: userId, senderDevice: deviceId } = input.envelope;
    const session = sessionIdOf(message.baseKey, world.crypto);
    const hasBegun = log.head(sessionStream({ userId, deviceId, session })) !== undefined;
    if (hasBegun && message.oneTimePreKeyId !== undefined)
      world.situations.met('first message with a one-time prekey');
    return [{ session, hasBegun, message }];
  });
}

/** The one-time prekeys a first message names, as text. */
function keysOf({ core }: Process, { oneTimePreKeyId, kem }: InitiationMessage): string[] {
  const preKeys = core.reader().value('prekeys', PRE_KEYS_STREAM);
  const classical = oneTimePreKeyId === undefined ? [] : [`opk ${oneTimePreKeyId}`];
  const isLastResort = preKeys?.lastResorts.some(({ id }) => id === kem?.preKeyId) !== false;
  return kem === undefined || isLastResort ? classical : [...classical, `kpk ${kem.preKeyId}`];
}

/** One-time prekeys of a session that began here, and that are there all the same. */
function* keptKeys(process: Process, message: InitiationMessage): Generator<string> {
  const { label } = process.machine;
  const { oneTimePreKeyId, kem } = message;
  if (oneTimePreKeyId !== undefined && hasOneTimeKey(process, oneTimePreKeyId)) {
    yield `${label} keeps the one-time prekey ${oneTimePreKeyId} that began a session`;
  }
  if (kem !== undefined && hasKemKey(process, kem.preKeyId)) {
    yield `${label} keeps the one-time KEM prekey ${kem.preKeyId} that began a session`;
  }
}

/** What events call one-time prekeys that are used. */
const KINDS_USED: Partial<Record<EventName, string>> = {
  OneTimePreKeyUsed: 'opk',
  OneTimeKemPreKeyUsed: 'kpk',
};

/** One-time prekeys that a commit used up without a session. */
function* burntKeys(
  process: Process,
  initiations: readonly Initiation[],
  from: number,
): Generator<string> {
  if (initiations.every(({ hasBegun }) => hasBegun)) return;
  const begun = initiations.filter(({ hasBegun }) => hasBegun);
  const named = new Set(begun.flatMap(({ message }) => keysOf(process, message)));
  const { log, machine } = process;
  for (const event of log.events(from + 1)) {
    const fact = machine.release.read(event);
    const kind = fact.ok ? KINDS_USED[fact.value.name] : undefined;
    if (!fact.ok || kind === undefined) continue;
    const key = `${kind} ${factNumber(fact.value, 'id')}`;
    if (!named.has(key)) yield `${machine.label} has used ${key}, which began no session`;
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
