/** Limits that are the relay's own; those of the wire are in `@simsim/relay-protocol`. */

/** Nonces that may be out at once: 10,000 joins in five minutes, and a bound on a flood. */
export const NONCES_MAX = 10_000;

/** When to come back while too many nonces are out: a fifth of their life. */
export const NONCE_RETRY_MS = 60_000;

/** Envelopes a mailbox holds by default: weeks of a busy room for a device that is switched off. */
export const MAILBOX_COUNT_MAX = 50_000;

/** Bytes of content a mailbox holds by default (128 MiB, what Signal's server lets in). */
export const MAILBOX_BYTES_MAX: number = 128 * 1024 * 1024;

/** One-time prekeys kept for a device, 64 KB: twice what a device of ours ever has here. */
export const ONE_TIME_KEPT_MAX = 2000;

/** The same of its one-time KEM prekeys, 800 KB. */
export const ONE_TIME_KEM_KEPT_MAX = 500;

/** Answered claims that are remembered of one device, 30 MB: one that is repeated is a moment old. */
export const CLAIMS_KEPT_MAX = 1000;
