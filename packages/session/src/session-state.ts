/**
 * One Sesame session as a value: what two devices share after one key agreement. Steps take a
 * session and answer the next one; the old one stays as it was.
 */

import { bytesToHex, invariant } from '@simsim/bytes';
import type { Crypto, Entropy, Secret } from '@simsim/crypto';
import type {
  PqChains,
  RatchetCold,
  RatchetHot,
  RatchetState,
  SkippedBlock,
} from '@simsim/double-ratchet';
import type { KemInitiation, WireVersion } from './wire.ts';

/** What a session step may use. */
export interface SessionEnv {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  /** Who the two ends are, where they are Signal service ids; else absent. */
  readonly addresses?: Addresses;
  /**
   * Milliseconds on a clock that only goes forward, restarts included. Needed by `decrypt` and
   * `accept` under the limit `blockLifeMs`, else not looked at.
   */
  readonly elapsedMs?: number;
}

/**
 * The two ends as newer peers of version 4 write them into initiation messages, 18 bytes each:
 * service id (17) and device id (1). We write them where they are given, and take a message that
 * names anybody only if it names just these.
 */
export interface Addresses {
  readonly own: Uint8Array;
  readonly peer: Uint8Array;
}

/** A session with the skip blocks that happen to be loaded. Never changed in place. */
export interface Session {
  readonly hot: SessionHot;
  readonly cold: SessionCold;
  /** Loaded blocks only; the directory of all is in the cold state. */
  readonly blocks: ReadonlyMap<number, SkippedBlock>;
}

/** All that changes on an in-order chain message; at most 260 bytes encoded. */
export interface SessionHot extends RatchetHot {
  /** The post-quantum ratchet, where both ends take part in it: version 4 only. */
  readonly pq?: PqChains;
}

/** What changes on a turn, when the initiation ends, or when the set of skipped keys changes. */
export interface SessionCold {
  /** {@link sessionIdOf} the base key. */
  readonly id: string;
  readonly version: WireVersion;
  /** Our identity public key when the session began, 32 bytes. */
  readonly localIdentity: Uint8Array;
  /** The peer's identity public key, 32 bytes. */
  readonly remoteIdentity: Uint8Array;
  readonly localRegistrationId: number;
  /** As the peer's bundle or its first message said; no tag covers it. */
  readonly remoteRegistrationId: number;
  /** The initiation header, until the first message has decrypted on this session (SES-17). */
  readonly pending: PendingInitiation | undefined;
  readonly ratchet: RatchetCold;
}

/** Which of the peer's prekeys began the session; rides on every initiation message (SES-87). */
export interface PendingInitiation {
  /** Our ephemeral public key, 32 bytes. */
  readonly baseKey: Uint8Array;
  readonly signedPreKeyId: number;
  readonly oneTimePreKeyId: number | undefined;
  /** In version 4; it goes with the rest once the peer has answered (PQ-9). */
  readonly kem: KemInitiation | undefined;
}

/**
 * A session's id: hex of the first 16 bytes of SHA-256 over the base key. Both ends have the same,
 * and it can be read off an initiation message before any decryption.
 */
export function sessionIdOf(baseKey: Uint8Array, crypto: Pick<Crypto, 'digest'>): string {
  return bytesToHex(crypto.digest([baseKey]).subarray(0, 16));
}

/** The id of a session; see {@link sessionIdOf}. */
export function sessionId(session: Session): string {
  return session.cold.id;
}

/** Whether every message still carries the initiation header. */
export function isInitiating(session: Session): boolean {
  return session.cold.pending !== undefined;
}

/** Version of the session's messages. */
export function sessionVersion(session: Session): WireVersion {
  return session.cold.version;
}

/**
 * Whether a post-quantum ratchet salts the session's message keys. It runs passively at this end:
 * it keeps peers happy and does not heal.
 */
export function hasPqRatchet(session: Session): boolean {
  return session.hot.pq !== undefined;
}

/** A copy of the peer's identity public key, 32 bytes. */
export function remoteIdentity(session: Session): Uint8Array {
  return session.cold.remoteIdentity.slice();
}

/** The session with more of its blocks loaded. Blocks it does not list are left out. */
export function withBlocks(session: Session, blocks: Iterable<SkippedBlock>): Session {
  const loaded = new Map(session.blocks);
  const listed = new Set(session.cold.ratchet.directory.map(({ id }) => id));
  for (const block of blocks) if (listed.has(block.id)) loaded.set(block.id, block);
  return { ...session, blocks: loaded };
}

/** What has to be written so that `after` can be read back where `before` stands. */
export interface SessionChanges {
  readonly hot: boolean;
  readonly cold: boolean;
  /** Blocks that are new or have other keys than before. */
  readonly blocksWritten: readonly SkippedBlock[];
  /** Ids of blocks that are gone; their stored bytes must be shredded. */
  readonly blocksDropped: readonly number[];
}

/**
 * Compares a session with the one it came from by identity of its parts.
 *
 * Limits: `before` is the very session the step was given, blocks loaded; absent for a new session.
 */
export function changesOf(before: Session | undefined, after: Session): SessionChanges {
  const isListed = new Set(after.cold.ratchet.directory.map(({ id }) => id));
  const dropped = before?.cold.ratchet.directory.filter(({ id }) => !isListed.has(id)) ?? [];
  const written = [...after.blocks.values()].filter(
    (block) => before?.blocks.get(block.id) !== block,
  );
  for (const { id } of written) invariant(isListed.has(id), 'a written block is in the directory');
  return {
    hot: before?.hot !== after.hot,
    cold: before?.cold !== after.cold,
    blocksWritten: written,
    blocksDropped: dropped.map(({ id }) => id),
  };
}

/** The secrets of a hot state, in their order when it is written. */
export function hotSecrets({ root, sending, receiving, pq }: SessionHot): readonly Secret[] {
  const secrets: Secret[] = [root];
  if (sending.kind === 'ready') secrets.push(sending.own.privateKey, sending.chain.chain);
  if (receiving !== undefined) secrets.push(receiving.chain);
  if (pq !== undefined) secrets.push(pq.sending.chain, pq.receiving.chain);
  return secrets;
}

/** What to wipe of a session that is given up before anything was sent or received in it. */
export function freshSecrets({ hot }: Session): readonly Secret[] {
  return hotSecrets(hot);
}

/** The ratchet inside a session. */
export function ratchetOf({ hot, cold, blocks }: Session): RatchetState {
  return { hot, cold: cold.ratchet, blocks };
}

/**
 * Puts a stepped ratchet back, with the chains of the post-quantum one where there is one; parts
 * that did not change stay the same objects.
 */
export function withRatchet(
  session: Session,
  ratchet: RatchetState,
  pq: PqChains | undefined,
): Session {
  const hot = pq === undefined ? ratchet.hot : { ...ratchet.hot, pq };
  const isSame = ratchet.cold === session.cold.ratchet;
  const cold = isSame ? session.cold : { ...session.cold, ratchet: ratchet.cold };
  return { hot, cold, blocks: ratchet.blocks };
}
