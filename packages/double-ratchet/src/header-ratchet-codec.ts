/**
 * The saved form of a state with encrypted headers. Encoding answers public bytes and secret handles
 * for a sealing call, so that no secret becomes plain bytes here; decoding is total and takes only
 * what encoding makes.
 *
 * Shapes: version, kind of the sending half, public fields, then all secrets in a fixed order.
 */

import type { BinaryReader, BinaryWriter, Result } from '@simsim/bytes';
import { createReader, createWriter, err, ok, wipe } from '@simsim/bytes';
import type { Crypto, KeyPair, Part, PublicKey, Role, Secret } from '@simsim/crypto';
import type { HeaderRatchetState, HeaderReceiving, HeaderSending } from './header-ratchet-state.ts';
import type { ClosedChain, DatedSeed } from './skipped-chains.ts';

/** Why saved state could not be read. The store is damaged or newer than this code. */
export type HeaderStateRejection =
  | { readonly code: 'MALFORMED' }
  | { readonly code: 'UNSUPPORTED_VERSION'; readonly version: number };

const VERSION = 1;
const KINDS = ['ready', 'owed', 'borrowed'] as const;
const HAS_PEER = 1;
const HAS_RECEIVING = 2;

/**
 * Most bytes of a saved state that are looked at. An honest one has about 300 and 45 for each
 * skipped key, of which there are at most `skippedKeysMax`.
 */
export const HEADER_STATE_BYTES_MAX: number = 256 * 1024;

/** The parts of a saved state, to be sealed and stored in this order. */
export function encodeHeaderRatchet(state: HeaderRatchetState): Part[] {
  const { root, sending, receiving, nextReceivingKey, peer, closed } = state;
  const flags = (peer ? HAS_PEER : 0) | (receiving ? HAS_RECEIVING : 0);
  const writer = createWriter(256).u8(VERSION).u8(KINDS.indexOf(sending.kind)).u8(flags);
  writer.varint(state.previousCount).varint(state.receivedCount);
  const secrets: Secret[] = [root, nextReceivingKey];
  if (sending.kind !== 'owed') {
    writer.raw(sending.own.publicKey.bytes);
    secrets.push(sending.nextHeaderKey, sending.own.privateKey);
  }
  if (sending.kind === 'ready') {
    writer.varint(sending.chain.counter);
    secrets.push(sending.chain.chain);
  }
  if (sending.kind !== 'borrowed') secrets.push(sending.headerKey);
  if (peer !== undefined) writer.raw(peer.bytes);
  if (receiving !== undefined) {
    writer.varint(receiving.counter);
    secrets.push(receiving.chain, receiving.headerKey);
    writeSeeds(writer, receiving.skipped, secrets);
  }
  writer.varint(closed.length);
  for (const { headerKey, skipped } of closed) {
    secrets.push(headerKey);
    writeSeeds(writer, skipped, secrets);
  }
  return [writer.finish(), ...secrets];
}

function writeSeeds(writer: BinaryWriter, seeds: readonly DatedSeed[], secrets: Secret[]): void {
  writer.varint(seeds.length);
  for (const { counter, seed, bornAt, bornAtMs } of seeds) {
    writer.varint(counter).varint(bornAt);
    // One more than the time, so that 0 can say that there is none.
    writer.varint(bornAtMs === undefined ? 0 : Math.floor(bornAtMs) + 1);
    secrets.push(seed);
  }
}

/** A seed whose secret has not been read yet. */
type Place = Omit<DatedSeed, 'seed'>;

/** All public fields, in the order in which they were written. */
interface Frame {
  readonly kind: (typeof KINDS)[number];
  readonly previousCount: number;
  readonly receivedCount: number;
  readonly own: PublicKey | undefined;
  readonly sent: number;
  readonly peer: PublicKey | undefined;
  readonly receiving: { readonly counter: number; readonly skipped: readonly Place[] } | undefined;
  readonly closed: readonly (readonly Place[])[];
}

/** Reads {@link encodeHeaderRatchet}. The bytes stay the caller's to wipe. */
export function decodeHeaderRatchet(
  bytes: Uint8Array,
  crypto: Crypto,
): Result<HeaderRatchetState, HeaderStateRejection> {
  const [version] = bytes;
  const isTooLong = bytes.length > HEADER_STATE_BYTES_MAX;
  if (version === undefined || isTooLong) return err({ code: 'MALFORMED' });
  if (version !== VERSION) return err({ code: 'UNSUPPORTED_VERSION', version });
  const from = createReader(bytes);
  from.u8();
  const frame = readFrame(from, crypto);
  // Checked before the first secret is read: none is orphaned.
  const isWhole =
    frame !== undefined && from.isIntact() && from.left() === secretBytes(frame, crypto);
  if (!isWhole) return err({ code: 'MALFORMED' });
  return ok(readState(frame, from, crypto));
}

