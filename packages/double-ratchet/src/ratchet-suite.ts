/** What the Double Ratchet leaves to the application; curve and hash are the backend's. */

import { encodeUtf8, invariant } from '@simsim/bytes';

/** What both ends of a ratchet must agree on (§5.2). */
export interface RatchetSuite {
  /** Info of KDF_RK: HKDF with the root key as salt. */
  readonly rootInfo: Uint8Array;
  /** Info of the step from a message's seed to its keys. */
  readonly messageInfo: Uint8Array;
  /**
   * What becomes of a receiving chain when the next one begins. `kept` (the default): it stays open
   * for late messages, which peers need whose PN is unreliable. `closed`: the keys up to PN are
   * stored and the chain key goes, as the specification has it.
   */
  readonly oldChains?: 'kept' | 'closed';
}

/** A suite for whole messages: both variants of the specification. */
export interface MessageSuite extends RatchetSuite {
  /** Info of the step from a header key to the key of one header. */
  readonly headerInfo: Uint8Array;
  /** Info of the step from the agreed secret to root and header keys. */
  readonly startInfo: Uint8Array;
  /** Length of a message's tag: 8…32 bytes, with SHA-512 …64. */
  readonly tagBytes: number;
}

/** The labels of Signal's sessions, versions 3 and 4. */
export const signalRatchet: RatchetSuite = {
  rootInfo: encodeUtf8('WhisperRatchet'),
  messageInfo: encodeUtf8('WhisperMessageKeys'),
};

/**
 * The specification's recommended algorithms under labels of an application's own, each of them
 * unlike any other (§5.2): HKDF and HMAC, AES-256-CBC with an HMAC over all of it.
 *
 * Limits: a tag may be cut to 16 bytes without thought, and never below 8 (§5.2, DR-20).
 * Throws: on a tag length out of range, which is a bug of the caller.
 */
export function specSuite(
  application: string,
  { tagBytes = 32 }: { readonly tagBytes?: number } = {},
): MessageSuite {
  const isTagLength = Number.isInteger(tagBytes) && tagBytes >= 8 && tagBytes <= 64;
  invariant(isTagLength, 'a tag has 8 bytes to a whole hash');
  return {
    rootInfo: encodeUtf8(`${application} root`),
    messageInfo: encodeUtf8(`${application} message`),
    headerInfo: encodeUtf8(`${application} header`),
    startInfo: encodeUtf8(`${application} start`),
    tagBytes,
    oldChains: 'closed',
  };
}
