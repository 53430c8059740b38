/**
 * Rebuilding every projection from events alone and comparing it with what the store holds; and opening
 * the rows that are in no event. What differs is either damage or a fold that does not say what was
 * written.
 */

import { compareBytes, equalBytes } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import type { Difference } from './difference.ts';
import type { LogEvent } from './event-log.ts';
import type { EventReader, EventRow, HeadRow, SeenRun, StreamRow } from './event-store.ts';
import type { OpenedFacts } from './facts-envelope.ts';
import { UNFLUSHED_EVENTS_MAX } from './limits.ts';
import { readLogMeta, rowsWrittenAt } from './log-meta.ts';
import { createMetadataBox } from './metadata-box.ts';
import { noNonces } from './nonce-pool.ts';
import type { MetadataBox, NamedValue } from './metadata-box.ts';
import { forgottenName } from './forget.ts';
import { isForgotten, openFacts } from './open-facts.ts';
import { NOTHING_OPENED, openRows } from './open-rows.ts';
import type { OpenedRows } from './open-rows.ts';
import { openState } from './open-state.ts';
import { sealedIndex } from './sealed-part.ts';
import { extendTail } from './seen-log.ts';
import type { SeenEvent, SeenTail } from './seen-log.ts';
import { openName } from './stream-label.ts';
import { logEvent } from './timeline.ts';
import type { VaultReader } from './vault.ts';

/** How the caller folds public facts into records. Total: it never throws on a decoded event. */
export interface RecordFold<S> {
  initial(): S;
  apply(state: S, event: LogEvent): S;
  /**
   * Why an event cannot be folded although records may hang on it: it is of a later release, or its
   * facts are malformed. Without it every event can.
   */
  refusal?(event: LogEvent): 'UNKNOWN_EVENT' | 'MALFORMED_FACTS' | undefined;
  /** The records the state amounts to. */
  rows(state: S): Iterable<NamedValue>;
  /** Without it nobody misses a post. */
  readonly posts?: PostsInFlight;
}

/** What the live states of an owner say of its outbox. */
export interface PostsInFlight {
  /** Whether a stream may have posts under way. */
  isFrom(stream: string): boolean;
  /** The ids of the posts that a state waits for, 16 bytes each; none where it is not read. */
  of(stream: string, state: Uint8Array, crypto: Crypto): readonly Uint8Array[];
}

/** What is compared. Give a copy or an unchanging snapshot. */
export interface RebuildParts<S> {
  readonly reader: EventReader;
  readonly vault: VaultReader;
  readonly crypto: Crypto;
  /** Without it records are not compared. */
  readonly fold?: RecordFold<S>;
}

/** What was rebuilt or opened, and where it differs. */
export interface Rebuilt {
  readonly events: number;
  readonly streams: number;
  readonly liveStates: number;
  readonly seenRuns: number;
  /** Undefined where no fold was given, or where it met an event of a later release. */
  readonly records: number | undefined;
  /** `seq` of that event: from there on this release cannot say what the records should be. */
  readonly unknownAt?: number;
  /** Rows that no event tells of, and that opened: pending posts, unread mail, application rows. */
  readonly opened: OpenedRows;
  readonly differences: readonly Difference[];
}

/** A run; its ids are unknown where some of its events are forgotten. */
interface RebuiltRun extends Omit<SeenRun, 'ids'> {
  readonly ids: Uint8Array | undefined;
}

interface RebuiltStream {
  readonly name: string;
  /** `seq` of its first event. */
  readonly born: number;
  slot: number | undefined;
  /** Key index of the part with which it took its slot. */
  tookAt: number;
  /** `seq` of that event; 0 where it is not known. */
  tookSeq: number;
  /** Some of its events are forgotten: what they said of it is taken from the store. */
  isPartial: boolean;
  head: HeadRow;
  /** Where it stood when the rows of streams were written. */
  rows: { readonly head: HeadRow; readonly slot: number | undefined } | undefined;
}

