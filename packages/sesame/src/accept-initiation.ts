/** The responder's side of a first message: the prekeys it names, its session, what both use up. */

import type { KeyPair } from '@simsim/crypto';
import { REGISTRATION_ID_MAX } from '@simsim/relay-protocol';
import type { IncomingEnvelope } from '@simsim/relay-protocol';
import { accept, emptyReplayRecord, sessionIdOf } from '@simsim/session';
import type { InitiationMessage, OwnKemPreKey, ReplayRecord, Session } from '@simsim/session';
import { kemPairOf } from './kem-pre-keys.ts';
import { standingOf } from './key-pin.ts';
import {
  AGREEMENTS_REMEMBERED_MAX,
  ONE_TIME_BATCH_KEYS,
  ONE_TIME_KEM_BATCH_KEYS,
} from './limits.ts';
import { changeUser } from './peer-session.ts';
import { replaceLastResort } from './pre-key-age.ts';
import { batchOf } from './pre-keys.ts';
import type { PreKeys } from './pre-keys.ts';
import {
  oneTimeKemStream,
  oneTimeStream,
  PRE_KEYS_STREAM,
  replaysStream,
  sessionStream,
} from './streams.ts';
import type { SessionAddress, StreamId } from './streams.ts';
import type { UserChange } from './user-change.ts';
import type { Workspace } from './workspace.ts';

/** A message that a session opened, not yet written. */
export interface Opened {
  readonly at: SessionAddress;
  readonly before: Session | undefined;
  readonly after: Session;
  readonly plaintext: Uint8Array;
  readonly changes: readonly UserChange[];
}

/** What came of trying to open a message. */
export type Attempt =
  | { readonly kind: 'opened'; readonly opened: Opened }
  | { readonly kind: 'needMore'; readonly streams: readonly StreamId[] }
  | Failure;

/** It did not open; everything is as it was. */
interface Failure {
  readonly kind: 'failed';
  readonly reason: string;
  /** The key it came under, where that is not the pinned one. */
  readonly offered?: Uint8Array;
  /** It names prekeys of ours and does not open: maybe it is for another identity key of ours. */
  readonly isForAnother?: true;
}

/** A first message, and the name under which a try of it is remembered. */
export interface NamedInitiation {
  readonly message: InitiationMessage;
  readonly name: string;
}

/** Builds the responder's session; the one-time prekeys go in the same commit (SES-62, PQ-10). */
export function acceptInitiation(
  work: Workspace,
  envelope: IncomingEnvelope,
  { message, name }: NamedInitiation,
): Attempt {
  const { sender: userId, senderDevice: deviceId } = envelope;
  const record = work.user(userId);
  const { identityKey } = message;
  const at = { userId, deviceId, session: sessionIdOf(message.baseKey, work.env.crypto) };
  const earlier = work.missing([sessionStream(at)]);
  if (earlier.length > 0) return { kind: 'needMore', streams: earlier };
  // A stream that ended says that this very base key was used: no session comes back (SES-63).
  if (work.isClosed(sessionStream(at))) return { kind: 'failed', reason: 'SESSION_ENDED' };
  const standing = standingOf(record, deviceId, identityKey);
  if (standing === 'other') {
    if (!work.isSabotaged('trust-any-identity'))
      return { kind: 'failed', reason: 'IDENTITY_CHANGED', offered: identityKey };
    changeUser(work, userId, [{ type: 'identity', key: identityKey }]);
  }
  const found = findKeys(work, message, () => limitTries(work, at, name));
  if (found.kind !== 'found') return found;
  const own = work.self();
  const { keys } = found;
  const accepted = accept(
    { message, identity: own.identity, registrationId: own.registrationId, ...keys.input },
    work.env,
  );
  if (!accepted.ok) {
    const isBurnt = work.isSabotaged('burn-forged-prekey') && keys.oneTimeBatch !== undefined;
    if (isBurnt) useOneTimeKey(work, keys.oneTimeBatch, message);
    const reason = accepted.error.code;
    return { kind: 'failed', reason, ...(reason === 'BAD_MAC' && { isForAnother: true }) };
  }
  const { session: after, plaintext, consumed, replays, mustReplacePreKey } = accepted.value;
  work.consume(consumed);
  if (keys.oneTimeBatch !== undefined) useOneTimeKey(work, keys.oneTimeBatch, message);
  if (keys.kemBatch !== undefined) useOneTimeKemKey(work, keys.kemBatch, message);
  if (replays !== undefined) rememberAgreements(work, message, replays);
  if (mustReplacePreKey) replaceLastResort(work, message.kem?.preKeyId);
  const changes: UserChange[] =
    standing === 'first' ? [{ type: 'identity', key: identityKey }] : [];
  // No tag covers this number: an absurd one says nothing, and the list will tell.
  const isSound = message.registrationId <= REGISTRATION_ID_MAX;
  const registrationId = isSound ? message.registrationId : 0;
  changes.push({ type: 'device', deviceId, registrationId });
  changes.push({ type: 'insert', deviceId, session: at.session, at: beganAt(work, envelope) });
  if (work.isSabotaged('retire-accepted-session')) changes.push({ type: 'retire', deviceId });
  return { kind: 'opened', opened: { at, before: undefined, after, plaintext, changes } };
}

