/**
 * The saved forms of a session's parts. Encoding answers a list of public bytes and secret handles
 * for the sealing call, so that no secret becomes plain bytes here; decoding is total and takes only
 * what encoding makes.
 *
 * Each form: version byte, public fields, then all secrets of 32 bytes in a fixed order. Hot form 2
 * is form 1 with the chains of the post-quantum ratchet and without our own ratchet public key, which
 * its private key gives. Cold form 2 is for both wire versions and holds the session's id instead of
 * the base key; form 1, always wire version 3, is still read.
 */

import type { BinaryReader, Result } from '@simsim/bytes';
import {
  bytesToHex,
  createReader,
  createWriter,
  err,
  hexToBytes,
  invariant,
  ok,
  wipe,
} from '@simsim/bytes';
import type { Crypto, KeyPair, Part, PublicKey, Role, Secret } from '@simsim/crypto';
import type {
  BlockEntry,
  OlderChain,
  PqChains,
  RatchetCold,
  SendingHalf,
  SkippedBlock,
  SkippedSeed,
} from '@simsim/double-ratchet';
import { BLOCK_BYTES_MAX, COLD_BYTES_MAX, HOT_BYTES_MAX } from './limits.ts';
import type { StateRejection } from './rejection.ts';
import type { PendingInitiation, SessionCold, SessionHot } from './session-state.ts';
import { hotSecrets, sessionIdOf } from './session-state.ts';
import type { KemInitiation } from './wire.ts';

const FORM_1 = 1;
const FORM_2 = 2;

const HAS_SENDING = 1;
const HAS_RECEIVING = 2;

const IS_PENDING = 1;
const HAS_ONE_TIME_KEY = 2;
const IS_VERSION_4 = 4;
const HAS_BIRTH_TIMES = 8;

const ID_BYTES = 16;
const KEM_CIPHERTEXT_BYTES = 1568;

/**
 * The hot state, at most 260 bytes when sealed parts are joined.
 *
 * Throws: on a responder that has not received yet, which no session step gives away.
 */
export function encodeHot(hot: SessionHot): Part[] {
  const { sending, peer, receiving, previousCount, receivedCount, pq } = hot;
  const hasBegun = sending.kind === 'ready' || receiving !== undefined;
  invariant(peer !== undefined && hasBegun, 'a session has received or begun to send');
  const flags =
    (sending.kind === 'ready' ? HAS_SENDING : 0) | (receiving === undefined ? 0 : HAS_RECEIVING);
  const writer = createWriter(96)
    .u8(pq === undefined ? FORM_1 : FORM_2)
    .u8(flags);
  writer.varint(previousCount).varint(receivedCount).raw(peer.bytes);
  if (sending.kind === 'ready') {
    writer.varint(sending.chain.counter);
    if (pq === undefined) writer.raw(sending.own.publicKey.bytes);
  }
  if (receiving !== undefined) writer.varint(receiving.counter);
  if (pq !== undefined) writer.varint(pq.sending.counter).varint(pq.receiving.counter);
  return [writer.finish(), ...hotSecrets(hot)];
}

