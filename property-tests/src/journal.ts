/** What a test knows by itself: what was sent, and what the relay took for whom. */

import { invariant } from '@simsim/bytes';
import type { MessageId, Post, PostId, UserId } from '@simsim/relay-protocol';
import type { PostOrigin } from '@simsim/sesame';
import { parseMessage } from '@simsim/session';
import type { TestDevice } from './test-device.ts';

/** One call of the application. */
export interface Sent {
  readonly text: string;
  readonly from: TestDevice;
  readonly to: readonly UserId[];
}

/** One round the relay took: these devices owe the application that message. */
export interface Accepted {
  readonly messageId: MessageId;
  readonly userId: UserId;
  readonly devices: readonly TestDevice[];
}

/** Sends, acceptances, removals, and every ciphertext that left a device. */
export class Journal {
  readonly sent: Map<MessageId, Sent> = new Map<MessageId, Sent>();
  readonly accepted: Map<PostId, Accepted> = new Map<PostId, Accepted>();
  readonly gone: Set<TestDevice> = new Set<TestDevice>();
  /** Messages that will never be taken: the devices that made them are gone. */
  readonly #ciphertexts = new Map<string, PostId>();

  removed(device: TestDevice): void {
    this.gone.add(device);
  }

  /** Every message key is used once: no chain position leaves a device twice (SES-49). */
  left(from: TestDevice, post: Post): void {
    for (const { content, deviceId, kind } of post.envelopes) {
      if (kind !== 'message') continue;
      const parsed = parseMessage(content);
      invariant(parsed.ok, 'an honest device posts well-formed messages');
      const { header } = parsed.value.kind === 'regular' ? parsed.value : parsed.value.inner;
      const key = Buffer.from(header.ratchetKey).toString('hex');
      const place = `${from.label}>${post.recipient}.${deviceId} ${key} ${header.counter}`;
      const before = this.#ciphertexts.get(place);
      invariant(before === undefined || before === post.postId, 'a message key is used once');
      this.#ciphertexts.set(place, post.postId);
    }
  }

  /** The relay took a round. The set must have been exact (SES-41, SES-42). */
  took(from: TestDevice, post: Post, origin: PostOrigin): void {
    if (origin.type !== 'round' || this.accepted.has(post.postId)) return;
    const { messageId, userId } = origin;
    const listed = from.world.devicesOf(userId).filter((device) => device !== from);
    const reached = post.envelopes.map((envelope) => envelope.deviceId);
    const devices = listed.filter((device) => reached.includes(device.own().deviceId));
    const isExact = devices.length === listed.length && reached.length === listed.length;
    invariant(isExact, 'a round reaches exactly the listed devices');
    this.accepted.set(post.postId, { messageId, userId, devices });
  }

  /** What a device owes its application: texts by message id. */
  owedTo(device: TestDevice): Map<MessageId, string> {
    const owed = new Map<MessageId, string>();
    for (const { messageId, devices } of this.accepted.values()) {
      if (!devices.includes(device)) continue;
      owed.set(messageId, this.sent.get(messageId)?.text ?? '');
    }
    return owed;
  }
}
