/** Why a session step or a codec refused its input. A refused step has changed nothing. */

import type { AgreementRejection } from '@simsim/key-agreement';
import type { RatchetRejection } from '@simsim/double-ratchet';

/** Closed: every refusal of this package is one of these. */
export type SessionRejection =
  /** The bytes are no message, or lack a required field. */
  | { readonly code: 'MALFORMED' }
  /** The version byte names a version we do not speak. */
  | { readonly code: 'UNSUPPORTED_VERSION'; readonly version: number }
  /** The message or plaintext exceeds its limit. */
  | { readonly code: 'TOO_LARGE' }
  /** The tag does not match: forged, damaged, or for another session. */
  | { readonly code: 'BAD_MAC' }
  /** An initiation message of another session than this one. */
  | { readonly code: 'WRONG_SESSION' }
  /** The message names a one-time prekey and none was given, or the other way round. */
  | { readonly code: 'ONE_TIME_KEY_MISMATCH' }
  | AgreementRejection
  | RatchetRejection;

/** Why saved state could not be read. The store is damaged or newer than this code. */
export type StateRejection =
  | { readonly code: 'MALFORMED' }
  | { readonly code: 'UNSUPPORTED_VERSION'; readonly version: number };
