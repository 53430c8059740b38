/** What the model of Sesame holds: records, copies on their way, and debts. No behaviour is here. */

import type { DeviceId, EnvelopeId, MessageId, UserId } from '@simsim/relay-protocol';
import type { SessionId, TrustLevel, TrustPolicy } from '@simsim/sesame';

/** What must hold: see `invariants.ts`. */
export type InvariantName =
  | 'S1'
  | 'S9'
  | 'S10'
  | 'S11'
  | 'S13'
  | 'T-28'
  | 'L1'
  | 'L2'
  | 'L3'
  | 'L4';

/** A user's device, whichever incarnation of it: `user.7`. */
export type Address = string;

/** DeviceRecord (SES-18, SES-20). Sessions are in order, the newest first. */
export interface DeviceRow {
  incarnation: number;
  /** Only a message of its own told of it; no list has named it (SES-32). */
  isMet: boolean;
  active: SessionId | undefined;
  inactive: SessionId[];
  /** Sessions of before the own state was put back; they may decrypt and nothing else. */
  frozen: SessionId[];
  staleAt: number | undefined;
  /** When sessions began: one that a first message began is as old as that message, or less. */
  readonly began: Map<SessionId, { readonly earliest: number; readonly latest: number }>;
  /** Whether one too old to send, or not quite, opened mail: its place in the order is open. */
  isOrderOpen: boolean;
}

/** UserRecord: the newest list that was accepted, and the devices. */
export interface UserRow {
  version: number;
  listed: Map<DeviceId, number>;
  staleAt: number | undefined;
  devices: Map<DeviceId, DeviceRow>;
}

/** Whose identity key it is: a user's, or in the other model one device's (SES-22): `ada`, `ada.7`. */
export type KeyPlace = string;

/** What a device knows of an identity key (SES-35), and what its application said of it. Keys in hex. */
export interface Pin {
  /** Undefined where another one was only shown. */
  readonly key: string | undefined;
  /** Undefined where it was only seen. */
  level: TrustLevel | undefined;
  /** Another key that was shown, and that nobody has accepted. */
  offered: string | undefined;
}

/** What one device has. All of it goes back where its state is put back. */
export interface ModelDevice {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly rows: Map<UserId, UserRow>;
  readonly pins: Map<KeyPlace, Pin>;
  /** The identity key at the other end of a session. */
  readonly keyOf: Map<SessionId, string>;
  /** Sends that wait for a key: `message user`. */
  readonly held: Set<string>;
  /** What its application wants of a key before anything is sent to it. */
  readonly policy: TrustPolicy;
  /** Sessions once accepted from a first message: a repeat begins none (SES-63). */
  readonly accepted: Set<SessionId>;
  readonly opened: Set<EnvelopeId>;
  /** Messages of the application that it got. */
  readonly kept: Set<MessageId>;
  /** Messages its application gave it. */
  readonly said: Set<MessageId>;
  /** Messages whose plaintext it still has for whoever asks again. */
  readonly sends: Set<MessageId>;
  /** When its prekeys were last replaced as a whole: first messages for earlier ones are in vain. */
  preKeysSince: number;
  /** Sessions of before it was found put back, or a copy of another one (S13). */
  readonly before: Set<SessionId>;
  /** Sessions whose keys may be lost with a file that was put back. */
  readonly unsure: Set<SessionId>;
}

/** One ciphertext or retry request, from its encryption to its end. */
export interface Copy {
  readonly from: Address;
  readonly to: Address;
  readonly session: SessionId | undefined;
  /** What it carries of the application; undefined for receipts, heads and retry requests. */
  messageId?: MessageId;
  /** The copy that a retry request asks for. */
  readonly asksFor?: EnvelopeId | undefined;
  /** Made for a device that the newest accepted list names. */
  readonly isListed: boolean;
  /** Why it should have waited for the recipient's key, if it says something of the application. */
  readonly hold: string | undefined;
  /** The sender's identity key. */
  readonly key: string | undefined;
  /** Made for a user who is marked stale. */
  readonly isLate: boolean;
  isInitiation: boolean;
  /** Made because the device asked for it, not by a round. */
  isResend?: true;
  fate: 'written' | 'posted' | 'lost' | 'opened' | 'asked' | 'ended';
}

/** One message for one device the relay took it for. */
export interface Debt {
  /** Why it may never arrive: mail was lost, or whoever could send it again no longer can. */
  excuse: string | undefined;
  resends: number;
}

/** Everything there is. `say` notes that something was broken; `limits` are the engine's. */
export interface Model {
  readonly devices: Map<Address, ModelDevice>;
  readonly copies: Map<EnvelopeId, Copy>;
  readonly debts: Map<MessageId, Map<Address, Debt>>;
  /** When sessions were begun by their initiators. */
  readonly begun: Map<SessionId, number>;
  /** Sends to one user that were lied about, or ran out of time, so that they may
   * fail: `message user`, `message *`. */
  readonly lies: Set<string>;
  /** Keys of one number stand for each other: one device of a user approved the next. `user key`. */
  readonly kin: Map<string, number>;
  /** What applications said of keys, and never take back: `device user key`. */
  readonly words: Map<string, TrustLevel>;
  /** Where the relay last knew each incarnation of a device to stand: `device incarnation`. */
  readonly heads: Map<string, { readonly seq: number; readonly hash: string }>;
  /** How often a user began anew. */
  resets: number;
  /** Sessions begun beside an active one; each must serve a resend (SES-73): `from to`. */
  readonly surplus: Map<string, number>;
  /** Pairs in which a receipt was lost: the sender waits in vain until its limit: `from to`. */
  readonly silenced: Set<string>;
  readonly findings: { readonly name: InvariantName; readonly text: string }[];
  readonly limits: {
    readonly inactive: number;
    readonly frozen: number;
    readonly resends: number;
    /** MAXSEND and MAXLATENCY, ms. */
    readonly sendMs: number;
    readonly latencyMs: number;
  };
}

/** Whom an operation of one device is about. */
export interface Peer {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}

export const addressOf = ({ userId, deviceId }: Peer): Address => `${userId}.${deviceId}`;

/** A user, or one device. */
export interface Whose {
  readonly userId: UserId;
  readonly deviceId?: DeviceId | undefined;
}

export const placeOf = ({ userId, deviceId }: Whose): KeyPlace =>
  deviceId === undefined ? userId : addressOf({ userId, deviceId });

export function say(model: Model, name: InvariantName, text: string): void {
  model.findings.push({ name, text });
}
