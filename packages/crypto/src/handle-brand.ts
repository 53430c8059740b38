/**
 * The one place where the byte-holding backends look into a handle. Symmetric secrets are their
 * bytes at run time: a wrapper would cost and hide nothing, the brand already keeps callers out.
 */

import { invariant, wipe } from '@simsim/bytes';
import type { Role, RoleLengths, Secret, Secrets } from './crypto.ts';
import { ROLE_LENGTHS } from './crypto.ts';
import { KemPrivateKey } from './kem-key.ts';

/** Turns bytes into a handle that owns them. */
export function toHandle<R extends Role>(
  role: R,
  bytes: Uint8Array,
  lengths: RoleLengths = ROLE_LENGTHS,
): Secret<R> {
  invariant(bytes.length === lengths[role], 'a secret has the length of its role');
  const held: unknown = role === 'kem' ? new KemPrivateKey(bytes) : bytes;
  return held as Secret<R>;
}

/** The bytes of a handle that is its bytes: not a copy. */
export function bytesOf(secret: Secret): Uint8Array {
  return secret as unknown as Uint8Array;
}

/** A handle that keeps something made from its bytes beside them. */
export interface HeldKey {
  readonly bytes: Uint8Array;
  /** Zeroes the bytes and drops what was made from them. */
  wipe(): void;
}

/** What a handle is at run time. */
export function heldBy(secret: Secret): Uint8Array | HeldKey {
  return secret as unknown as Uint8Array | HeldKey;
}

/** The bytes of any handle: not a copy. */
export function anyBytesOf(secret: Secret): Uint8Array {
  const held = heldBy(secret);
  return held instanceof Uint8Array ? held : held.bytes;
}

/** The KEM private key inside a handle. */
export function kemKeyOf(secret: Secret<'kem'>): KemPrivateKey {
  const key: unknown = secret;
  invariant(key instanceof KemPrivateKey, 'a KEM private key handle');
  return key;
}

/** Total length of a list of roles. */
export function lengthOf(roles: readonly Role[], lengths: RoleLengths = ROLE_LENGTHS): number {
  let length = 0;
  for (const role of roles) length += lengths[role];
  return length;
}

/** How a backend makes the handle of a role; the handle owns the bytes. */
export type MakeHandle = <R extends Role>(
  role: R,
  bytes: Uint8Array,
  lengths?: RoleLengths,
) => Secret<R>;

/** Cuts a KDF's output into one handle for each role, each in memory of its own; wipes `output`. */
export function splitSecrets<const R extends readonly Role[]>(
  output: Uint8Array,
  roles: R,
  make: MakeHandle = toHandle,
  lengths: RoleLengths = ROLE_LENGTHS,
): Secrets<R> {
  const secrets: Secret[] = [];
  let at = 0;
  for (const role of roles) {
    const end = at + lengths[role];
    secrets.push(make(role, output.slice(at, end), lengths));
    at = end;
  }
  wipe(output);
  return secrets as unknown as Secrets<R>;
}
