/** What the world knows by itself, apart from every engine: what was sent, taken, opened and kept. */

import { bytesToHex } from '@simsim/bytes';
import { parseEnvelopeId } from '@simsim/relay-protocol';
import type { EnvelopeId, MessageId, Post, PostId, UserId } from '@simsim/relay-protocol';
import type { PostOrigin, SendFailure } from '@simsim/sesame';
import type { Label } from '../case/case.ts';
import { FirstChains } from './first-chains.ts';

/** One call of an application. */
export interface Sent {
  readonly by: Label;
  readonly userId: UserId;
  readonly to: readonly UserId[];
  readonly text: string;
  readonly atMs: number;
  /** Users who will not get it, and why. */
  readonly failed: Map<UserId, SendFailure>;
  /** Devices that will not get it: it was encrypted for them too often. */
  readonly given: Set<string>;
}

/** A message that the relay took for a device, at its address. */
export interface Owed {
  readonly messageId: MessageId;
  readonly from: string;
  readonly to: string;
  readonly atMs: number;
}

/** An envelope that the relay took. */
export interface Envelope {
  readonly content: Uint8Array;
  readonly from: string;
  readonly to: string;
  readonly atMs: number;
  /** What it carries, for copies of messages. */
  readonly messageId: MessageId | undefined;
}

/** A message that an application has for good. */
export interface Read {
  readonly by: Label;
  readonly address: string;
  readonly atMs: number;
  readonly envelope: Envelope;
  /** The event with which its key was replaced; `undefined` where nobody saw that. */
  readonly seq: number | undefined;
  /** The same at its sender. */
  readonly sentSeq: number | undefined;
}

/** A time in which the state of a device may live twice: in its files, and in a copy of them. */
export interface Doubled {
  readonly address: string;
  readonly sinceMs: number;
  /** `undefined`: to this day. */
  untilMs: number | undefined;
  /** Of a thief's copy: until when it acted. What it had lives on until the device gives that up. */
  actedUntilMs?: number;
}

/** A device, and which incarnation of it. */
interface Named {
  readonly address: string;
  readonly incarnation: string;
}

/** Books that are kept beside the world. */
export class Ledger {
  readonly sent: Map<MessageId, Sent> = new Map();
  readonly owed: Owed[] = [];
  /** Why each post was made. */
  readonly origins: Map<PostId, PostOrigin> = new Map();
  /** Rounds that the relay took. */
  readonly taken: Set<PostId> = new Set();
  readonly envelopes: Map<EnvelopeId, Envelope> = new Map();
  /** Devices, by address, that may lack what was taken before a moment: their state was put back. */
  readonly excusedUntilMs: Map<string, number> = new Map();
  /** How many copies run beside a device, by address, and have not been told. */
  readonly #copies = new Map<string, number>();
  /** Incarnations that a copy ran of. */
  readonly copied: Set<string> = new Set();
  /** Incarnations that were put back while a post was on its way: the relay does not know of it yet. */
  readonly overtaken: Set<string> = new Set();
  readonly doubled: Doubled[] = [];
  /** Of these, the copies of thieves. */
  readonly thefts: Set<Doubled> = new Set();
  /** Users of whom contacts may be asked: they began anew, or a device came in the place of a known one. */
  readonly changed: Set<UserId> = new Set();
  /** Keys that applications accepted: `user contact key`, the key in hex. */
  readonly accepted: Set<string> = new Set();
  /** The identity key of each device, by address, that is really its. */
  readonly identityKeys: Map<string, Uint8Array> = new Map();
  /** When a device, by address, last gave its sessions up. */
  readonly quarantined: Map<string, number> = new Map();
  /** Messages that a relay dropped although it said that it took them. */
  readonly dropped: Set<MessageId> = new Set();
  /** Messages that a device asked for again: `message address`. */
  readonly asked: Set<string> = new Set();
  /** Until when devices may decide by lists and prekeys of before that a relay gave as the newest. */
  misledUntilMs = 0;
  /** Users for whom a message was taken: `message user`. */
  readonly takenFor: Set<string> = new Set();
  /** Sessions that were begun and not yet opened at the other end: `from to`. */
  readonly begun: Set<string> = new Set();
  /** The newest message of a chain that a device opened. */
  readonly newest: Map<string, number> = new Map();
  /** What applications have for good. */
  readonly reads: Read[] = [];
  /** With which event of its device's log a message was encrypted. */
  readonly sentSeqs: Map<EnvelopeId, number> = new Map();
  /** With which event it was opened: `device envelope`. */
  readonly openedSeqs: Map<string, number> = new Map();
  readonly firstChains: FirstChains = new FirstChains();
  /** Copies of messages given to applications. */
  delivered = 0;

  /** A copy of a device begins to run beside it, and shares its mailbox. */
  beginCopy({ address, incarnation }: Named): void {
    this.#copies.set(address, (this.#copies.get(address) ?? 0) + 1);
    this.copied.add(incarnation);
  }

  /** One of them was told that it is not the one any more: what came until then may be with it alone. */
  endCopy({ address }: Pick<Named, 'address'>, nowMs: number): void {
    const copies = this.#copies.get(address) ?? 0;
    if (copies === 0) return;
    this.#copies.set(address, copies - 1);
    this.excusedUntilMs.set(address, nowMs);
  }

  /** Every device of a user is gone with what it knew, and so is every copy. */
  lose(userId: UserId, nowMs: number): void {
    const isTheirs = (address: string): boolean => address.startsWith(`${userId}.`);
    for (const address of [...this.identityKeys.keys()].filter(isTheirs)) {
      this.identityKeys.delete(address);
      this.#copies.delete(address);
      this.excusedUntilMs.set(address, nowMs);
    }
    for (const each of this.doubled) if (isTheirs(each.address)) each.untilMs ??= nowMs;
  }

  /** Whether several processes take themselves for a device. */
  isCopied(address: string): boolean {
    return (this.#copies.get(address) ?? 0) > 0;
  }

  /** The relay says that it took a post; whether it did is `isTrue`. */
  took(post: Post, from: string, { atMs, isTrue }: { atMs: number; isTrue: boolean }): void {
    const origin = this.origins.get(post.postId);
    const messageId = origin?.type === 'notice' ? undefined : origin?.messageId;
    const isRepeat = this.taken.has(post.postId);
    if (isTrue) this.taken.add(post.postId);
    if (origin?.type === 'round') this.takenFor.add(`${origin.messageId} ${origin.userId}`);
    for (const { deviceId, envelopeId, kind, content } of post.envelopes) {
      const to = `${post.recipient}.${deviceId}`;
      const asked = kind === 'retry' ? this.#askedFor(content) : undefined;
      if (!isTrue) this.#drop(messageId ?? asked);
      if (!isTrue || isRepeat) continue;
      this.envelopes.set(envelopeId, { content, from, to, atMs, messageId });
      // What devices tell each other by themselves comes to no application.
      const isOwed = origin?.type === 'round' && this.sent.has(origin.messageId);
      if (isOwed) this.owed.push({ messageId: origin.messageId, from, to, atMs });
    }
  }

  /** The message that a retry request asks for. */
  #askedFor(content: Uint8Array): MessageId | undefined {
    const envelopeId = parseEnvelopeId(bytesToHex(content));
    return envelopeId.ok ? this.envelopes.get(envelopeId.value)?.messageId : undefined;
  }

  #drop(messageId: MessageId | undefined): void {
    if (messageId !== undefined) this.dropped.add(messageId);
  }
}
