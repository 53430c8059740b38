/** What a log says of itself in the store's meta table. */

import { err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { EventReader, StoreChange } from './event-store.ts';
import { labelPlace } from './open-facts.ts';
import type { StoreRefusal } from './refusal.ts';

/** Version of everything the log writes. */
export const LOG_FORMAT = 1;

const FORMAT_KEY = 'format';
const LOG_KEY = 'log';
const SEEN_KEY = 'seen-ms';

/** What is decided when a log is created. */
export interface LogMeta {
  readonly logId: Uint8Array;
  /** How long received digests are remembered, ms. */
  readonly seenMs: number;
}

/** Whether the store holds a log. */
export function hasLog(store: EventReader): boolean {
  return store.meta(FORMAT_KEY) !== undefined || store.tip().seq > 0;
}

/** The rows of a new log. */
export function encodeLogMeta({ logId, seenMs }: LogMeta): StoreChange['meta'] {
  return [
    { key: FORMAT_KEY, value: Uint8Array.of(LOG_FORMAT) },
    { key: LOG_KEY, value: logId },
    { key: SEEN_KEY, value: labelPlace(seenMs) },
  ];
}

/** Refuses: `STORE_MISSING`, `STORE_TOO_NEW`, `STORE_CORRUPT`. */
export function readLogMeta(store: EventReader): Result<LogMeta, StoreRefusal> {
  const format = store.meta(FORMAT_KEY);
  if (format === undefined) return err({ code: 'STORE_MISSING', detail: 'the store holds no log' });
  if (format[0] !== LOG_FORMAT) {
    return err({ code: 'STORE_TOO_NEW', detail: `the log has format ${format[0] ?? 0}` });
  }
  const logId = store.meta(LOG_KEY);
  const seen = store.meta(SEEN_KEY);
  if (logId === undefined || seen?.length !== 8) {
    return err({ code: 'STORE_CORRUPT', detail: 'the log lacks its own description' });
  }
  const view = new DataView(seen.buffer, seen.byteOffset, 8);
  return ok({ logId, seenMs: view.getUint32(0) * 0x1_0000_0000 + view.getUint32(4) });
}