/** A session is as old as its first message, which waited at the relay (SES-80); lies are clamped (SES-81). */
function beganAt(work: Workspace, { waitedMs }: IncomingEnvelope): number {
  const waited = Math.min(Math.max(0, Math.floor(waitedMs)), work.expiry().latencyMs);
  return Math.max(0, work.nowMs() - (Number.isNaN(waited) ? 0 : waited));
}

/** The prekeys a message names, as `accept` takes them, and the streams that hold the one-time ones. */
interface NamedKeys {
  readonly input: {
    readonly signedPreKey: KeyPair;
    readonly oneTimePreKey?: KeyPair;
    readonly kemPreKey?: OwnKemPreKey;
    readonly offeredVersion: 3 | 4;
    readonly replays?: ReplayRecord;
  };
  readonly oneTimeBatch?: StreamId;
  readonly kemBatch?: StreamId;
}

type Found =
  | { readonly kind: 'found'; readonly keys: NamedKeys }
  | Exclude<Attempt, { kind: 'opened' }>;

const UNKNOWN = { kind: 'failed', reason: 'PREKEY_UNKNOWN' } as const;

/**
 * Why no agreement is made any more within the hour; `undefined` where one may. What came to no agreement
 * does not count: a line of a burst that waits for a list, and comes twice, costs next to nothing.
 */
function limitTries(work: Workspace, of: SessionAddress, name: string): Failure | undefined {
  switch (work.mayInitiate(of, name)) {
    case 'new':
      return undefined;
    case 'tried':
      return { kind: 'failed', reason: 'TRIED_BEFORE', isForAnother: true };
    case 'tooMany':
      return { kind: 'failed', reason: 'TOO_MANY_INITIATIONS' };
  }
}

/**
 * Loads what a message names; a prekey that is not there any more refuses it (X3-19, X3-23). `limit` is
 * asked before anything is computed.
 */
