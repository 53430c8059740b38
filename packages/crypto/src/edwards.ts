/**
 * Curve25519 seen from its Edwards side: which public keys we take, XEdDSA signing, and one strict
 * signature check for XEdDSA and Ed25519 alike.
 *
 * Limits: built on noble's BigInt arithmetic, which is not constant time, and its scalars cannot be
 * wiped; SECURITY.md says what that means.
 * Spec: XEdDSA rev. 1, sections 2-4; RFC 7748 §5; RFC 8032 §5.1.
 */

import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { compareBytes, concatBytes, equalBytes, wipe } from '@simsim/bytes';

const { Point } = ed25519;
const { Fp, Fn } = Point;

/** hash_1 of the specification: 2^256 − 2 in little endian, in front of the nonce input. */
const NONCE_PREFIX: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 0xfe : 0xff));

/** The u coordinates of order 8. */
const ORDER_8_U: readonly bigint[] = [
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
];

/**
 * All low-order u coordinates below p; −1 lies on the twist. With them X25519 gives zero whatever
 * the private key is, and signatures can be forged.
 */
const LOW_ORDER_KEYS: readonly Uint8Array[] = [0n, 1n, ...ORDER_8_U, Fp.ORDER - 1n].map((u) =>
  Fp.toBytes(u),
);

/** The y coordinates of all points of order 1, 2, 4 and 8. */
const SMALL_ORDER_Y: readonly bigint[] = [0n, 1n, Fp.ORDER - 1n, ...ORDER_8_U.map(toEdwardsY)];

/** Whether 32 bytes are a canonical X25519 public key that is not of low order. */
export function isAcceptablePublicKey(bytes: Uint8Array): boolean {
  if (bytes.length !== 32 || (bytes[31] ?? 0) > 0x7f) return false;
  // Only the 19 values from p on are below 2^255 and not canonical; they start with 0xed or more
  // and are 0xff in the middle. This path is taken for every saved key, so it avoids BigInt.
  const mayExceed = bytes[31] === 0x7f && bytes[30] === 0xff && bytes[1] === 0xff;
  if (mayExceed && littleEndian(bytes) >= Fp.ORDER) return false;
  return !LOW_ORDER_KEYS.some((key) => compareBytes(key, bytes) === 0);
}

/** Whether 32 bytes are a canonical Ed25519 public key that is not of small order. */
export function isAcceptableDeviceKey(bytes: Uint8Array): boolean {
  if (bytes.length !== 32) return false;
  const y = littleEndian(bytes) & ((1n << 255n) - 1n);
  return y < Fp.ORDER && !SMALL_ORDER_Y.includes(y);
}

/** The X25519 clamp: clears the low three bits and the top one, sets bit 254. Works on a copy. */
export function clamp(scalar: Uint8Array): Uint8Array {
  const clamped = scalar.slice();
  clamped[0] = (clamped[0] ?? 0) & 0xf8;
  clamped[31] = ((clamped[31] ?? 0) & 0x7f) | 0x40;
  return clamped;
}

/** The Edwards public key k·B of a clamped private key, its sign bit kept. */
export function edwardsPublicKey(privateKey: Uint8Array): Uint8Array {
  return Point.BASE.multiply(Fn.create(littleEndian(privateKey))).toBytes();
}

/**
 * The Edwards encoding of a Montgomery public key under a chosen sign (0 or 0x80). It need not lie
 * on the curve: half of all u belong to the twist, and then no signature verifies.
 */
export function toEdwardsKey(publicKey: Uint8Array, sign: number): Uint8Array {
  const encoded = Fp.toBytes(toEdwardsY(littleEndian(publicKey)));
  encoded[31] = (encoded[31] ?? 0) | sign;
  return encoded;
}

/** What {@link signXeddsa} needs. */
export interface XeddsaInput {
  /** 32 bytes, clamped. */
  readonly privateKey: Uint8Array;
  /** {@link edwardsPublicKey} of the private key. */
  readonly edwards: Uint8Array;
  readonly message: Uint8Array;
  /** 64 fresh secret bytes: the same bytes for two messages give the private key away. */
  readonly entropy64: Uint8Array;
}

