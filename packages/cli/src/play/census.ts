/** The second, independent count: what every device's log holds, read when all is over. */

import { stat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeFact, eventType, SEND_PREFIX } from '@simsim/sesame';
import type { RecordedFact } from '@simsim/sesame';
import { openLogWithVault } from '../inspect/log-files.ts';
import { logPath } from './device-store.ts';
import type { DeviceName } from './journal.ts';
import { decodeSeenRecord, SEEN_PREFIX } from './seen-record-codec.ts';
import type { SeenRecord } from './seen-record-codec.ts';

/** A copy of a message that a device asked its sender to encrypt again. */
export interface AskedCopy extends DeviceName {
  readonly messageId: string;
}

/** What one log says. */
export interface LogCensus {
  /** The application's rows; `undefined` for one that does not decode. */
  readonly rows: readonly (SeenRecord | undefined)[];
  readonly envelopes: number;
  /** Sessions this device began. */
  readonly sessions: number;
  readonly heals: number;
  /** What other devices asked this one to encrypt again. */
  readonly asked: readonly AskedCopy[];
}

const SESSION_STARTED = eventType('SessionStarted');
const MESSAGE_SENT = eventType('MessageSent');
const MESSAGE_RECEIVED = eventType('MessageReceived');
const RESEND_ASKED = eventType('ResendAsked');

/** Reads the log in a device's folder. */
export function readDeviceLog(folder: string): LogCensus {
  const opened = openLogWithVault(logPath(folder), { kind: 'none', unsafePlaintextVault: true });
  try {
    const rows: (SeenRecord | undefined)[] = [];
    for (const { key, value } of opened.log.dataEntries()) {
      if (key.startsWith(SEEN_PREFIX)) rows.push(decodeSeenRecord(value));
    }
    const asked: AskedCopy[] = [];
    const counts = { envelopes: 0, sessions: 0, heals: 0 };
    for (const event of opened.log.events()) {
      const { type, stream } = event;
      if (type === MESSAGE_SENT) counts.envelopes++;
      if (type === SESSION_STARTED && fieldOf(event, 'role') === 'initiator') counts.sessions++;
      if (type === MESSAGE_RECEIVED && fieldOf(event, 'outcome') === 'healed') counts.heals++;
      if (type !== RESEND_ASKED) continue;
      const user = String(fieldOf(event, 'userId'));
      const device = Number(fieldOf(event, 'deviceId'));
      asked.push({ user, device, messageId: stream.slice(SEND_PREFIX.length) });
    }
    return { rows, asked, ...counts };
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

function fieldOf(event: RecordedFact, name: string): unknown {
  return decodeFact(event)?.fields[name];
}
