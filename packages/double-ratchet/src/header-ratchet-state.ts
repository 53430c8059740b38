/**
 * The state of a Double Ratchet whose headers are encrypted (Double Ratchet §4), as a value. The
 * specification's names: HKs and HKr are `headerKey` of a chain, NHKs and NHKr the next ones.
 */

import type { Crypto, KeyPair, PublicKey, Secret } from '@simsim/crypto';
import type { MessageRejection } from './message-seal.ts';
import type { Chain } from './ratchet-state.ts';
import type { ClosedChain, DatedSeed } from './skipped-chains.ts';

/** Everything one end knows. Never changed in place. */
export interface HeaderRatchetState {
  /** RK. */
  readonly root: Secret<'root'>;
  readonly sending: HeaderSending;
  readonly receiving: HeaderReceiving | undefined;
  /** NHKr: opens the first header of the peer's next chain, and so demands a turn. */
  readonly nextReceivingKey: Secret<'header'>;
  /** DHr: the peer's ratchet key of the current receiving chain, or the one we sent to first. */
  readonly peer: PublicKey | undefined;
  /** PN: messages of our previous sending chain. */
  readonly previousCount: number;
  /** Messages received over all chains; the clock by which skipped keys die. */
  readonly receivedCount: number;
  /** Chains that ended with messages still missing, oldest first. */
  readonly closed: readonly ClosedChain[];
}

/** CKr, Nr and HKr, with the skipped keys of this chain. */
export interface HeaderReceiving extends Chain {
  readonly headerKey: Secret<'header'>;
  /** Ascending by counter. */
  readonly skipped: readonly DatedSeed[];
}

/** Where our sending half stands. */
export type HeaderSending =
  /** DHs, CKs and Ns, HKs, NHKs. */
  | {
      readonly kind: 'ready';
      readonly own: KeyPair;
      readonly chain: Chain;
      readonly headerKey: Secret<'header'>;
      readonly nextHeaderKey: Secret<'header'>;
    }
  /** After a received turn; the next message makes pair, chain and NHKs. `headerKey` is HKs. */
  | { readonly kind: 'owed'; readonly headerKey: Secret<'header'> }
  /** A responder before its first message: the signed prekey, which stays its owner's, and NHKs. */
  | { readonly kind: 'borrowed'; readonly own: KeyPair; readonly nextHeaderKey: Secret<'header'> };

/** Why a step of this variant was refused. The state is as good as before. */
export type HeaderRejection =
  | Exclude<MessageRejection, { readonly code: 'BLOCKS_NEEDED' }>
  /** No key of this state opens the header: not for it, damaged, or of a chain long gone. */
  | { readonly code: 'UNKNOWN_HEADER' };

/** Every secret a state owns; a responder's borrowed prekey is its owner's. */
export function headerRatchetSecrets(state: HeaderRatchetState): readonly Secret[] {
  const { sending, receiving } = state;
  const secrets: Secret[] = [state.root, state.nextReceivingKey];
  if (sending.kind === 'ready') secrets.push(sending.own.privateKey, sending.chain.chain);
  if (sending.kind !== 'borrowed') secrets.push(sending.headerKey);
  if (sending.kind !== 'owed') secrets.push(sending.nextHeaderKey);
  if (receiving !== undefined) secrets.push(receiving.chain, receiving.headerKey);
  for (const { seed } of receiving?.skipped ?? []) secrets.push(seed);
  for (const { headerKey, skipped } of state.closed) {
    secrets.push(headerKey);
    for (const { seed } of skipped) secrets.push(seed);
  }
  return secrets;
}

/** Wipes a state that is never used again. Saved copies of it are the store's to shred (DR-22). */
export function eraseHeaderRatchet(state: HeaderRatchetState, crypto: Crypto): void {
  for (const secret of headerRatchetSecrets(state)) crypto.wipe(secret);
}
