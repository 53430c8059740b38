/** What leaves a device: each key once, nothing before it is durable, nothing to strangers. */

import { bytesToHex, equalBytes } from '@simsim/bytes';
import { decodeInboxItem } from '@simsim/device-core';
import { idToBytes } from '@simsim/relay-protocol';
import type { MessageId, Post, UserId } from '@simsim/relay-protocol';
import { DEVICE_STREAM } from '@simsim/sesame';
import type { Effect } from '@simsim/sesame';
import type { Process } from '../device/process.ts';
import { wireMessage } from '../world/wire-message.ts';
import type { Invariant } from './invariant.ts';
import type { WatchedWorld } from './watched-world.ts';
import { sentMessages } from './sent-messages.ts';

/**
 * S1. A copy of a device that runs beside it may encrypt with the same key until one of them is told, and so
 * may a device that was put back while a post was on its way; of those, only what the relay takes counts.
 * Over symbolic primitives the key itself is looked at, over others its place.
 */
export const S1: Invariant = {
  id: 'S1',
  statement: 'no message key encrypts two different plaintexts',
  watch(world) {
    type Uses = Map<unknown, Uint8Array>;
    const seen = { left: new Map(), taken: new Map() } satisfies Record<string, Uses>;
    function* used(by: Uses, { envelopes }: Post): Generator<string> {
      for (const { kind, content } of envelopes) {
        const message = kind === 'message' ? wireMessage(content) : undefined;
        if (message === undefined) continue;
        const key = world.adversary?.keysOf(content)[0];
        for (const place of [message.place, ...(key === undefined ? [] : [key])]) {
          const before = by.get(place);
          by.set(place, message.ciphertext);
          if (before !== undefined && !equalBytes(before, message.ciphertext))
            yield `the key at ${message.place} encrypts twice`;
        }
      }
    }
    return {
      *leaves(process, request) {
        const { copied, overtaken } = world.ledger;
        const { incarnation } = process;
        if (request.kind !== 'post' || copied.has(incarnation) || overtaken.has(incarnation))
          return;
        for (const post of request.posts) yield* used(seen.left, post);
      },
      *posted({ machine }, post, result) {
        // Without a head nobody can tell a thief's post from the device's own.
        if (machine.theft?.how === 'silently') return;
        if (result.kind === 'accepted') yield* used(seen.taken, post);
      },
    };
  },
};

/** S2. */
export const S2: Invariant = {
  id: 'S2',
  statement: 'a ciphertext leaves only after the commit that spent its key',
  watch() {
    return {
      *leaves(process, request) {
        if (request.kind !== 'post') return;
        const durable = durablePosts(process);
        for (const { postId, envelopes } of request.posts) {
          if (envelopes.length === 0 || durable.has(bytesToHex(idToBytes(postId)))) continue;
          yield `${process.machine.label} posts ${postId}, which is not in its outbox`;
        }
      },
    };
  },
};

/** The posts that a process would find which opened the files now. */
function durablePosts({ log }: Process): Set<string> {
  return new Set(log.outbox().map(({ post }) => bytesToHex(post)));
}

/** S3. What was decided is known from commits; whether it is durable, from the log. */
export const S3: Invariant = {
  id: 'S3',
  statement: 'mail is acknowledged only once its plaintext is durable or was acknowledged',
  watch(world) {
    const ends = new WeakMap<Process, Map<number, Acknowledge>>();
    return {
      ran(process, _, { effects }) {
        const mine = ends.get(process) ?? new Map<number, Acknowledge>();
        ends.set(process, mine);
        for (const effect of effects)
          if (effect.type === 'acknowledge') mine.set(effect.seq, effect);
      },
      *leaves(process, request) {
        if (request.kind !== 'ack') return;
        const { label } = process.machine;
        const inboxes = lazily(() => [decidedInbox(process), durableInbox(process)]);
        for (const seq of request.seqs) {
          const decided = ends.get(process)?.get(seq);
          if (decided === undefined)
            yield `${label} acknowledges mail ${seq} and has not decided it`;
          if (decided === undefined || !HAD.includes(decided.end.state)) continue;
          const messageId = world.ledger.envelopes.get(decided.envelopeId)?.messageId;
          if (messageId === undefined || !world.ledger.sent.has(messageId)) continue;
          if (process.log.data(`chat/${messageId}`) !== undefined) continue;
          if (!inboxes().every((inbox) => inbox.has(messageId)))
            yield `${label} acknowledges ${messageId} and does not have it`;
        }
      },
    };
  },
};

