/** The second, independent count: what every device's log holds, read when all is over. */

import { stat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeFact, eventType } from '@simsim/sesame';
import { openLogWithVault } from '../inspect/log-files.ts';
import { logPath } from './device-store.ts';
import { decodeSeenRecord, SEEN_PREFIX } from './seen-record-codec.ts';
import type { SeenRecord } from './seen-record-codec.ts';

/** What one log says. */
export interface LogCensus {
  /** The application's rows; `undefined` for one that does not decode. */
  readonly rows: readonly (SeenRecord | undefined)[];
  readonly envelopes: number;
  readonly sessions: number;
  readonly heals: number;
  /** Times another device asked this one to encrypt a message again. */
  readonly resendsAsked: number;
}

const SESSION_STARTED = eventType('SessionStarted');
const MESSAGE_SENT = eventType('MessageSent');
const MESSAGE_RECEIVED = eventType('MessageReceived');
const RESEND_ASKED = eventType('ResendAsked');

/** Reads the log in a device's folder. */
export function readDeviceLog(folder: string): LogCensus {
  const opened = openLogWithVault(logPath(folder), {
    kind: 'none',
    unsafePlaintextVault: true,
  });
  try {
    const rows: (SeenRecord | undefined)[] = [];
    for (const { key, value } of opened.log.dataEntries()) {
      if (key.startsWith(SEEN_PREFIX)) rows.push(decodeSeenRecord(value));
    }
    const census = { rows, envelopes: 0, sessions: 0, heals: 0, resendsAsked: 0 };
    for (const { type, facts } of opened.log.events()) {
      if (type === MESSAGE_SENT) census.envelopes++;
      if (type === SESSION_STARTED) census.sessions++;
      if (type === RESEND_ASKED) census.resendsAsked++;
      if (type === MESSAGE_RECEIVED && isHeal(type, facts)) census.heals++;
    }
    return census;
  } finally {
    opened.close();
  }
}

/** Bytes of every file in a folder and below. */
export async function bytesOnDisk(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  let bytes = 0;
  for (const entry of entries) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

function isHeal(type: number, facts: Uint8Array): boolean {
  return decodeFact(type, facts)?.fields['outcome'] === 'healed';
}
