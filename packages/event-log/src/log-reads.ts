/** What an open log answers, out of its store and its vault. */

import type { InboxEntry, LogEvent, OutboxEntry } from './event-log.ts';
import type { EventRow } from './event-store.ts';
import { epochKey, openMail } from './inbox-epochs.ts';
import type { LogState } from './log-state.ts';
import { openRow } from './named-rows.ts';
import { openState } from './open-state.ts';
import type { HeldPart } from './open-state.ts';
import { failStore } from './refusal.ts';
import { sealedIndex } from './sealed-part.ts';
import { createTimeline } from './timeline.ts';
import type { TimelineParts } from './timeline.ts';

/** The last sealed state of a stream; see EventLog.sealedValue. */
export function sealedValue(log: LogState, stream: string): Uint8Array | undefined {
  const state = log.streams.get(stream);
  if (state === undefined || state.isClosed || state.sealed === 0) return undefined;
  // Only a log or a vault that was put back leaves a stream without the slot of its state.
  if (state.slot === undefined && log.rollback !== undefined) return undefined;
  if (state.slot === undefined) {
    failStore('STORE_CORRUPT', `the vault holds no key for the state of event ${state.sealed}`);
  }
  return openEvent(log, state.sealed, { slot: state.slot, index: state.index });
}

/** The sealed state that an event left; see EventLog.sealedAt. */
export function sealedAt(log: LogState, seq: number): Uint8Array | undefined {
  const row = log.store.event(seq);
  const index = row?.sealed && sealedIndex(row.sealed);
  const slot = row && slotOf(log, row.stream);
  const held = slot === undefined ? undefined : log.vault.slot(slot);
  if (slot === undefined || index === undefined || held?.use !== 'stream') return undefined;
  if (held.owner !== row?.stream || index < held.index) return undefined;
  return openEvent(log, seq, { slot, index });
}

function slotOf(log: LogState, streamId: number): number | undefined {
  const ahead = log.streams.aheadById(streamId);
  return ahead === undefined ? log.store.streamById(streamId)?.slot : ahead.slot;
}

function openEvent(log: LogState, seq: number, held: HeldPart): Uint8Array {
  const value = openState(log, seq, held);
  if (value === undefined) {
    failStore('STORE_CORRUPT', `the sealed part of event ${seq} does not open`);
  }
  return value;
}

/** All application rows. */
export function* dataEntries({
  store,
  box,
}: Pick<TimelineParts, 'store' | 'box'>): Iterable<{ key: string; value: Uint8Array }> {
  for (const row of store.dataRows()) {
    const { name, value } = openRow(box, 'data', row);
    yield { key: name, value };
  }
}

/** Pending posts, oldest first. */
export function outboxEntries({ store, box }: LogState): OutboxEntry[] {
  return [...store.outbox()].map(({ slot, post, body, tries, due }) => {
    const opened = box.open('outbox', post, body);
    if (opened === undefined) {
      failStore('STORE_CORRUPT', `row ${slot} of the outbox does not open`);
    }
    return { post, body: opened, tries, due };
  });
}

/** Unacknowledged mail, oldest first. */
export function inboxEntries({ crypto, store, vault, logId, lostMail }: LogState): InboxEntry[] {
  const rows = [...store.inbox()].filter(({ slot }) => !lostMail.has(slot));
  return rows.map(({ slot, id, seq, epoch, body }) => {
    const key = epochKey(crypto, vault, epoch);
    const opened = openMail(crypto, { key, place: { logId, epoch, seq, id }, box: body });
    crypto.wipe(key);
    if (opened === undefined) failStore('STORE_CORRUPT', `row ${slot} of the inbox does not open`);
    return { id, body: opened, seq };
  });
}

/** A stream's own events, the last one first, up to when this was asked; each costs one row to read. */
export function* historyOf(log: LogState, stream: string): Iterable<LogEvent> {
  const timeline = createTimeline(log);
  for (const row of rowsOfStream(log, stream)) yield timeline.decode(row);
}

/** The same as they are stored. */
export function* rowsOfStream(log: LogState, stream: string): Iterable<EventRow> {
  const state = log.streams.get(stream);
  for (let seq = state?.seq ?? 0; seq > 0;) {
    const row = log.store.event(seq);
    if (row?.stream !== state?.id || row === undefined || row.prev >= seq) {
      failStore('STORE_CORRUPT', `event ${seq} is damaged; run verify`);
    }
    yield row;
    seq = row.prev;
  }
}

/** The timeline from one event to another. */
export function* eventsOf(log: TimelineParts, from: number, to: number): Iterable<LogEvent> {
  const timeline = createTimeline(log);
  for (const row of log.store.events(from, to)) yield timeline.decode(row);
}
