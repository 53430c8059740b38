/** What a decision changes. A store applies changes in order, in the transaction of the slice. */

import type {
  ClaimId,
  ClaimResult,
  DeviceHead,
  KemPreKey,
  OneTimePreKey,
  PostId,
  SignedDeviceList,
  SignedPreKey,
} from '@simsim/relay-protocol';
import type { DeviceAddress, KeyCounters, NewMail } from './slice.ts';

/** One change. */
export type Change =
  | { readonly kind: 'nonceIssued'; readonly nonce: Uint8Array; readonly expiresAtMs: number }
  | { readonly kind: 'nonceSpent'; readonly nonce: Uint8Array }
  /** Makes the account, or replaces its list; the former ones are kept, {@link LISTS_KEPT_MAX} in all. */
  | { readonly kind: 'listChanged'; readonly list: SignedDeviceList }
  /** Follows `listChanged`. */
  | {
      readonly kind: 'deviceAdded';
      readonly device: DeviceAddress;
      readonly tokenHash: Uint8Array;
      readonly signedPreKey: SignedPreKey;
    }
  /** Follows `listChanged`: another token, no keys and no head of before; the mailbox stays. */
  | {
      readonly kind: 'deviceRenewed';
      readonly device: DeviceAddress;
      readonly tokenHash: Uint8Array;
      readonly signedPreKey: SignedPreKey;
    }
  /** The identity key sealed for a device; the one before goes. */
  | {
      readonly kind: 'identitySealed';
      readonly device: DeviceAddress;
      readonly sealed: Uint8Array;
    }
  | { readonly kind: 'headStored'; readonly device: DeviceAddress; readonly head: DeviceHead }
  /** Removes the device with its token, keys, mailbox, and what it posted or claimed. */
  | { readonly kind: 'deviceRemoved'; readonly device: DeviceAddress }
  | {
      readonly kind: 'signedPreKeyStored';
      readonly device: DeviceAddress;
      readonly key: SignedPreKey;
    }
  | {
      readonly kind: 'preKeysStored';
      readonly device: DeviceAddress;
      readonly keys: readonly OneTimePreKey[];
    }
  | {
      readonly kind: 'preKeyIssued';
      readonly device: DeviceAddress;
      readonly id: number;
      readonly atMs: number;
    }
  | {
      readonly kind: 'keysCounted';
      readonly device: DeviceAddress;
      readonly counters: KeyCounters;
    }
  | {
      readonly kind: 'lastResortStored';
      readonly device: DeviceAddress;
      readonly key: KemPreKey;
    }
  | {
      readonly kind: 'kemPreKeysStored';
      readonly device: DeviceAddress;
      readonly keys: readonly KemPreKey[];
    }
  /** The key leaves the store with the claim that got it (PQ-6). */
  /** One-time prekeys of either kind that nobody has go; counters follow. */
  | { readonly kind: 'oneTimeKeysForgotten'; readonly device: DeviceAddress }
  | { readonly kind: 'kemPreKeyIssued'; readonly device: DeviceAddress; readonly id: number }
  | {
      readonly kind: 'kemKeysCounted';
      readonly device: DeviceAddress;
      readonly counters: KeyCounters;
    }
  /** The store gives the envelope the mailbox's next number. */
  | { readonly kind: 'mailStored'; readonly device: DeviceAddress; readonly mail: NewMail }
  | {
      readonly kind: 'mailAcknowledged';
      readonly device: DeviceAddress;
      readonly seqs: readonly number[];
    }
  | {
      readonly kind: 'postAccepted';
      readonly device: DeviceAddress;
      readonly postId: PostId;
      readonly bodyHash: Uint8Array;
      readonly listVersion: number;
      readonly atMs: number;
    }
  /** Of a device's claims the newest {@link CLAIMS_KEPT_MAX} stay. */
  | {
      readonly kind: 'claimAnswered';
      readonly device: DeviceAddress;
      readonly claimId: ClaimId;
      readonly bodyHash: Uint8Array;
      readonly results: readonly ClaimResult[];
      readonly atMs: number;
    }
  | {
      readonly kind: 'linkPut';
      readonly address: Uint8Array;
      readonly ciphertext: Uint8Array;
      readonly expiresAtMs: number;
    }
  /** It goes; with a `taker` it stays until its time is over, and nobody else gets it. */
  | { readonly kind: 'linkTaken'; readonly address: Uint8Array; readonly taker?: Uint8Array };
