/**
 * The primitive seam. Everything an adversary could see is bytes; every secret is an opaque handle
 * that carries its role, so that a root key cannot stand where a chain key belongs and a secret
 * cannot be logged, compared or concatenated outside a backend.
 *
 * No randomness inside (callers pass entropy) and no promises. Three backends fit: noble, node, and
 * the symbolic one of tests.
 */

import type { ParameterSet } from './parameters.ts';

declare const role: unique symbol;

/** Every role a secret can play, with its length in bytes. */
export interface RoleLength {
  /** Double Ratchet root key. */
  root: 32;
  /** Sending or receiving chain key. */
  chain: 32;
  /** What a chain step yields and message keys are made from; stored for skipped messages. */
  seed: 32;
  /** Cipher key (32), MAC key (32) and IV (16) of one message. */
  message: 80;
  /** The result of a Diffie-Hellman, on its way into a KDF. 56 bytes on X448. */
  shared: 32 | 56;
  /** X25519 or X448 private key, clamped. 56 bytes on X448. */
  dh: 32 | 56;
  /** Ed25519 seed of a device key. */
  sign: 32;
  /** One AEAD key. Log parts use it once. */
  seal: 32;
  /** The ratcheting seal key of one log stream. */
  stream: 32;
  /** Key of keyed names and digests. */
  name: 32;
  /** Key of AES-256-CTR. */
  ctr: 32;
  /** Key of AES-256-GCM-SIV. */
  siv: 32;
  /** KEM private key: the seed d ‖ z of FIPS 203, from which the expanded key follows. */
  kem: 64;
  /** The result of an encapsulation, on its way into a KDF. */
  kemShared: 32;
  /** What PQXDH yields beside root and chain key, for the post-quantum ratchet. */
  pqAuth: 32;
  /** Header key of the Double Ratchet's header-encryption variant. */
  header: 32;
}

/** A name from {@link RoleLength}. */
export type Role = keyof RoleLength;

/** A secret that only a backend can look into. */
export interface Secret<R extends Role = Role> {
  readonly [role]: R;
}

/** Public bytes or a secret, as KDF and sealing inputs take them. */
export type Part = Uint8Array | Secret;

/** One secret for each asked role, in order. */
export type Secrets<R extends readonly Role[]> = {
  readonly [K in keyof R]: R[K] extends Role ? Secret<R[K]> : never;
};

/** A checked X25519 or X448 public key; a backend may keep the imported key beside the bytes. */
export interface PublicKey {
  /** 32 or 56 bytes, canonical Montgomery u. */
  readonly bytes: Uint8Array;
}

/** An X25519 or X448 key pair. */
export interface KeyPair {
  readonly privateKey: Secret<'dh'>;
  readonly publicKey: PublicKey;
}

