/** The part of a batch that is not history: queues, records and the application's rows. */

import { invariant } from '@simsim/bytes';
import type { LogBatch } from './event-log.ts';
import type { InboxRow, NamedChange, OutboxRow, StoreChange } from './event-store.ts';
import { sealMail } from './inbox-epochs.ts';
import type { StagedEpochs } from './inbox-epochs.ts';
import type { LogState } from './log-state.ts';
import type { QueueSlots } from './queue-slots.ts';

/** A queue id and the slot it got or left. */
interface SlotMove {
  readonly id: Uint8Array;
  readonly slot: number;
}

/** The queue rows of a batch, and how to take them back. */
export interface StagedQueues {
  readonly change: Pick<
    StoreChange,
    'outbox' | 'outboxFreed' | 'outboxRetry' | 'inbox' | 'inboxFreed' | 'records' | 'data'
  >;
  readonly outboxOrder: number;
  readonly outboxFreed: readonly SlotMove[];
  readonly inboxFreed: readonly SlotMove[];
}

/** Gives slots to what a batch puts and frees those of what it ends. */
export function stageQueues(
  log: LogState,
  batch: LogBatch,
  at: { readonly seq: number; readonly epochs: StagedEpochs },
): StagedQueues {
  const { outbox, inbox } = log.queues;
  const outboxOrder = Math.max(at.seq, log.queues.outboxOrder + 1);
  const { forgetsOutbox, forgetsInbox, keepsInbox } = log.sabotage;
  const posts = forgetsOutbox === true ? [] : (batch.outboxPut ?? []);
  const mails = forgetsInbox === true ? [] : (batch.inboxPut ?? []);
  const mailDone = keepsInbox === true ? [] : (batch.inboxDone ?? []);
  const outboxFreed = freeAll(outbox, [
    ...(batch.outboxDone ?? []),
    ...posts.map(({ post }) => post),
  ]);
  const inboxFreed = freeAll(inbox, [...mailDone, ...mails.map(({ id }) => id)]);
  const change = {
    outbox: posts.map(({ post, body }): OutboxRow => {
      const box = log.box.seal('outbox', post, [body]);
      return {
        slot: outbox.take(post),
        post,
        seq: outboxOrder,
        due: undefined,
        tries: 0,
        body: box,
      };
    }),
    outboxFreed: outboxFreed.map(({ slot }) => slot),
    outboxRetry: (batch.outboxRetry ?? []).flatMap(({ post, due, tries }) => {
      const slot = outbox.slotOf(post);
      return slot === undefined ? [] : [{ slot, due, tries }];
    }),
    inbox: mails.map(({ id, body }, row): InboxRow => {
      const epoch = at.epochs.ofRow[row];
      invariant(epoch !== undefined, 'each mail has an epoch');
      const place = { logId: log.logId, epoch: epoch.slot, seq: at.seq, id };
      const sealed = sealMail(log.crypto, { key: epoch.key, place, nonce: log.nonces(), body });
      return { slot: inbox.take(id), id, seq: at.seq, epoch: epoch.slot, body: sealed };
    }),
    inboxFreed: inboxFreed.map(({ slot }) => slot),
    records: namedChanges(log, 'record', batch.records ?? []),
    data: namedChanges(
      log,
      'data',
      (batch.data ?? []).map(({ key, value }) => ({ name: key, value })),
    ),
  };
  return { change, outboxOrder, outboxFreed, inboxFreed };
}

/** Puts the slots back as they were. */
export function dropQueues(log: LogState, staged: StagedQueues): void {
  const { outbox, inbox } = log.queues;
  for (const { post } of staged.change.outbox) outbox.free(post);
  for (const { id } of staged.change.inbox) inbox.free(id);
  for (const { id, slot } of staged.outboxFreed) outbox.restore(id, slot);
  for (const { id, slot } of staged.inboxFreed) inbox.restore(id, slot);
}

function freeAll(queue: QueueSlots, ids: readonly Uint8Array[]): SlotMove[] {
  return ids.flatMap((id) => {
    const slot = queue.free(id);
    return slot === undefined ? [] : [{ id, slot }];
  });
}

function namedChanges(
  log: LogState,
  kind: 'record' | 'data',
  updates: readonly { readonly name: string; readonly value: Uint8Array | undefined }[],
): NamedChange[] {
  return updates.map(({ name, value }) => {
    const hash = log.box.nameHash(kind, name);
    return { name: hash, value: value && log.box.sealNamed(kind, hash, { name, value }) };
  });
}
