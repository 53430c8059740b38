/** Receiving on a session: derive on a copy, check the tag, decrypt, and only then move. */

import type { Result } from '@simsim/bytes';
import { concatBytes, equalBytes, err, ok } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import type { PqReceiveStep, ReceiveStep } from '@simsim/double-ratchet';
import { blocksToLoad, pqBlocksToLoad, pqReceive, ratchetReceive } from '@simsim/double-ratchet';
import type { SessionRejection } from './rejection.ts';
import type { ResolvedOptions } from './session-options.ts';
import type { Addresses, Session, SessionEnv } from './session-state.ts';
import { ratchetOf, sessionIdOf, withRatchet } from './session-state.ts';
import { KEY_TYPE } from './wire-keys.ts';
import type { ParsedMessage, RegularMessage } from './wire.ts';

/** A plaintext and the session after it. */
export interface Decrypted {
  readonly session: Session;
  readonly plaintext: Uint8Array;
  /** Secrets of the old session that the new one lacks: wipe after the commit. */
  readonly consumed: readonly Secret[];
  /** Whether the peer began a new chain: our next message will carry a new ratchet key. */
  readonly didTurn: boolean;
}

/** What receiving takes. */
export interface DecryptInput {
  readonly session: Session;
  readonly message: ParsedMessage;
}

/**
 * Decrypts a message of this session. An initiation message is taken by its inner message if its
 * base key is this session's. On a refusal the given session is as good as before.
 *
 * Rejects: `WRONG_SESSION`, `WRONG_ADDRESSES`, `PQ_RATCHET_MISMATCH`, `PQ_EPOCH_UNKNOWN`, `BAD_KEY`,
 * `UNKNOWN_RATCHET_KEY`, `TOO_FAR_AHEAD`, `DUPLICATE`, `BLOCKS_NEEDED`, `CHAIN_EXHAUSTED`, `BAD_MAC`,
 * `MALFORMED` (padding under a good tag).
 * Spec: Double Ratchet §3.4, DR-12, SES-17, SES-55, SPQ-7.
 */
export function decryptWith(
  { session, message }: DecryptInput,
  env: SessionEnv,
  options: ResolvedOptions,
): Result<Decrypted, SessionRejection> {
  const { crypto, addresses } = env;
  if (!belongsTo(session, message, crypto)) return err({ code: 'WRONG_SESSION' });
  const inner = message.kind === 'initiation' ? message.inner : message;
  if (!namesUs(inner, addresses)) return err({ code: 'WRONG_ADDRESSES' });
  const proposed = propose(session, inner, { crypto, elapsedMs: env.elapsedMs, options });
  if (!proposed.ok) {
    // Each ratchet names its own block; whoever loads wants to do it once.
    const isUnloaded = proposed.error.code === 'BLOCKS_NEEDED';
    const blocks = isUnloaded ? blocksForWith({ session, message }, options) : [];
    return isUnloaded ? err({ code: 'BLOCKS_NEEDED', blocks }) : proposed;
  }
  const { step, pq } = proposed.value;
  const { keys, didTurn } = step;
  const consumed = [...step.consumed, ...(pq?.consumed ?? [])];
  const chains = pq?.chains ?? session.hot.pq;
  const next = endInitiation(withRatchet(session, step.state, chains), options);
  if (options.defect === 'moves-before-tag') Object.assign(session, next);
  const { localIdentity, remoteIdentity } = session.cold;
  const parts = [KEY_TYPE, remoteIdentity, KEY_TYPE, localIdentity, inner.covered];
  const isAuthentic = crypto.tagMatches(keys, parts, inner.tag);
  const plaintext = isAuthentic ? crypto.decrypt(keys, inner.ciphertext) : undefined;
  crypto.wipe(keys);
  if (options.defect === 'wipes-before-commit') for (const secret of consumed) crypto.wipe(secret);
  if (plaintext === undefined) {
    const created = [...step.created, ...(pq?.created ?? [])];
    if (options.defect !== 'moves-before-tag') for (const secret of created) crypto.wipe(secret);
    return err({ code: isAuthentic ? 'MALFORMED' : 'BAD_MAC' });
  }
  return ok({ session: next, plaintext, consumed, didTurn });
}

