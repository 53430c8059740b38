/** Reading a log that somebody else may own: the timeline, without writing anything. */

import { equalBytes, err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import type { LogEvent } from './event-log.ts';
import type { EventReader, Tip } from './event-store.ts';
import { readLogMeta } from './log-meta.ts';
import { dataEntries, eventsOf } from './log-reads.ts';
import { createMetadataBox } from './metadata-box.ts';
import { namedValue } from './named-rows.ts';
import { noNonces } from './nonce-pool.ts';
import type { StoreRefusal } from './refusal.ts';
import type { VaultReader } from './vault.ts';

/** A log opened for replay. */
export interface LogReader {
  readonly logId: Uint8Array;
  tip(): Tip;
  /**
   * The timeline, both ends included; default all of it.
   *
   * Throws: StoreFailure `STORE_CORRUPT` at an event that does not open.
   */
  events(from?: number, to?: number): Iterable<LogEvent>;
  data(key: string): Uint8Array | undefined;
  dataEntries(): Iterable<{ readonly key: string; readonly value: Uint8Array }>;
}

/** What a reader reads. Store and vault stay the caller's. */
export interface LogReaderParts {
  readonly reader: EventReader;
  readonly vault: VaultReader;
  readonly crypto: Crypto;
}

/** Refuses: `STORE_MISSING`, `STORE_TOO_NEW`, `STORE_CORRUPT`, `VAULT_MISMATCH`. */
export function createLogReader({
  reader,
  vault,
  crypto,
}: LogReaderParts): Result<LogReader, StoreRefusal> {
  const meta = readLogMeta(reader, 'read');
  if (!meta.ok) return meta;
  const { logId, metadata } = meta.value;
  if (!equalBytes(logId, vault.logId)) {
    return err({ code: 'VAULT_MISMATCH', detail: 'the vault belongs to another log' });
  }
  const box = createMetadataBox({ crypto, keys: vault.keys, logId, nonces: noNonces, metadata });
  const log = { store: reader, vault, box };
  return ok({
    logId,
    tip: () => reader.tip(),
    events: (from = 1, to = reader.tip().seq) => eventsOf(log, from, to),
    data: (key) => namedValue(box, 'data', { name: key, find: (hash) => reader.data(hash) }),
    dataEntries: () => dataEntries(log),
  });
}
