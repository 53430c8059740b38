/** What an application says and asks about identity keys. */

import type { TrustLevel, TrustPolicy } from '@simsim/sesame';

/** An identity key that was shown for a user: for one of their devices where it names one. */
export interface ShownIdentity {
  /** Present in the per-device model. */
  readonly deviceId?: number;
  /** X25519 [32]. */
  readonly key: Uint8Array;
  /** `seen`: pinned, and nobody has said anything of it. `offered`: it waits for an answer. */
  readonly trust: TrustLevel | 'seen' | 'offered';
}

/** What is known of a user's identity key. */
export interface Identity {
  /** The pinned one, X25519 [32]: what was seen first, or what the application accepted. */
  readonly key: Uint8Array;
  /** `seen`: nobody has said anything of it. */
  readonly trust: TrustLevel | 'seen';
  /** Another one that was shown since, and waits for an answer. */
  readonly offered?: Uint8Array;
}

/** A key that the application is asked about. */
export interface TrustQuestion {
  readonly user: string;
  /** Whose key it is, in the per-device model. */
  readonly deviceId?: number;
  readonly key: Uint8Array;
  /** What was pinned before; absent for a user that nothing was known of. */
  readonly former?: Uint8Array;
}

/** Its answer. `hold`: messages wait until it says more. */
export type TrustAnswer = 'accepted' | 'verified' | 'refuse' | 'hold';

/**
 * Whose keys are trusted. `tofu`: the key that was seen first, until another one is shown.
 * `verified-only`: one that `trustIdentity` was told is verified. A function is asked about each key,
 * the first one included. Messages to a user whose key is not trusted wait; none is lost, and none goes
 * to a key unasked.
 */
export type Trust =
  | 'tofu'
  | 'verified-only'
  | ((question: TrustQuestion) => TrustAnswer | Promise<TrustAnswer>);

/** The engine's word for it. */
export function trustPolicy(trust: Trust | undefined): TrustPolicy {
  if (trust === undefined) return 'tofu';
  return typeof trust === 'function' ? 'ask' : trust;
}