interface ReceiveContext {
  readonly crypto: Crypto;
  readonly elapsedMs: number | undefined;
  readonly options: ResolvedOptions;
}

interface Proposal {
  readonly step: ReceiveStep;
  readonly pq: PqReceiveStep | undefined;
}

/** Both ratchets' steps for a message. What was made for one is wiped where the other refuses. */
function propose(
  session: Session,
  message: RegularMessage,
  context: ReceiveContext,
): Result<Proposal, SessionRejection> {
  const { crypto } = context;
  const received = pqStep(session, message, context);
  if (!received.ok) return received;
  const pq = received.value;
  const state = pq?.state ?? ratchetOf(session);
  const step = ratchetReceive(state, message.header, { ...context, salt: pq?.salt });
  if (pq?.isSaltFresh) crypto.wipe(pq.salt);
  if (step.ok) return ok({ step: step.value, pq });
  for (const secret of pq?.created ?? []) crypto.wipe(secret);
  return step;
}

/** Nothing where the message has no key of the post-quantum ratchet, and needs none. */
function pqStep(
  session: Session,
  { pq: field }: RegularMessage,
  context: ReceiveContext,
): Result<PqReceiveStep | undefined, SessionRejection> {
  const { pq: chains } = session.hot;
  if (chains === undefined) {
    return field === undefined ? ok(undefined) : err({ code: 'PQ_RATCHET_MISMATCH' });
  }
  if (field === undefined) return err({ code: 'PQ_RATCHET_MISMATCH' });
  if (field.kind === 'keyless') {
    // What a peer that still negotiates says; the other ratchet alone guards such a message.
    const isAllowed = context.options.policy.pqRatchet === 'optional';
    return isAllowed ? ok(undefined) : err({ code: 'PQ_RATCHET_MISMATCH' });
  }
  if (field.epoch !== 1) return err({ code: 'PQ_EPOCH_UNKNOWN' });
  return pqReceive(ratchetOf(session), { chains, index: field.index }, context);
}

/**
 * Ids of stored skip blocks to load with {@link withBlocks} before {@link decrypt}; usually none.
 * Without them a decryption that needs one answers `BLOCKS_NEEDED`. No cryptography.
 */
export function blocksForWith(
  { session, message }: DecryptInput,
  options: ResolvedOptions,
): readonly number[] {
  const inner = message.kind === 'initiation' ? message.inner : message;
  const isPeers =
    message.kind === 'regular' || equalBytes(message.identityKey, session.cold.remoteIdentity);
  if (!isPeers || inner.version !== session.cold.version) return [];
  const state = ratchetOf(session);
  const blocks = blocksToLoad(state, inner.header, options);
  const { pq: chains } = session.hot;
  if (chains === undefined || inner.pq?.kind !== 'key') return blocks;
  return [...blocks, ...pqBlocksToLoad(state, { chains, index: inner.pq.index }, options)];
}

/** Public bytes only: which session a message claims is written on its outside. */
function belongsTo({ cold }: Session, message: ParsedMessage, crypto: Crypto): boolean {
  if (message.version !== cold.version) return false;
  if (message.kind === 'regular') return true;
  const { baseKey, identityKey } = message;
  return equalBytes(identityKey, cold.remoteIdentity) && sessionIdOf(baseKey, crypto) === cold.id;
}

/** A message that names nobody is for us. */
function namesUs({ addresses }: RegularMessage, known: Addresses | undefined): boolean {
  if (addresses === undefined) return true;
  return known !== undefined && equalBytes(addresses, concatBytes([known.peer, known.own]));
}

/** The first decrypted message proves that the peer has the session (SES-17). */
function endInitiation(session: Session, { defect }: ResolvedOptions): Session {
  if (session.cold.pending === undefined || defect === 'never-ends-initiation') return session;
  return { ...session, cold: { ...session.cold, pending: undefined } };
}
