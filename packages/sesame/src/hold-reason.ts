/** The words for what an application asks of a key, and for why mail waits. */

/**
 * What it takes to be sent to. `tofu`: the key that was seen first. `ask`: a key that the application has
 * accepted. `verified-only`: one that it has verified by another channel.
 */
export type TrustPolicy = 'tofu' | 'ask' | 'verified-only';

/** Why mail to a user waits. */
export type HoldReason = 'IDENTITY_CHANGED' | 'UNVERIFIED';
