/** Logs in a scratch folder. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from '@simsim/bytes';
import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import type { EventLog, StoreRefusal } from '@simsim/event-log';
import { onTestFinished } from 'vitest';
import { openSqliteLog } from '../src/index.ts';
import type { OpenedSqliteLog, SqliteLogOptions } from '../src/index.ts';

export const KEY = { kind: 'raw', key: new Uint8Array(32).fill(7) } as const;

export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'simsim-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function logOptions(folder: string, more: Partial<SqliteLogOptions> = {}): SqliteLogOptions {
  return {
    path: join(folder, 'log.db'),
    vaultPath: join(folder, 'vault'),
    crypto: nodeCrypto,
    entropy: nodeEntropy,
    key: KEY,
    ifMissing: 'create',
    ...more,
  };
}

export function openLog(
  folder: string,
  more: Partial<SqliteLogOptions> = {},
): Result<OpenedSqliteLog, StoreRefusal> {
  return openSqliteLog(logOptions(folder, more));
}

export function text(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(value, 'utf8'));
}

export function id16(number: number): Uint8Array {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(12, number + 1);
  return id;
}

export function unwrap<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.error)}`);
  return result.value;
}

export function openedLog(folder: string, more: Partial<SqliteLogOptions> = {}): EventLog {
  return unwrap(openLog(folder, more)).log;
}
