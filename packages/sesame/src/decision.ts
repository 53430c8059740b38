/** What a decider answers: changes to commit, posts and mail to keep, effects to release afterwards. */

import type { Secret } from '@simsim/crypto';
import type {
  DeviceId,
  EnvelopeId,
  IncomingEnvelope,
  MessageId,
  Post,
  PostId,
  PreKeyUpload,
  UserId,
} from '@simsim/relay-protocol';
import type { Fact } from './fact-codec.ts';
import type { LogPlace } from './heads.ts';
import type { Input, PostOrigin, ResendRef } from './input.ts';
import type { StreamId } from './streams.ts';
import type { StreamValue } from './stream-codec.ts';
import type { HoldReason } from './hold-reason.ts';
import type { IdentityKey } from './user-change.ts';

/** One event of one stream, with the stream's whole value after it where that changed. */
export interface Change {
  readonly stream: StreamId;
  readonly fact: Fact;
  readonly value?: StreamValue;
  /** The stream ends here and its key is destroyed. */
  readonly closes?: true;
  /** Digests to remember, for telling duplicates. */
  readonly seen?: readonly Uint8Array[];
}

/** A message for the application, durable in the inbox until it is acknowledged and receipted. */
export interface InboxItem {
  readonly messageId: MessageId;
  readonly envelopeId: EnvelopeId;
  readonly sender: UserId;
  readonly senderDevice: DeviceId;
  /** The sender's wall clock, ms; for display only. */
  readonly sentAt: number;
  readonly conversation?: string;
  /** For a sync copy of an own device's message: whom it went to. */
  readonly to?: readonly UserId[];
  readonly body: Uint8Array;
}

/** Why an envelope ended as it did. Closed list; codes are API. */
export type DeadReason =
  | 'MALFORMED_CONTENT'
  | 'FORGED_SYNC'
  | 'FROM_SELF'
  | 'UNKNOWN_DEVICE'
  | 'UNKNOWN_CONTENT'
  | 'RESEND_REFUSED'
  | 'TOO_MUCH_HELD';

/** The named state an envelope ends in (DESIGN 1, rule 8). */
export type EnvelopeState =
  | { readonly state: 'delivered' }
  | { readonly state: 'duplicate' }
  | { readonly state: 'resend-requested'; readonly reason: string }
  | { readonly state: 'healed' }
  | { readonly state: 'taken' }
  | { readonly state: 'dead'; readonly reason: DeadReason };

/**
 * Why a send to one user failed for good. `EXPIRED`: the relay answered nothing for as long as a send is
 * kept; where it was the answer that was lost, the message may have come nevertheless.
 */
export type SendFailure =
  | 'UNKNOWN_USER'
  | 'TOO_MANY_ROUNDS'
  | 'IDENTITY_CHANGED'
  | 'BAD_LIST'
  | 'BAD_BUNDLE'
  | 'POST_CONFLICT'
  | 'TOO_LARGE'
  | 'MAILBOX_FULL'
  | 'EXPIRED'
  | 'FORGOTTEN'
  | 'IDENTITY_REFUSED';

const SEND_FAILURES: Readonly<Record<SendFailure, true>> = {
  UNKNOWN_USER: true,
  TOO_MANY_ROUNDS: true,
  IDENTITY_CHANGED: true,
  BAD_LIST: true,
  BAD_BUNDLE: true,
  POST_CONFLICT: true,
  TOO_LARGE: true,
  MAILBOX_FULL: true,
  EXPIRED: true,
  FORGOTTEN: true,
  IDENTITY_REFUSED: true,
};

/** True for a word that is a {@link SendFailure}. */
export function isSendFailure(word: string): word is SendFailure {
  return Object.hasOwn(SEND_FAILURES, word);
}

/** What showed that the state was put back, or that a copy of it runs elsewhere. */
export interface RollbackEvidence {
  /**
   * `log`, `vault`: opening found one of them older than the other. `relay`, `device`: the relay or an
   * own device gave back a head of this device that its log does not have.
   */
  readonly source: 'log' | 'vault' | 'relay' | 'device';
  /** What was seen of this device. */
  readonly seen: LogPlace;
  /** Where its log ends. What came between is not here. */
  readonly found: LogPlace;
  /** Streams whose secrets are gone. */
  readonly lost: readonly StreamId[];
}