/** The projections while they are rebuilt. */
interface Rebuild<S> {
  readonly parts: RebuildParts<S>;
  readonly box: MetadataBox;
  readonly seenMs: number;
  readonly logId: Uint8Array;
  /** How far the vault may be behind a stream's last state. */
  readonly stepsMax: number;
  readonly streams: Map<number, RebuiltStream>;
  readonly runs: RebuiltRun[];
  readonly differences: Difference[];
  tail: SeenTail;
  /** The last event that the rows of streams know of. */
  readonly rowsAt: number;
  /** Ids of the tail are forgotten: runs are taken up again at the next one that is there. */
  isTailCut: boolean;
  /** `upto` of the stored runs. */
  readonly cuts: ReadonlySet<number>;
  atMax: number;
  folding: { readonly fold: RecordFold<S>; state: S } | undefined;
  unknownAt: number | undefined;
  events: number;
}

/** Rebuilds and compares. */
export function rebuildProjections<S>(parts: RebuildParts<S>): Rebuilt {
  const { reader, vault, crypto, fold } = parts;
  const meta = readLogMeta(reader, 'read');
  if (!meta.ok) return nothingRebuilt(meta.error.detail);
  const { logId, seenMs, metadata, keepsAll } = meta.value;
  if (!equalBytes(logId, vault.logId)) return nothingRebuilt('the vault belongs to another log');
  const rebuild: Rebuild<S> = {
    parts,
    box: createMetadataBox({ crypto, keys: vault.keys, logId, nonces: noNonces, metadata }),
    seenMs,
    logId,
    stepsMax: keepsAll ? Number.MAX_SAFE_INTEGER : UNFLUSHED_EVENTS_MAX,
    streams: new Map(),
    runs: [],
    differences: [],
    tail: { upto: 0, at: 0, ids: [] },
    rowsAt: rowsWrittenAt(reader),
    isTailCut: false,
    cuts: new Set([...reader.seenRuns()].map(({ upto }) => upto)),
    atMax: 0,
    folding: fold && { fold, state: fold.initial() },
    unknownAt: undefined,
    events: 0,
  };
  for (const row of reader.events(1, reader.tip().seq)) applyRow(rebuild, row);
  compareStreams(rebuild);
  compareHeads(rebuild);
  compareSeen(rebuild);
  const records = compareRecords(rebuild);
  const expected: Uint8Array[] = [];
  const liveStates = compareSealed(rebuild, expected);
  const { opened, faults } = openRows({ reader, vault, crypto, logId, box: rebuild.box }, expected);
  for (const fault of faults) differ(rebuild, fault);
  return {
    events: rebuild.events,
    streams: rebuild.streams.size,
    liveStates,
    seenRuns: rebuild.runs.length,
    records,
    opened,
    ...(rebuild.unknownAt === undefined ? {} : { unknownAt: rebuild.unknownAt }),
    differences: rebuild.differences,
  };
}

function nothingRebuilt(detail: string): Rebuilt {
  return {
    events: 0,
    streams: 0,
    liveStates: 0,
    seenRuns: 0,
    records: undefined,
    opened: NOTHING_OPENED,
    differences: [{ table: 'meta', key: 'log', detail }],
  };
}

function applyRow<S>(rebuild: Rebuild<S>, row: EventRow): void {
  const opened = openFacts(rebuild.box, row);
  const stream = opened && streamOf(rebuild, row, opened);
  if (opened === undefined || stream === undefined) {
    differ(rebuild, { table: 'event', key: `${row.seq}`, detail: 'its facts do not open' });
    return;
  }
  rebuild.events++;
  if (isForgotten(row)) {
    stream.isPartial = true;
    rebuild.isTailCut = true;
  }
  if (opened.slot !== undefined) {
    stream.slot = opened.slot;
    stream.tookAt = (row.sealed && sealedIndex(row.sealed)) ?? 0;
    stream.tookSeq = row.seq;
  }
  stream.head = {
    stream: row.stream,
    version: row.version,
    seq: row.seq,
    sealed: row.sealed === undefined ? stream.head.sealed : row.seq,
    state: opened.closes ? 1 : 0,
  };
  if (row.seq <= rebuild.rowsAt) stream.rows = { head: stream.head, slot: stream.slot };
  rebuild.atMax = Math.max(rebuild.atMax, row.at);
  extendSeen(rebuild, { seq: row.seq, at: row.at, ids: opened.seen });
  const { folding } = rebuild;
  if (folding === undefined || isForgotten(row)) return;
  const sealed = row.sealed === undefined ? 'none' : 'shredded';
  foldEvent(rebuild, folding, logEvent(row, { opened, name: stream.name, sealed }));
}

