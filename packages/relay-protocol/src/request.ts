/** What a device may ask of a relay. */

import type { DeviceApproval } from './device-approval.ts';
import type { DeviceHead } from './device-head.ts';
import type { DeviceId } from './device-id-brand.ts';
import type { SignedDeviceList } from './device-list.ts';
import type { Post } from './post.ts';
import type { PreKeyUpload } from './pre-keys.ts';
import type { ClaimId } from './random-id-brand.ts';
import type { Heir } from './succession.ts';
import type { UserId } from './user-id-brand.ts';

/** Asks for a nonce [32], good once and for 5 minutes. */
export interface NonceRequest {
  readonly kind: 'nonce';
}

/** Makes a user with its first device. Repeated with the same list and token it succeeds again. */
export interface CreateAccountRequest {
  readonly kind: 'createAccount';
  readonly userId: UserId;
  readonly nonce: Uint8Array;
  /** Version 1 with one device. */
  readonly list: SignedDeviceList;
  /** XEdDSA [64] over `accountProofBytes`. */
  readonly identityProof: Uint8Array;
  /** Ed25519 [64] over the same. */
  readonly deviceProof: Uint8Array;
  /** SHA-256 [32] of the 32-byte bearer token the device will use. */
  readonly tokenHash: Uint8Array;
  readonly keys: PreKeyUpload;
}

/** Joins an approved device to its user. Repeated with the same list and token it succeeds again. */
export interface AddDeviceRequest {
  readonly kind: 'addDevice';
  readonly userId: UserId;
  readonly nonce: Uint8Array;
  readonly deviceId: DeviceId;
  /** By a device that is listed now. */
  readonly approval: DeviceApproval;
  /** The next version: this device more, at most one fewer, whose place it takes; the others as they were. */
  readonly list: SignedDeviceList;
  /** Ed25519 [64] by the new device's key over `deviceProofBytes`. */
  readonly deviceProof: Uint8Array;
  /** XEdDSA [64] by the device's own identity key over the same; in the per-device model only. */
  readonly identityProof?: Uint8Array;
  /** SHA-256 [32] of the 32-byte bearer token. */
  readonly tokenHash: Uint8Array;
  readonly keys: PreKeyUpload;
}

/**
 * Gives a listed device a new registration id, a new token and new prekeys: what it does after its
 * state was put back. Mail that waits stays. Repeated with the same list and token it succeeds again.
 */
export interface RenewDeviceRequest {
  readonly kind: 'renewDevice';
  readonly userId: UserId;
  readonly nonce: Uint8Array;
  readonly deviceId: DeviceId;
  /** The next version, signed by the device: its own registration id differs, nothing else. */
  readonly list: SignedDeviceList;
  /** Ed25519 [64] by the device's key over `renewalProofBytes`. */
  readonly deviceProof: Uint8Array;
  /** SHA-256 [32] of the new bearer token; the old one ends. */
  readonly tokenHash: Uint8Array;
  readonly keys: PreKeyUpload;
}

/**
 * Publishes a next list with fewer devices, at least one. The caller must be its signer. A list under
 * another identity key goes with what each device that stays needs of it.
 */
export interface RemoveDeviceRequest {
  readonly kind: 'removeDevice';
  readonly list: SignedDeviceList;
  /** One for each device of the list, where its identity key is another; none otherwise. */
  readonly heirs?: readonly Heir[];
}

/**
 * Asks how a user's list went on since a version, and for the identity key sealed for a device. Lists of
 * before are for a listed device only; its key signs, for it may have lost its token.
 */
export interface GetSuccessionRequest {
  readonly kind: 'getSuccession';
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  /** The version that the device knows; the answer begins with it, as far as the relay goes back. */
  readonly since: number;
  /** Ed25519 [64] by the device key over `successionAskBytes`. */
  readonly signature: Uint8Array;
}

/** Asks for the signed prekeys of the caller's user's devices, to be signed again. */
export interface GetSignedKeysRequest {
  readonly kind: 'getSignedKeys';
  /** 1…16, none twice; any order, the codec sorts. */
  readonly devices: readonly DeviceId[];
}

