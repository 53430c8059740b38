/**
 * Turning a batch into rows: positions, sealed facts, ratcheted sealed parts, links. Works on copies
 * of the stream states; nothing of the log changes until the store has committed.
 */

import { err, invariant, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Secret } from '@simsim/crypto';
import { encodeHeader, linkHash } from './chain.ts';
import type { CommitRefusal, DraftEvent, LogBatch } from './event-log.ts';
import { NO_CHANGE } from './event-store.ts';
import type { EventRow, StoreChange, Tip } from './event-store.ts';
import { encodeFactsHead } from './facts-envelope.ts';
import type { StagedEpochs } from './inbox-epochs.ts';
import { SEALED_BYTES_MAX } from './limits.ts';
import type { LogState } from './log-state.ts';
import { heldKey } from './held-key.ts';
import { sealPart } from './sealed-part.ts';
import { countedWith, encodeRowCounts } from './row-counts.ts';
import type { RowCounts } from './row-counts.ts';
import type { SeenEvent, StagedSeen } from './seen-log.ts';
import { stageQueues } from './stage-queues.ts';
import type { StagedQueues } from './stage-queues.ts';
import { storeTip } from './stream-rows.ts';
import type { StreamState } from './stream-states.ts';

/** A stream on its way through a batch. */
export interface StagedStream {
  readonly before: StreamState | undefined;
  state: StreamState;
  /** A slot was taken from the pool in this batch. */
  tookSlot: boolean;
  /** The key of the last sealed part of this batch. */
  key: Secret<'stream'> | undefined;
  /** Keys between `before` and `key`. */
  readonly spent: Secret<'stream'>[];
}

/** A batch ready for the store. */
export interface StagedBatch {
  readonly change: StoreChange;
  readonly tip: Tip;
  readonly streams: ReadonlyMap<string, StagedStream>;
  readonly streamMax: number;
  readonly epochs: StagedEpochs;
  readonly seen: StagedSeen | undefined;
  readonly queues: StagedQueues;
  readonly counts: RowCounts | undefined;
}

/** A batch being built. */
interface Build {
  readonly log: LogState;
  readonly at: number;
  readonly streams: Map<string, StagedStream>;
  readonly events: EventRow[];
  readonly seen: SeenEvent[];
  readonly epochs: StagedEpochs;
  tip: Tip;
  streamMax: number;
  /** Streams with a slot that may still take another. */
  rekeysLeft: number;
}

/**
 * Builds the rows of a batch. The pool must hold the slots it needs: those of streams without one, and
 * another one for `rekeysMax` that have one.
 */
export function stageBatch(
  log: LogState,
  batch: LogBatch,
  rekeysMax: number,
): Result<StagedBatch, CommitRefusal> {
  const build: Build = {
    log,
    at: batch.at,
    streams: new Map(),
    events: [],
    seen: [],
    epochs: log.queues.epochs.stage(batch.inboxPut?.length ?? 0),
    tip: log.tip,
    streamMax: log.streamMax,
    rekeysLeft: rekeysMax,
  };
  for (const draft of batch.events) {
    const stream = streamOf(build, draft.stream);
    if (stream.state.isClosed) {
      dropStreams(log, build.streams);
      log.queues.epochs.drop(build.epochs);
      return err({ code: 'STREAM_CLOSED', stream: draft.stream });
    }
    stageEvent(build, draft, stream);
  }
  const seen = log.seen.stage(build.seen);
  const queues = stageQueues(log, batch, { seq: build.tip.seq, epochs: build.epochs });
  const counts = log.counts && countedWith(log.counts, queues.change, log.store);
  const change: StoreChange = {
    ...NO_CHANGE,
    expectedTip: storeTip(log),
    events: build.events,
    seenRuns: seen?.runs ?? [],
    seenExpireBefore:
      seen !== undefined && seen.runs.length > 0 ? Math.min(batch.at, batch.agedTo ?? batch.at) : 0,
    ...queues.change,
    inboxFreed: [...queues.change.inboxFreed, ...lostMailOf(log, build.events)],
    meta: counts === undefined || counts === log.counts ? [] : encodeRowCounts(counts),
  };
  const { streams, tip, streamMax, epochs } = build;
  return ok({ change, tip, streams, streamMax, epochs, seen, queues, counts });
}

/**
 * Rows of mail that is lost go with the first event after the log was put back: until then another
 * opening finds the same again.
 */
function lostMailOf({ lostMail }: LogState, events: readonly EventRow[]): Iterable<number> {
  return events.length === 0 ? [] : lostMail;
}

/** Wipes the keys of a batch that did not happen and gives its slots back. */
export function dropStreams(log: LogState, streams: ReadonlyMap<string, StagedStream>): void {
  for (const { before, state, tookSlot, key, spent } of streams.values()) {
    const kept = before?.next;
    const made = [...spent, key, state.next === kept ? undefined : state.next];
    for (const secret of made) {
      if (secret !== undefined && secret !== kept) log.crypto.wipe(secret);
    }
    if (tookSlot && state.slot !== undefined) log.vault.giveBack(state.slot);
  }
}