/** Reads {@link encodeHot}. The bytes stay the caller's to wipe. */
export function decodeHot(bytes: Uint8Array, crypto: Crypto): Result<SessionHot, StateRejection> {
  const opened = openState(bytes, { bytesMax: HOT_BYTES_MAX, newest: FORM_2 });
  if (!opened.ok) return opened;
  const { from, form } = opened.value;
  const flags = from.u8();
  const previousCount = from.varint();
  const receivedCount = from.varint();
  const peer = readPublicKey(from, crypto);
  const isSending = (flags & HAS_SENDING) !== 0;
  const sendCounter = isSending ? from.varint() : 0;
  const ownKey = isSending && form === FORM_1 ? readPublicKey(from, crypto) : undefined;
  const isReceiving = (flags & HAS_RECEIVING) !== 0;
  const receiveCounter = isReceiving ? from.varint() : 0;
  const pqCounters = form === FORM_2 ? [from.varint(), from.varint()] : [];
  const secrets = 1 + (isSending ? 2 : 0) + (isReceiving ? 1 : 0) + pqCounters.length;
  if (flags === 0 || flags > 3) from.fail();
  if (!holdsSecrets(from, secrets)) return err({ code: 'MALFORMED' });
  const root = readSecret(from, 'root', crypto);
  const sending: SendingHalf = isSending
    ? {
        kind: 'ready',
        own: readPair(from, ownKey, crypto),
        chain: { chain: readSecret(from, 'chain', crypto), counter: sendCounter },
      }
    : { kind: 'owed' };
  const receiving = isReceiving
    ? { chain: readSecret(from, 'chain', crypto), counter: receiveCounter }
    : undefined;
  const hot = { root, sending, peer, receiving, previousCount, receivedCount };
  const pq = readPqChains(from, pqCounters, crypto);
  return ok(pq === undefined ? hot : { ...hot, pq });
}

function readPair(from: BinaryReader, publicKey: PublicKey | undefined, crypto: Crypto): KeyPair {
  const privateKey = readSecret(from, 'dh', crypto);
  return publicKey === undefined ? crypto.keyPairOf(privateKey) : { privateKey, publicKey };
}

function readPqChains(
  from: BinaryReader,
  [sendCounter, receiveCounter]: readonly number[],
  crypto: Crypto,
): PqChains | undefined {
  if (sendCounter === undefined || receiveCounter === undefined) return undefined;
  const sending = { chain: readSecret(from, 'chain', crypto), counter: sendCounter };
  const receiving = { chain: readSecret(from, 'chain', crypto), counter: receiveCounter };
  return { sending, receiving };
}

/** The cold state. A pending initiation of version 4 holds its KEM ciphertext: 1.6 KB more. */
export function encodeCold(cold: SessionCold): Part[] {
  const { pending, ratchet, version } = cold;
  const { olderChains, directory } = ratchet;
  const id = hexToBytes(cold.id);
  invariant(id?.length === ID_BYTES, 'a session id is 16 bytes of hex');
  invariant(!pending || (version === 4) === (pending.kem !== undefined), 'PQXDH has a KEM key');
  const hasOneTimeKey = pending?.oneTimePreKeyId !== undefined;
  const hasTimes = directory.some(({ bornAtMs }) => bornAtMs !== undefined);
  const flags = (pending ? IS_PENDING : 0) | (hasOneTimeKey ? HAS_ONE_TIME_KEY : 0);
  const writer = createWriter(256).u8(FORM_2);
  writer.u8(flags | (version === 4 ? IS_VERSION_4 : 0) | (hasTimes ? HAS_BIRTH_TIMES : 0));
  writer.raw(id).raw(cold.localIdentity).raw(cold.remoteIdentity);
  writer.varint(cold.localRegistrationId).varint(cold.remoteRegistrationId);
  if (pending) {
    writer.raw(pending.baseKey).varint(pending.signedPreKeyId);
    if (pending.oneTimePreKeyId !== undefined) writer.varint(pending.oneTimePreKeyId);
    if (pending.kem) writer.varint(pending.kem.preKeyId).raw(pending.kem.ciphertext);
  }
  writer.varint(ratchet.nextBlockId).varint(directory.length);
  for (const { id: block, ratchetKey, from, to, count, bornAt, bornAtMs } of directory) {
    writer.varint(block).raw(ratchetKey).varint(from).varint(to).varint(count).varint(bornAt);
    // Only under a life in milliseconds; 0 for a block that was born without.
    if (hasTimes) writer.varint(bornAtMs === undefined ? 0 : bornAtMs + 1);
  }
  writer.varint(olderChains.length);
  for (const { ratchetKey, counter } of olderChains) writer.raw(ratchetKey).varint(counter);
  return [writer.finish(), ...olderChains.map(({ chain }) => chain)];
}

