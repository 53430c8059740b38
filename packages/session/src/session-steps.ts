/** The steps of a session, bound to one set of options. */

import type { Result } from '@simsim/bytes';
import type { AcceptInput, Accepted } from './accept.ts';
import { acceptWith } from './accept.ts';
import type { Decrypted } from './decrypt.ts';
import { blocksForWith, decryptWith } from './decrypt.ts';
import { walkLengthWith } from './walk-length.ts';
import type { Encrypted } from './encrypt.ts';
import { encryptWith } from './encrypt.ts';
import type { InitiateInput, Initiated } from './initiate.ts';
import { initiateWith } from './initiate.ts';
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
 * Binds the steps to options: a policy, other limits, or a planted defect for the tests that must
 * catch it. {@link initiate}, {@link accept}, {@link encrypt} and {@link decrypt} run with defaults.
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
 * Entropy: 32 bytes for the base key, in version 4 then 32 for the encapsulation, then 32 for the
 * first ratchet key.
 * Rejects: `VERSION_TOO_LOW`, `DOWNGRADE`, `NO_KEM_PREKEY`, `BAD_KEY`, `BAD_SIGNATURE`.
 * Spec: X3DH §3.3, PQXDH §3.3, Double Ratchet §3.3, SES-14.
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
 * The caller looks for a session with this base key first (SES-54), and keeps a replay record with
 * each signed and each last-resort KEM prekey (SES-63, PQ-12).
 * Consumes: the one-time prekeys.
 * Rejects: `VERSION_TOO_LOW`, `DOWNGRADE`, `ONE_TIME_KEY_MISMATCH`, `KEM_KEY_MISMATCH`,
 * `PQ_RATCHET_MISMATCH`, `PQ_EPOCH_UNKNOWN`, `WRONG_ADDRESSES`, `BAD_KEY`, `BAD_KEM_CIPHERTEXT`,
 * `REPLAYED`, `REPLAY_RECORD_FULL`, `BAD_MAC`, `MALFORMED`, `TOO_FAR_AHEAD`, `CHAIN_EXHAUSTED`; no
 * prekey is used up then and no record changed.
 * Spec: X3DH §3.4, PQXDH §3.4, SES-16.
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
 * Rejects: `WRONG_SESSION`, `WRONG_ADDRESSES`, `PQ_RATCHET_MISMATCH`, `PQ_EPOCH_UNKNOWN`, `BAD_KEY`,
 * `UNKNOWN_RATCHET_KEY`, `TOO_FAR_AHEAD`, `DUPLICATE`, `BLOCKS_NEEDED`, `CHAIN_EXHAUSTED`, `BAD_MAC`,
 * `MALFORMED` (padding under a good tag).
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

/**
 * Steps that the chains of a session walk to a message's keys before its tag can be looked at, which is what
 * a forged one costs. No cryptography.
 */
export function walkLength(session: Session, message: ParsedMessage): number {
  return walkLengthWith(session, message, production.limits);
}
