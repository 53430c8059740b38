/** The labels of a ratchet's KDFs. */

import { encodeUtf8 } from '@simsim/bytes';

/** What the Double Ratchet leaves to the application (§5.2). SHA-256 and X25519 are fixed so far. */
export interface RatchetSuite {
  /** Info of KDF_RK: HKDF with the root key as salt. */
  readonly rootInfo: Uint8Array;
  /** Info of the step from a message's seed to its keys. */
  readonly messageInfo: Uint8Array;
}

/** The labels of Signal's sessions, versions 3 and 4. */
export const signalRatchet: RatchetSuite = {
  rootInfo: encodeUtf8('WhisperRatchet'),
  messageInfo: encodeUtf8('WhisperMessageKeys'),
};
