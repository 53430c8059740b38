/** The parameters of an agreement that its specification leaves to the application. */

import { concatBytes, encodeUtf8, invariant } from '@simsim/bytes';
import type { Crypto, KemKind, ParameterSet, PublicKey, Role } from '@simsim/crypto';

/**
 * Parameters of one handshake (X3DH §2.1, PQXDH §2.1): both sides must use the same. Curve and hash
 * are those the backend was made for; a suite says which it wants.
 */
export interface AgreementSuite<R extends readonly Role[] = readonly Role[]> {
  /** Which handshake: PQXDH is X3DH with a key encapsulation on top. */
  readonly version: 'x3dh' | 'pqxdh';
  readonly curve: ParameterSet['curve'];
  readonly hash: ParameterSet['hash'];
  /** Names the application, in PQXDH also curve, hash and KEM; enters the KDF. */
  readonly info: Uint8Array;
  /** Which secrets the KDF gives, in order. */
  readonly outputs: R;
  /** EncodeEC(PK): what signatures over prekeys cover. */
  encodePublicKey(key: PublicKey): Uint8Array;
  /** Given exactly in PQXDH. */
  readonly kem?: KemSuite | undefined;
}

/** The key encapsulation of a suite. */
export interface KemSuite {
  readonly kind: KemKind;
  /** EncodeKEM(PK): what signatures over KEM prekeys cover. Its range is apart from EncodeEC's. */
  encodePublicKey(publicKey: Uint8Array): Uint8Array;
}

/** Type byte in front of an encoded curve key: Signal's for Curve25519, the next one for Curve448. */
const CURVE_TYPES: { readonly [C in ParameterSet['curve']]: number } = { x25519: 0x05, x448: 0x06 };

/** Type byte in front of an encoded KEM key; no curve key starts with one of these (PQ-2). */
const KEM_TYPES: { readonly [K in KemKind]: number } = { kyber1024: 0x08, mlKem1024: 0x0a };

/** What PQXDH calls a KEM inside its info (PQXDH §2.2). */
const KEM_NAMES: { readonly [K in KemKind]: string } = {
  kyber1024: 'CRYSTALS-KYBER-1024',
  mlKem1024: 'ML-KEM-1024',
};
const CURVE_NAMES: { readonly [C in ParameterSet['curve']]: string } = {
  x25519: 'X25519',
  x448: 'X448',
};
const HASH_NAMES: { readonly [H in ParameterSet['hash']]: string } = {
  sha256: 'SHA-256',
  sha512: 'SHA-512',
};

/** What {@link x3dhSuite} and {@link pqxdhSuite} are made from. */
export interface SuiteChoice<R extends readonly Role[]> {
  /** ASCII; unlike any other application's. */
  readonly application: string;
  readonly outputs: R;
  /** X25519 if absent. */
  readonly curve?: ParameterSet['curve'];
  /** SHA-256 if absent. */
  readonly hash?: ParameterSet['hash'];
}

/**
 * X3DH for an application.
 *
 * Throws: on an empty application name, which is our own bug.   Spec: X3DH §2.1, §2.5.
 */
export function x3dhSuite<const R extends readonly Role[]>(
  choice: SuiteChoice<R>,
): AgreementSuite<R> {
  invariant(choice.application.length > 0, 'an application has a name');
  const { curve = 'x25519', hash = 'sha256', outputs } = choice;
  return {
    version: 'x3dh',
    curve,
    hash,
    info: encodeUtf8(choice.application),
    outputs,
    encodePublicKey: (key) => concatBytes([Uint8Array.of(CURVE_TYPES[curve]), key.bytes]),
  };
}

/**
 * PQXDH for an application. The info is the application, curve, hash and KEM joined by "_", so that
 * changing any of them changes every secret.
 *
 * Throws: on an application name of less than 8 characters (PQ-1).   Spec: PQXDH §2.1, §2.2.
 */
export function pqxdhSuite<const R extends readonly Role[]>(
  choice: SuiteChoice<R> & { readonly kem: KemKind },
): AgreementSuite<R> {
  invariant(choice.application.length >= 8, 'an application name has 8 characters or more');
  const { application, kem } = choice;
  const base = x3dhSuite(choice);
  const names = [application, CURVE_NAMES[base.curve], HASH_NAMES[base.hash], KEM_NAMES[kem]];
  return {
    ...base,
    version: 'pqxdh',
    info: encodeUtf8(names.join('_')),
    kem: {
      kind: kem,
      encodePublicKey: (publicKey) => concatBytes([Uint8Array.of(KEM_TYPES[kem]), publicKey]),
    },
  };
}

/** Our own bug where a backend calculates on another curve or hash than the suite says (X3-1). */
export function checkParameters({ parameters }: Crypto, suite: AgreementSuite): void {
  const { curve, hash, version, kem } = suite;
  invariant(parameters.curve === curve && parameters.hash === hash, 'the backend of the suite');
  invariant((version === 'pqxdh') === (kem !== undefined), 'PQXDH is what has a KEM');
}

/**
 * X3DH as Signal's version 3 sessions use it: one KDF call gives the root key and a first chain key.
 *
 * Differs: the specification takes 32 bytes; these are the first of the two outputs.
 */
export const signalX3dh: AgreementSuite<readonly ['root', 'chain']> = x3dhSuite({
  application: 'WhisperText',
  outputs: ['root', 'chain'],
});

/**
 * PQXDH as Signal's version 4 sessions use it: the third output starts the post-quantum ratchet.
 *
 * Differs: the KEM is Kyber-1024 of round 3, not ML-KEM-1024 (signal-wire b.3).
 */
export const signalPqxdh: AgreementSuite<readonly ['root', 'chain', 'pqAuth']> = pqxdhSuite({
  application: 'WhisperText',
  kem: 'kyber1024',
  outputs: ['root', 'chain', 'pqAuth'],
});