/** Why a copy of a message will not be read by its device. */
export type CopyDeath = 'RESENDS_SPENT' | 'EXPIRED';

/** What the shell does once the commit is durable. */
export type Effect =
  /** Hand a post to the relay; it is in the outbox. */
  | { readonly type: 'post'; readonly post: Post; readonly origin: PostOrigin }
  /** Fetch keys for devices without a session. */
  | {
      readonly type: 'claim';
      readonly userId: UserId;
      readonly devices: readonly DeviceId[];
      readonly sends: readonly MessageId[];
      readonly resends: readonly ResendRef[];
    }
  /** Tell the relay that an envelope is done with. */
  | {
      readonly type: 'acknowledge';
      readonly seq: number;
      readonly end: EnvelopeState;
      readonly envelopeId: EnvelopeId;
    }
  /** Give the application a message. */
  | { readonly type: 'deliver'; readonly item: InboxItem }
  /** The relay took, or refused for good, one user's copies. */
  | {
      readonly type: 'recipientDone';
      readonly messageId: MessageId;
      readonly userId: UserId;
      readonly listVersion: number;
      readonly failure?: SendFailure;
    }
  /** Every recipient of a send is done. */
  | { readonly type: 'sendDone'; readonly messageId: MessageId }
  /** One device has durably received a message. */
  | {
      readonly type: 'receipted';
      readonly messageId: MessageId;
      readonly userId: UserId;
      readonly deviceId: DeviceId;
    }
  /** Register with the relay; the device stream holds what to say. */
  | { readonly type: 'register' }
  /**
   * The state was put back. When quarantined: nothing of the outbox leaves any more, `register` follows,
   * and nothing else leaves before the relay took that. `lostSends` were never posted and cannot be.
   */
  | {
      readonly type: 'rolledBack';
      readonly evidence: RollbackEvidence;
      readonly isQuarantined: boolean;
      readonly lostSends: number;
    }
  /** Somebody gave back a head that is not of this device, or told one that is not its own. */
  | { readonly type: 'headIgnored'; readonly source: 'relay' | 'device' }
  /** Sweep on, in a later turn of the process: there are more users. */
  | { readonly type: 'sweepOn'; readonly after: StreamId }
  /** Fetch and decide the whole mailbox from here on, then say `drained` with the same fields. */
  | { readonly type: 'drain'; readonly dueMs: number; readonly users: readonly UserId[] }
  /** The relay has forgotten prekeys that it had acknowledged: its state was put back. */
  | { readonly type: 'relayPutBack' }
  /** Upload prekeys; `keysUploaded` follows once the relay took them. */
  | {
      readonly type: 'uploadKeys';
      readonly keys: PreKeyUpload;
      /** The identity key [32] that signed them. */
      readonly identityKey: Uint8Array;
      /** One-time prekeys of before are of no use any more: the relay is to forget them. */
      readonly replacesOneTime?: true;
    }
  /**
   * Have the relay take the identity key that waits, where one does, and learn how the own list went on
   * (`succession`); then decide the envelope again, which is not acknowledged yet.
   */
  | { readonly type: 'succeed'; readonly envelope?: IncomingEnvelope }
  /** Tell contacts that there is another own identity key (`tellContacts`), in a later turn of the process. */
  | { readonly type: 'tellContacts' }
  /** The own identity key followed another one. */
  | { readonly type: 'identitySucceeded'; readonly identityKey: Uint8Array }
  /**
   * The relay shows another own identity key that this device cannot take. `UNPROVEN`: no device that it
   * knows vouches for the list. `NOT_SEALED`: the key was not sealed for this device.
   */
  | { readonly type: 'identityUnproven'; readonly reason: 'UNPROVEN' | 'NOT_SEALED' }
  /** Fetch a user's device list, then decide the envelope again, which is not acknowledged yet. */
  | { readonly type: 'fetchList'; readonly userId: UserId; readonly envelope?: IncomingEnvelope }
  /** Mail came under a key that its sender's device list does not have: somebody else wrote it. */
  | {
      readonly type: 'foreignKey';
      readonly userId: UserId;
      readonly deviceId: DeviceId;
      readonly identityKey: Uint8Array;
    }
  /**
   * Mail came under a message key that is gone, and is none of the mail that was read. Its sender's state was
   * put back, or runs twice, where a relay hides that; or it was changed on its way, or comes later than its
   * key was kept for: no tag can tell any more. It is asked for again.
   */
  | {
      readonly type: 'keyRepeated';
      readonly userId: UserId;
      readonly deviceId: DeviceId;
      readonly envelopeId: EnvelopeId;
    }
  /** A send waits: what is known of the user's key has to be settled by the application first. */
  | {
      readonly type: 'recipientHeld';
      readonly messageId: MessageId;
      readonly userId: UserId;
      readonly reason: HoldReason;
      /** The keys in question. */
      readonly keys: readonly IdentityKey[];
    }
  /** It waits no more, and is on its way. */
  | { readonly type: 'recipientReleased'; readonly messageId: MessageId; readonly userId: UserId }
  /**
   * A device has not got a message, and will not: it was encrypted again as often as may be, or the device
   * asked for it again and nothing came of that for as long as a send is kept.
   */
  | {
      readonly type: 'copyDead';
      readonly messageId: MessageId;
      readonly userId: UserId;
      readonly deviceId: DeviceId;
      readonly reason: CopyDeath;
    }
  /** Another key than the pinned one was shown for a user, or a device; it is kept as an offer. */
  | ({ readonly type: 'identityChanged' } & ShownIdentity)
  /** A user of the per-device model has one more device; one that is known stands for it (SES-89). */
  | ({ readonly type: 'identityAdded' } & ShownIdentity);

