/** Reaching the key of a sealed part from what the vault holds of its stream. */

import { invariant } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import type { VaultReader } from './vault.ts';

/** What it takes to step. */
export interface HeldKeyParts {
  readonly crypto: Crypto;
  readonly vault: VaultReader;
}

/** The key `index` of the stream in `slot`, hashed forward; the caller wipes it. Bug: an older key. */
export function heldKey(
  { crypto, vault }: HeldKeyParts,
  slot: number,
  index: number,
): Secret<'stream'> {
  const held = vault.slot(slot);
  invariant(held !== undefined && index >= held.index, 'stream keys only move forward');
  let key = vault.key(slot);
  for (let at = held.index; at < index; at++) {
    const [next, sealKey] = crypto.sealStep(key);
    crypto.wipe(key);
    crypto.wipe(sealKey);
    key = next;
  }
  return key;
}

/** The key that part `index` is sealed under; the caller wipes it. */
export function partKey(parts: HeldKeyParts, slot: number, index: number): Secret<'seal'> {
  const { crypto } = parts;
  const key = heldKey(parts, slot, index);
  const [next, sealKey] = crypto.sealStep(key);
  crypto.wipe(key);
  crypto.wipe(next);
  return sealKey;
}
