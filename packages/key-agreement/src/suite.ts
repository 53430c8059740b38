/** The parameters of an agreement that its specification leaves to the application. */

import { concatBytes, encodeUtf8 } from '@simsim/bytes';
import type { PublicKey, Role } from '@simsim/crypto';

/**
 * Parameters of one X3DH (X3DH §2.1): both sides must use the same.
 *
 * Limits: X25519 and SHA-256 are the only curve and hash so far.
 */
export interface AgreementSuite<R extends readonly Role[] = readonly Role[]> {
  readonly curve: 'X25519';
  readonly hash: 'SHA-256';
  /** Names the application; enters the KDF. */
  readonly info: Uint8Array;
  /** Which secrets the KDF gives, in order. */
  readonly outputs: R;
  /** Encode(PK): what prekey signatures cover. */
  encodePublicKey(key: PublicKey): Uint8Array;
}

/** Type byte of a Curve25519 key in Signal's encodings. */
const CURVE25519_TYPE = Uint8Array.of(0x05);

/**
 * X3DH as Signal's version 3 sessions use it: one KDF call gives the root key and a first chain key.
 *
 * Differs: the specification takes 32 bytes; these are the first of the two outputs.
 */
export const signalX3dh: AgreementSuite<readonly ['root', 'chain']> = {
  curve: 'X25519',
  hash: 'SHA-256',
  info: encodeUtf8('WhisperText'),
  outputs: ['root', 'chain'],
  encodePublicKey: (key) => concatBytes([CURVE25519_TYPE, key.bytes]),
};
