/**
 * The state of one Double Ratchet as a value. It comes in three parts by how often they change:
 * hot on every message, cold on a turn or when the set of skipped keys changes, and the blocks of
 * skipped keys one at a time.
 */

import type { KeyPair, PublicKey, Secret } from '@simsim/crypto';
import type { BlockEntry, SkippedBlock, SkippedStore } from './skipped-blocks.ts';

/** Everything one end knows. Never changed in place. */
export interface RatchetState {
  readonly hot: RatchetHot;
  readonly cold: RatchetCold;
  /** The loaded blocks by id; those of {@link RatchetCold.directory} that lie elsewhere are absent. */
  readonly blocks: ReadonlyMap<number, SkippedBlock>;
}

/** What an in-order chain message changes. */
export interface RatchetHot {
  /** RK. */
  readonly root: Secret<'root'>;
  readonly sending: SendingHalf;
  /** DHr: the peer's ratchet key of the current receiving chain, or the one we sent to first. */
  readonly peer: PublicKey | undefined;
  /** CKr and Nr. */
  readonly receiving: Chain | undefined;
  /** PN as the specification counts: messages of our previous sending chain. */
  readonly previousCount: number;
  /** Messages received over all chains; the clock by which blocks of skipped keys die. */
  readonly receivedCount: number;
}

/** A chain key and the number of the message it will guard. */
export interface Chain {
  readonly chain: Secret<'chain'>;
  readonly counter: number;
}

/** Where our sending half stands. */
export type SendingHalf =
  /** DHs, CKs and Ns. */
  | { readonly kind: 'ready'; readonly own: KeyPair; readonly chain: Chain }
  /**
   * After a received turn. Our last private key is gone: nothing we could receive before we answer
   * needs it. The next message makes a new pair.
   */
  | { readonly kind: 'owed' }
  /** A responder before its first message. `own` is the signed prekey, which stays its owner's. */
  | { readonly kind: 'borrowed'; readonly own: KeyPair };

/** What changes with a turn and with skipped keys. */
export interface RatchetCold {
  /** Receiving chains before the current one, newest first. */
  readonly olderChains: readonly OlderChain[];
  /** One entry for each stored block of skipped keys, oldest first. */
  readonly directory: readonly BlockEntry[];
  /** Id of the next block; ids are not used twice. */
  readonly nextBlockId: number;
}

/** A receiving chain that a later turn replaced; late messages still open with it. */
export interface OlderChain extends Chain {
  /** The peer's ratchet key, 32 bytes. */
  readonly ratchetKey: Uint8Array;
}

/** What a message says about its place; authenticated by the message's tag, not encrypted. */
export interface RatchetHeader {
  /** The sender's ratchet key, 32 bytes. */
  readonly ratchetKey: Uint8Array;
  /** Place in its chain, from 0. */
  readonly counter: number;
  /** PN as the specification counts. Never relied on when receiving. */
  readonly previousCount: number;
}

/** Why a step was refused. The state stays what it was. */
export type RatchetRejection =
  /** We have not received yet and have nothing to send with. */
  | { readonly code: 'NO_SENDING_CHAIN' }
  /** The chain has carried as many messages as it may. */
  | { readonly code: 'CHAIN_EXHAUSTED' }
  /** The ratchet key is malformed, of low order, or gives a zero shared secret. */
  | { readonly code: 'BAD_KEY'; readonly key: 'ratchet' }
  /** No chain goes with this ratchet key and none can begin: the peer has not had our answer. */
  | { readonly code: 'UNKNOWN_RATCHET_KEY' }
  /** The message skips more than the limit. */
  | { readonly code: 'TOO_FAR_AHEAD' }
  /** The message was received before, or so long ago that its key is gone. */
  | { readonly code: 'DUPLICATE' }
  /** The key lies in blocks that are not loaded; load them and decide again. */
  | { readonly code: 'BLOCKS_NEEDED'; readonly blocks: readonly number[] };

/** The store of skipped keys inside a state. */
export function storeOf({ cold, blocks }: Pick<RatchetState, 'cold' | 'blocks'>): SkippedStore {
  return { directory: cold.directory, nextBlockId: cold.nextBlockId, blocks };
}

/** Puts a store back; the cold state stays the same object where the directory is the same. */
export function withStore(state: RatchetState, store: SkippedStore): RatchetState {
  const { directory, nextBlockId, blocks } = store;
  const isSame = directory === state.cold.directory && nextBlockId === state.cold.nextBlockId;
  return {
    ...state,
    cold: isSame ? state.cold : { ...state.cold, directory, nextBlockId },
    blocks,
  };
}
