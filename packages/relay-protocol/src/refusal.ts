/** Why a relay refused a whole request. Codes are API: never reused, never renamed. */

/** Refusal codes with their HTTP status. The body repeats the code; clients go by the body. */
export const REFUSAL_STATUS: Readonly<Record<RefusalCode, number>> = {
  /** The bytes are no such request. Do not repeat them. */
  MALFORMED: 400,
  /** The body is above 4 MiB, or a link above its limit. */
  TOO_LARGE: 413,
  /** No token, or one that names no current device. */
  UNAUTHORIZED: 401,
  /** Known, and not allowed: registration closed, somebody else's list. */
  FORBIDDEN: 403,
  /** No such user. */
  UNKNOWN_USER: 404,
  /** The user id is taken. */
  USER_EXISTS: 409,
  /** The device id is listed already. Draw another. */
  DEVICE_EXISTS: 409,
  /** A proof over the nonce does not verify. */
  BAD_PROOF: 422,
  /** The approval is not by a listed device, for other values, or does not verify. */
  BAD_APPROVAL: 422,
  /** The list does not verify, or changes more than the request may. */
  BAD_LIST: 422,
  /** The list is not the next version: fetch the current one and sign again. */
  LIST_MOVED: 409,
  /** The prekeys are signed by another identity key than the list names: learn the list first. */
  IDENTITY_CHANGED: 409,
  /** The nonce was never given, is spent, or is older than 5 minutes. Ask for another. */
  NONCE_UNKNOWN: 409,
  /** The id was used before with another body. */
  ID_REUSED: 422,
  /** The head is not signed by the caller's device key for its current registration id. */
  BAD_HEAD: 422,
  /** Another head of the caller is here than it expects. Exchange heads, then post again. */
  HEAD_MOVED: 409,
  /** Too fast; `retryAfterMs` says when again. */
  RATE_LIMITED: 429,
  /** The relay cannot just now; nothing of the request happened. */
  UNAVAILABLE: 503,
};

/** Every refusal code; {@link REFUSAL_STATUS} says what each means. */
export type RefusalCode =
  | 'MALFORMED'
  | 'TOO_LARGE'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'UNKNOWN_USER'
  | 'USER_EXISTS'
  | 'DEVICE_EXISTS'
  | 'BAD_PROOF'
  | 'BAD_APPROVAL'
  | 'BAD_LIST'
  | 'LIST_MOVED'
  | 'IDENTITY_CHANGED'
  | 'NONCE_UNKNOWN'
  | 'ID_REUSED'
  | 'BAD_HEAD'
  | 'HEAD_MOVED'
  | 'RATE_LIMITED'
  | 'UNAVAILABLE';

/** A refused request. Nothing of it happened. */
export type RelayRefusal =
  | { readonly code: Exclude<RefusalCode, 'RATE_LIMITED'> }
  | { readonly code: 'RATE_LIMITED'; readonly retryAfterMs: number };
