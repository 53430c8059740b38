/** Verifying one log: the chain always, everything else where the vault opens. */

import { existsSync } from 'node:fs';
import type { Result } from '@simsim/bytes';
import { nodeCrypto } from '@simsim/crypto/node';
import { recordFold, vaultPathOf } from '@simsim/device';
import type { Difference, OpenedRows, Rebuilt, StoreRefusal } from '@simsim/event-log';
import { verifySqliteLog } from '@simsim/event-log-sqlite';
import type { SqliteLogReport, VaultKey } from '@simsim/event-log-sqlite';
import { CliError, errorText, usageError } from '../cli-error.ts';
import { DAMAGE_ADVICE, STORE_ADVICE } from './store-advice.ts';

/** What was found out about a log. */
export interface LogVerdict {
  readonly path: string;
  readonly ok: boolean;
  /** `unread`: the medium, its rights or a later format kept us from it. */
  readonly state: 'whole' | 'damaged' | 'unread';
  readonly events: number;
  readonly streams: number;
  /** Rows of every projection that were rebuilt from events and compared; absent without a vault. */
  readonly rebuiltRows?: number;
  /** Rows that no event tells of, and that opened; absent without a vault. */
  readonly opened?: OpenedRows;
  /** The first event that is not what was written. */
  readonly badSeq?: number;
  /** What is wrong, one sentence each. */
  readonly faults: readonly string[];
  /** Why not everything was checked. */
  readonly unchecked?: string;
  /** What to do about it, where it is not whole. */
  readonly next?: string;
}

/** How a log is verified. */
export interface VerifyLogOptions {
  readonly key: VaultKey;
  readonly onProgress?: (seq: number) => void;
}

/** Differences that are named; the rest is counted. */
const NAMED_MAX = 10;

/** Verifies. Whatever is wrong with the log is a verdict. Throws: CliError 2 where there is none. */
export function verifyLog(path: string, options: VerifyLogOptions): LogVerdict {
  if (!existsSync(path))
    throw usageError(`There is no log at ${path}.`, STORE_ADVICE.STORE_MISSING);
  try {
    return judge(path, options);
  } catch (error) {
    if (error instanceof CliError) throw error;
    return refused(path, { code: 'STORE_FAILED', detail: errorText(error) });
  }
}

function judge(path: string, options: VerifyLogOptions): LogVerdict {
  const isAlone = !existsSync(vaultPathOf(path));
  const report = reportOf(path, options, isAlone ? 'chain' : 'all');
  if (report.ok) {
    return judgeReport(path, report.value, isAlone ? 'there is no vault beside it' : undefined);
  }
  const { code } = report.error;
  if (!code.startsWith('VAULT_')) return refused(path, report.error);
  // The chain needs no vault; what a locked one would show stays open.
  const chain = reportOf(path, options, 'chain');
  if (!chain.ok) return refused(path, chain.error);
  if (code === 'VAULT_WRONG_KEY' || code === 'VAULT_KEY_UNAVAILABLE')
    return judgeReport(path, chain.value, 'the vault beside it needs its key');
  const found = judgeReport(path, chain.value, 'the vault beside it does not open');
  const bad = refused(path, report.error);
  const { state, next } = found.ok ? bad : found;
  return {
    ...found,
    ok: false,
    state,
    faults: [...found.faults, ...bad.faults],
    ...(next === undefined ? {} : { next }),
  };
}

function reportOf(
  path: string,
  { key, onProgress }: VerifyLogOptions,
  depth: 'chain' | 'all',
): Result<SqliteLogReport, StoreRefusal> {
  return verifySqliteLog({
    path,
    crypto: nodeCrypto,
    fold: recordFold,
    ...(depth === 'all' ? { vault: { path: vaultPathOf(path), key } } : {}),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
}

/** Codes that tell of the medium, of rights or of a release, and of no damage. */
const NO_DAMAGE: ReadonlySet<string> = new Set([
  'STORE_FAILED',
  'STORE_TOO_NEW',
  'STORE_UNSAFE',
  'VAULT_FAILED',
  'VAULT_TOO_NEW',
]);

/** The verdict about what does not open. */
function refused(path: string, { code, detail }: StoreRefusal): LogVerdict {
  const state = NO_DAMAGE.has(code) ? 'unread' : 'damaged';
  const next = code === 'STORE_MISSING' ? DAMAGE_ADVICE : STORE_ADVICE[code];
  const faults = [`${code}: ${detail}`];
  return { path, ok: false, state, events: 0, streams: 0, faults, next };
}

function judgeReport(
  path: string,
  { chain, rebuilt, lostRows }: SqliteLogReport,
  lacking: string | undefined,
): LogVerdict {
  if (!chain.ok) {
    const { code, seq, detail } = chain.error;
    const isEvent = code === 'EVENT_DAMAGED' || code === 'EVENT_MISSING';
    const place = isEvent || code === 'ANCHOR_WRONG' ? { badSeq: seq } : {};
    return {
      ...refused(path, { code: 'STORE_CORRUPT', detail }),
      faults: [`${code}: ${detail}`],
      ...place,
    };
  }
  const { tip, streams } = chain.value;
  const differences = [...(rebuilt?.differences ?? []), ...lostRows];
  const firstEvent = differences.find(({ table }) => table === 'event');
  const isWhole = differences.length === 0;
  const unchecked = lacking ?? unknownText(rebuilt?.unknownAt);
  return {
    path,
    ok: isWhole,
    state: isWhole ? 'whole' : 'damaged',
    events: tip.seq,
    streams,
    ...(rebuilt === undefined ? {} : { rebuiltRows: rowsOf(rebuilt), opened: rebuilt.opened }),
    faults: describeDifferences(differences),
    ...(firstEvent === undefined ? {} : { badSeq: Number(firstEvent.key) }),
    ...(unchecked === undefined ? {} : { unchecked }),
    ...(isWhole ? {} : { next: DAMAGE_ADVICE }),
  };
}

function rowsOf({ streams, seenRuns, records = 0, liveStates }: Rebuilt): number {
  return streams * 2 + seenRuns + records + liveStates;
}

function unknownText(seq: number | undefined): string | undefined {
  return seq === undefined
    ? undefined
    : `records were not compared: event ${seq} is of a later release`;
}

function describeDifferences(differences: readonly Difference[]): readonly string[] {
  const named = differences
    .slice(0, NAMED_MAX)
    .map(({ table, key, detail }) => `${table} ${key}: ${detail}`);
  const rest = differences.length - named.length;
  return rest > 0 ? [...named, `and ${rest} more differences`] : named;
}
