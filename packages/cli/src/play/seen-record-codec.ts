/**
 * The application's own record of a line it received: what goes into the same commit as the
 * acknowledgement, and what the count reads back afterwards. One row a delivery, under a key of its
 * own, so that a second delivery of the same line is a second row.
 */

import { createReader, createWriter } from '@simsim/bytes';

const VERSION = 1;

/** Prefix of the keys of these rows. */
export const SEEN_PREFIX = 'line/';

/** A line as a device's application received it. */
export interface SeenRecord {
  readonly messageId: string;
  readonly fromUser: string;
  readonly fromDevice: number;
  readonly body: Uint8Array;
}

/** Encodes a row. */
export function encodeSeenRecord(record: SeenRecord): Uint8Array {
  return createWriter(128)
    .u8(VERSION)
    .text(record.messageId)
    .text(record.fromUser)
    .varint(record.fromDevice)
    .bytes(record.body)
    .finish();
}

/** Reads a row; `undefined` where it is none of ours. */
export function decodeSeenRecord(bytes: Uint8Array): SeenRecord | undefined {
  const reader = createReader(bytes);
  if (reader.u8() !== VERSION) return undefined;
  const record = {
    messageId: reader.text(),
    fromUser: reader.text(),
    fromDevice: reader.varint(),
    body: reader.bytes(),
  };
  return reader.isDone() ? record : undefined;
}
