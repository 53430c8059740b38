/**
 * Points of Curve25519 by hand, as far as tests need them: a public key plus each of the eight
 * torsion points. X25519 gives the same result for all eight, because clamping makes every private
 * key a multiple of eight.
 */

const P = 2n ** 255n - 19n;
const A = 486662n;

/** u of a point of order 8 on the curve. */
const ORDER_8_U = 325606250916557431795983626356110631294008115727848805560023387167927233504n;

type Point = { readonly u: bigint; readonly v: bigint } | 'infinity';

const mod = (value: bigint): bigint => ((value % P) + P) % P;

function power(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, mod(base)];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * square);
    square = mod(square * square);
  }
  return result;
}

const inverse = (value: bigint): bigint => power(value, P - 2n);

function pointOf(u: bigint): Point {
  const square = mod(u * u * u + A * u * u + u);
  let v = power(square, (P + 3n) / 8n);
  if (mod(v * v) !== square) v = mod(v * power(2n, (P - 1n) / 4n));
  if (mod(v * v) !== square) throw new Error('a key of the twist has no twins here');
  return { u, v };
}

function add(a: Point, b: Point): Point {
  if (a === 'infinity') return b;
  if (b === 'infinity') return a;
  const isSame = a.u === b.u;
  if (isSame && mod(a.v + b.v) === 0n) return 'infinity';
  const slope = isSame
    ? mod((3n * a.u * a.u + 2n * A * a.u + 1n) * inverse(2n * a.v))
    : mod((b.v - a.v) * inverse(mod(b.u - a.u)));
  const u = mod(slope * slope - A - a.u - b.u);
  return { u, v: mod(slope * (a.u - u) - a.v) };
}

const decode = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);

const encode = (value: bigint): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));

/** The key itself and its seven twins, all canonical and none of low order. */
export function torsionTwins(publicKey: Uint8Array): Uint8Array[] {
  const key = pointOf(decode(publicKey));
  const torsion = pointOf(ORDER_8_U);
  const twins: Uint8Array[] = [];
  let at: Point = 'infinity';
  for (let i = 0; i < 8; i++) {
    const twin = add(key, at);
    if (twin === 'infinity') throw new Error('the key is no torsion point');
    twins.push(encode(twin.u));
    at = add(at, torsion);
  }
  if (at !== 'infinity') throw new Error('eight times a point of order eight');
  return twins;
}
