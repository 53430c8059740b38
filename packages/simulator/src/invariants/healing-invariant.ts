/** That a theft is over: some time after it, what was stolen leads to nothing new. Symbolic runs only. */

import { sessionIdOf } from '@simsim/session';
import { userStream } from '@simsim/sesame';
import type { Post } from '@simsim/relay-protocol';
import type { Process } from '../device/process.ts';
import type { Seizure } from '../world/adversary.ts';
import type { Envelope, Ledger } from '../world/ledger.ts';
import { wireMessage } from '../world/wire-message.ts';
import type { Invariant } from './invariant.ts';
import type { WatchedWorld } from './watched-world.ts';

/** A chain of a session, where it first showed. */
interface Turn {
  readonly chain: string;
  readonly from: string;
  readonly atMs: number;
}

/**
 * P3. Healed is a session when each end that was robbed has replaced the key of its vault, and with it
 * those of its streams, and three new chains have followed on each other since: one that may come from a
 * stolen key, an answer to it, and an answer to that.
 */
export const P3: Invariant = {
  id: 'P3',
  statement: 'a session that was rekeyed and turned after a theft is closed to the thief',
  watch(world) {
    const { adversary, ledger } = world;
    if (adversary === undefined) return {};
    const turns = new Turns(world);
    return {
      ran(process, _, { effects }) {
        for (const effect of effects) if (effect.type === 'post') turns.note(process, effect.post);
      },
      *rested() {
        for (const seizure of adversary.seizures) {
          for (const envelope of ledger.envelopes.values()) {
            if (!turns.isHealed(seizure, envelope)) continue;
            const [key] = adversary.keysOf(envelope.content);
            if (key === undefined || !seizure.files.has(key)) continue;
            if (isShared(ledger, envelope)) continue;
            const labels = seizure.of.map(({ label }) => label).join();
            yield `the files of ${labels} open what ${envelope.from} sent to ${envelope.to} later`;
          }
        }
      },
    };
  },
};

/** Whether a message was on its way while a copy of one of its ends may have acted. */
function isShared({ doubled }: Ledger, { from, to, atMs }: Envelope): boolean {
  return doubled.some(
    ({ address, untilMs, actedUntilMs = untilMs }) =>
      (address === from || address === to) && (actedUntilMs === undefined || atMs <= actedUntilMs),
  );
}

/** Chains that a thief may know the beginning of, after the keys were replaced. */
const STOLEN_TURNS = 2;

/** The chains of all sessions, in their order. */
class Turns {
  readonly #world: WatchedWorld;
  readonly #sessionOf = new Map<string, string>();
  readonly #bySession = new Map<string, Turn[]>();

  constructor(world: WatchedWorld) {
    this.#world = world;
  }

  /** A post was made. */
  note(process: Process, { recipient, envelopes }: Post): void {
    const record = process.core.reader().value('user', userStream(recipient));
    for (const { deviceId, kind, content } of envelopes) {
      const message = kind === 'message' ? wireMessage(content) : undefined;
      if (message === undefined || this.#sessionOf.has(message.chain)) continue;
      const { chain, initiation } = message;
      const began = initiation && sessionIdOf(initiation.baseKey, this.#world.crypto);
      const session = began ?? record?.devices.get(deviceId)?.active;
      if (session === undefined) continue;
      this.#sessionOf.set(chain, session);
      const turns = this.#bySession.get(session) ?? [];
      turns.push({ chain, from: process.address, atMs: this.#world.agenda.nowMs });
      this.#bySession.set(session, turns);
    }
  }

  /** Whether a message was sent on a session that a theft does not reach any more. */
  isHealed({ of, atMs }: Seizure, { content, from, to, atMs: sentMs }: Envelope): boolean {
    const robbed = of.filter(({ address }) => address === from || address === to);
    const message = wireMessage(content);
    if (robbed.length === 0 || message === undefined || sentMs <= atMs) return false;
    const rekeyed = robbed.map(({ label }) => this.#world.machine(label)?.rekeyedMs ?? 0);
    const sinceMs = Math.max(...rekeyed);
    if (rekeyed.some((ms) => ms <= atMs) || sentMs <= sinceMs) return false;
    const turns = this.#bySession.get(this.#sessionOf.get(message.chain) ?? '') ?? [];
    const since = turns.filter((turn) => turn.atMs > sinceMs);
    return answers(since).indexOf(message.chain) >= STOLEN_TURNS;
  }
}

/** Of chains, the ones that answer the one before. */
function answers(turns: readonly Turn[]): string[] {
  return turns.filter(({ from }, i) => from !== turns[i - 1]?.from).map(({ chain }) => chain);
}