function stageEvent(build: Build, given: DraftEvent, staged: StagedStream): void {
  const { log } = build;
  const { state } = staged;
  const draft = sabotaged(log, state, given);
  const isFirst = state.version === 0;
  const isRekeyed = state.slot !== undefined;
  const needsSlot = takesSlot(log, state, draft) && (!isRekeyed || build.rekeysLeft > 0);
  if (needsSlot && isRekeyed) build.rekeysLeft--;
  const slot = needsSlot ? log.vault.take() : state.slot;
  if (needsSlot) staged.tookSlot = true;

  const seq = build.tip.seq + 1;
  const version =
    state.version + (log.sabotage.skipsVersion === true && state.version === 1 ? 2 : 1);
  const kind = draft.type * 256 + draft.schema;
  const { id: stream, seq: prev } = state;
  const { at } = build;
  const header = encodeHeader({ seq, stream, version, prev, kind, at });
  invariant(header !== undefined, 'times and counters are natural numbers');

  const ids = (draft.seen ?? []).map((digest) => log.seen.idOf(digest));
  const factsHead = encodeFactsHead(
    {
      name: isFirst ? draft.stream : undefined,
      slot: needsSlot ? slot : undefined,
      epochs: build.events.length === 0 ? build.epochs.taken : [],
      closes: draft.closes === true,
      seen: log.sabotage.forgetsSeen === true ? [] : ids,
    },
    draft.facts.length + log.box.boxBytes('facts'),
  );
  const facts = log.box.seal('facts', header, [factsHead, draft.facts]);
  const rekeying = needsSlot ? log.rekeying : state.rekeying;
  const next = needsSlot ? undefined : state.next;
  staged.state = { ...state, slot, rekeying, next, version, seq, isClosed: draft.closes === true };
  const sealed = draft.sealed && sealState(build, staged, { header, state: draft.sealed });
  const hash = linkHash(log.crypto, { previous: build.tip.hash, header, facts, sealed });
  // Field by field: of a spread with a time in it V8 makes a shape of its own each time.
  build.events.push({ seq, stream, version, prev, kind, at, facts, sealed, hash });
  build.seen.push({ seq, at, ids });
  build.tip = { seq, hash };
}

/** An event as a broken log writes it; as it is in production. */
function sabotaged({ sabotage }: LogState, state: StreamState, draft: DraftEvent): DraftEvent {
  const { keepsFirstState, writesLaterSchema, cutsFacts } = sabotage;
  if (writesLaterSchema === true) return { ...draft, schema: draft.schema + 1 };
  if (cutsFacts === true) return { ...draft, facts: draft.facts.subarray(0, -1) };
  if (keepsFirstState !== true || state.sealed === 0) return draft;
  const { sealed: _, ...unsealed } = draft;
  return unsealed;
}

/**
 * A stream takes a slot with its first sealed state, and another with the first one after the pool was
 * made afresh: then nobody follows it by hashing forward from an old copy of the vault.
 */
export function takesSlot(
  { meta, sabotage, rekeying }: LogState,
  state: Pick<StreamState, 'slot' | 'rekeying'>,
  draft: DraftEvent,
): boolean {
  if (draft.sealed === undefined) return false;
  if (state.slot === undefined) return true;
  if (meta.keepsAll || sabotage.keepsOldSlots === true) return false;
  return state.rekeying < rekeying;
}

function streamOf(build: Build, name: string): StagedStream {
  const known = build.streams.get(name);
  if (known !== undefined) return known;
  const before = build.log.streams.get(name);
  const state = before ?? {
    name,
    id: ++build.streamMax,
    version: 0,
    seq: 0,
    sealed: 0,
    isClosed: false,
    rows: undefined,
    slot: undefined,
    rekeying: 0,
    index: -1,
    next: undefined,
  };
  const staged = { before, state, tookSlot: false, key: undefined, spent: [] };
  build.streams.set(name, staged);
  return staged;
}

/** Seals a stream's state under the next key of its ratchet. */
function sealState(
  build: Build,
  staged: StagedStream,
  part: { readonly header: Uint8Array; readonly state: NonNullable<DraftEvent['sealed']> },
): Uint8Array {
  const { crypto, logId, nonces } = build.log;
  const index = staged.state.index + 1;
  const key = staged.state.next ?? firstKey(build.log, staged, index);
  const [next, sealKey] = crypto.sealStep(key);
  const place = { logId, header: part.header, previous: build.tip.hash };
  const sealed = sealPart(crypto, place, {
    key: sealKey,
    index,
    nonce: nonces(),
    state: part.state,
  });
  crypto.wipe(sealKey);
  invariant(sealed.length <= SEALED_BYTES_MAX, 'a sealed state is bounded');
  if (staged.key !== undefined) staged.spent.push(staged.key);
  staged.key = key;
  staged.state = { ...staged.state, sealed: build.tip.seq + 1, index, next };
  return sealed;
}

/** The key to seal with where none is kept: a new slot's own, or steps after a held one. */
function firstKey(
  log: LogState,
  { state, tookSlot }: StagedStream,
  index: number,
): Secret<'stream'> {
  const { slot } = state;
  invariant(slot !== undefined, 'a sealing stream has a slot');
  return tookSlot ? log.vault.key(slot) : heldKey(log, slot, index);
}
