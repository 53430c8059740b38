/**
 * HEADER of the specification in bytes of our own: ratchet key, PN and N. Fixed length, so nothing
 * of it can be read in two ways. Signal's wire has another form, which belongs to sessions.
 */

import { createReader, createWriter } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import type { RatchetHeader } from './ratchet-state.ts';

/** Length of a header: 40 bytes on X25519, 64 on X448. */
export function headerBytes({ parameters }: Pick<Crypto, 'parameters'>): number {
  return parameters.keyBytes + 8;
}

/** Shapes: ratchet key, PN and N as 32 bits each, most significant byte first. */
export function encodeHeader({ ratchetKey, counter, previousCount }: RatchetHeader): Uint8Array {
  return createWriter(64).raw(ratchetKey).u32(previousCount).u32(counter).finish();
}

/** Reads {@link encodeHeader}; `undefined` where the length is another. The key is not checked. */
export function decodeHeader(
  bytes: Uint8Array,
  crypto: Pick<Crypto, 'parameters'>,
): RatchetHeader | undefined {
  if (bytes.length !== headerBytes(crypto)) return undefined;
  const from = createReader(bytes);
  const ratchetKey = from.raw(crypto.parameters.keyBytes);
  const previousCount = from.u32();
  const counter = from.u32();
  return { ratchetKey, counter, previousCount };
}
