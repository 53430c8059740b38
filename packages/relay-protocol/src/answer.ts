/** What a relay answers. */

import type { Result } from '@simsim/bytes';
import type { DeviceHead } from './device-head.ts';
import type { DeviceId } from './device-id-brand.ts';
import type { SignedDeviceList } from './device-list.ts';
import type { IncomingEnvelope, PostResult } from './post.ts';
import type { KemPreKey, PreKeyBundle, SignedPreKey } from './pre-keys.ts';
import type { RelayRefusal } from './refusal.ts';
import type { RequestKind } from './request.ts';

/** What a claim found for one device. */
export type ClaimResult =
  | { readonly deviceId: DeviceId; readonly bundle: PreKeyBundle }
  | { readonly deviceId: DeviceId; readonly gone: true };

/** What is known of a user's list. */
export type ListResult =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'list'; readonly list: SignedDeviceList }
  | { readonly kind: 'unknownUser' };

/** Where one kind of one-time prekeys of a device stands. */
export interface PreKeyCounters {
  /** One-time prekeys not handed out yet. */
  readonly count: number;
  /** The highest one-time id handed out; 0 for none. */
  readonly lastIssuedId: number;
  /** The highest one-time id ever uploaded; new keys go above it. */
  readonly highestSeenId: number;
}

/** What became of one kind of one-time prekeys in an upload. */
export interface PreKeysTaken extends PreKeyCounters {
  /** Keys that were not taken: known ids with other bytes, or ids below the highest seen. */
  readonly refusedIds: readonly number[];
}

/** What became of an upload. */
export interface UploadKeysAnswer extends PreKeysTaken {
  readonly kind: 'uploadKeys';
  /** Whether the signed prekey stands now: refused if its id is older, or known with other bytes. */
  readonly isSignedPreKeyTaken: boolean;
  /** The one-time KEM prekeys. */
  readonly kem: PreKeysTaken;
  /** As for the signed prekey; also refused under the id of a one-time KEM prekey. */
  readonly isLastResortTaken: boolean;
}

/** What the relay has of a device's keys. */
export interface CheckKeysAnswer {
  readonly kind: 'checkKeys';
  /** Whether its signed prekey and its last resort are the ones of the digest. */
  readonly isSame: boolean;
  /** Their ids at the relay; 0 for no last resort. */
  readonly signedPreKeyId: number;
  readonly lastResortId: number;
  readonly oneTime: PreKeyCounters;
  readonly kem: PreKeyCounters;
}

/** What the relay has of the signed prekeys of a device. */
export interface SignedKeys {
  readonly deviceId: DeviceId;
  readonly signedPreKey: SignedPreKey;
  /** Absent where none was ever uploaded. */
  readonly lastResort?: KemPreKey;
}

/** Every answer, named after its request. */
export type RelayAnswer =
  | { readonly kind: 'nonce'; readonly nonce: Uint8Array }
  | { readonly kind: 'createAccount' }
  | { readonly kind: 'addDevice' }
  | { readonly kind: 'removeDevice' }
  | { readonly kind: 'getList'; readonly result: ListResult }
  | UploadKeysAnswer
  | CheckKeysAnswer
  | { readonly kind: 'claimKeys'; readonly results: readonly ClaimResult[] }
  /** One result per post, in order. */
  | { readonly kind: 'post'; readonly results: readonly PostResult[] }
  /** `isEmpty`: nothing waits above the last envelope. */
  | {
      readonly kind: 'fetch';
      readonly envelopes: readonly IncomingEnvelope[];
      readonly isEmpty: boolean;
    }
  | { readonly kind: 'ack' }
  | { readonly kind: 'putLink' }
  | { readonly kind: 'takeLink'; readonly ciphertext?: Uint8Array }
  /** The head as the device gave it last, word for word; none where it never gave one. */
  | { readonly kind: 'exchangeHead'; readonly before?: DeviceHead }
  | { readonly kind: 'renewDevice' }
  /** Lists in order, the last one current; `sealed` where the current identity key followed another. */
  | {
      readonly kind: 'getSuccession';
      readonly lists: readonly SignedDeviceList[];
      readonly sealed?: Uint8Array;
    }
  /** Only devices that are listed. */
  | { readonly kind: 'getSignedKeys'; readonly devices: readonly SignedKeys[] };

/** The answer to one kind of request. */
export type AnswerTo<K extends RequestKind> = Extract<RelayAnswer, { readonly kind: K }>;

/** What comes back for a request: its answer or a refusal. */
export type RelayOutcome = Result<RelayAnswer, RelayRefusal>;
