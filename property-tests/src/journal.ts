/** What a test knows by itself: what was sent, and what the relay took for whom. */

import { invariant } from '@simsim/bytes';
import type { MessageId, Post, PostId, UserId } from '@simsim/relay-protocol';
import type { OwnDevice, PostOrigin } from '@simsim/sesame';
import { parseMessage } from '@simsim/session';

/** What the journal asks of a device. */
interface Participant {
  own(): OwnDevice;
}

/** One call of the application. */
interface Sent<Device> {
  readonly text: string;
  readonly from: Device;
  readonly to: readonly UserId[];
}

/** One round the relay took: these devices owe the application that message. */
interface Accepted<Device> {
  readonly messageId: MessageId;
  readonly userId: UserId;
  readonly devices: readonly Device[];
}

/** Sends, acceptances, removals, and every ciphertext that left a device. */
export class Journal<Device extends Participant> {
  readonly sent: Map<MessageId, Sent<Device>> = new Map<MessageId, Sent<Device>>();
  readonly accepted: Map<PostId, Accepted<Device>> = new Map<PostId, Accepted<Device>>();
  /** Devices that were removed; messages they made may never be taken. */
  readonly gone: Set<Device> = new Set<Device>();
  readonly #ciphertexts = new Map<string, PostId>();
  /** What to do where a message key was used twice. */
  reused: (place: string) => void = () => invariant(false, 'a message key is used once');

  removed(device: Device): void {
    this.gone.add(device);
  }

  /**
   * Every message key is used once: no chain position leaves twice, whatever incarnation or copy of a
   * device it leaves (SES-49).
   */
  left(post: Post): void {
    for (const { content, kind } of post.envelopes) {
      if (kind !== 'message') continue;
      const parsed = parseMessage(content);
      invariant(parsed.ok, 'an honest device posts well-formed messages');
      const { header } = parsed.value.kind === 'regular' ? parsed.value : parsed.value.inner;
      const key = Buffer.from(header.ratchetKey).toString('hex');
      const place = `${key} ${header.counter}`;
      const before = this.#ciphertexts.get(place);
      if (before !== undefined && before !== post.postId) this.reused(place);
      this.#ciphertexts.set(place, post.postId);
    }
  }

  /** The relay took a round for some listed devices. The set must be exact (SES-41, SES-42). */
  took({ post, origin }: { post: Post; origin: PostOrigin }, listed: readonly Device[]): void {
    if (origin.type !== 'round' || this.accepted.has(post.postId)) return;
    const { messageId, userId } = origin;
    const reached = post.envelopes.map((envelope) => envelope.deviceId);
    const devices = listed.filter((device) => reached.includes(device.own().deviceId));
    const isExact = devices.length === listed.length && reached.length === listed.length;
    invariant(isExact, 'a round reaches exactly the listed devices');
    this.accepted.set(post.postId, { messageId, userId, devices });
  }

  /** What a device owes its application: texts by message id. */
  owedTo(device: Device): Map<MessageId, string> {
    const owed = new Map<MessageId, string>();
    for (const { messageId, devices } of this.accepted.values()) {
      const sent = this.sent.get(messageId);
      // What devices tell each other of their names is no message of the application.
      if (sent !== undefined && devices.includes(device)) owed.set(messageId, sent.text);
    }
    return owed;
  }
}
