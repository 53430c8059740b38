/** The end of a state: everything secret in it, to be wiped. */

import type { Crypto, Secret } from '@simsim/crypto';
import type { RatchetOptions } from './ratchet-env.ts';
import type { RatchetState } from './ratchet-state.ts';
import { storeOf, withStore } from './ratchet-state.ts';
import { expireBlocks } from './skipped-blocks.ts';

/**
 * Every secret a state owns; of skipped keys those whose blocks are loaded. A responder's borrowed
 * prekey is its owner's and not among them.
 */
export function ratchetSecrets({ hot, cold, blocks }: RatchetState): readonly Secret[] {
  const secrets: Secret[] = [hot.root];
  const { sending, receiving } = hot;
  if (sending.kind === 'ready') secrets.push(sending.own.privateKey, sending.chain.chain);
  if (receiving !== undefined) secrets.push(receiving.chain);
  for (const { chain } of cold.olderChains) secrets.push(chain);
  for (const { seeds } of blocks.values()) for (const { seed } of seeds) secrets.push(seed);
  return secrets;
}

/** Wipes a state that is never used again. Saved copies of it are the store's to shred (DR-22). */
export function eraseRatchet(state: RatchetState, crypto: Crypto): void {
  for (const secret of ratchetSecrets(state)) crypto.wipe(secret);
}

/** A state without the skipped keys that are over; the same object where all live on. */
export interface ExpireStep {
  readonly state: RatchetState;
  readonly consumed: readonly Secret[];
}

/**
 * Lets skipped keys die though nothing is received: for a timer, under `blockLifeMs`. Every received
 * message does the same on its way.
 */
export function expireSkipped(
  state: RatchetState,
  { elapsedMs, options }: { readonly elapsedMs: number; readonly options: RatchetOptions },
): ExpireStep {
  const before = storeOf(state);
  const { receivedCount } = state.hot;
  const { store, dropped } = expireBlocks(before, {
    receivedCount,
    elapsedMs,
    limits: options.limits,
  });
  return { state: store === before ? state : withStore(state, store), consumed: dropped };
}
