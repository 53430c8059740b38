/** Receiving on a session: derive on a copy, check the tag, decrypt, and only then move. */

import type { Result } from '@simsim/bytes';
import { equalBytes, err, ok } from '@simsim/bytes';
import type { Secret } from '@simsim/crypto';
import { blocksToLoad, ratchetReceive } from '@simsim/double-ratchet';
import type { SessionRejection } from './rejection.ts';
import type { ResolvedOptions } from './session-options.ts';
import type { Session, SessionEnv } from './session-state.ts';
import { ratchetOf, withRatchet } from './session-state.ts';
import type { ParsedMessage, RegularMessage } from './wire.ts';
import { KEY_TYPE } from './wire.ts';

/** A plaintext and the session after it. */
export interface Decrypted {
  readonly session: Session;
  readonly plaintext: Uint8Array;
  /** Secrets of the old session that the new one lacks: wipe after the commit. */
  readonly consumed: readonly Secret[];
  /** Whether the peer began a new chain: our next message will carry a new ratchet key. */
  readonly didTurn: boolean;
}

/**
 * Decrypts a message of this session. An initiation message is taken by its inner message if its
 * base key is this session's. On a refusal the given session is as good as before.
 *
 * Rejects: `WRONG_SESSION`, `BAD_KEY`, `UNKNOWN_RATCHET_KEY`, `TOO_FAR_AHEAD`, `DUPLICATE`,
 * `BLOCKS_NEEDED`, `CHAIN_EXHAUSTED`, `BAD_MAC`, `MALFORMED` (padding under a good tag).
 * Spec: Double Ratchet §3.4, DR-12, SES-17, SES-55.
 */
export function decryptWith(
  { session, message }: { readonly session: Session; readonly message: ParsedMessage },
  { crypto }: SessionEnv,
  options: ResolvedOptions,
): Result<Decrypted, SessionRejection> {
  if (!belongsTo(session, message)) return err({ code: 'WRONG_SESSION' });
  const inner = message.kind === 'initiation' ? message.inner : message;
  const step = ratchetReceive(ratchetOf(session), inner.header, { crypto, options });
  if (!step.ok) return step;
  const { state, keys, consumed, created, didTurn } = step.value;
  const next = endInitiation(withRatchet(session, state), options);
  if (options.defect === 'moves-before-tag') Object.assign(session, next);
  const { localIdentity, remoteIdentity } = session.cold;
  const parts = [KEY_TYPE, remoteIdentity, KEY_TYPE, localIdentity, inner.covered];
  const isAuthentic = crypto.tagMatches(keys, parts, inner.tag);
  const plaintext = isAuthentic ? crypto.decrypt(keys, inner.ciphertext) : undefined;
  crypto.wipe(keys);
  if (options.defect === 'wipes-before-commit') for (const secret of consumed) crypto.wipe(secret);
  if (plaintext === undefined) {
    if (options.defect !== 'moves-before-tag') for (const secret of created) crypto.wipe(secret);
    return err({ code: isAuthentic ? 'MALFORMED' : 'BAD_MAC' });
  }
  return ok({ session: next, plaintext, consumed, didTurn });
}

/**
 * Ids of stored skip blocks to load with {@link withBlocks} before {@link decrypt}; usually none.
 * Without them a decryption that needs one answers `BLOCKS_NEEDED`. No cryptography.
 */
export function blocksForWith(
  { session, message }: { readonly session: Session; readonly message: ParsedMessage },
  options: ResolvedOptions,
): readonly number[] {
  if (!belongsTo(session, message)) return [];
  const inner: RegularMessage = message.kind === 'initiation' ? message.inner : message;
  return blocksToLoad(ratchetOf(session), inner.header, options);
}

/** Public bytes only: which session a message claims is written on its outside. */
function belongsTo({ cold }: Session, message: ParsedMessage): boolean {
  if (message.kind === 'regular') return true;
  const { baseKey, identityKey } = message;
  return equalBytes(baseKey, cold.baseKey) && equalBytes(identityKey, cold.remoteIdentity);
}

/** The first decrypted message proves that the peer has the session (SES-17). */
function endInitiation(session: Session, { defect }: ResolvedOptions): Session {
  if (session.cold.pending === undefined || defect === 'never-ends-initiation') return session;
  return { ...session, cold: { ...session.cold, pending: undefined } };
}