/** A key that was shown for a user; for one device of theirs where it names one. */
interface ShownIdentity {
  readonly userId: UserId;
  readonly deviceId?: DeviceId;
  readonly identityKey: Uint8Array;
}

/** A decision about one input. */
export interface Decision {
  readonly changes: readonly Change[];
  readonly outboxPut: readonly { readonly post: Post; readonly origin: PostOrigin }[];
  readonly outboxDone: readonly PostId[];
  readonly inboxPut: readonly InboxItem[];
  readonly effects: readonly Effect[];
  /** Superseded secrets; wiped after the commit, never before. */
  readonly consumed: readonly Secret[];
  /** Inputs that belong into the same commit. */
  readonly next: readonly Input[];
  /** What messages of peers cost this device, for the hourly limits; it counts also where all was refused. */
  readonly loads: readonly (PeerDevice & PeerLoad)[];
}

/** A device of some user. */
export interface PeerDevice {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}

/** What a device of a peer costs within an hour. */
export interface PeerLoad {
  /** Bytes of skipped keys that its messages made this device keep. */
  readonly skippedBytes: number;
  /** Names of first messages that were tried, whatever came of them: each takes several agreements. */
  readonly initiations: readonly string[];
  /** Steps that chains walked to keys that opened nothing. */
  readonly walkedSteps: number;
}

/** Nothing yet. */
export const NO_LOAD: PeerLoad = { skippedBytes: 0, initiations: [], walkedSteps: 0 };

/** Why an input of the application is refused. Closed list; codes are API. */
export type RejectionCode =
  | 'ALREADY_CREATED'
  | 'NOT_REGISTERED'
  | 'DEVICE_REVOKED'
  | 'DEVICE_REPLACED'
  | 'IDENTITY_LOST'
  | 'MESSAGE_TOO_LARGE'
  | 'CONVERSATION_TOO_LONG'
  | 'NO_RECIPIENT'
  | 'TOO_MANY_RECIPIENTS'
  | 'ALREADY_SENT'
  | 'BAD_LIST'
  | 'IDENTITY_CHANGED'
  | 'MALFORMED_PROVISION'
  | 'PRE_KEYS_EXHAUSTED'
  | 'UNKNOWN_USER'
  | 'OWN_USER'
  | 'UNKNOWN_KEY'
  | 'SIGNER_LEAVES'
  | 'UNKNOWN_DEVICE'
  | 'LAST_DEVICE'
  | 'REMOVAL_PENDING';

/** A refusal: nothing was changed. */
export interface Rejection {
  readonly code: RejectionCode;
}

/** What `decide` answers. `needMore` comes before any cryptography. */
export type DecideResult =
  | { readonly kind: 'decided'; readonly decision: Decision }
  | { readonly kind: 'needMore'; readonly streams: readonly StreamId[] }
  | { readonly kind: 'refused'; readonly rejection: Rejection };
