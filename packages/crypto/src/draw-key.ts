/** Pairs of fresh bytes. What is drawn for a key is the key, so it is wiped where it was drawn. */

import { wipe } from '@simsim/bytes';
import type { Crypto, Entropy, KeyPair, SigningKeyPair } from './crypto.ts';

/** What drawing takes. */
export interface DrawEnv<C> {
  readonly crypto: C;
  readonly entropy: Entropy;
}

/**
 * A fresh pair of the curve.
 *
 * Entropy: the curve's key length (32; 56 on X448).
 */
export function drawKeyPair({
  crypto,
  entropy,
}: DrawEnv<Pick<Crypto, 'parameters' | 'keyPair'>>): KeyPair {
  const drawn = entropy(crypto.parameters.keyBytes);
  const pair = crypto.keyPair(drawn);
  wipe(drawn);
  return pair;
}

/**
 * A fresh device key.
 *
 * Entropy: 32 bytes.
 */
export function drawSigningKeyPair({
  crypto,
  entropy,
}: DrawEnv<Pick<Crypto, 'signingKeyPair'>>): SigningKeyPair {
  const drawn = entropy(32);
  const pair = crypto.signingKeyPair(drawn);
  wipe(drawn);
  return pair;
}
