/** What a dead victim left on the disk, read from a copy so that its next life finds it untouched. */

import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bytesToHex, decodeUtf8, equalBytes } from '@simsim/bytes';
import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import { decodeInboxItem, decodeOutboxItem, recordFold } from '@simsim/device-core';
import type { EventLog } from '@simsim/event-log';
import { openSqliteLog, verifySqliteLog } from '@simsim/event-log-sqlite';
import { encodePost } from '@simsim/relay-protocol';
import { decodeFact, factText } from '@simsim/sesame';
import { KillFault } from './kill-fault.ts';
import type { Ledger } from './ledger.ts';
import { VICTIM_KEY } from './victim-key.ts';

const FILES = ['log.db', 'log.db-wal', 'vault', 'vault.new'];

/** Tables of which no event tells. */
const ROWS: ReadonlySet<string> = new Set(['outbox', 'inbox', 'data']);

/** What was found, for the parent's totals. */
export interface Remains {
  readonly events: number;
  /** Texts by message, as often as the application has them. */
  readonly kept: ReadonlyMap<string, readonly string[]>;
  readonly pending: number;
}

/** Reads logs of one victim again and again; remembers which events it has read. */
export class Examiner {
  readonly #folder: string;
  readonly #copy: string;
  readonly #sent = new Set<string>();
  #read = 0;

  constructor(folder: string, scratch: string) {
    this.#folder = folder;
    this.#copy = join(scratch, 'copy');
  }

  /** Checks every promise that files can show. Throws: KillFault. */
  examine(ledger: Ledger): Remains {
    this.#takeCopy();
    const path = join(this.#copy, 'log.db');
    const vaultPath = join(this.#copy, 'vault');
    const vault = { path: vaultPath, key: VICTIM_KEY };
    const report = verifySqliteLog({ path, crypto, vault, fold: recordFold });
    if (!report.ok) throw new KillFault('REFUSED', report.error.detail);
    const { chain, rebuilt, lostRows } = report.value;
    if (!chain.ok) throw new KillFault('CHAIN_BROKEN', chain.error.detail);
    if (rebuilt === undefined) throw new KillFault('CHAIN_BROKEN', 'nothing was rebuilt');
    const [difference] = [...rebuilt.differences, ...lostRows];
    if (difference !== undefined) {
      const isRow = ROWS.has(difference.table);
      throw new KillFault(isRow ? 'ROW_LOST' : 'CHAIN_BROKEN', JSON.stringify(difference));
    }
    const opened = openSqliteLog({
      path,
      vaultPath,
      key: VICTIM_KEY,
      ifMissing: 'refuse',
      crypto,
      entropy,
    });
    if (!opened.ok) throw new KillFault('REFUSED', opened.error.detail);
    try {
      return this.#examineLog(opened.value.log, ledger);
    } finally {
      opened.value.log.close();
    }
  }

  #takeCopy(): void {
    rmSync(this.#copy, { recursive: true, force: true });
    mkdirSync(this.#copy);
    for (const name of FILES) {
      const from = join(this.#folder, name);
      if (existsSync(from)) copyFileSync(from, join(this.#copy, name));
    }
  }

  #examineLog(log: EventLog, ledger: Ledger): Remains {
    this.#checkTip(log, ledger);
    this.#readSent(log);
    this.#checkOutside(log, ledger);
    const kept = keptOf(log);
    const inbox = log.inbox().map(({ body }) => decodeInboxItem(body).messageId);
    for (const messageId of ledger.acknowledged) {
      if (inbox.includes(messageId) || kept.has(messageId)) continue;
      throw new KillFault('INBOX_LOST', `message ${messageId} was acknowledged`);
    }
    const textOf = new Map<string, string>(
      [...ledger.ordered].map(([messageId, { text }]) => [messageId, text]),
    );
    for (const [messageId, texts] of kept) {
      const isRight = texts.length === 1 && texts[0] === textOf.get(messageId);
      if (!isRight) throw new KillFault('DELIVERED_WRONG', `message ${messageId}`);
    }
    return { events: log.tip().seq, kept, pending: inbox.length + log.outbox().length };
  }

  /** What was answered is there, and is the same. */
  #checkTip(log: EventLog, { tip }: Ledger): void {
    const [event] = tip.seq === 0 ? [] : log.events(tip.seq, tip.seq);
    if (tip.seq > 0 && !(event !== undefined && equalBytes(event.hash, tip.hash))) {
      throw new KillFault('COMMIT_LOST', `event ${tip.seq} was answered`);
    }
  }

  /** Events say for whose envelope a session's chain has moved. */
  #readSent(log: EventLog): void {
    for (const event of log.events(this.#read + 1)) {
      const fact = decodeFact(event);
      if (fact?.name === 'MessageSent') this.#sent.add(factText(fact, 'envelopeId'));
      this.#read = event.seq;
    }
  }

  /** Every ciphertext outside has moved its session's chain, and is kept while it is unanswered. */
  #checkOutside(log: EventLog, { outside, posts }: Ledger): void {
    for (const { body } of log.outbox()) {
      const { post } = decodeOutboxItem(body);
      const left = posts.get(post.postId);
      if (left !== undefined && !equalBytes(left, encodePost(post))) {
        throw new KillFault('NOT_VERBATIM', `post ${post.postId}`);
      }
    }
    for (const { envelopeId } of outside.values()) {
      if (this.#sent.has(envelopeId)) continue;
      throw new KillFault('NOT_DURABLE', `envelope ${envelopeId} is outside`);
    }
  }
}

/** The application's rows: the texts under each message. */
export function keptOf(log: EventLog): Map<string, string[]> {
  const kept = new Map<string, string[]>();
  for (const { key, value } of log.dataEntries()) {
    const [, messageId = ''] = key.split('/');
    const text = decodeUtf8(value) ?? bytesToHex(value);
    kept.set(messageId, [...(kept.get(messageId) ?? []), text]);
  }
  return kept;
}
