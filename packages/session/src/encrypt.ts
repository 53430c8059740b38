/** Sending on a session. */

import type { Result } from '@simsim/bytes';
import { concatBytes, err, invariant, ok } from '@simsim/bytes';
import type { Secret } from '@simsim/crypto';
import type { PqSendStep } from '@simsim/double-ratchet';
import { pqSend, ratchetSend } from '@simsim/double-ratchet';
import { PLAINTEXT_BYTES_MAX } from './limits.ts';
import type { SessionRejection } from './rejection.ts';
import type { ResolvedOptions } from './session-options.ts';
import type { Addresses, Session, SessionEnv } from './session-state.ts';
import { ratchetOf, withRatchet } from './session-state.ts';
import { KEY_TYPE } from './wire-keys.ts';
import { ADDRESSES_LENGTH, TAG_LENGTH, encodeCovered, encodeInitiation } from './wire.ts';

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
 * Spec: Double Ratchet §3.4, SES-15, signal-wire a.4 and b.8.
 */
export function encryptWith(
  { session, plaintext }: { readonly session: Session; readonly plaintext: Uint8Array },
  env: SessionEnv,
  options: ResolvedOptions,
): Result<Encrypted, SessionRejection> {
  if (plaintext.length > PLAINTEXT_BYTES_MAX) return err({ code: 'TOO_LARGE' });
  const { crypto } = env;
  const pq = pqStep(session, env, options);
  if (!pq.ok) return pq;
  const step = ratchetSend(ratchetOf(session), { ...env, salt: pq.value?.salt }, options);
  if (pq.value) crypto.wipe(pq.value.salt);
  if (!step.ok) {
    if (pq.value) crypto.wipe(pq.value.chains.sending.chain);
    return step;
  }
  const { state, keys, header } = step.value;
  const { version, localIdentity, remoteIdentity, pending } = session.cold;
  const covered = encodeCovered({
    version,
    header,
    ciphertext: crypto.encrypt(keys, plaintext),
    pqIndex: pq.value?.index,
    addresses: pending && version === 4 ? outgoing(env.addresses) : undefined,
  });
  const parties = [KEY_TYPE, localIdentity, KEY_TYPE, remoteIdentity];
  const tag = crypto.tag(keys, [...parties, covered], TAG_LENGTH);
  crypto.wipe(keys);
  const message = concatBytes([covered, tag]);
  const next = withRatchet(session, state, pq.value?.chains);
  const consumed = [...step.value.consumed, ...(pq.value?.consumed ?? [])];
  if (pending === undefined) {
    return ok({ session: next, message, isInitiation: false, consumed });
  }
  const registrationId = session.cold.localRegistrationId;
  const initiation = encodeInitiation(
    { ...pending, version, identityKey: localIdentity, registrationId },
    message,
  );
  return ok({ session: next, message: initiation, isInitiation: true, consumed });
}

/** Nothing where the session has no post-quantum ratchet. */
function pqStep(
  { hot }: Session,
  { crypto }: SessionEnv,
  options: ResolvedOptions,
): Result<PqSendStep | undefined, SessionRejection> {
  return hot.pq === undefined ? ok(undefined) : pqSend(hot.pq, { crypto, options });
}

function outgoing(addresses: Addresses | undefined): Uint8Array | undefined {
  if (addresses === undefined) return undefined;
  const joined = concatBytes([addresses.own, addresses.peer]);
  invariant(joined.length === ADDRESSES_LENGTH, 'an address has 18 bytes');
  return joined;
}