/** Asks for a user's list unless it is still at version `since` (0: any). */
export interface GetListRequest {
  readonly kind: 'getList';
  readonly userId: UserId;
  readonly since: number;
}

/** Uploads prekeys. Idempotent: the same bytes under the same id succeed again. */
export interface UploadKeysRequest {
  readonly kind: 'uploadKeys';
  readonly keys: PreKeyUpload;
  /** One-time prekeys of before that nobody has are forgotten: the device has lost their other halves. */
  readonly replacesOneTime?: true;
  /** The identity key [32] that signed them; refused where the list names another. */
  readonly identityKey?: Uint8Array;
}

/**
 * Asks whether the relay has the keys that a device believes it has; one time question at a start.
 */
export interface CheckKeysRequest {
  readonly kind: 'checkKeys';
  /** `preKeyDigest` [32] of its signed prekey and its last-resort KEM prekey. */
  readonly digest: Uint8Array;
}

/** Takes one bundle per device; repeated with the same id it gives the same bundles. */
export interface ClaimKeysRequest {
  readonly kind: 'claimKeys';
  readonly claimId: ClaimId;
  readonly userId: UserId;
  /** 1…16, none twice; any order, the codec sorts. */
  readonly devices: readonly DeviceId[];
}

/** What a device says of itself with its posts. */
export interface PostingHead {
  /** Where its log stands: at or after every event behind the posts. */
  readonly head: DeviceHead;
  /** The link [32] of the head it believes to be at the relay; zeros for none. */
  readonly expected: Uint8Array;
}

/** Posts envelopes; each post is its own all-or-nothing decision. */
export interface PostRequest {
  readonly kind: 'post';
  /** Refused as a whole where another head than the expected one is at the relay: a copy posted. */
  readonly from?: PostingHead;
  /** At most 64. */
  readonly posts: readonly Post[];
}

/** Reads the caller's mailbox above a sequence number; removes nothing. */
export interface FetchRequest {
  readonly kind: 'fetch';
  readonly after: number;
  /** 1…64. */
  readonly limit: number;
}

/** Removes mail from the caller's mailbox. Unknown numbers are fine. */
export interface AckRequest {
  readonly kind: 'ack';
  /** Any order, at most 4096. */
  readonly seqs: readonly number[];
}

/** Gives the caller's head; the answer is the one the relay had. Kept only if it is further on. */
export interface ExchangeHeadRequest {
  readonly kind: 'exchangeHead';
  readonly head: DeviceHead;
}

/** Leaves ciphertext for a device that is being linked, for 10 minutes. */
export interface PutLinkRequest {
  readonly kind: 'putLink';
  /** 16 random bytes, known to both devices. */
  readonly address: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** Takes what was left at an address; it can be taken once. */
export interface TakeLinkRequest {
  readonly kind: 'takeLink';
  readonly address: Uint8Array;
  /**
   * 16 random bytes of whoever takes it, the same each time: until its time is over, what was taken with
   * them comes again, for its answer may have been lost. Without them it is gone at once.
   */
  readonly taker?: Uint8Array;
}

/** Every request. */
export type RelayRequest =
  | NonceRequest
  | CreateAccountRequest
  | AddDeviceRequest
  | RenewDeviceRequest
  | RemoveDeviceRequest
  | GetListRequest
  | UploadKeysRequest
  | CheckKeysRequest
  | ClaimKeysRequest
  | PostRequest
  | FetchRequest
  | AckRequest
  | PutLinkRequest
  | TakeLinkRequest
  | ExchangeHeadRequest
  | GetSuccessionRequest
  | GetSignedKeysRequest;

/** The name of a request. */
export type RequestKind = RelayRequest['kind'];

/** Whether a request needs the caller's bearer token. */
export const NEEDS_TOKEN: Readonly<Record<RequestKind, boolean>> = {
  nonce: false,
  createAccount: false,
  addDevice: false,
  removeDevice: true,
  getList: false,
  uploadKeys: true,
  checkKeys: true,
  claimKeys: true,
  post: true,
  fetch: true,
  ack: true,
  putLink: true,
  takeLink: false,
  exchangeHead: true,
  renewDevice: false,
  getSuccession: false,
  getSignedKeys: true,
};