/** An Ed25519 device key pair. */
export interface SigningKeyPair {
  readonly privateKey: Secret<'sign'>;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/**
 * Which key encapsulation. `kyber1024` is round 3 of NIST's contest, which Signal's peers speak;
 * it shares keys' and ciphertexts' form with `mlKem1024` (FIPS 203) but yields other secrets.
 */
export type KemKind = 'mlKem1024' | 'kyber1024';

/** A KEM key pair. */
export interface KemKeyPair {
  readonly kind: KemKind;
  readonly privateKey: Secret<'kem'>;
  /** 1568 bytes, without the type byte of Signal's wire. */
  readonly publicKey: Uint8Array;
}

/** What {@link Crypto.encapsulate} yields. */
export interface Encapsulated {
  /** 1568 bytes for the owner of the key. */
  readonly ciphertext: Uint8Array;
  readonly shared: Secret<'kemShared'>;
}

/** The primitives the house is built on. */
export interface Crypto {
  /** Curve, hash and signature form of this backend, with their lengths. */
  readonly parameters: ParameterSet;
  /** Checks a key of the curve: `keyBytes` long, canonical (u below p) and not of low order. */
  publicKey(bytes: Uint8Array): PublicKey | undefined;
  /**
   * A pair of the curve from `keyBytes` entropy bytes, 32 on X25519; clamps; equal entropy gives
   * equal keys on every backend.
   */
  keyPair(entropy: Uint8Array): KeyPair;
  /** The pair of a private key that was imported from saved state. */
  keyPairOf(privateKey: Secret<'dh'>): KeyPair;
  /** X25519 or X448. `undefined` where the result is all zero. */
  dh(own: Secret<'dh'>, peer: PublicKey): Secret<'shared'> | undefined;
  /** HKDF (RFC 5869). `salt` absent means zeros, as many as the hash puts out. */
  hkdf<const R extends readonly Role[]>(
    ikm: readonly Part[],
    salt: Part | undefined,
    info: Uint8Array,
    out: R,
  ): Secrets<R>;
  /**
   * One chain step: HMAC(chain, 02) and HMAC(chain, 01), the first 32 bytes of each. Does not wipe
   * `chain`.
   */
  chainStep(chain: Secret<'chain'>): readonly [next: Secret<'chain'>, seed: Secret<'seed'>];
  /** HKDF of a seed to cipher key, MAC key and IV. */
  messageKeys(
    seed: Secret<'seed'>,
    salt: Secret<'seed'> | undefined,
    info: Uint8Array,
  ): Secret<'message'>;
  /** {@link Crypto.chainStep} and {@link Crypto.messageKeys} at once. */
  chainMessage(
    chain: Secret<'chain'>,
    info: Uint8Array,
  ): readonly [next: Secret<'chain'>, keys: Secret<'message'>];
  /** AES-256-CBC with PKCS#7 under the message's cipher key and IV. */
  encrypt(keys: Secret<'message'>, plaintext: Uint8Array): Uint8Array;
  /** Undoes {@link Crypto.encrypt}; `undefined` on bad padding or length. Check the tag first. */
  decrypt(keys: Secret<'message'>, ciphertext: Uint8Array): Uint8Array | undefined;
  /** HMAC under the message's MAC key, cut to `length` bytes (8…`hashBytes`). */
  tag(keys: Secret<'message'>, parts: readonly Uint8Array[], length: number): Uint8Array;
  /** Compares a tag of 8…`hashBytes` bytes without early exit. */
  tagMatches(keys: Secret<'message'>, parts: readonly Uint8Array[], tag: Uint8Array): boolean;
  /** XEdDSA in the form of the parameters; 64 bytes, on X448 114. */
  sign(own: KeyPair, parts: readonly Uint8Array[], entropy64: Uint8Array): Uint8Array;
  /** Verifies XEdDSA, on X25519 honouring the carried sign bit, so it accepts both forms. */
  verify(peer: PublicKey, parts: readonly Uint8Array[], signature: Uint8Array): boolean;
  /** KEM pair from 64 entropy bytes (d ‖ z); equal entropy gives equal keys on every backend. */
  kemKeyPair(kind: KemKind, entropy64: Uint8Array): KemKeyPair;
  /** The pair of a KEM private key that was imported from saved state (64 bytes). */
  kemKeyPairOf(kind: KemKind, privateKey: Secret<'kem'>): KemKeyPair;
  /**
   * Makes a secret for the owner of a KEM public key. `entropy32` is the message m of FIPS 203:
   * fresh and secret. `undefined` for a malformed key: not 1568 bytes, or a coefficient of q or
   * more.
   */
  encapsulate(
    kind: KemKind,
    publicKey: Uint8Array,
    entropy32: Uint8Array,
  ): Encapsulated | undefined;
  /**
   * The secret behind a ciphertext. `undefined` only if it has not 1568 bytes; any other forgery
   * yields a secret nobody knows (implicit rejection), so what uses it fails.
   */
  decapsulate(pair: KemKeyPair, ciphertext: Uint8Array): Secret<'kemShared'> | undefined;
  /** Ed25519 pair of a device key from 32 entropy bytes. */
  signingKeyPair(entropy32: Uint8Array): SigningKeyPair;
  /** The pair of a device key that was imported from saved state. */
  signingKeyPairOf(privateKey: Secret<'sign'>): SigningKeyPair;
  /** Ed25519 (RFC 8032). 64 bytes. */
  signWithDeviceKey(own: SigningKeyPair, parts: readonly Uint8Array[]): Uint8Array;
  /** Verifies Ed25519 under a 32-byte public key. */
  verifyDeviceKey(
    publicKey: Uint8Array,
    parts: readonly Uint8Array[],
    signature: Uint8Array,
  ): boolean;
  /**
   * The X25519 key of a device key: the same point, in Montgomery form, for sealing to a device of
   * which only that key is known. `undefined` for one that {@link Crypto.verifyDeviceKey} would not
   * take, or that is not on the curve, or not in the subgroup of the base point.
   */
  agreementKeyOf(publicKey: Uint8Array): PublicKey | undefined;
  /** The X25519 pair of an own device key (libsodium's conversion). The caller wipes its private half. */
  agreementPairOf(own: SigningKeyPair): KeyPair;
  /** ChaCha20-Poly1305: ciphertext with its 16-byte tag appended. */
  seal(
    key: Secret<'seal'>,
    nonce12: Uint8Array,
    ad: readonly Uint8Array[],
    plaintext: readonly Part[],
  ): Uint8Array;
  /** Undoes {@link Crypto.seal}; `undefined` where the tag does not match. The caller wipes. */
  open(
    key: Secret<'seal'>,
    nonce12: Uint8Array,
    ad: readonly Uint8Array[],
    sealed: Uint8Array,
  ): Uint8Array | undefined;
  /** Ratchets a stream key: SHA-512(key ‖ label) gives the next key and this step's seal key. */
  sealStep(key: Secret<'stream'>): readonly [next: Secret<'stream'>, seal: Secret<'seal'>];
  /** HMAC-SHA-256 under a name key. 32 bytes. */
  mac(key: Secret<'name'>, parts: readonly Uint8Array[]): Uint8Array;
  /** SHA-256. 32 bytes. */
  digest(parts: readonly Uint8Array[]): Uint8Array;
  /** Brings saved bytes under a role, by copy. Bug if the length is not the role's. */
  importSecret<R extends Role>(role: R, bytes: Uint8Array): Secret<R>;
  /** Takes bytes out, by copy. Only the state codec and provisioning may call it. */
  exportSecret(secret: Secret): Uint8Array;
  /** Forgets a secret: zeroes its bytes and drops native handles. Using it later is a bug. */
  wipe(secret: Secret): void;
}

/** Where randomness comes from: exactly `length` fresh bytes, owned by the caller. */
export type Entropy = (length: number) => Uint8Array;

/** Length in bytes of each role. */
export type RoleLengths = { readonly [R in Role]: RoleLength[R] };

/** Length in bytes of each role on X25519. */
export const ROLE_LENGTHS: RoleLengths = {
  root: 32,
  chain: 32,
  seed: 32,
  message: 80,
  shared: 32,
  dh: 32,
  sign: 32,
  seal: 32,
  stream: 32,
  name: 32,
  ctr: 32,
  siv: 32,
  kem: 64,
  kemShared: 32,
  pqAuth: 32,
  header: 32,
};

/** Length in bytes of each role on X448: `dh` and `shared` follow the curve. */
export const ROLE_LENGTHS_X448: RoleLengths = { ...ROLE_LENGTHS, dh: 56, shared: 56 };
