/** What the parent knows by itself: what was asked for, what left the victim, what came to it. */

import { bytesToHex, equalBytes } from '@simsim/bytes';
import { nodeCrypto as crypto } from '@simsim/crypto/node';
import type { EnvelopeId, MessageId, Post, PostId, UserId } from '@simsim/relay-protocol';
import { encodePost } from '@simsim/relay-protocol';
import type { Effect } from '@simsim/sesame';
import { parseMessage } from '@simsim/session';
import { KillFault } from './kill-fault.ts';

/** One call of an application. */
export interface Ordered {
  readonly from: UserId;
  readonly to: readonly UserId[];
  readonly text: string;
  /** Whether the sender said that it is durable. */
  isPromised: boolean;
}

/** A ciphertext that was seen outside. */
export interface Outside {
  readonly envelopeId: EnvelopeId;
  readonly postId: PostId;
}

/** Everything seen from outside of one victim. */
export class Ledger {
  readonly ordered: Map<MessageId, Ordered> = new Map<MessageId, Ordered>();
  /** Ciphertexts of the victim, in the order in which they left. */
  readonly outside: Map<EnvelopeId, Outside> = new Map<EnvelopeId, Outside>();
  /** Posts of the victim as they left. */
  readonly posts: Map<PostId, Uint8Array> = new Map<PostId, Uint8Array>();
  /** Messages whose envelope the victim has acknowledged to the relay. */
  readonly acknowledged: Set<MessageId> = new Set<MessageId>();
  /** The victim's last answered commit. */
  tip: { readonly seq: number; readonly hash: Uint8Array } = { seq: 0, hash: new Uint8Array(32) };
  readonly #carried = new Map<EnvelopeId, MessageId>();
  readonly #keys = new Map<string, Uint8Array>();

  /** Something left the victim. */
  leftVictim(effect: Effect): void {
    if (effect.type === 'post') this.#posted(effect.post);
    if (effect.type === 'rolledBack') throw new KillFault('FALSE_ALARM', 'a rollback was seen');
    if (effect.type !== 'acknowledge') return;
    const messageId = this.#carried.get(effect.envelopeId);
    if (messageId !== undefined) this.acknowledged.add(messageId);
  }

  /** Something left a peer; only what carries a message is of interest. */
  leftPeer(effect: Effect): void {
    if (effect.type !== 'post' || effect.origin.type === 'notice') return;
    for (const { envelopeId } of effect.post.envelopes) {
      this.#carried.set(envelopeId, effect.origin.messageId);
    }
  }

  #posted(post: Post): void {
    const bytes = encodePost(post);
    const before = this.posts.get(post.postId);
    if (before !== undefined && !equalBytes(before, bytes)) {
      throw new KillFault('NOT_VERBATIM', `post ${post.postId}`);
    }
    this.posts.set(post.postId, bytes);
    for (const { envelopeId, kind, content } of post.envelopes) {
      if (kind !== 'message') continue;
      this.outside.set(envelopeId, { envelopeId, postId: post.postId });
      this.#used(content);
    }
  }

  /** One key of one chain seals one message: ratchet keys are never used by two chains. */
  #used(content: Uint8Array): void {
    const parsed = parseMessage(content);
    if (!parsed.ok) throw new KillFault('CRASHED', 'a ciphertext that cannot be read left');
    const message = parsed.value.kind === 'initiation' ? parsed.value.inner : parsed.value;
    const { ratchetKey, counter } = message.header;
    const name = `${bytesToHex(ratchetKey)} ${counter}`;
    const digest = crypto.digest([message.covered, message.tag]);
    const before = this.#keys.get(name);
    if (before !== undefined && !equalBytes(before, digest)) {
      throw new KillFault('KEY_REUSED', `counter ${counter} of one chain seals two messages`);
    }
    this.#keys.set(name, digest);
  }

  /** Message keys seen in use. */
  keysUsed(): number {
    return this.#keys.size;
  }
}
