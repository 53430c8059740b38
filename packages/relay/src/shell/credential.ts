/** The bearer token on its way in: parsed, hashed at once, never kept or logged. */

import { base64urlToBytes } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';

const PATTERN = /^Bearer ([A-Za-z0-9_-]{43})$/;

/** SHA-256 [32] of the token in an Authorization header; `undefined` unless it is 32 bytes. */
export function tokenHashOf(
  header: string | undefined,
  crypto: Pick<Crypto, 'digest'>,
): Uint8Array | undefined {
  const token = base64urlToBytes(PATTERN.exec(header ?? '')?.[1] ?? '');
  return token?.length === 32 ? crypto.digest([token]) : undefined;
}
