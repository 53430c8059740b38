/** What each kind of stream holds, and how it is kept. */

import { invariant } from '@simsim/bytes';
import type { Crypto, Part } from '@simsim/crypto';
import { parseUserId } from '@simsim/relay-protocol';
import {
  decodeBlock,
  decodeCold,
  decodeHot,
  decodeReplayRecord,
  encodeBlock,
  encodeCold,
  encodeHot,
  encodeReplayRecord,
} from '@simsim/session';
import type { ReplayRecord, SessionCold, SessionHot, SkippedBlock } from '@simsim/session';
import { decodeOneTimeKemBatch, encodeOneTimeKemBatch, KEM_BATCH_VERSION } from './kem-pre-keys.ts';
import type { OneTimeKemBatch } from './kem-pre-keys.ts';
import { decodeKnownHeads, encodeKnownHeads, HEADS_VERSION } from './heads.ts';
import type { KnownHeads } from './heads.ts';
import { decodeOwnDevice, encodeOwnDevice, OWN_DEVICE_VERSION } from './own-device.ts';
import type { OwnDevice } from './own-device.ts';
import {
  decodeOneTimeBatch,
  decodePreKeys,
  encodeOneTimeBatch,
  encodePreKeys,
  ONE_TIME_BATCH_VERSION,
  PRE_KEYS_VERSION,
} from './pre-keys.ts';
import type { OneTimeBatch, PreKeys } from './pre-keys.ts';
import { decodeSendState, encodeSendState, SEND_VERSION } from './send-state.ts';
import type { SendState } from './send-state.ts';
import { decodeUserRecord, encodeUserRecord, USER_RECORD_VERSION } from './user-record-codec.ts';
import type { UserRecord } from './user-record.ts';

import { USER_PREFIX } from './streams.ts';
import type { StreamId } from './streams.ts';

/** What each kind of stream holds; the kind is the first segment of its name. */
export interface StreamValues {
  readonly device: OwnDevice;
  readonly prekeys: PreKeys;
  readonly opk: OneTimeBatch;
  readonly kpk: OneTimeKemBatch;
  readonly replays: ReplayRecord;
  /** Public: kept as a projection row, folded from events. */
  readonly user: UserRecord;
  readonly session: SessionHot;
  readonly chains: SessionCold;
  readonly skip: SkippedBlock;
  readonly send: SendState;
  readonly heads: KnownHeads;
}

/** A kind of stream. */
export type StreamKind = keyof StreamValues;

/** Any stream's value. */
export type StreamValue = StreamValues[StreamKind];

/** A stream value as the log keeps it. */
export type StoredValue =
  | { readonly kind: 'sealed'; readonly parts: readonly Part[] }
  | { readonly kind: 'record'; readonly bytes: Uint8Array };

interface StreamCodec<T> {
  /** The newest version of what its encoder writes. */
  readonly newest: number;
  readonly encode: (value: T) => StoredValue;
  readonly decode: (bytes: Uint8Array, crypto: Crypto, stream: StreamId) => T | undefined;
}

const sealed =
  <T>(encode: (value: T) => readonly Part[]) =>
  (value: T): StoredValue => ({ kind: 'sealed', parts: encode(value) });

const unwrap =
  <T>(decode: (bytes: Uint8Array, crypto: Crypto) => { ok: true; value: T } | { ok: false }) =>
  (bytes: Uint8Array, crypto: Crypto): T | undefined => {
    const result = decode(bytes, crypto);
    return result.ok ? result.value : undefined;
  };

const CODECS: { readonly [K in StreamKind]: StreamCodec<StreamValues[K]> } = {
  device: {
    newest: OWN_DEVICE_VERSION,
    encode: sealed(encodeOwnDevice),
    decode: decodeOwnDevice,
  },
  prekeys: { newest: PRE_KEYS_VERSION, encode: sealed(encodePreKeys), decode: decodePreKeys },
  opk: {
    newest: ONE_TIME_BATCH_VERSION,
    encode: sealed(encodeOneTimeBatch),
    decode: decodeOneTimeBatch,
  },
  kpk: {
    newest: KEM_BATCH_VERSION,
    encode: sealed(encodeOneTimeKemBatch),
    decode: decodeOneTimeKemBatch,
  },
  // What sessions save has its versions with the session; a test asks them for later ones.
  replays: {
    newest: 1,
    encode: sealed((record: ReplayRecord) => [encodeReplayRecord(record)]),
    decode: unwrap(decodeReplayRecord),
  },
  session: { newest: 2, encode: sealed(encodeHot), decode: unwrap(decodeHot) },
  chains: { newest: 2, encode: sealed(encodeCold), decode: unwrap(decodeCold) },
  skip: { newest: 1, encode: sealed(encodeBlock), decode: unwrap(decodeBlock) },
  send: { newest: SEND_VERSION, encode: sealed(encodeSendState), decode: decodeSendState },
  heads: { newest: HEADS_VERSION, encode: sealed(encodeKnownHeads), decode: decodeKnownHeads },
  user: {
    newest: USER_RECORD_VERSION,
    encode: (value) => ({ kind: 'record', bytes: encodeUserRecord(value) }),
    decode: (bytes, _crypto, stream) => {
      const userId = parseUserId(stream.slice(USER_PREFIX.length));
      return userId.ok ? decodeUserRecord(userId.value, bytes) : undefined;
    },
  },
};

/** The newest version of each kind; all of them from 1 on are read. */
export const STREAM_VERSIONS: ReadonlyMap<StreamKind, number> = new Map(
  Object.entries(CODECS).map(([kind, { newest }]) => [kind as StreamKind, newest]),
);

/** The kind of a stream, or `undefined` for one this release does not know. */
function streamKind(stream: StreamId): StreamKind | undefined {
  const end = stream.indexOf('/');
  const kind = end < 0 ? stream : stream.slice(0, end);
  return Object.hasOwn(CODECS, kind) ? (kind as StreamKind) : undefined;
}

/** Encodes a stream's value for the log. */
export function encodeStreamValue(stream: StreamId, value: StreamValue): StoredValue {
  const kind = streamKind(stream);
  invariant(kind !== undefined, 'only streams of known kinds are written');
  const codec: Pick<StreamCodec<never>, 'encode'> = CODECS[kind];
  return codec.encode(value as never);
}

/** Decodes what the log kept; `undefined` where it is malformed. The caller wipes `bytes`. */
export function decodeStreamValue(
  stream: StreamId,
  bytes: Uint8Array,
  crypto: Crypto,
): StreamValue | undefined {
  const kind = streamKind(stream);
  return kind && CODECS[kind].decode(bytes, crypto, stream);
}

/**
 * A stream's value as what its kind holds. The kind is the first segment of the stream's name, and
 * whoever wrote the value chose both, so this only tells the type checker.
 */
export function valueOfKind<K extends StreamKind>(
  _kind: K,
  value: StreamValue | undefined,
): StreamValues[K] | undefined {
  return value as StreamValues[K] | undefined;
}