function readFrame(from: BinaryReader, crypto: Crypto): Frame | undefined {
  const kind = KINDS[from.u8()];
  const flags = from.u8();
  const previousCount = from.varint();
  const receivedCount = from.varint();
  if (kind === undefined || flags > 3) return undefined;
  const own = kind === 'owed' ? undefined : readPublicKey(from, crypto);
  const sent = kind === 'ready' ? from.varint() : 0;
  const peer = (flags & HAS_PEER) !== 0 ? readPublicKey(from, crypto) : undefined;
  const counter = (flags & HAS_RECEIVING) !== 0 ? from.varint() : undefined;
  const receiving =
    counter === undefined
      ? undefined
      : { counter, skipped: readPlaces(from, { receivedCount, below: counter }) };
  const closed: (readonly Place[])[] = [];
  const chains = readCount(from, 4);
  for (let i = 0; i < chains; i++)
    closed.push(readPlaces(from, { receivedCount, below: Infinity }));
  if (closed.some((places) => places.length === 0)) from.fail();
  const begun = peer !== undefined && (kind === 'ready' || receiving !== undefined);
  const fresh = flags === 0 && closed.length === 0;
  if (kind === 'borrowed' ? !fresh : !begun) from.fail();
  return { kind, previousCount, receivedCount, own, sent, peer, receiving, closed };
}

/** Counters and births must be what a ratchet can have made. */
function readPlaces(
  from: BinaryReader,
  { receivedCount, below }: { readonly receivedCount: number; readonly below: number },
): readonly Place[] {
  const places: Place[] = [];
  const count = readCount(from, 3);
  for (let i = 0; i < count; i++) {
    const counter = from.varint();
    const bornAt = from.varint();
    const time = from.varint();
    const before = places.at(-1);
    const isAfter = before === undefined || (counter > before.counter && bornAt >= before.bornAt);
    if (!isAfter || counter >= below || bornAt > receivedCount) from.fail();
    places.push(time === 0 ? { counter, bornAt } : { counter, bornAt, bornAtMs: time - 1 });
  }
  return places;
}

function secretBytes(frame: Frame, { parameters }: Crypto): number {
  const { kind, receiving, closed } = frame;
  let count = { ready: 5, owed: 3, borrowed: 3 }[kind];
  if (receiving !== undefined) count += 2 + receiving.skipped.length;
  for (const places of closed) count += 1 + places.length;
  return count * 32 + (kind === 'owed' ? 0 : parameters.keyBytes);
}

function readState(frame: Frame, from: BinaryReader, crypto: Crypto): HeaderRatchetState {
  const secret = <R extends Role>(role: R, length = 32): Secret<R> => {
    const bytes = from.raw(length);
    const held = crypto.importSecret(role, bytes);
    wipe(bytes);
    return held;
  };
  const seeds = (places: readonly Place[]): DatedSeed[] =>
    places.map((place) => ({ ...place, seed: secret('seed') }));
  const { previousCount, receivedCount, peer } = frame;
  const root = secret('root');
  const nextReceivingKey = secret('header');
  const sending = readSending(frame, secret, crypto);
  const receiving: HeaderReceiving | undefined = frame.receiving && {
    chain: secret('chain'),
    headerKey: secret('header'),
    counter: frame.receiving.counter,
    skipped: seeds(frame.receiving.skipped),
  };
  const closed: ClosedChain[] = frame.closed.map((places) => ({
    headerKey: secret('header'),
    skipped: seeds(places),
  }));
  return { root, sending, receiving, nextReceivingKey, peer, previousCount, receivedCount, closed };
}

function readSending(
  { kind, own: publicKey, sent }: Frame,
  secret: <R extends Role>(role: R, length?: number) => Secret<R>,
  { parameters }: Crypto,
): HeaderSending {
  if (kind === 'owed' || publicKey === undefined)
    return { kind: 'owed', headerKey: secret('header') };
  const nextHeaderKey = secret('header');
  const own: KeyPair = { privateKey: secret('dh', parameters.keyBytes), publicKey };
  if (kind === 'borrowed') return { kind, own, nextHeaderKey };
  const chain = { chain: secret('chain'), counter: sent };
  return { kind, own, chain, headerKey: secret('header'), nextHeaderKey };
}

/** A count that the bytes left could hold at `bytesEach`, or 0: bounds loops before they run. */
function readCount(from: BinaryReader, bytesEach: number): number {
  const count = from.varint();
  if (count * bytesEach <= from.left()) return count;
  from.fail();
  return 0;
}

function readPublicKey(from: BinaryReader, crypto: Crypto): PublicKey | undefined {
  const key = crypto.publicKey(from.raw(crypto.parameters.keyBytes));
  if (key === undefined) from.fail();
  return key;
}
