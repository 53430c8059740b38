/** What can happen to a device, as data: commands of the application, answers and mail of the relay. */

import type {
  DeviceHead,
  DeviceId,
  IdentityModel,
  IncomingEnvelope,
  MessageId,
  PostId,
  PostResult,
  PreKeyBundle,
  PreKeyCounters,
  SignedDeviceList,
  UserId,
} from '@simsim/relay-protocol';
import type { DeviceName } from './device-name-brand.ts';
import type { NamesTold } from './device-name.ts';
import type { LogPlace } from './heads.ts';
import type { LinkKeys, Provision } from './link.ts';
import type { PreparedSession } from './prepared-session.ts';
import type { StreamId } from './streams.ts';
import type { TrustLevel } from './user-record.ts';

/** Why a post was made; kept beside it in the outbox, so that its result finds its way after a crash. */
export type PostOrigin =
  /** A round of a send to one user. */
  | { readonly type: 'round'; readonly messageId: MessageId; readonly userId: UserId }
  /** A copy encrypted again for one device. */
  | {
      readonly type: 'resend';
      readonly messageId: MessageId;
      readonly userId: UserId;
      readonly deviceId: DeviceId;
    }
  /** A receipt or a retry request to one device: nothing waits for it. */
  | { readonly type: 'notice'; readonly userId: UserId; readonly deviceId: DeviceId };

/** What the relay answered to one claimed device. */
export type ClaimResult =
  | {
      readonly deviceId: DeviceId;
      readonly bundle: PreKeyBundle;
      /** Its session, where it was made ahead. */
      readonly prepared?: PreparedSession;
    }
  | { readonly deviceId: DeviceId; readonly gone: true };

/** A resend that waits for a claim. */
export interface ResendRef {
  readonly messageId: MessageId;
  readonly deviceId: DeviceId;
}