function foldEvent<S>(
  rebuild: Rebuild<S>,
  folding: NonNullable<Rebuild<S>['folding']>,
  event: LogEvent,
): void {
  switch (folding.fold.refusal?.(event)) {
    case 'UNKNOWN_EVENT':
      rebuild.unknownAt = event.seq;
      rebuild.folding = undefined;
      return;
    case 'MALFORMED_FACTS':
      differ(rebuild, { table: 'event', key: `${event.seq}`, detail: 'its facts are malformed' });
      return;
    case undefined:
      folding.state = folding.fold.apply(folding.state, event);
  }
}

/** Runs follow from the events, but for those among whose events some are forgotten. */
function extendSeen<S>(rebuild: Rebuild<S>, event: SeenEvent): void {
  if (rebuild.isTailCut) {
    if (!rebuild.cuts.has(event.seq)) return;
    rebuild.isTailCut = false;
    rebuild.tail = { upto: event.seq, at: 0, ids: [] };
    rebuild.runs.push({ upto: event.seq, until: 0, ids: undefined });
    return;
  }
  const { tail, run } = extendTail(rebuild.tail, event, rebuild.seenMs);
  rebuild.tail = tail;
  if (run !== undefined) rebuild.runs.push(run);
}

function streamOf<S>(
  rebuild: Rebuild<S>,
  row: EventRow,
  opened: OpenedFacts,
): RebuiltStream | undefined {
  const known = rebuild.streams.get(row.stream);
  const name = isForgotten(row) ? forgottenName(row.stream) : opened.name;
  if (known !== undefined || name === undefined) return known;
  const head = { stream: row.stream, version: 0, seq: 0, sealed: 0, state: 0 };
  const stream = {
    name,
    born: row.seq,
    slot: undefined,
    tookAt: 0,
    tookSeq: 0,
    isPartial: false,
    head,
    rows: undefined,
  };
  rebuild.streams.set(row.stream, stream);
  return stream;
}

function compareStreams<S>(rebuild: Rebuild<S>): void {
  const { parts, streams } = rebuild;
  const found = new Set<number>();
  for (const row of parts.reader.streams()) {
    found.add(row.id);
    const detail = streamFault(row, streams.get(row.id), rebuild);
    if (detail !== undefined) differ(rebuild, { table: 'stream', key: `${row.id}`, detail });
  }
  for (const [id, stream] of streams) {
    if (!found.has(id) && isRegistered(rebuild, stream))
      differ(rebuild, { table: 'stream', key: `${id}`, detail: 'its row is missing' });
  }
}

/** Streams that began after the vault's anchor may have no rows yet. */
function isRegistered<S>({ parts }: Rebuild<S>, { born }: RebuiltStream): boolean {
  return born <= parts.vault.anchor().seq;
}

function streamFault(
  row: StreamRow,
  rebuilt: RebuiltStream | undefined,
  { box, rowsAt }: Pick<Rebuild<unknown>, 'box' | 'rowsAt'>,
): string | undefined {
  if (rebuilt === undefined) return 'no event tells of it';
  if (!equalBytes(row.name, box.nameHash('label', rebuilt.name))) return 'its name hash is another';
  if (openName(box, row) !== rebuilt.name) return 'its label is another';
  // What a forgotten event said of its slot is in the row alone.
  if (rebuilt.isPartial && rebuilt.tookSeq <= rowsAt) rebuilt.slot = row.slot;
  const isSame = rebuilt.isPartial || row.slot === rebuilt.rows?.slot;
  return isSame ? undefined : 'its vault slot is another';
}

function compareHeads<S>(rebuild: Rebuild<S>): void {
  const found = new Set<number>();
  for (const row of rebuild.parts.reader.heads()) {
    found.add(row.stream);
    const stream = rebuild.streams.get(row.stream);
    if (stream?.isPartial === true && stream.rows?.head.seq === stream.head.seq) {
      stream.head = { ...stream.head, state: row.state };
    }
    const known = stream?.rows?.head;
    const head = stream?.isPartial === true && known ? { ...known, state: row.state } : known;
    const isSame =
      head !== undefined &&
      head.version === row.version &&
      head.seq === row.seq &&
      head.sealed === row.sealed &&
      head.state === row.state;
    if (!isSame) differ(rebuild, { table: 'head', key: `${row.stream}`, detail: 'it is another' });
  }
  for (const [id, stream] of rebuild.streams) {
    if (!found.has(id) && isRegistered(rebuild, stream))
      differ(rebuild, { table: 'head', key: `${id}`, detail: 'it is missing' });
  }
}

