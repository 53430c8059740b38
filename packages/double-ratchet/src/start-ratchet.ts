/** How a ratchet begins once both ends share a root key (Double Ratchet §3.3). */

import type { Result } from '@simsim/bytes';
import { err, ok } from '@simsim/bytes';
import { drawKeyPair } from '@simsim/crypto';
import type { KeyPair, PublicKey, Secret } from '@simsim/crypto';
import { checkLimits } from './limits.ts';
import type { RatchetEnv, RatchetOptions } from './ratchet-env.ts';
import { rootStep } from './ratchet-send.ts';
import type { RatchetCold, RatchetRejection, RatchetState } from './ratchet-state.ts';

const NO_SKIPPED_KEYS: RatchetCold = { olderChains: [], directory: [], nextBlockId: 0 };

/**
 * The initiator's state: a fresh ratchet pair and a sending chain towards the peer's first ratchet
 * key, which is its signed prekey.
 *
 * Entropy: 32 bytes, 56 on X448.   Consumes: nothing; `root` stays the caller's.
 * Rejects: `BAD_KEY`.   Spec: RatchetInitAlice.
 */
export function startInitiator(
  { root, peer }: { readonly root: Secret<'root'>; readonly peer: PublicKey },
  { crypto, entropy }: RatchetEnv,
  { suite, limits }: RatchetOptions,
): Result<RatchetState, RatchetRejection> {
  checkLimits(limits);
  const own = drawKeyPair({ crypto, entropy });
  const shared = crypto.dh(own.privateKey, peer);
  if (shared === undefined) {
    crypto.wipe(own.privateKey);
    return err({ code: 'BAD_KEY', key: 'ratchet' });
  }
  const [nextRoot, chain] = rootStep(crypto, { root, shared, info: suite.rootInfo });
  const hot = {
    root: nextRoot,
    sending: { kind: 'ready', own, chain: { chain, counter: 0 } },
    peer,
    receiving: undefined,
    previousCount: 0,
    receivedCount: 0,
  } as const;
  return ok({ hot, cold: NO_SKIPPED_KEYS, blocks: new Map() });
}

/**
 * The responder's state before its first message. It can only receive.
 *
 * Spec: RatchetInitBob; `own` is the signed prekey, never a one-time key (DR-17).
 */
export function startResponder(root: Secret<'root'>, own: KeyPair): RatchetState {
  const hot = {
    root,
    sending: { kind: 'borrowed', own },
    peer: undefined,
    receiving: undefined,
    previousCount: 0,
    receivedCount: 0,
  } as const;
  return { hot, cold: NO_SKIPPED_KEYS, blocks: new Map() };
}
