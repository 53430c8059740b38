/** Moving bytes between Node's buffers and memory of our own, and HMAC from OpenSSL. */

import { createHmac } from 'node:crypto';
import { wipe } from '@simsim/bytes';
import { joinParts } from '../parts.ts';

/** HMAC of OpenSSL over parts. */
export function hmac(
  hash: 'sha256' | 'sha512',
  key: Uint8Array,
  parts: readonly Uint8Array[],
): Uint8Array {
  const mac = createHmac(hash, key);
  for (const part of parts) mac.update(part);
  return takeBytes(mac.digest());
}

/** HKDF of OpenSSL's HMAC; `salt` absent means zeros, as many as the hash puts out. */
export function hkdfOf(
  hash: 'sha256' | 'sha512',
  ikm: Uint8Array,
  salt: Uint8Array | undefined,
  expand: { readonly info: Uint8Array; readonly length: number },
): Uint8Array {
  const { info, length } = expand;
  const pseudoRandomKey = hmac(hash, salt ?? new Uint8Array(0), [ikm]);
  const hashBytes = pseudoRandomKey.length;
  const output = new Uint8Array(length);
  let block: Uint8Array = new Uint8Array(0);
  for (let at = 0, counter = 1; at < length; at += hashBytes, counter++) {
    const next = hmac(hash, pseudoRandomKey, [block, info, Uint8Array.of(counter)]);
    wipe(block);
    block = next;
    output.set(block.subarray(0, Math.min(hashBytes, length - at)), at);
  }
  wipe(block);
  wipe(pseudoRandomKey);
  return output;
}

/** A plain copy in memory of its own: a Buffer may be a view of Node's shared pool. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

/** As {@link ownBytes}, for a buffer nobody else holds: the original is wiped. */
export function takeBytes(bytes: Uint8Array): Uint8Array {
  const copy = ownBytes(bytes);
  wipe(bytes);
  return copy;
}

/** Two outputs of a cipher in one piece; the originals are wiped. */
export function joinAndWipe(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const joined = joinParts([head, tail]);
  wipe(head);
  wipe(tail);
  return joined;
}