function findKeys(
  work: Workspace,
  message: InitiationMessage,
  limit: () => Failure | undefined,
): Found {
  const first = work.missing([PRE_KEYS_STREAM]);
  if (first.length > 0) return { kind: 'needMore', streams: first };
  const preKeys = work.value('prekeys', PRE_KEYS_STREAM);
  const signed = preKeys?.signed.find((key) => key.id === message.signedPreKeyId);
  if (preKeys === undefined || signed === undefined) return UNKNOWN;
  const { oneTimePreKeyId: oneTimeId, kem } = message;
  const oneTimeBatch = oneTimeId === undefined ? undefined : oneTimeBatchOf(preKeys, oneTimeId);
  const lastResort = preKeys.lastResorts.find((key) => key.id === kem?.preKeyId);
  const kemBatch =
    kem === undefined || lastResort !== undefined ? undefined : kemBatchOf(preKeys, kem.preKeyId);
  const record = lastResort && replaysStream(lastResort.id);
  const streams = [oneTimeBatch, kemBatch, record].filter((stream) => stream !== undefined);
  const missing = work.missing(streams);
  if (missing.length > 0) return { kind: 'needMore', streams: missing };

  const oneTimePreKey = oneTimeBatch && work.value('opk', oneTimeBatch)?.pairs.get(oneTimeId ?? 0);
  if (oneTimeId !== undefined && oneTimePreKey === undefined) return UNKNOWN;
  const kemKey =
    lastResort ?? (kemBatch && work.value('kpk', kemBatch)?.keys.get(kem?.preKeyId ?? 0));
  if (kem !== undefined && kemKey === undefined) return UNKNOWN;
  const refusal = limit();
  if (refusal !== undefined) return refusal;
  const use = lastResort === undefined ? 'oneTime' : 'lastResort';
  const kemPreKey = kemKey && ({ pair: kemPairOf(kemKey, work.env.crypto), use } as const);
  const replays =
    record && (work.value('replays', record) ?? emptyReplayRecord(AGREEMENTS_REMEMBERED_MAX));
  const input = {
    signedPreKey: signed.pair,
    offeredVersion: preKeys.lastResorts.length > 0 ? 4 : 3,
    ...(oneTimePreKey && { oneTimePreKey }),
    ...(kemPreKey && { kemPreKey }),
    ...(replays && { replays }),
  } as const;
  const keys = { input, ...(oneTimeBatch && { oneTimeBatch }), ...(kemBatch && { kemBatch }) };
  return { kind: 'found', keys };
}

function oneTimeBatchOf(preKeys: PreKeys, id: number): StreamId | undefined {
  const firstId = batchOf(preKeys.batches, { id, size: ONE_TIME_BATCH_KEYS });
  return firstId === undefined ? undefined : oneTimeStream(firstId);
}

function kemBatchOf(preKeys: PreKeys, id: number): StreamId | undefined {
  const firstId = batchOf(preKeys.kemBatches, { id, size: ONE_TIME_KEM_BATCH_KEYS });
  return firstId === undefined ? undefined : oneTimeKemStream(firstId);
}

function useOneTimeKey(work: Workspace, stream: StreamId, message: InitiationMessage): void {
  const id = message.oneTimePreKeyId ?? 0;
  const batch = work.value('opk', stream);
  const preKeys = work.value('prekeys', PRE_KEYS_STREAM);
  if (batch === undefined || preKeys === undefined) return;
  if (work.isSabotaged('keep-one-time-key')) return;
  const pairs = new Map(batch.pairs);
  pairs.delete(id);
  const event = { name: 'OneTimePreKeyUsed', fields: { id } } as const;
  if (pairs.size > 0) {
    work.write(stream, event, { ...batch, pairs });
    return;
  }
  work.close(stream, event);
  const batches = preKeys.batches.filter((firstId) => firstId !== batch.firstId);
  work.write(PRE_KEYS_STREAM, event, { ...preKeys, batches });
}

function useOneTimeKemKey(work: Workspace, stream: StreamId, message: InitiationMessage): void {
  const id = message.kem?.preKeyId ?? 0;
  const batch = work.value('kpk', stream);
  const preKeys = work.value('prekeys', PRE_KEYS_STREAM);
  if (batch === undefined || preKeys === undefined) return;
  if (work.isSabotaged('keep-one-time-kem-key')) return;
  const keys = new Map(batch.keys);
  keys.delete(id);
  const event = { name: 'OneTimeKemPreKeyUsed', fields: { id } } as const;
  if (keys.size > 0) {
    work.write(stream, event, { ...batch, keys });
    return;
  }
  work.close(stream, event);
  const kemBatches = preKeys.kemBatches.filter((firstId) => firstId !== batch.firstId);
  work.write(PRE_KEYS_STREAM, event, { ...preKeys, kemBatches });
}

/** Kept as long as the last resort itself: nothing in the handshake tells a repeat (PQ-12). */
function rememberAgreements(
  work: Workspace,
  message: InitiationMessage,
  replays: ReplayRecord,
): void {
  const preKeyId = message.kem?.preKeyId;
  if (preKeyId === undefined || work.isSabotaged('forget-agreements')) return;
  const event = { name: 'AgreementRemembered', fields: { preKeyId } } as const;
  work.write(replaysStream(preKeyId), event, replays);
}
