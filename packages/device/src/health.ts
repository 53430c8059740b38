/** What a device says about itself: never plaintext, never keys. */

import type { CopyDeath, DeadReason, Effect, EnvelopeState, HoldReason } from '@simsim/sesame';
import type { SessionError } from './session-error.ts';

/** What is known of a state that was put back, or that a copy of the device shares. */
export interface RollbackNotice {
  /**
   * `log`, `vault`: opening found one older than the other. `relay`, `device`: the relay or an own device
   * gave back a signed head of this device that its log does not have.
   */
  readonly source: 'log' | 'vault' | 'relay' | 'device';
  /** The last event that was seen of this device, and the last one its log had. */
  readonly seenSeq: number;
  readonly foundSeq: number;
  /**
   * How many events there were beyond the log: messages sent and received in them may be missing here
   * for good. 0 where the log goes as far, but another way, or where only the vault was put back.
   */
  readonly missingEvents: number;
  /** Messages that waited to be sent and cannot be: their text is gone. */
  readonly lostSends: number;
  /** Messages that waited for the application and cannot be read. */
  readonly lostMail: number;
  /** Whether the device goes on as a new incarnation; otherwise it has stopped. */
  readonly isQuarantined: boolean;
}

/** Why this device does not have the identity key that its user's list names. */
export type IdentityDoubt = Extract<Effect, { type: 'identityUnproven' }>['reason'];

/** Something worth knowing. */
export type HealthEvent =
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected' }
  | { readonly type: 'queueEmpty' }
  | { readonly type: 'relayUnavailable' }
  | { readonly type: 'envelopeEnded'; readonly end: EnvelopeState }
  | {
      /**
       * `identityChanged`: another key than the pinned one was shown, and waits for an answer.
       * `identityAdded`: a user of the per-device model has one more device, and a known one stands for it.
       * `foreignKey`: mail came under a key that its sender does not have; it was not taken.
       */
      readonly type: 'identityChanged' | 'identityAdded' | 'foreignKey';
      readonly user: string;
      readonly deviceId?: number;
      readonly identityKey: Uint8Array;
    }
  /** This device goes on under another identity key: a device of the user was removed as compromised. */
  | { readonly type: 'identitySucceeded'; readonly identityKey: Uint8Array }
  /**
   * The relay shows another identity key for the own user. `UNPROVEN`: no device that this one knows has
   * signed for it. `NOT_SEALED`: one has, and the key was not given to this device. Nothing of it is
   * taken; contacts who accept that key cannot read this device any more. Link it anew.
   */
  | { readonly type: 'identityUnproven'; readonly reason: IdentityDoubt }
  /** The relay has forgotten prekeys that it had: its state was put back. Keys may be handed out twice. */
  | { readonly type: 'relayPutBack' }
  /** A message waits: the user's key changed, or nobody has said yet that it is trusted. */
  | {
      readonly type: 'sendHeld';
      readonly messageId: string;
      readonly user: string;
      readonly reason: HoldReason;
    }
  /** It waits no more. */
  | { readonly type: 'sendReleased'; readonly messageId: string; readonly user: string }
  /** The application's answer about a key did not come; messages go on waiting. */
  | { readonly type: 'trustFailed'; readonly user: string; readonly cause: unknown }
  /**
   * A device has not got a message and will not: it could not read any of the resends, or asked for one that
   * nothing came of for as long as a message is kept.
   */
  | {
      readonly type: 'copyDead';
      readonly messageId: string;
      readonly user: string;
      readonly deviceId: number;
      readonly reason: CopyDeath;
    }
  /** A handler of messages threw, or a listener for what became of a send. */
  | { readonly type: 'handlerFailed'; readonly messageId: string; readonly cause: unknown }
  /** The log was proven to be the newest; from here on posts leave. */
  | { readonly type: 'fresh' }
  /** The relay does not answer: nothing proves that the log is the newest since then (wall ms). */
  | { readonly type: 'freshnessUnknown'; readonly since: number | undefined }
  /**
   * The relay does not know this device, and nothing that its user signed says why: it lost its state, or
   * lies. It is asked again and again; nothing leaves and nothing comes until it lets the device in.
   */
  | { readonly type: 'shutOut' }
  /** Somebody gave back a head that this device never signed. Nothing follows from it. */
  | { readonly type: 'headIgnored'; readonly from: 'relay' | 'device' }
  /**
   * Mail of a device of `user` came under a message key that is gone, and is none of the mail that was read.
   * Told of the same device again and again, that device was put back from a backup or runs twice, and
   * the relay hides it from its user: ask them. Once, the mail may have been damaged, or very late.
   */
  | {
      readonly type: 'keyRepeated';
      readonly user: string;
      readonly deviceId: number;
      readonly envelopeId: string;
    }
  /** The state was put back, or a copy runs elsewhere; see `Device.rollback`. */
  | { readonly type: 'rolledBack'; readonly notice: RollbackNotice }
  /** The relay took the next incarnation: sending goes on, with new sessions. */
  | { readonly type: 'renewed' }
  /** A keychain does not let go of an old key, so old copies of the vault still open with it. */
  | { readonly type: 'rotationHindered'; readonly code: string; readonly detail: string }
  /** `cause`: what failed, where something did; it says what to do. */
  | { readonly type: 'closed'; readonly reason: CloseReason; readonly cause?: SessionError };

/**
 * Why a device stopped. `storeFailed`: the medium did, or what was found on it; what was in flight may or
 * may not be durable, and opening the device again tells. `replaced`: a copy of it took the next
 * incarnation. `rolledBack`: its state was put back, and it was opened to refuse that. `takenOver`: another
 * process has its log now.
 */
export type CloseReason =
  | 'closed'
  | 'revoked'
  | 'replaced'
  | 'rolledBack'
  | 'connectedElsewhere'
  | 'takenOver'
  | 'storeFailed';

/** Counters since the device was opened. */
export interface DeviceStats {
  readonly delivered: number;
  readonly duplicates: number;
  readonly resendRequested: number;
  readonly healed: number;
  readonly dead: Readonly<Partial<Record<DeadReason, number>>>;
  /** Envelopes handed to the relay's acceptance, receipts included. */
  readonly envelopesSent: number;
  readonly sessionsStarted: number;
  readonly commits: number;
}