/** Everything a device decides about. */
export type Input =
  /** Make a new user with this device as its first. */
  | {
      readonly type: 'create';
      readonly userId: UserId;
      readonly deviceId?: DeviceId;
      /** Default `per-user`. A user keeps to one. */
      readonly identityModel?: IdentityModel;
      readonly oneTimeKeys?: number;
      /** One-time KEM prekeys; as many as of the others, up to a target, unless told otherwise. */
      readonly oneTimeKemKeys?: number;
    }
  /** Become a further device from what an existing one sent. */
  | {
      readonly type: 'linked';
      readonly provision: Provision;
      /** What the link offer showed the public halves of. */
      readonly keys: Pick<LinkKeys, 'deviceKey' | 'identity'>;
      readonly registrationId: number;
      readonly oneTimeKeys?: number;
      /** One-time KEM prekeys; as many as of the others, up to a target, unless told otherwise. */
      readonly oneTimeKemKeys?: number;
    }
  /** The relay took the registration. */
  | { readonly type: 'registered' }
  /** The relay says this device was removed. */
  | { readonly type: 'revoked' }
  /** The relay knows the device's token no longer; the own list, where it gave one, says why. */
  | { readonly type: 'shutOut'; readonly list?: SignedDeviceList }
  /** Opening found log or vault put back. */
  | {
      readonly type: 'rolledBack';
      readonly source: 'log' | 'vault';
      readonly seen: LogPlace;
      readonly found: LogPlace;
      readonly lost: readonly StreamId[];
    }
  /** Somebody gave back a head of this device. */
  | {
      readonly type: 'headSeen';
      readonly source: 'relay' | 'device';
      readonly head: DeviceHead;
    }
  /** An own device told its head, and the newest one of ours that it saw. */
  | {
      readonly type: 'headsTold';
      readonly deviceId: DeviceId;
      readonly head: DeviceHead;
      readonly echo?: DeviceHead;
    }
  /** It is time to tell own devices where this log stands, all of them or one. */
  | { readonly type: 'shareHeads'; readonly to?: DeviceId }
  /** The owner gives a device a name, or takes it back with an empty one. */
  | { readonly type: 'renameDevice'; readonly deviceId: DeviceId; readonly name: DeviceName }
  /** Every own device is to know all names; the id is the telling's own. */
  | { readonly type: 'tellNames'; readonly messageId: MessageId; readonly isAnswer?: true }
  /** An own device told the names it knows. */
  | ({ readonly type: 'namesTold' } & NamesTold)
  /** The process (re)started: what is still owed? */
  | { readonly type: 'started' }
  /** The application sends; `messageId` makes a repeat harmless. */
  | {
      readonly type: 'send';
      readonly messageId: MessageId;
      readonly to: readonly UserId[];
      readonly body: Uint8Array;
      readonly conversation?: string;
    }
  /** Posts of one origin kind were answered. */
  | {
      readonly type: 'posted';
      readonly postId: PostId;
      readonly origin: PostOrigin;
      readonly result: PostResult;
    }
  /** A claim was answered, for the sends and resends that waited for it. */
  | {
      readonly type: 'claimed';
      readonly userId: UserId;
      readonly results: readonly ClaimResult[];
      readonly sends: readonly MessageId[];
      readonly resends: readonly ResendRef[];
    }
  /** The relay answered a claim for a user it does not know. */
  | {
      readonly type: 'claimFailed';
      readonly userId: UserId;
      readonly sends: readonly MessageId[];
      readonly resends: readonly ResendRef[];
    }
  /**
   * Mail arrived; `isListFresh` once its sender's device list was fetched on our asking, `isFollowed` once
   * the relay has said how the own list went on.
   */
  | {
      readonly type: 'envelope';
      readonly envelope: IncomingEnvelope;
      readonly isListFresh?: true;
      readonly isFollowed?: true;
    }
  /** Receipts that an opened envelope carried. */
  | {
      readonly type: 'receipted';
      readonly userId: UserId;
      readonly deviceId: DeviceId;
      readonly messageIds: readonly MessageId[];
    }
  /** Send receipts for messages of one device whose plaintext is durable. */
  | {
      readonly type: 'sendReceipts';
      readonly userId: UserId;
      readonly deviceId: DeviceId;
      readonly messageIds: readonly MessageId[];
    }
  /** Remove a device that is in other hands, under another identity key. */
  | { readonly type: 'removeCompromised'; readonly deviceId: DeviceId }
  /** How the own list went on, from the version that is known. */
  | {
      readonly type: 'succession';
      readonly lists: readonly SignedDeviceList[];
      readonly sealed?: Uint8Array;
    }
  /** It is time to tell the next contacts that there is another own identity key. */
  | { readonly type: 'tellContacts' }
  /** The relay will never take the identity key that waits. */
  | { readonly type: 'successionRefused' }
  /** A device list was fetched. */
  | { readonly type: 'listLearned'; readonly list: SignedDeviceList }
  /** The application accepts a user's identity key, `verified` if it was compared. */
  | {
      readonly type: 'trustIdentity';
      readonly userId: UserId;
      readonly identityKey: Uint8Array;
      /** Default: `accepted`. */
      readonly level?: TrustLevel;
    }
  /** The application will not have the key that was offered for a user. */
  | {
      readonly type: 'refuseIdentity';
      readonly userId: UserId;
      /** The key in question [32]; refused as `UNKNOWN_KEY` where it is in question no more. */
      readonly identityKey?: Uint8Array;
    }
  /** The application wants nothing to be known of a user any more. */
  | { readonly type: 'forgetUser'; readonly userId: UserId }
  /** The application deleted a message it sent: nobody gets it again (SES-77). */
  | { readonly type: 'forgetSend'; readonly messageId: MessageId }
  /** The relay has few one-time prekeys left of one kind; `kemCount` absent leaves those as they are. */
  | {
      readonly type: 'replenish';
      readonly count: number;
      readonly kemCount?: number;
      readonly target?: number;
    }
  /** What the relay has of this device's prekeys, asked for at a start. */
  | {
      readonly type: 'keysChecked';
      /** Whether the keys that are handed out again and again are those of this log; their ids there. */
      readonly isSame: boolean;
      readonly signedPreKeyId: number;
      readonly lastResortId: number;
      readonly oneTime: PreKeyCounters;
      readonly kem: PreKeyCounters;
    }
  /** The relay took an upload: the highest one-time ids in it, 0 for none. */
  | { readonly type: 'keysUploaded'; readonly oneTime: number; readonly kem: number }
  /** Time passed: expire what is over its limit, replace prekeys that are due. */
  | {
      readonly type: 'swept';
      /** Goes on where a sweep of many users stopped. */
      readonly after?: StreamId;
    }
  /**
   * All mail that waited when the effect `drain` asked for it was fetched and decided, failures included
   * (SES-26). A fetch that was cut off does not count.
   */
  | { readonly type: 'drained'; readonly dueMs: number; readonly users: readonly UserId[] };