/** Runs may be gone once they have expired; a run that is there must be the very one. */
function compareSeen<S>(rebuild: Rebuild<S>): void {
  const expected = new Map(rebuild.runs.map((run) => [run.upto, run]));
  for (const run of rebuild.parts.reader.seenRuns()) {
    const rebuilt = expected.get(run.upto);
    expected.delete(run.upto);
    if (rebuilt !== undefined && isSameRun(rebuilt, run)) continue;
    differ(rebuild, { table: 'seen_run', key: `${run.upto}`, detail: 'it is another' });
  }
  for (const { upto, until } of expected.values()) {
    if (until >= rebuild.atMax) {
      differ(rebuild, { table: 'seen_run', key: `${upto}`, detail: 'it is missing' });
    }
  }
}

function isSameRun({ ids, until }: RebuiltRun, run: SeenRun): boolean {
  return ids === undefined || (until === run.until && equalBytes(ids, run.ids));
}

const UNOPENED = 'a record that does not open';

function compareRecords<S>(rebuild: Rebuild<S>): number | undefined {
  const { parts, box, folding } = rebuild;
  if (folding === undefined) {
    for (const { name, value } of parts.reader.records()) {
      if (box.openNamed('record', name, value) !== undefined) continue;
      differ(rebuild, { table: 'record', key: UNOPENED, detail: 'no key of this log opens it' });
    }
    return undefined;
  }
  const expected = new Map<string, Uint8Array>();
  for (const { name, value } of folding.fold.rows(folding.state)) expected.set(name, value);
  const count = expected.size;
  for (const row of parts.reader.records()) {
    const record = box.openNamed('record', row.name, row.value);
    const key = record?.name ?? UNOPENED;
    const value = record && expected.get(record.name);
    expected.delete(key);
    if (value === undefined)
      differ(rebuild, { table: 'record', key, detail: 'no event tells of it' });
    else if (record === undefined || compareBytes(value, record.value) !== 0) {
      differ(rebuild, { table: 'record', key, detail: 'its value is another' });
    }
  }
  for (const key of expected.keys()) {
    differ(rebuild, { table: 'record', key, detail: 'it is missing' });
  }
  return count;
}

/**
 * The state of each live stream must open under the vault's key, stepped over the vault's lag. Adds the
 * posts that states wait for to `expected`.
 */
function compareSealed<S>(rebuild: Rebuild<S>, expected: Uint8Array[]): number {
  const posts = rebuild.parts.fold?.posts;
  let count = 0;
  for (const [id, { name, slot, tookAt, head }] of rebuild.streams) {
    if (head.state !== 0 || head.sealed === 0) continue;
    count++;
    const at = slot === undefined ? undefined : { slot, tookAt, seq: head.sealed };
    const state = at && openHead(rebuild, id, at);
    if (state === undefined) {
      const detail = `event ${head.sealed} does not open`;
      differ(rebuild, { table: 'sealed', key: `${id}`, detail });
      continue;
    }
    if (posts?.isFrom(name) === true) expected.push(...posts.of(name, state, rebuild.parts.crypto));
    state.fill(0);
  }
  return count;
}

/** The state of a stream's head, which the caller wipes; `undefined` where it does not open. */
function openHead<S>(
  { parts, logId, stepsMax }: Rebuild<S>,
  id: number,
  at: { readonly slot: number; readonly tookAt: number; readonly seq: number },
): Uint8Array | undefined {
  const { reader, vault, crypto } = parts;
  const sealed = reader.event(at.seq)?.sealed;
  const held = vault.slot(at.slot);
  const index = sealed && sealedIndex(sealed);
  if (held === undefined || index === undefined) return undefined;
  const isOurs = held.use === 'free' || (held.use === 'stream' && held.owner === id);
  const steps = index - (held.use === 'free' ? at.tookAt : held.index);
  if (!isOurs || steps < 0 || steps > stepsMax) return undefined;
  const part = { slot: at.slot, index: held.index + steps };
  return openState({ crypto, store: reader, vault, logId }, at.seq, part);
}

function differ<S>({ differences }: Rebuild<S>, difference: Difference): void {
  differences.push(difference);
}
