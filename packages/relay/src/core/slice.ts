/** What a decision reads: asked for by `sliceFor`, read by a store inside the transaction. */

import type {
  ClaimId,
  ClaimResult,
  DeviceEntry,
  DeviceHead,
  DeviceId,
  EnvelopeId,
  EnvelopeKind,
  KemPreKey,
  OneTimePreKey,
  PostId,
  PreKeyCounters,
  SignedDeviceList,
  SignedPreKey,
  UserId,
} from '@simsim/relay-protocol';

/** A device, named with its user. */
export interface DeviceAddress {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}

/** What a store is asked to read. Parts that say "the caller's" are empty without a caller. */
export interface SliceQuery {
  /** SHA-256 of the bearer token; resolves to the caller. */
  readonly tokenHash?: Uint8Array;
  readonly users?: readonly UserId[];
  readonly nonce?: Uint8Array;
  /** Whether to count the nonces that are out. */
  readonly countsNonces?: true;
  /** Posts of the caller's that may have been accepted before. */
  readonly posts?: readonly PostId[];
  /** A claim of the caller's that may have been answered before. */
  readonly claim?: ClaimId;
  /** Devices whose next bundle is wanted. */
  readonly keysOf?: readonly DeviceAddress[];
  /** The same of devices of the caller's user. */
  readonly ownUsersKeys?: readonly DeviceId[];
  /** A user's lists from a version on, and what is sealed for a device. */
  readonly succession?: DeviceAddress & { readonly since: number };
  /** Whether to read the caller's list entry and head. */
  readonly ownEntry?: true;
  /** Whether to read the identity key that the caller's list names. */
  readonly ownIdentity?: true;
  /** The caller's own keys: its counters, and which of these one-time ids are known. */
  readonly ownKeys?: { readonly oneTime: readonly number[]; readonly kem: readonly number[] };
  /** The caller's mailbox above `after`: at most `limit` envelopes and about `bytesMax` bytes. */
  readonly mail?: { readonly after: number; readonly limit: number; readonly bytesMax: number };
  readonly link?: Uint8Array;
}

/** What a store found. */
export interface Slice {
  readonly caller?: DeviceAddress;
  /** Only users that exist. */
  readonly accounts: ReadonlyMap<UserId, Account>;
  readonly nonceExpiresAtMs?: number;
  readonly nonceCount: number;
  /** Only posts that were accepted. */
  readonly posts: ReadonlyMap<PostId, AcceptedPost>;
  readonly claim?: AnsweredClaim;
  /** Only devices that exist, by {@link addressKey}. */
  readonly keysOf: ReadonlyMap<string, DeviceKeys>;
  /** Absent for a user who does not exist. */
  readonly succession?: Succession;
  readonly ownEntry?: OwnEntry;
  readonly ownIdentity?: Uint8Array;
  readonly ownKeys?: OwnKeys;
  readonly mail?: MailPage;
  readonly link?: {
    readonly ciphertext: Uint8Array;
    readonly expiresAtMs: number;
    /** Who took it; absent while it waits. */
    readonly taker?: Uint8Array;
  };
}

/** A user as the relay knows it. */
export interface Account {
  readonly list: SignedDeviceList;
  /** One for each listed device. */
  readonly devices: ReadonlyMap<DeviceId, AccountDevice>;
}

/** A device as the relay knows it beyond its list entry. */
export interface AccountDevice {
  readonly tokenHash: Uint8Array;
  /** Envelopes waiting. */
  readonly mailCount: number;
  /** Their content, in bytes. */
  readonly mailBytes: number;
}

/** A post that was accepted: what tells a repeat from another body, and the answer it got. */
export interface AcceptedPost {
  readonly bodyHash: Uint8Array;
  readonly listVersion: number;
}

/** A claim that was answered. */
export interface AnsweredClaim {
  readonly bodyHash: Uint8Array;
  readonly results: readonly ClaimResult[];
}

/** Where one kind of a device's one-time prekeys stands. */
export type KeyCounters = PreKeyCounters;

/** The counters of a device that uploaded nothing. */
export const NO_KEYS: KeyCounters = { count: 0, lastIssuedId: 0, highestSeenId: 0 };

/** A device's keys, as a claim needs them. */
export interface DeviceKeys extends KeyCounters {
  readonly signedPreKey: SignedPreKey;
  /** The oldest one not handed out. */
  readonly nextOneTimePreKey?: OneTimePreKey;
  readonly kem: KeyCounters & {
    /** Absent where the device never uploaded one. */
    readonly lastResort?: KemPreKey;
    /** The oldest one-time one. */
    readonly next?: KemPreKey;
  };
}

/** The caller as its user's list names it, and the head it gave last. */
export interface OwnEntry {
  readonly entry: DeviceEntry;
  readonly head?: DeviceHead;
}

/** How a user's list went on. */
export interface Succession {
  /** From the asked version on, or from the oldest that is kept; the current one is the last. */
  readonly lists: readonly SignedDeviceList[];
  /** The identity key that was last sealed for the device. */
  readonly sealed?: Uint8Array;
}

/** A device's keys, as its own upload needs them. */
export interface OwnKeys extends KeyCounters {
  readonly signedPreKey: SignedPreKey;
  /** Which of the asked ids are known, with their public keys. */
  readonly known: ReadonlyMap<number, Uint8Array>;
  readonly kem: KeyCounters & {
    readonly lastResort?: KemPreKey;
    /** The same of the one-time KEM prekeys; those handed out are gone. */
    readonly known: ReadonlyMap<number, Uint8Array>;
  };
}

/** An envelope in a mailbox, before it has its place. */
export interface NewMail {
  readonly sender: DeviceAddress;
  readonly envelopeId: EnvelopeId;
  readonly kind: EnvelopeKind;
  readonly content: Uint8Array;
  readonly storedAtMs: number;
}

/** An envelope in its place in a mailbox. */
export interface StoredMail extends NewMail {
  readonly seq: number;
}

/** A part of a mailbox, in order. `isEmpty`: nothing waits above it. */
export interface MailPage {
  readonly mail: readonly StoredMail[];
  readonly isEmpty: boolean;
}

/** One string for a device address, for maps. User ids have no control characters. */
export function addressKey(address: DeviceAddress): string {
  return `${address.userId}\n${address.deviceId}`;
}

/** Every device whose keys a query asks for, once the caller is known. */
export function keysWanted(
  { keysOf = [], ownUsersKeys = [] }: SliceQuery,
  caller: DeviceAddress | undefined,
): readonly DeviceAddress[] {
  if (caller === undefined) return keysOf;
  const { userId } = caller;
  return [...keysOf, ...ownUsersKeys.map((deviceId) => ({ userId, deviceId }))];
}
