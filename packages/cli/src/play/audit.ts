/** Comparing what devices owe with the rows that their logs hold. */

import { encodeUtf8, equalBytes } from '@simsim/bytes';
import type { DeviceDebt, OwedLine } from './expectation.ts';
import type { SeenRecord } from './seen-record-codec.ts';

/** The count of one device, or of several together. */
export interface Tally {
  /** Deliveries that must be there. */
  readonly expected: number;
  /** Those that are there, with the right text and sender. */
  readonly seen: number;
  readonly lost: number;
  /** Rows too many for a line that is there. */
  readonly duplicated: number;
  /** Rows that nobody expected here, or whose text or sender is another. */
  readonly wrong: number;
  /** Deliveries that a removed device had not acknowledged. */
  readonly unreadAtRemoval: number;
}

/** One delivery that is not right. */
export interface Finding {
  readonly kind: 'lost' | 'duplicated' | 'wrong';
  /** Absent for a row that does not decode. */
  readonly messageId?: string;
}

/** A device's count, and what is not right, one by one. */
export interface DeviceAudit {
  readonly tally: Tally;
  readonly findings: readonly Finding[];
}

/** Nothing counted. */
export const EMPTY_TALLY: Tally = {
  expected: 0,
  seen: 0,
  lost: 0,
  duplicated: 0,
  wrong: 0,
  unreadAtRemoval: 0,
};

/** The sum of two counts. */
export function addTallies(a: Tally, b: Tally): Tally {
  return {
    expected: a.expected + b.expected,
    seen: a.seen + b.seen,
    lost: a.lost + b.lost,
    duplicated: a.duplicated + b.duplicated,
    wrong: a.wrong + b.wrong,
    unreadAtRemoval: a.unreadAtRemoval + b.unreadAtRemoval,
  };
}

/** True where nothing is lost, doubled or wrong. */
export function isClean(tally: Pick<Tally, 'lost' | 'duplicated' | 'wrong'>): boolean {
  return tally.lost === 0 && tally.duplicated === 0 && tally.wrong === 0;
}

/**
 * Counts one device's rows against its debt; `undefined` among them is a row that does not decode.
 *
 * A row with the wrong text counts as wrong and not also as lost. On a removed device a delivery is
 * expected if the coordinator heard its acknowledgement or the row is there (a process may be killed
 * between the commit and telling of it).
 */
export function auditDevice(
  debt: DeviceDebt,
  rows: readonly (SeenRecord | undefined)[],
): DeviceAudit {
  const rowsById = new Map<string, number>();
  const spoiled = new Set<string>();
  const findings: Finding[] = [];
  for (const row of rows) {
    const owed = row === undefined ? undefined : debt.owed.get(row.messageId);
    if (row !== undefined && owed !== undefined && isSame(row, owed)) {
      rowsById.set(owed.messageId, (rowsById.get(owed.messageId) ?? 0) + 1);
      continue;
    }
    findings.push({ kind: 'wrong', ...(row === undefined ? {} : { messageId: row.messageId }) });
    if (owed !== undefined) spoiled.add(owed.messageId);
  }
  const counts = { ...EMPTY_COUNTS, wrong: findings.length };
  for (const messageId of debt.owed.keys()) {
    const count = rowsById.get(messageId) ?? 0;
    const isThere = count > 0 || spoiled.has(messageId);
    if (debt.isRemoved && !isThere && !debt.acknowledged.has(messageId)) {
      counts.unreadAtRemoval++;
      continue;
    }
    counts.expected++;
    if (count > 0) counts.seen++;
    if (!isThere) {
      counts.lost++;
      findings.push({ kind: 'lost', messageId });
    }
    for (let extra = 1; extra < count; extra++) {
      counts.duplicated++;
      findings.push({ kind: 'duplicated', messageId });
    }
  }
  return { tally: counts, findings };
}

const EMPTY_COUNTS: { -readonly [K in keyof Tally]: number } = { ...EMPTY_TALLY };

function isSame(row: SeenRecord, owed: OwedLine): boolean {
  return (
    row.fromUser === owed.from.user &&
    row.fromDevice === owed.from.device &&
    equalBytes(row.body, encodeUtf8(owed.text))
  );
}