/**
 * Signs as Signal's peers do: the natural sign of the Edwards key rides in the top bit of the
 * signature, and the nonce input is the clamped private key as it is, not reduced.
 *
 * Differs: the specification forces the sign to 0 and negates the scalar; {@link signXeddsaRev1}.
 */
export function signXeddsa(input: XeddsaInput): Uint8Array {
  const scalar = Fn.create(littleEndian(input.privateKey));
  const signature = signWith({ ...input, scalar, nonceKey: input.privateKey });
  signature[63] = (signature[63] ?? 0) | ((input.edwards[31] ?? 0) & 0x80);
  return signature;
}

/**
 * Signs as the specification and its published vectors do: Edwards sign 0, scalar negated where the
 * natural sign was 1. Verifies everywhere; used by tests to hold this file against those vectors.
 */
export function signXeddsaRev1(input: XeddsaInput): Uint8Array {
  const natural = Fn.create(littleEndian(input.privateKey));
  const isNegative = ((input.edwards[31] ?? 0) & 0x80) !== 0;
  const scalar = isNegative ? Fn.neg(natural) : natural;
  const edwards = input.edwards.slice();
  edwards[31] = (edwards[31] ?? 0) & 0x7f;
  // The authors' reference hashes the unreduced key where no negation was needed.
  const nonceKey = isNegative ? Fn.toBytes(scalar) : input.privateKey;
  return signWith({ ...input, edwards, scalar, nonceKey });
}

interface SigningInput extends XeddsaInput {
  readonly scalar: bigint;
  readonly nonceKey: Uint8Array;
}

function signWith({ edwards, message, entropy64, scalar, nonceKey }: SigningInput): Uint8Array {
  const nonceInput = concatBytes([NONCE_PREFIX, nonceKey, message, entropy64]);
  const nonceHash = sha512(nonceInput);
  const nonce = Fn.create(littleEndian(nonceHash));
  wipe(nonceInput);
  wipe(nonceHash);
  const commitment = Point.BASE.multiply(nonce).toBytes();
  const challenge = Fn.create(littleEndian(sha512(concatBytes([commitment, edwards, message]))));
  const answer = Fn.add(nonce, Fn.mul(challenge, scalar));
  return concatBytes([commitment, Fn.toBytes(answer)]);
}

/**
 * Splits an XEdDSA signature into its carried sign (0 or 0x80) and the Ed25519 signature below it.
 * `undefined` on a wrong length.
 */
export function splitXeddsa(
  signature: Uint8Array,
): { readonly sign: number; readonly plain: Uint8Array } | undefined {
  if (signature.length !== 64) return undefined;
  const plain = signature.slice();
  const top = plain[63] ?? 0;
  plain[63] = top & 0x7f;
  return { sign: top & 0x80, plain };
}

/**
 * Checks an Ed25519 signature without cofactor: s below the group order and s·B − h·A equal to R
 * byte for byte, exactly what OpenSSL checks, so that both backends give one verdict.
 *
 * Differs: XEdDSA rev. 1 tolerates s ≥ q, which makes signatures malleable; we refuse.
 */
export function verifyEdwards(
  edwards: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const s = littleEndian(signature.subarray(32));
  if (signature.length !== 64 || s >= Fn.ORDER) return false;
  const key = decodePoint(edwards);
  if (key === undefined) return false;
  const commitment = signature.subarray(0, 32);
  const challenge = Fn.create(littleEndian(sha512(concatBytes([commitment, edwards, message]))));
  const base = s === 0n ? Point.ZERO : Point.BASE.multiplyUnsafe(s);
  const expected = base.add(key.negate().multiplyUnsafe(challenge));
  return equalBytes(expected.toBytes(), commitment);
}

type EdwardsPoint = ReturnType<typeof Point.fromBytes>;

/** Noble throws on encodings off the curve; here that is an answer like any other. */
function decodePoint(encoded: Uint8Array): EdwardsPoint | undefined {
  try {
    return Point.fromBytes(encoded);
  } catch {
    return undefined;
  }
}

/** y = (u − 1) / (u + 1), where 1/0 is 0. */
function toEdwardsY(u: bigint): bigint {
  const divisor = Fp.add(u, Fp.ONE);
  return divisor === 0n ? 0n : Fp.mul(Fp.sub(u, Fp.ONE), Fp.inv(divisor));
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] ?? 0);
  return value;
}
