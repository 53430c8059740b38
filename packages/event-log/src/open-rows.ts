/**
 * Opening the rows that no event tells of: pending posts, unread mail, application rows. Each is bound to
 * its place, so one that opens is what was put there; of one that is gone the states of streams, the keys
 * of the vault and the log's counts ({@link RowCounts}) tell.
 */

import { bytesToHex } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import type { Difference } from './difference.ts';
import type { EventReader, InboxRow } from './event-store.ts';
import { opensMail } from './inbox-epochs.ts';
import type { MetadataBox } from './metadata-box.ts';
import type { VaultReader } from './vault.ts';

/** How many rows opened. */
export interface OpenedRows {
  readonly outbox: number;
  readonly inbox: number;
  readonly data: number;
}

/** What is opened, and with what. */
export interface OpenRowsParts {
  readonly reader: EventReader;
  readonly vault: VaultReader;
  readonly crypto: Crypto;
  readonly logId: Uint8Array;
  readonly box: MetadataBox;
}

/** Before anything was. */
export const NOTHING_OPENED: OpenedRows = { outbox: 0, inbox: 0, data: 0 };

/** Opens all of them; `expected` are the ids of posts that must be among those that wait. */
export function openRows(
  parts: OpenRowsParts,
  expected: readonly Uint8Array[],
): { readonly opened: OpenedRows; readonly faults: readonly Difference[] } {
  const faults: Difference[] = [];
  const opened = {
    outbox: openOutbox(parts, expected, faults),
    inbox: openInbox(parts, faults),
    data: openData(parts, faults),
  };
  return { opened, faults };
}

function openOutbox(
  { reader, box }: OpenRowsParts,
  expected: readonly Uint8Array[],
  faults: Difference[],
): number {
  const waiting = new Set<string>();
  let count = 0;
  for (const { slot, post, body } of reader.outbox()) {
    waiting.add(bytesToHex(post));
    const opened = box.open('outbox', post, body);
    if (opened === undefined) {
      faults.push({ table: 'outbox', key: `${slot}`, detail: 'the post in it does not open' });
    } else count++;
    opened?.fill(0);
  }
  for (const post of expected.map(bytesToHex)) {
    if (waiting.has(post)) continue;
    const detail = `post ${post} is gone, and its message waits for it`;
    faults.push({ table: 'outbox', key: post, detail });
  }
  return count;
}

function openInbox(parts: OpenRowsParts, faults: Difference[]): number {
  let count = 0;
  for (const row of parts.reader.inbox()) {
    if (opensRow(parts, row)) count++;
    else {
      const detail = 'the mail in it does not open';
      faults.push({ table: 'inbox', key: `${row.slot}`, detail });
    }
  }
  return count;
}

/** An epoch that began after the vault's last flush has its key in a slot that is still free. */
function opensRow(parts: OpenRowsParts, row: InboxRow): boolean {
  const use = parts.vault.slot(row.epoch)?.use;
  return (use === 'epoch' || use === 'free') && opensMail(parts, row);
}

function openData({ reader, box }: OpenRowsParts, faults: Difference[]): number {
  let count = 0;
  let place = 0;
  for (const { name, value } of reader.dataRows()) {
    place++;
    const opened = box.openNamed('data', name, value);
    opened?.value.fill(0);
    if (opened !== undefined) count++;
    else faults.push({ table: 'data', key: `${place}`, detail: 'the value in it does not open' });
  }
  return count;
}