type Acknowledge = Extract<Effect, { type: 'acknowledge' }>;

/** Ends of mail whose text the application has, or will have. */
const HAD: readonly string[] = ['delivered', 'healed', 'duplicate'];

/** The messages that a process holds for its application. */
function decidedInbox({ core }: Process): ReadonlySet<MessageId> {
  return new Set(core.inbox().map(({ messageId }) => messageId));
}

/** The messages that a process would find which opened the files now. */
function durableInbox({ log }: Process): ReadonlySet<MessageId> {
  return new Set(log.inbox().map(({ body }) => decodeInboxItem(body).messageId));
}

/** What is made when it is first asked for. */
function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** S11. */
export const S11: Invariant = {
  id: 'S11',
  statement:
    'no message is encrypted to a device that the newest accepted list does not have, nor to a foreign key',
  watch(world) {
    const vouched = new VouchedKeys(world);
    const identities = new Map<string, Uint8Array>();
    return {
      *ran(process, inputs, result) {
        const own = process.core.reader().value('device', DEVICE_STREAM);
        if (own === undefined) return;
        identities.set(process.incarnation, own.identity.publicKey.bytes);
        // Decisions of one commit follow each other; a list among them is newer than what came before.
        if (inputs.length > 1) return;
        for (const sent of sentMessages(process, result)) {
          const { userId, envelope, origin, record, device, active } = sent;
          const to = `${userId}.${envelope.deviceId}/${envelope.registrationId}`;
          const { label } = process.machine;
          const isSame = device?.registrationId === envelope.registrationId;
          const isStale = (device?.staleAt ?? record?.staleAt) !== undefined;
          // Whoever wrote first is answered before any list names it; nobody else writes to it.
          const isListed = origin.type === 'notice' || (device?.deviceKey.length ?? 0) > 0;
          if (!isSame || isStale || !isListed) yield `${label} encrypts to ${to}`;
          const identity = identities.get(to);
          const encryptedTo = active?.cold?.remoteIdentity;
          if (encryptedTo === undefined) continue;
          // Receipts and the like say nothing of an application's.
          if (origin.type !== 'notice' && !vouched.isFor(process, userId, encryptedTo))
            yield `${label} encrypts to a key of ${userId} that its application has not accepted`;
          if (identity === undefined) continue;
          if (!equalBytes(identity, encryptedTo))
            yield `${label} encrypts to a foreign key for ${to}`;
        }
      },
    };
  },
};

/** The keys that a device may encrypt to: the first one it saw, where that is its policy, and those it was told. */
class VouchedKeys {
  readonly #world: WatchedWorld;
  /** By device and user. */
  readonly #first = new Map<string, string>();

  constructor(world: WatchedWorld) {
    this.#world = world;
  }

  /** Devices of one user stand for each other, where each has a key of its own: those nobody is asked about. */
  isFor({ machine }: Process, userId: UserId, key: Uint8Array): boolean {
    const { knobs, ledger } = this.#world;
    const hex = bytesToHex(key);
    if (userId === machine.userId || ledger.accepted.has(`${machine.userId} ${userId} ${hex}`))
      return true;
    if (knobs.trust === 'ask') return false;
    const place = `${machine.label} ${userId}`;
    const first = this.#first.get(place) ?? hex;
    this.#first.set(place, first);
    return first === hex || knobs.identityModel === 'per-device';
  }
}
