/**
 * The saved forms of a session's parts. Encoding answers a list of public bytes and secret handles
 * for the sealing call, so that no secret becomes plain bytes here; decoding is total and takes only
 * what encoding makes.
 *
 * Each form: version byte, public fields, then all secrets of 32 bytes in a fixed order.
 */

import type { BinaryReader, Result } from '@simsim/bytes';
import { createReader, createWriter, err, invariant, ok, wipe } from '@simsim/bytes';
import type { Crypto, Part, PublicKey, Role, Secret } from '@simsim/crypto';
import type {
  BlockEntry,
  OlderChain,
  RatchetCold,
  SendingHalf,
  SkippedBlock,
  SkippedSeed,
} from '@simsim/double-ratchet';
import { BLOCK_BYTES_MAX, COLD_BYTES_MAX, HOT_BYTES_MAX } from './limits.ts';
import type { StateRejection } from './rejection.ts';
import type { PendingInitiation, SessionCold, SessionHot } from './session-state.ts';
import { sessionIdOf } from './session-state.ts';

const VERSION = 1;

const HAS_SENDING = 1;
const HAS_RECEIVING = 2;

const IS_PENDING = 1;
const HAS_ONE_TIME_KEY = 2;

/**
 * The hot state, at most 260 bytes when sealed parts are joined.
 *
 * Throws: on a responder that has not received yet, which no session step gives away.
 */
export function encodeHot(hot: SessionHot): Part[] {
  const { root, sending, peer, receiving, previousCount, receivedCount } = hot;
  const hasBegun = sending.kind === 'ready' || receiving !== undefined;
  invariant(peer !== undefined && hasBegun, 'a session has received or begun to send');
  const flags =
    (sending.kind === 'ready' ? HAS_SENDING : 0) | (receiving === undefined ? 0 : HAS_RECEIVING);
  const writer = createWriter(96).u8(VERSION).u8(flags);
  writer.varint(previousCount).varint(receivedCount).raw(peer.bytes);
  const secrets: Secret[] = [root];
  if (sending.kind === 'ready') {
    writer.varint(sending.chain.counter).raw(sending.own.publicKey.bytes);
    secrets.push(sending.own.privateKey, sending.chain.chain);
  }
  if (receiving !== undefined) {
    writer.varint(receiving.counter);
    secrets.push(receiving.chain);
  }
  return [writer.finish(), ...secrets];
}

/** Reads {@link encodeHot}. The bytes stay the caller's to wipe. */
export function decodeHot(bytes: Uint8Array, crypto: Crypto): Result<SessionHot, StateRejection> {
  const reader = openState(bytes, HOT_BYTES_MAX);
  if (!reader.ok) return reader;
  const from = reader.value;
  const flags = from.u8();
  const previousCount = from.varint();
  const receivedCount = from.varint();
  const peer = readPublicKey(from, crypto);
  const isSending = (flags & HAS_SENDING) !== 0;
  const sendCounter = isSending ? from.varint() : 0;
  const own = isSending ? readPublicKey(from, crypto) : undefined;
  const isReceiving = (flags & HAS_RECEIVING) !== 0;
  const receiveCounter = isReceiving ? from.varint() : 0;
  const secrets = 1 + (isSending ? 2 : 0) + (isReceiving ? 1 : 0);
  if (flags === 0 || flags > 3) from.fail();
  if (!holdsSecrets(from, secrets)) return err({ code: 'MALFORMED' });
  const root = readSecret(from, 'root', crypto);
  const sending: SendingHalf =
    own === undefined
      ? { kind: 'owed' }
      : {
          kind: 'ready',
          own: { privateKey: readSecret(from, 'dh', crypto), publicKey: own },
          chain: { chain: readSecret(from, 'chain', crypto), counter: sendCounter },
        };
  const receiving = isReceiving
    ? { chain: readSecret(from, 'chain', crypto), counter: receiveCounter }
    : undefined;
  return ok({ root, sending, peer, receiving, previousCount, receivedCount });
}

