/** Logs as the benches open them: a raw key, real files, sessions of the size they have in life. */

import { randomBytes } from 'node:crypto';
import { invariant } from '@simsim/bytes';
import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import type { DraftEvent, EventLog, OutboxPut } from '@simsim/event-log';
import { openSqliteLog, RAW_KEY_BYTES } from '@simsim/event-log-sqlite';
import type { SqliteLogOptions } from '@simsim/event-log-sqlite';

/** Sessions of a log. */
export const SESSIONS = 1000;

/** Events after which the vault follows: what a device does by default. */
export const FLUSH_EVENTS = 64;

const FACTS_BYTES = 36;
/** With what sealing adds, the stored part is 230 bytes long. */
const SEALED_BYTES = 202;
const OUTBOX_BYTES = 330;

/** Where a log lies in its folder. */
export function logOptions(folder: string): SqliteLogOptions {
  return {
    path: `${folder}/log.db`,
    vaultPath: `${folder}/vault`,
    key: { kind: 'raw', key: new Uint8Array(RAW_KEY_BYTES).fill(7) },
    crypto: nodeCrypto,
    entropy: nodeEntropy,
  };
}

/** Opens or creates the log of a folder. */
export function openBenchLog(folder: string, more: Partial<SqliteLogOptions> = {}): EventLog {
  const opened = openSqliteLog({ ...logOptions(folder), ifMissing: 'create', ...more });
  invariant(opened.ok, 'the log of a bench opens');
  return opened.value.log;
}

/** The next event of session `i`, round robin. */
export function sessionEvent(i: number): DraftEvent {
  return {
    stream: `session/peer-${i % SESSIONS}`,
    type: 1,
    schema: 1,
    facts: randomBytes(FACTS_BYTES),
    sealed: [randomBytes(SEALED_BYTES)],
  };
}

/** What a send hands over to the relay. */
export function outboxPut(post: Uint8Array): OutboxPut {
  return { post, body: randomBytes(OUTBOX_BYTES) };
}

/** Commits events `from` up to `to` in batches of `perCommit`; the vault follows by itself. */
export function appendEvents(
  log: EventLog,
  range: { readonly from: number; readonly to: number; readonly perCommit: number },
): void {
  for (let i = range.from; i < range.to; i += range.perCommit) {
    const count = Math.min(range.perCommit, range.to - i);
    const events = Array.from({ length: count }, (_, n) => sessionEvent(i + n));
    invariant(log.commit({ at: 1_700_000_000_000 + i, events }).ok, 'an owner commits');
  }
}
