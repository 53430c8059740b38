/** The name of a user, opaque to everybody but the application. */

import type { BinaryReader, Brand, Result } from '@simsim/bytes';
import { decodeUtf8, encodeUtf8, err, ok } from '@simsim/bytes';
import { USER_ID_BYTES_MAX } from './limits.ts';

/** An opaque user name: 1…128 bytes of UTF-8 without control characters, compared by its bytes. */
export type UserId = Brand<string, 'UserId'>;

/** Why a text is no user id. */
export interface UserIdRejection {
  readonly code: 'BAD_USER_ID';
}

const isControl = (code: number): boolean => code < 0x20 || (code >= 0x7f && code < 0xa0);

/** Checks a user id. No normalisation: two spellings are two users. Rejects: `BAD_USER_ID`. */
export function parseUserId(text: unknown): Result<UserId, UserIdRejection> {
  const refused = err({ code: 'BAD_USER_ID' } as const);
  if (typeof text !== 'string' || text.length === 0 || text.length > USER_ID_BYTES_MAX)
    return refused;
  for (let i = 0; i < text.length; i++) if (isControl(text.charCodeAt(i))) return refused;
  const bytes = encodeUtf8(text);
  // A lone surrogate would come back as another character.
  if (bytes.length > USER_ID_BYTES_MAX || decodeUtf8(bytes) !== text) return refused;
  return ok(text as UserId);
}

/** Reads a user id; anything else fails the reader. */
export function readUserId(reader: BinaryReader): UserId {
  const parsed = parseUserId(reader.text(USER_ID_BYTES_MAX));
  if (parsed.ok) return parsed.value;
  reader.fail();
  return '' as UserId;
}
