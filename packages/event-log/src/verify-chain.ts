/**
 * Finding, without any key, an event that was altered, lost, added or moved: links, sequence,
 * versions per stream, heads. The chain has no key either, so one that was computed anew as a whole is
 * found only by the vault's anchor, where one is given, and only up to it.
 */

import { equalBytes, err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import { genesisHash, linkOfRow, PRUNED_BYTES } from './chain.ts';
import type { EventReader, EventRow, HeadRow, Tip } from './event-store.ts';
import { UNFLUSHED_EVENTS_MAX } from './limits.ts';
import { readLogMeta, rowsWrittenAt } from './log-meta.ts';
import { StoreFailure } from './refusal.ts';
import type { Anchor } from './vault.ts';

/**
 * What is wrong with a chain.
 *
 * - `NO_LOG`: the store holds no log, or one of another format.
 * - `EVENT_MISSING`: event `seq` is not there.
 * - `EVENT_DAMAGED`: event `seq` is not what was written.
 * - `HEAD_WRONG`: the head row of the stream of event `seq` contradicts the events.
 * - `ANCHOR_WRONG`: the log is not the one the vault has seen up to `seq`.
 */
export interface ChainFault {
  readonly code: 'NO_LOG' | 'EVENT_MISSING' | 'EVENT_DAMAGED' | 'HEAD_WRONG' | 'ANCHOR_WRONG';
  readonly seq: number;
  /** A sentence for people. */
  readonly detail: string;
}

/** What was proved. */
export interface VerifiedChain {
  readonly tip: Tip;
  readonly streams: number;
  /** Events with a sealed part, pruned ones included. */
  readonly sealed: number;
  readonly pruned: number;
}

/** How to verify. */
export interface VerifyOptions {
  /** What the vault has seen; catches a log that was cut off or put back. */
  readonly anchor?: Anchor;
  /** Called now and then with the last verified `seq`, for a progress display. */
  readonly onProgress?: (seq: number) => void;
}

/** The walk so far. */
interface Walk {
  readonly reader: EventReader;
  readonly crypto: Crypto;
  readonly anchor: Anchor | undefined;
  readonly heads: Map<number, WalkedHead>;
  tip: Tip;
  sealed: number;
  pruned: number;
}

interface WalkedHead {
  /** `seq` of the stream's first event. */
  readonly born: number;
  readonly version: number;
  readonly seq: number;
  readonly sealed: number;
  readonly isPruned: boolean;
}

const PROGRESS_EVENTS = 4096;

/**
 * Verifies a log. Reads in short pages, so a live owner is not held up; only the last events and
 * the heads are read in one snapshot. Answers the first fault.
 */
export function verifyChain(
  reader: EventReader,
  crypto: Crypto,
  options: VerifyOptions = {},
): Result<VerifiedChain, ChainFault> {
  const meta = attempt(() => readLogMeta(reader, 'read'));
  if (meta === undefined)
    return err(fault('NO_LOG', 0, 'what the log says of itself is unreadable'));
  if (!meta.ok) return err(fault('NO_LOG', 0, meta.error.detail));
  const walk: Walk = {
    reader,
    crypto,
    anchor: options.anchor,
    heads: new Map(),
    tip: { seq: 0, hash: genesisHash(crypto, meta.value.logId) },
    sealed: 0,
    pruned: 0,
  };
  // Where even the tip cannot be read, walking finds out how far the events go.
  const to = attempt(() => reader.tip().seq) ?? Number.MAX_SAFE_INTEGER;
  const broken = walkTo(walk, to, options.onProgress);
  if (broken !== undefined) return err(broken);
  const end = attempt(() => reader.snapshot(() => ({ wrong: finishWalk(walk) })));
  if (end === undefined) return err(fault('HEAD_WRONG', walk.tip.seq, 'the heads cannot be read'));
  if (end.wrong !== undefined) return err(end.wrong);
  return ok({ tip: walk.tip, streams: walk.heads.size, sealed: walk.sealed, pruned: walk.pruned });
}

function walkTo(
  walk: Walk,
  to: number,
  onProgress: (seq: number) => void = () => {},
): ChainFault | undefined {
  const found = attempt(() => {
    for (const row of walk.reader.events(walk.tip.seq + 1, to)) {
      const wrong = walkEvent(walk, row);
      if (wrong !== undefined) return { wrong };
      if (row.seq % PROGRESS_EVENTS === 0) onProgress(row.seq);
    }
    return { wrong: walk.tip.seq < to ? missing(walk.tip.seq + 1) : undefined };
  });
  // A row the store cannot even read is the one after the last that it could.
  return found === undefined ? damaged(walk.tip.seq + 1, 'it cannot be read') : found.wrong;
}

/** Reads what may be damaged; `undefined` where the store says that it is. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (failure) {
    if (failure instanceof StoreFailure) return undefined;
    // oxlint-disable-next-line house/no-throw -- neither ours nor the medium's: a bug goes on
    throw failure;
  }
}

function walkEvent(walk: Walk, row: EventRow): ChainFault | undefined {
  const seq = walk.tip.seq + 1;
  if (row.seq !== seq) return missing(seq);
  const hash = linkOfRow(walk.crypto, walk.tip.hash, row);
  if (hash === undefined || !equalBytes(hash, row.hash)) {
    return damaged(seq, 'its content and its link disagree');
  }
  const before = walk.heads.get(row.stream);
  if (row.version !== (before?.version ?? 0) + 1) return damaged(seq, 'its version leaves a gap');
  if (row.prev !== (before?.seq ?? 0)) return damaged(seq, 'it names another predecessor');
  if (walk.anchor?.seq === seq && !equalBytes(walk.anchor.hash, hash)) {
    return fault('ANCHOR_WRONG', seq, 'the vault has seen another event in its place');
  }
  const isPruned = row.sealed?.length === PRUNED_BYTES;
  if (row.sealed !== undefined) walk.sealed++;
  if (isPruned) walk.pruned++;
  walk.heads.set(row.stream, {
    born: before?.born ?? seq,
    version: row.version,
    seq,
    sealed: row.sealed === undefined ? (before?.sealed ?? 0) : seq,
    isPruned: row.sealed === undefined ? (before?.isPruned ?? false) : isPruned,
  });
  walk.tip = { seq, hash };
  return undefined;
}

/** What came meanwhile, the anchor and the heads, over one unchanging state. */
function finishWalk(walk: Walk): ChainFault | undefined {
  const { reader, anchor } = walk;
  const late = walkTo(walk, reader.tip().seq);
  if (late !== undefined) return late;
  if (anchor !== undefined && anchor.seq > walk.tip.seq) {
    return fault('ANCHOR_WRONG', anchor.seq, `the vault has seen event ${anchor.seq}; it is gone`);
  }
  for (const { seq } of reader.inbox()) if (seq > walk.tip.seq) return missing(seq);
  const rowsAt = rowsWrittenAt(reader);
  const behind = lateRows(walk, rowsAt);
  if (behind !== undefined) return behind;
  const found = new Set<number>();
  for (const head of reader.heads()) {
    found.add(head.stream);
    const wrong = headFault(walk, head, rowsAt);
    if (wrong !== undefined) return wrong;
  }
  return missingHead(walk, found, rowsAt);
}

/** Rows follow before the vault does, and no later than a flush can be late. */
function lateRows({ tip, anchor }: Walk, rowsAt: number): ChainFault | undefined {
  if (rowsAt > tip.seq) return missing(rowsAt);
  const least = Math.max(anchor?.seq ?? 0, tip.seq - UNFLUSHED_EVENTS_MAX);
  if (rowsAt >= least) return undefined;
  return fault('HEAD_WRONG', rowsAt, `the heads end at event ${rowsAt}, and were written later`);
}

/** Every stream that began before the rows were written has both of them. */
function missingHead(
  { heads, reader, tip }: Walk,
  found: ReadonlySet<number>,
  rowsAt: number,
): ChainFault | undefined {
  for (const [stream, { born }] of heads) {
    if (found.has(stream) || born > rowsAt) continue;
    return fault('HEAD_WRONG', tip.seq, `stream ${stream} has events and no head`);
  }
  for (const { id } of reader.streams()) {
    if (!found.has(id)) return fault('HEAD_WRONG', tip.seq, `stream ${id} has a row and no head`);
  }
  return undefined;
}

function headFault(walk: Walk, head: HeadRow, rowsAt: number): ChainFault | undefined {
  if (head.seq > walk.tip.seq) return missing(head.seq);
  const walked = walk.heads.get(head.stream);
  if (walked === undefined || walked.born > rowsAt) {
    return fault('HEAD_WRONG', head.seq, `stream ${head.stream} has a head and no event`);
  }
  const { version, seq, sealed, isPruned } = headAt(walk, walked, rowsAt);
  if (head.version !== version || head.seq !== seq || head.sealed !== sealed) {
    return fault('HEAD_WRONG', seq, `the head of stream ${head.stream} is not its last event`);
  }
  if (isPruned && head.state === 0) return damaged(sealed, 'the state of a live stream is pruned');
  return undefined;
}

/** Where a stream stood at event `upto`. */
function headAt({ reader }: Walk, walked: WalkedHead, upto: number): WalkedHead {
  let { version, seq } = walked;
  if (seq <= upto) return walked;
  for (; seq > upto; version--) seq = reader.event(seq)?.prev ?? 0;
  let sealed = seq;
  let row = reader.event(sealed);
  while (row !== undefined && row.sealed === undefined) {
    sealed = row.prev;
    row = reader.event(sealed);
  }
  const isPruned = row?.sealed?.length === PRUNED_BYTES;
  return { ...walked, version, seq, sealed: row === undefined ? 0 : sealed, isPruned };
}

function missing(seq: number): ChainFault {
  return fault('EVENT_MISSING', seq, `event ${seq} is missing`);
}

function damaged(seq: number, why: string): ChainFault {
  return fault('EVENT_DAMAGED', seq, `event ${seq} is damaged: ${why}`);
}

function fault(code: ChainFault['code'], seq: number, detail: string): ChainFault {
  return { code, seq, detail };
}