/** Reads {@link encodeCold}. The bytes stay the caller's to wipe. */
export function decodeCold(bytes: Uint8Array, crypto: Crypto): Result<SessionCold, StateRejection> {
  const opened = openState(bytes, { bytesMax: COLD_BYTES_MAX, newest: FORM_2 });
  if (!opened.ok) return opened;
  const { from, form } = opened.value;
  const { hasTimes, ...head } = form === FORM_1 ? readHead1(from, crypto) : readHead2(from);
  const nextBlockId = from.varint();
  const directory = readDirectory(from, { nextBlockId, hasTimes });
  const chainCount = readCount(from, 33);
  const places: Omit<OlderChain, 'chain'>[] = [];
  for (let i = 0; i < chainCount; i++) {
    places.push({ ratchetKey: from.raw(32), counter: from.varint() });
  }
  if (!holdsSecrets(from, chainCount)) return err({ code: 'MALFORMED' });
  const olderChains = places.map((place) => ({
    ...place,
    chain: readSecret(from, 'chain', crypto),
  }));
  const ratchet: RatchetCold = { olderChains, directory, nextBlockId };
  return ok({ ...head, ratchet });
}

interface ColdHead extends Omit<SessionCold, 'ratchet'> {
  readonly hasTimes: boolean;
}

/** Form 1 had the base key in front, pending or not, and knew wire version 3 only. */
function readHead1(from: BinaryReader, crypto: Crypto): ColdHead {
  const flags = from.u8();
  if (flags > 3 || flags === HAS_ONE_TIME_KEY) from.fail();
  const baseKey = from.raw(32);
  const parties = readParties(from);
  const isPending = (flags & IS_PENDING) !== 0;
  const pending = isPending ? readPending(from, flags, baseKey) : undefined;
  return { id: sessionIdOf(baseKey, crypto), version: 3, ...parties, pending, hasTimes: false };
}

function readHead2(from: BinaryReader): ColdHead {
  const flags = from.u8();
  const isPending = (flags & IS_PENDING) !== 0;
  if (flags > 15 || (!isPending && (flags & HAS_ONE_TIME_KEY) !== 0)) from.fail();
  const id = bytesToHex(from.raw(ID_BYTES));
  const parties = readParties(from);
  const pending = isPending ? readPending(from, flags, from.raw(32)) : undefined;
  const version = (flags & IS_VERSION_4) === 0 ? 3 : 4;
  return { id, version, ...parties, pending, hasTimes: (flags & HAS_BIRTH_TIMES) !== 0 };
}

function readParties(
  from: BinaryReader,
): Pick<
  SessionCold,
  'localIdentity' | 'remoteIdentity' | 'localRegistrationId' | 'remoteRegistrationId'
> {
  return {
    localIdentity: from.raw(32),
    remoteIdentity: from.raw(32),
    localRegistrationId: from.varint(),
    remoteRegistrationId: from.varint(),
  };
}

/** One block of skipped keys. */
export function encodeBlock({ id, ratchetKey, seeds }: SkippedBlock): Part[] {
  const writer = createWriter(160).u8(FORM_1).varint(id).raw(ratchetKey).varint(seeds.length);
  for (const { counter } of seeds) writer.varint(counter);
  return [writer.finish(), ...seeds.map(({ seed }) => seed)];
}

