/** What the world knows by itself, apart from every engine: what was sent, taken, opened and kept. */

import type { MessageId, PostId, UserId } from '@simsim/relay-protocol';
import type { SendFailure } from '@simsim/sesame';
import type { Label } from '../case/case.ts';

/** One incarnation of a device: `user.device/registration`. */
export type Incarnation = string;

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

/** A message that the relay took for one incarnation of a device. */
export interface Owed {
  readonly messageId: MessageId;
  readonly to: Incarnation;
  readonly atMs: number;
}

/** Books that are kept beside the world. */
export class Ledger {
  readonly sent: Map<MessageId, Sent> = new Map();
  readonly owed: Owed[] = [];
  /** Rounds that the relay took. */
  readonly taken: Set<PostId> = new Set();
  /** Devices, by address, that may lack what was taken before a moment: their state was put back. */
  readonly excusedUntilMs: Map<string, number> = new Map();
  /** Devices, by address, that a copy ran of. */
  readonly cloned: Set<string> = new Set();
  /** Messages that a relay dropped although it said that it took them. */
  readonly dropped: Set<MessageId> = new Set();
  /** Copies of messages given to applications. */
  delivered = 0;
  /** Envelopes that the relay took. */
  posted = 0;
}
