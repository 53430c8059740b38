/**
 * HMAC-SHA-256 of which the result is no secret: tags, and keyed hashes that stand for names.
 *
 * Why: OpenSSL's HMAC takes 1.8 µs to set up and collect, two of its one-shot hashes 0.5. They answer
 * text, which nobody can wipe, so nothing that is a key is made this way. The node backend checks it
 * against OpenSSL's HMAC when it is imported.
 *
 * Spec: RFC 2104.
 */

import { hash } from 'node:crypto';
import { hmac } from './buffers.ts';

const BLOCK_BYTES = 64;
const HASH_BYTES = 32;
/** Longer messages are hashed for longer than it takes to set up. */
const MESSAGE_BYTES_MAX = 4096;

const inner = new Uint8Array(BLOCK_BYTES + MESSAGE_BYTES_MAX);
const outer = new Uint8Array(BLOCK_BYTES + HASH_BYTES);

/** The HMAC of parts under a key of at most 64 bytes. */
export function publicMac(key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  let length = BLOCK_BYTES;
  for (const part of parts) length += part.length;
  if (length > inner.length || key.length > BLOCK_BYTES) return hmac('sha256', key, parts);
  let at = BLOCK_BYTES;
  for (const part of parts) {
    inner.set(part, at);
    at += part.length;
  }
  for (let i = 0; i < BLOCK_BYTES; i++) {
    const byte = key[i] ?? 0;
    inner[i] = byte ^ 0x36;
    outer[i] = byte ^ 0x5c;
  }
  writeLatin1(outer, BLOCK_BYTES, hash('sha256', inner.subarray(0, length), 'binary'));
  const mac = new Uint8Array(HASH_BYTES);
  writeLatin1(mac, 0, hash('sha256', outer, 'binary'));
  inner.fill(0, 0, length);
  outer.fill(0);
  return mac;
}

/** Writes text that holds one byte a character: what OpenSSL gives back soonest. */
export function writeLatin1(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}
