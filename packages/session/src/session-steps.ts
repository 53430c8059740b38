/** The steps of a session, bound to one set of options. */

import type { Result } from '@simsim/bytes';
import type { Decrypted } from './decrypt.ts';
import { blocksForWith, decryptWith } from './decrypt.ts';
import type { Encrypted } from './encrypt.ts';
import { encryptWith } from './encrypt.ts';
import type { AcceptInput, Accepted, InitiateInput, Initiated } from './establish.ts';
import { acceptWith, initiateWith } from './establish.ts';
import type { SessionRejection } from './rejection.ts';
import type { SessionOptions } from './session-options.ts';
import { resolveOptions } from './session-options.ts';
import type { Session, SessionEnv } from './session-state.ts';
import type { ParsedMessage } from './wire.ts';

/** All that can be done with sessions. Each step is pure; see the exported functions. */
export interface SessionSteps {
  /** See {@link initiate}. */
  readonly initiate: typeof initiate;
  /** See {@link accept}. */
  readonly accept: typeof accept;
  /** See {@link encrypt}. */
  readonly encrypt: typeof encrypt;
  /** See {@link decrypt}. */
  readonly decrypt: typeof decrypt;
  /** See {@link blocksFor}. */
  readonly blocksFor: typeof blocksFor;
}

/**
 * Binds the steps to options: other limits, or a planted defect for the tests that must catch it.
 * Production uses {@link initiate}, {@link accept}, {@link encrypt} and {@link decrypt} as they are.
 */
export function makeSessionSteps(options: SessionOptions = {}): SessionSteps {
  const resolved = resolveOptions(options);
  return {
    initiate: (input, env) => initiateWith(input, env, resolved),
    accept: (input, env) => acceptWith(input, env, resolved),
    encrypt: (session, plaintext, env) => encryptWith({ session, plaintext }, env, resolved),
    decrypt: (session, message, env) => decryptWith({ session, message }, env, resolved),
    blocksFor: (session, message) => blocksForWith({ session, message }, resolved),
  };
}

const production = resolveOptions({});

/**
 * Begins a session towards a device that need not be online.
 *
 * Entropy: 32 bytes for the base key, then 32 for the first ratchet key.
 * Rejects: `BAD_KEY`, `BAD_SIGNATURE`.
 * Spec: X3DH §3.3, Double Ratchet §3.3, SES-14.
 */
export function initiate(
  input: InitiateInput,
  env: SessionEnv,
): Result<Initiated, SessionRejection> {
  return initiateWith(input, env, production);
}

/**
 * Makes the matching session from an initiation message and decrypts that message. Any initiation
 * message of a session will do, not only the first.
 *
 * The caller looks for a session with this base key first (SES-54) and remembers base keys that used
 * no one-time prekey, because such a message can be replayed (SES-63).
 * Consumes: the one-time prekey.
 * Rejects: `BAD_KEY`, `ONE_TIME_KEY_MISMATCH`, `BAD_MAC`, `MALFORMED`, `TOO_FAR_AHEAD`,
 * `CHAIN_EXHAUSTED`; no prekey is used up then.
 * Spec: X3DH §3.4, SES-16.
 */
export function accept(input: AcceptInput, env: SessionEnv): Result<Accepted, SessionRejection> {
  return acceptWith(input, env, production);
}

/**
 * Encrypts for the peer. The tag covers both identity keys, sender first, then version, header and
 * ciphertext.
 *
 * Limits: plaintext of at most `PLAINTEXT_BYTES_MAX` bytes.
 * Entropy: 32 bytes on the first message after a received turn, else none.
 * Rejects: `TOO_LARGE`, `NO_SENDING_CHAIN`, `CHAIN_EXHAUSTED`.
 * Spec: Double Ratchet §3.4, SES-15.
 */
export function encrypt(
  session: Session,
  plaintext: Uint8Array,
  env: SessionEnv,
): Result<Encrypted, SessionRejection> {
  return encryptWith({ session, plaintext }, env, production);
}

/**
 * Decrypts a message of this session. An initiation message is taken by its inner message if its
 * base key is this session's. On a refusal the given session is as good as before.
 *
 * Rejects: `WRONG_SESSION`, `BAD_KEY`, `UNKNOWN_RATCHET_KEY`, `TOO_FAR_AHEAD`, `DUPLICATE`,
 * `BLOCKS_NEEDED`, `CHAIN_EXHAUSTED`, `BAD_MAC`, `MALFORMED` (padding under a good tag).
 * Spec: Double Ratchet §3.4, DR-12, SES-17, SES-55.
 */
export function decrypt(
  session: Session,
  message: ParsedMessage,
  env: SessionEnv,
): Result<Decrypted, SessionRejection> {
  return decryptWith({ session, message }, env, production);
}

/**
 * Ids of stored skip blocks to load with `withBlocks` before {@link decrypt}; usually none. Without
 * them a decryption that needs one answers `BLOCKS_NEEDED`. No cryptography.
 */
export function blocksFor(session: Session, message: ParsedMessage): readonly number[] {
  return blocksForWith({ session, message }, production);
}