/** The cold state. */
export function encodeCold(cold: SessionCold): Part[] {
  const { pending, ratchet } = cold;
  const { olderChains, directory } = ratchet;
  const hasOneTimeKey = pending?.oneTimePreKeyId !== undefined;
  const flags = (pending ? IS_PENDING : 0) | (hasOneTimeKey ? HAS_ONE_TIME_KEY : 0);
  const writer = createWriter(256).u8(VERSION).u8(flags);
  writer.raw(cold.baseKey).raw(cold.localIdentity).raw(cold.remoteIdentity);
  writer.varint(cold.localRegistrationId).varint(cold.remoteRegistrationId);
  if (pending) writer.varint(pending.signedPreKeyId);
  if (pending?.oneTimePreKeyId !== undefined) writer.varint(pending.oneTimePreKeyId);
  writer.varint(ratchet.nextBlockId).varint(directory.length);
  for (const { id, ratchetKey, from, to, count, bornAt } of directory) {
    writer.varint(id).raw(ratchetKey).varint(from).varint(to).varint(count).varint(bornAt);
  }
  writer.varint(olderChains.length);
  for (const { ratchetKey, counter } of olderChains) writer.raw(ratchetKey).varint(counter);
  return [writer.finish(), ...olderChains.map(({ chain }) => chain)];
}

/** Reads {@link encodeCold}. The bytes stay the caller's to wipe. */
export function decodeCold(bytes: Uint8Array, crypto: Crypto): Result<SessionCold, StateRejection> {
  const reader = openState(bytes, COLD_BYTES_MAX);
  if (!reader.ok) return reader;
  const from = reader.value;
  const flags = from.u8();
  if (flags > 3 || flags === HAS_ONE_TIME_KEY) from.fail();
  const baseKey = from.raw(32);
  const localIdentity = from.raw(32);
  const remoteIdentity = from.raw(32);
  const localRegistrationId = from.varint();
  const remoteRegistrationId = from.varint();
  const pending = readPending(from, flags);
  const nextBlockId = from.varint();
  const directory = readDirectory(from, nextBlockId);
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
  return ok({
    id: sessionIdOf(baseKey, crypto),
    baseKey,
    localIdentity,
    remoteIdentity,
    localRegistrationId,
    remoteRegistrationId,
    pending,
    ratchet,
  });
}

/** One block of skipped keys. */
export function encodeBlock({ id, ratchetKey, seeds }: SkippedBlock): Part[] {
  const writer = createWriter(160).u8(VERSION).varint(id).raw(ratchetKey).varint(seeds.length);
  for (const { counter } of seeds) writer.varint(counter);
  return [writer.finish(), ...seeds.map(({ seed }) => seed)];
}

/** Reads {@link encodeBlock}. The bytes stay the caller's to wipe. */
export function decodeBlock(
  bytes: Uint8Array,
  crypto: Crypto,
): Result<SkippedBlock, StateRejection> {
  const reader = openState(bytes, BLOCK_BYTES_MAX);
  if (!reader.ok) return reader;
  const from = reader.value;
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

function openState(bytes: Uint8Array, bytesMax: number): Result<BinaryReader, StateRejection> {
  const [version] = bytes;
  if (version === undefined || bytes.length > bytesMax) return err({ code: 'MALFORMED' });
  if (version !== VERSION) return err({ code: 'UNSUPPORTED_VERSION', version });
  const reader = createReader(bytes);
  reader.u8();
  return ok(reader);
}

function readPending(from: BinaryReader, flags: number): PendingInitiation | undefined {
  if ((flags & IS_PENDING) === 0) return undefined;
  const signedPreKeyId = from.varint();
  const oneTimePreKeyId = (flags & HAS_ONE_TIME_KEY) !== 0 ? from.varint() : undefined;
  return { signedPreKeyId, oneTimePreKeyId };
}

/** Ids, births and ranges must be what {@link encodeCold} can have written. */
function readDirectory(from: BinaryReader, nextBlockId: number): BlockEntry[] {
  const directory: BlockEntry[] = [];
  const count = readCount(from, 37);
  for (let i = 0; i < count; i++) {
    const entry = {
      id: from.varint(),
      ratchetKey: from.raw(32),
      from: from.varint(),
      to: from.varint(),
      count: from.varint(),
      bornAt: from.varint(),
    };
    const before = directory.at(-1);
    const isInOrder =
      before === undefined || (entry.id > before.id && entry.bornAt >= before.bornAt);
    if (!isInOrder || entry.id >= nextBlockId || entry.from > entry.to || entry.count === 0) {
      from.fail();
    }
    directory.push(entry);
  }
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