/** Reads {@link encodeBlock}. The bytes stay the caller's to wipe. */
export function decodeBlock(
  bytes: Uint8Array,
  crypto: Crypto,
): Result<SkippedBlock, StateRejection> {
  const opened = openState(bytes, { bytesMax: BLOCK_BYTES_MAX, newest: FORM_1 });
  if (!opened.ok) return opened;
  const { from } = opened.value;
  const id = from.varint();
  const ratchetKey = from.raw(32);
  const count = readCount(from, 33);
  const counters: number[] = [];
  for (let i = 0; i < count; i++) counters.push(from.varint());
  const isAscending = counters.every((counter, i) => i === 0 || counter > (counters[i - 1] ?? 0));
  if (count === 0 || !isAscending) from.fail();
  if (!holdsSecrets(from, count)) return err({ code: 'MALFORMED' });
  const seeds: SkippedSeed[] = counters.map((counter) => ({
    counter,
    seed: readSecret(from, 'seed', crypto),
  }));
  return ok({ id, ratchetKey, seeds });
}

interface OpenedState {
  readonly from: BinaryReader;
  readonly form: number;
}

function openState(
  bytes: Uint8Array,
  { bytesMax, newest }: { readonly bytesMax: number; readonly newest: number },
): Result<OpenedState, StateRejection> {
  const [form] = bytes;
  if (form === undefined || bytes.length > bytesMax) return err({ code: 'MALFORMED' });
  if (form < FORM_1 || form > newest) return err({ code: 'UNSUPPORTED_VERSION', version: form });
  const from = createReader(bytes);
  from.u8();
  return ok({ from, form });
}

function readPending(from: BinaryReader, flags: number, baseKey: Uint8Array): PendingInitiation {
  const signedPreKeyId = from.varint();
  const oneTimePreKeyId = (flags & HAS_ONE_TIME_KEY) !== 0 ? from.varint() : undefined;
  const kem = (flags & IS_VERSION_4) !== 0 ? readKem(from) : undefined;
  return { baseKey, signedPreKeyId, oneTimePreKeyId, kem };
}

function readKem(from: BinaryReader): KemInitiation {
  return { preKeyId: from.varint(), ciphertext: from.raw(KEM_CIPHERTEXT_BYTES) };
}

/** Ids, births and ranges must be what {@link encodeCold} can have written. */
function readDirectory(
  from: BinaryReader,
  { nextBlockId, hasTimes }: { readonly nextBlockId: number; readonly hasTimes: boolean },
): BlockEntry[] {
  const directory: BlockEntry[] = [];
  const count = readCount(from, 37);
  for (let i = 0; i < count; i++) {
    const fields = {
      id: from.varint(),
      ratchetKey: from.raw(32),
      from: from.varint(),
      to: from.varint(),
      count: from.varint(),
      bornAt: from.varint(),
    };
    const time = hasTimes ? from.varint() : 0;
    const entry = time === 0 ? fields : { ...fields, bornAtMs: time - 1 };
    const before = directory.at(-1);
    const isInOrder =
      before === undefined || (entry.id > before.id && entry.bornAt >= before.bornAt);
    if (!isInOrder || entry.id >= nextBlockId || entry.from > entry.to || entry.count === 0) {
      from.fail();
    }
    directory.push(entry);
  }
  if (hasTimes && directory.every(({ bornAtMs }) => bornAtMs === undefined)) from.fail();
  return directory;
}

/** A count that the bytes left could hold at `bytesEach`, or 0: bounds loops before they run. */
function readCount(from: BinaryReader, bytesEach: number): number {
  const count = from.varint();
  if (count * bytesEach <= from.left()) return count;
  from.fail();
  return 0;
}

/** Whether exactly `count` secrets are left. Checked before the first is read: none is orphaned. */
function holdsSecrets(from: BinaryReader, count: number): boolean {
  return from.isIntact() && from.left() === count * 32;
}

function readSecret<R extends Role>(from: BinaryReader, role: R, crypto: Crypto): Secret<R> {
  const bytes = from.raw(32);
  const secret = crypto.importSecret(role, bytes);
  wipe(bytes);
  return secret;
}

function readPublicKey(from: BinaryReader, crypto: Crypto): PublicKey | undefined {
  const key = crypto.publicKey(from.raw(32));
  if (key === undefined) from.fail();
  return key;
}
