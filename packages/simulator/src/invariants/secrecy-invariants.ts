/** What an adversary may know, decided by the closure of what it took. Symbolic runs only. */

import type { EnvelopeId } from '@simsim/relay-protocol';
import type { Label } from '../case/case.ts';
import type { Term } from '../symbolic/index.ts';
import type { Adversary } from '../world/adversary.ts';
import type { Envelope, Ledger } from '../world/ledger.ts';
import { wireMessage } from '../world/wire-message.ts';
import type { WatchedWorld } from './watched-world.ts';
import type { Invariant } from './invariant.ts';

/** A message that an application has for good. */
interface Read {
  readonly by: Label;
  readonly atMs: number;
  readonly envelope: Envelope;
  /** Its key, and the two halves that make it. */
  readonly keys: readonly Term[];
}

/**
 * P1. Keys of both halves count, the classical and the post-quantum one: each is to be forward secret by
 * itself. Where a session used up no one-time prekey, what is handed out again and again still leads to
 * its first messages, as X3DH says, and to the post-quantum half of the later ones. A state that lives in
 * a copy, or was put back, still has what it had.
 */
export const P1: Invariant = {
  id: 'P1',
  statement: 'files taken at any moment do not lead to the keys of messages read before',
  watch(world) {
    const { adversary, ledger } = world;
    if (adversary === undefined) return {};
    const read: Read[] = [];
    const open = new OpenSessions(world);
    return {
      posted: (process, { envelopes, recipient }) => {
        for (const { content, deviceId } of envelopes) {
          open.note(content, { from: process.address, to: `${recipient}.${deviceId}` });
        }
      },
      kept(process, { envelopeId }) {
        const envelope = ledger.envelopes.get(envelopeId);
        if (envelope === undefined) return;
        const keys = adversary.keysOf(envelope.content);
        const { nowMs: atMs } = world.agenda;
        read.push({ by: process.machine.label, atMs, envelope, keys });
      },
      *seized(seizure) {
        if (!seizure.isFlushed) return;
        for (const { by, atMs, envelope, keys } of read) {
          const [key, ...halves] = keys.map((each) => seizure.knows.has(each));
          const isOpen = key === true || (halves.includes(true) && !open.isBetween(envelope));
          if (!isOpen || open.hasFirst(envelope) || isDoubled(ledger, envelope, atMs)) continue;
          yield `the files of ${seizure.of.join()} open what ${by} read, sent by ${envelope.from}`;
        }
      },
    };
  },
};

/** From whom to whom. */
type Way = Pick<Envelope, 'from' | 'to'>;

/** New chains of whoever began a session after which the other's first answer is surely over. */
const TURNS = 3;

/**
 * Sessions that began without a one-time prekey. Whoever has the prekeys has the first root, hence the
 * first chain; and with the private key that waits for an answer, the first chain back.
 */
class OpenSessions {
  readonly #world: WatchedWorld;
  /** Ratchet keys of their first chains, both ways. */
  readonly #chains = new Set<string>();
  /** Every pair that ever had one, and the chains the beginner used since, while the answer may be the first. */
  readonly #turnsByWay = new Map<string, Set<string>>();

  constructor(world: WatchedWorld) {
    this.#world = world;
  }

  note(content: Uint8Array, { from, to }: Way): void {
    const message = wireMessage(content);
    if (message === undefined) return;
    const { initiation, chain } = message;
    if (initiation !== undefined && initiation.oneTimePreKeyId === undefined) {
      this.#world.situations.met('first message without a one-time prekey');
      this.#chains.add(chain);
      this.#turnsByWay.set(`${from} ${to}`, new Set());
    }
    if (initiation !== undefined) return;
    this.#turnsByWay.get(`${from} ${to}`)?.add(chain);
    const turns = this.#turnsByWay.get(`${to} ${from}`);
    if (turns !== undefined && turns.size < TURNS) this.#chains.add(chain);
  }

  /** Whether a message is one of the first of such a session. */
  hasFirst({ content }: Envelope): boolean {
    const message = wireMessage(content);
    return message !== undefined && this.#chains.has(message.chain);
  }

  /** Whether two devices ever had such a session. */
  isBetween({ from, to }: Way): boolean {
    return this.#turnsByWay.has(`${from} ${to}`) || this.#turnsByWay.has(`${to} ${from}`);
  }
}

/** Whether a message was on its way while the state of one of its ends lived twice. */
function isDoubled({ doubled }: Ledger, { from, to, atMs }: Envelope, readMs: number): boolean {
  return doubled.some(
    ({ address, sinceMs, untilMs }) =>
      (address === from || address === to) &&
      readMs >= sinceMs &&
      (untilMs === undefined || atMs <= untilMs),
  );
}

/** P4. */
export const P4: Invariant = {
  id: 'P4',
  statement: 'all that ever crossed the wire leads to no message key',
  watch({ adversary, ledger }) {
    if (adversary === undefined) return {};
    return {
      *rested() {
        for (const [envelopeId, { content }] of ledger.envelopes) {
          if (isKnown(adversary, content))
            yield `the wire opens ${envelopeId satisfies EnvelopeId}`;
        }
      },
    };
  },
};

function isKnown(adversary: Adversary, content: Uint8Array): boolean {
  return adversary.keysOf(content).some((key) => adversary.wire.has(key));
}
