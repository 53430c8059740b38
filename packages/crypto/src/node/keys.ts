/**
 * Keys of the node backend: raw bytes first, OpenSSL's objects made on first use and kept beside.
 *
 * Why JWK: on Node 20 importing a private key as JWK takes 44 µs, as DER 459. The price is that the
 * key passes through one base64url string, which cannot be wiped (SECURITY.md).
 * `generateKeyPairSync` is never used: it draws its own randomness.
 */

import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { base64urlToBytes, bytesToBase64url, invariant, wipe } from '@simsim/bytes';
import type { PublicKey, Role, RoleLengths, Secret } from '../crypto.ts';
import { ROLE_LENGTHS } from '../crypto.ts';
import { CURVE25519 } from '../curve25519.ts';
import { CURVE448 } from '../curve448.ts';
import type { HeldKey } from '../handle-brand.ts';
import { toHandle } from '../handle-brand.ts';
import { edwardsPublicKey, toEdwardsKey } from '../xed-curve.ts';

/** The curve of a key, by its JWK name. */
export type Curve = 'X25519' | 'X448' | 'Ed25519';

/** OpenSSL ignores a private JWK's `x` but wants one of the right length. */
const ANY_X = bytesToBase64url(new Uint8Array(32));
const ANY_X448 = bytesToBase64url(new Uint8Array(56));

/** A private key: its bytes are the truth, the object a convenience that `wipe` drops. */
export class NodePrivateKey implements HeldKey {
  readonly bytes: Uint8Array;
  readonly #curve: Curve;
  #object: KeyObject | undefined;
  #edwards: Uint8Array | undefined;

  constructor(curve: Curve, bytes: Uint8Array) {
    this.#curve = curve;
    this.bytes = bytes;
  }

  /** The key as OpenSSL's object. */
  object(): KeyObject {
    const x = this.#curve === 'X448' ? ANY_X448 : ANY_X;
    this.#object ??= createPrivateKey({
      key: { kty: 'OKP', crv: this.#curve, x, d: bytesToBase64url(this.bytes) },
      format: 'jwk',
    });
    return this.#object;
  }

  /** The raw public half. */
  publicBytes(): Uint8Array {
    const { x } = createPublicKey(this.object()).export({ format: 'jwk' });
    const bytes = x === undefined ? undefined : base64urlToBytes(x);
    invariant(bytes?.length === this.bytes.length, 'OpenSSL exports the whole public key');
    return bytes;
  }

  /** The Edwards public key of a Montgomery private key; computed once, it is half of signing. */
  edwards(): Uint8Array {
    this.#edwards ??= edwardsPublicKey(this.#curve === 'X448' ? CURVE448 : CURVE25519, this.bytes);
    return this.#edwards;
  }

  wipe(): void {
    wipe(this.bytes);
    this.#object = undefined;
    this.#edwards = undefined;
  }
}

/** A checked X25519 or X448 public key with the objects made from it. */
export class NodePublicKey implements PublicKey {
  readonly bytes: Uint8Array;
  #object: KeyObject | undefined;
  #verifyingSign = 0;
  #verifying: KeyObject | undefined;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  object(): KeyObject {
    this.#object ??= importPublicKey(this.bytes.length === 56 ? 'X448' : 'X25519', this.bytes);
    return this.#object;
  }

  /** The Ed25519 key of a carried sign (0 or 0x80). A peer's sign never changes: one is kept. */
  verifying(sign: number): KeyObject {
    if (this.#verifying === undefined || this.#verifyingSign !== sign) {
      this.#verifying = importPublicKey('Ed25519', toEdwardsKey(CURVE25519, this.bytes, sign));
      this.#verifyingSign = sign;
    }
    return this.#verifying;
  }
}

/** The objects behind a public key, also where it is somebody's plain `{ bytes }`. */
export function nodePublicKey(key: PublicKey): NodePublicKey {
  return key instanceof NodePublicKey ? key : new NodePublicKey(key.bytes);
}

/** Imports raw bytes as a public key. OpenSSL does not check that they are on the curve. */
export function importPublicKey(curve: Curve, bytes: Uint8Array): KeyObject {
  return createPublicKey({
    key: { kty: 'OKP', crv: curve, x: bytesToBase64url(bytes) },
    format: 'jwk',
  });
}

/** Makes the handle of a role; owns `bytes`. */
export function toNodeHandle<R extends Role>(
  role: R,
  bytes: Uint8Array,
  lengths: RoleLengths = ROLE_LENGTHS,
): Secret<R> {
  const handle = toHandle(role, bytes, lengths);
  if (role !== 'dh' && role !== 'sign') return handle;
  const curve = bytes.length === 56 ? 'X448' : 'X25519';
  const key = new NodePrivateKey(role === 'dh' ? curve : 'Ed25519', bytes);
  return key as unknown as Secret<R>;
}

/** The private key inside a handle. */
export function privateKeyOf(secret: Secret<'dh' | 'sign'>): NodePrivateKey {
  const key: unknown = secret;
  invariant(key instanceof NodePrivateKey, 'a private key handle of the node backend');
  return key;
}
