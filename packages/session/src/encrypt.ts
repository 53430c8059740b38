/** Sending on a session. */

import type { Result } from '@simsim/bytes';
import { concatBytes, err, ok } from '@simsim/bytes';
import type { Secret } from '@simsim/crypto';
import { ratchetSend } from '@simsim/double-ratchet';
import { PLAINTEXT_BYTES_MAX } from './limits.ts';
import type { SessionRejection } from './rejection.ts';
import type { ResolvedOptions } from './session-options.ts';
import type { Session, SessionEnv } from './session-state.ts';
import { ratchetOf, withRatchet } from './session-state.ts';
import { KEY_TYPE, TAG_LENGTH, encodeCovered, encodeInitiation } from './wire.ts';

/** A message and the session after it. Commit the session before the bytes leave (SES-49). */
export interface Encrypted {
  readonly session: Session;
  readonly message: Uint8Array;
  /** Whether the message carries the initiation header. */
  readonly isInitiation: boolean;
  /** Secrets of the old session that the new one lacks: wipe after the commit. */
  readonly consumed: readonly Secret[];
}

/**
 * Encrypts for the peer. The tag covers both identity keys, sender first, then version, header and
 * ciphertext.
 *
 * Limits: plaintext of at most {@link PLAINTEXT_BYTES_MAX} bytes.
 * Entropy: 32 bytes on the first message after a received turn, else none.
 * Rejects: `TOO_LARGE`, `NO_SENDING_CHAIN`, `CHAIN_EXHAUSTED`.
 * Spec: Double Ratchet §3.4, SES-15, signal-wire a.4.
 */
export function encryptWith(
  { session, plaintext }: { readonly session: Session; readonly plaintext: Uint8Array },
  env: SessionEnv,
  options: ResolvedOptions,
): Result<Encrypted, SessionRejection> {
  if (plaintext.length > PLAINTEXT_BYTES_MAX) return err({ code: 'TOO_LARGE' });
  const step = ratchetSend(ratchetOf(session), env, options);
  if (!step.ok) return step;
  const { state, keys, header, consumed } = step.value;
  const { localIdentity, remoteIdentity, pending, baseKey, localRegistrationId } = session.cold;
  const covered = encodeCovered(header, env.crypto.encrypt(keys, plaintext));
  const parties = [KEY_TYPE, localIdentity, KEY_TYPE, remoteIdentity];
  const tag = env.crypto.tag(keys, [...parties, covered], TAG_LENGTH);
  env.crypto.wipe(keys);
  const message = concatBytes([covered, tag]);
  const next = withRatchet(session, state);
  if (pending === undefined) {
    return ok({ session: next, message, isInitiation: false, consumed });
  }
  const initiation = encodeInitiation(
    { ...pending, baseKey, identityKey: localIdentity, registrationId: localRegistrationId },
    message,
  );
  return ok({ session: next, message: initiation, isInitiation: true, consumed });
}
