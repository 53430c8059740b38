/** The table, and the one JSON object in its place. */

import type { WireVersion } from '@simsim/session';
import type { PairJob, PlayedOutcome } from './pair-job.ts';
import type { Role } from './pair.ts';

/** A row that was played. */
export interface Row extends PairJob {
  /** Whether the peer was spared late messages in a simultaneous initiation. */
  readonly isSpared: boolean;
  readonly outcome: PlayedOutcome;
}

/** Rows of a peer that could not be installed or loaded. */
export interface NotRun {
  readonly peer: string;
  readonly versions: readonly WireVersion[];
  readonly roles: readonly Role[];
  readonly reason: string;
}

/** All that a run came to. */
export interface Report {
  readonly seed: number;
  readonly rows: readonly Row[];
  readonly notRun: readonly NotRun[];
}

/** Rows by what they came to; a peer that did not run counts each row it would have had. */
export function tally({ rows, notRun }: Report): {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
} {
  const failed = rows.filter(({ outcome }) => failuresOf(outcome) > 0).length;
  const skipped = notRun.reduce(
    (sum, { versions, roles }) => sum + versions.length * roles.length,
    0,
  );
  return { passed: rows.length - failed, failed, skipped };
}

/** For people. The last line is the count that the checks add up. */
export function formatReport(report: Report): string {
  const { rows, notRun, seed } = report;
  const cells = rows.map(({ peer, role, version, isSpared, outcome }) => [
    peer,
    `${role}${isSpared ? ' *' : ''}`,
    String(version),
    ...('crash' in outcome
      ? ['-', '-', '-', '-', '-', '-', '-', 'crashed']
      : [
          outcome.sessions,
          outcome.sent,
          outcome.lost,
          outcome.late,
          outcome.repeated,
          outcome.damaged,
          outcome.turns,
          outcome.failures,
        ].map(String)),
  ]);
  const lines = rows.length === 0 ? [] : alignColumns([HEADINGS, ...cells]);
  if (rows.some(({ isSpared }) => isSpared)) lines.push(SPARED);
  lines.push(...new Set(notRun.map(({ peer, reason }) => `${peer} was not run: ${reason}`)));
  for (const row of rows) lines.push(...describeFailure(row));
  const { passed, failed, skipped } = tally(report);
  const count = `${skipped > 0 ? `${skipped} skipped\n` : ''}${passed} passed, ${failed} failed`;
  return `seed ${seed}\n${lines.join('\n')}\n\n${count}\n`;
}

/** For programs: one object, one line. */
export function jsonReport(report: Report): string {
  const { seed, rows, notRun } = report;
  return `${JSON.stringify({
    seed,
    rows: rows.map(({ outcome, seed: _seed, ...row }) => ({ ...row, ...outcome })),
    notRun: notRun.map(({ peer, reason }) => ({ peer, reason })),
    ...tally(report),
  })}\n`;
}

const HEADINGS = [
  'peer',
  'role',
  'version',
  'sessions',
  'messages',
  'lost',
  'late',
  'repeated',
  'damaged',
  'turns',
  'failures',
];

const SPARED =
  '* nothing late among the messages that cross: this peer loses its own devices otherwise';

function failuresOf(outcome: PlayedOutcome): number {
  return 'crash' in outcome ? 1 : outcome.failures;
}

function describeFailure({ peer, role, version, seed, outcome }: Row): readonly string[] {
  if (failuresOf(outcome) === 0) return [];
  const what = 'crash' in outcome ? outcome.crash : (outcome.fault ?? '');
  return [
    `${peer}, version ${version}, ${role}: ${what}`,
    `  To see it again: pnpm interop ${peer} --seed ${seed}`,
    '  The peer draws keys of its own, so what depends on them may need a few runs.',
  ];
}

/** The first two columns begin at the left, numbers end at the right. */
function alignColumns(table: readonly (readonly string[])[]): string[] {
  const widths = HEADINGS.map((_, column) =>
    Math.max(...table.map((cells) => (cells[column] ?? '').length)),
  );
  return table.map((cells) =>
    cells
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
}
