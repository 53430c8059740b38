/** Why a session step or a codec refused its input. A refused step has changed nothing. */

import type { AgreementRejection, ReplayRejection } from '@simsim/key-agreement';
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
  /** An initiation message of another session than this one, or a message of another version. */
  | { readonly code: 'WRONG_SESSION' }
  /** The message names a one-time prekey and none was given, or the other way round. */
  | { readonly code: 'ONE_TIME_KEY_MISMATCH' }
  /** The message is of version 4 and no KEM prekey was given, or the other way round. */
  | { readonly code: 'KEM_KEY_MISMATCH' }
  /** The session would be of a version below the policy's minimum. */
  | { readonly code: 'VERSION_TOO_LOW'; readonly version: 3 | 4 }
  /** The session would be of a lower version than the responder's bundle offers. */
  | { readonly code: 'DOWNGRADE' }
  /** The message takes no part in the post-quantum ratchet, or not as the policy wants. */
  | { readonly code: 'PQ_RATCHET_MISMATCH' }
  /** The message is of an epoch of the post-quantum ratchet that this end never begins. */
  | { readonly code: 'PQ_EPOCH_UNKNOWN' }
  /** The message says for whom it is, and that is not us, or we were not told who we are. */
  | { readonly code: 'WRONG_ADDRESSES' }
  | ReplayRejection
  | AgreementRejection
  | RatchetRejection;

/** Why saved state could not be read. The store is damaged or newer than this code. */
export type StateRejection =
  | { readonly code: 'MALFORMED' }
  | { readonly code: 'UNSUPPORTED_VERSION'; readonly version: number };
