/** What a play comes to: one object for machines, tables for people. */

import { commandName } from '../command-name.ts';
import { isClean } from './audit.ts';
import type { Finding, Tally } from './audit.ts';
import { textTable } from './text-table.ts';
import type { Column } from './text-table.ts';

/** One user's share. */
export interface UserReport extends Tally {
  readonly user: string;
  /** Devices the user has at the end. */
  readonly devices: number;
  /** Lines the user said. */
  readonly sent: number;
}

/** A delivery that is not right. */
export interface ReportedFinding {
  readonly kind: Finding['kind'];
  readonly user: string;
  readonly device: number;
  /** Line number in the transcript; 0 for a row that belongs to no line. */
  readonly line: number;
}

/** Everything that is printed. Field names are API: `--json` prints this object. */
export interface PlayReport {
  readonly ok: boolean;
  /** What is not right, in words; empty where all is well. */
  readonly problems: readonly string[];
  readonly seed: number;
  readonly lines: number;
  readonly unparsed: number;
  readonly unparsedLines: readonly number[];
  readonly users: number;
  readonly devices: number;
  readonly deliveriesExpected: number;
  readonly deliveriesSeen: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly wrong: number;
  readonly unaccepted: number;
  readonly unreadAtRemoval: number;
  readonly kills: number;
  readonly killsInSend: number;
  readonly killsInReceive: number;
  readonly killsInFlush: number;
  readonly killsPromised: number;
  readonly relayKills: number;
  /** Devices linked after the first line. */
  readonly linked: number;
  readonly removed: number;
  readonly drops: number;
  readonly sessions: number;
  readonly heals: number;
  /** Messages whose sender was asked to encrypt them again and that have not arrived so. */
  readonly healsWaiting: number;
  /** Envelopes that devices encrypted: copies, receipts, repeats. */
  readonly envelopes: number;
  /** From the first line to the last device at rest. */
  readonly seconds: number;
  /** Making the accounts and linking their first devices. */
  readonly setupSeconds: number;
  /** Reading every log afterwards. */
  readonly auditSeconds: number;
  readonly messagesPerSecond: number;
  readonly bytesOnDisk: number;
  /** Greatest resident memory of each process; 0 for a relay that is not ours. */
  readonly peakMemoryBytes: {
    readonly coordinator: number;
    readonly relay: number;
    readonly hosts: readonly number[];
  };
  readonly isQuiescent: boolean;
  /** The first deliveries that are lost, doubled or wrong. */
  readonly findings: readonly ReportedFinding[];
  readonly folder: string;
}

const USER_COLUMNS: readonly Column[] = [
  { heading: 'user', align: 'left' },
  { heading: 'devices', align: 'right' },
  { heading: 'said', align: 'right' },
  { heading: 'expected', align: 'right' },
  { heading: 'seen', align: 'right' },
  { heading: 'lost', align: 'right' },
  { heading: 'doubled', align: 'right' },
  { heading: 'wrong', align: 'right' },
  { heading: 'unread at removal', align: 'right' },
];

/** What stands between a play and exit code 0. */
export function problemsOf(report: Omit<PlayReport, 'ok' | 'problems'>): readonly string[] {
  const { lost, duplicated, wrong, unaccepted, isQuiescent, kills } = report;
  const clean = isClean({ lost, duplicated, wrong });
  return [
    ...(clean ? [] : [`${lost} lost, ${duplicated} duplicated, ${wrong} wrong`]),
    ...(unaccepted > 0 ? [`${unaccepted} copies for a user were not accepted by the relay`] : []),
    ...(isQuiescent ? [] : ['the devices did not come to rest in time']),
    ...(report.deliveriesSeen === report.deliveriesExpected
      ? []
      : [`${report.deliveriesSeen} deliveries seen, ${report.deliveriesExpected} expected`]),
    ...(kills < report.killsPromised
      ? [`${kills} kills came to pass, ${report.killsPromised} were promised`]
      : []),
  ];
}

/** Findings on a terminal; the folder and `--json` hold more. */
const FINDINGS_SHOWN = 10;

/** The tables, line by line. */
export function renderReport(
  report: PlayReport,
  users: readonly UserReport[],
  width: number,
): readonly string[] {
  const command = commandName();
  const rows = users.map((user) => [
    user.user,
    ...[user.devices, user.sent, user.expected, user.seen].map(String),
    ...[user.lost, user.duplicated, user.wrong, user.unreadAtRemoval].map((n) =>
      n > 0 ? String(n) : '·',
    ),
  ]);
  return [
    ...textTable(USER_COLUMNS, rows, width),
    '',
    ...totals(report).map(([name, value]) => `${name.padEnd(12)} ${value}`),
    '',
    ...(report.ok
      ? ['Every line arrived exactly once on every device that should have it.']
      : report.problems.map((problem) => `NOT RIGHT: ${problem}`)),
    ...report.findings
      .slice(0, FINDINGS_SHOWN)
      .map(({ kind, user, device, line }) => `  line ${line} on ${user}.${device}: ${kind}`),
    '',
    `Logs         ${report.folder}`,
    `Try next     ${command} verify ${report.folder}`,
    `             ${command} replay ${report.folder}/devices/<user>.<device>/log.db`,
  ];
}

function totals(report: PlayReport): readonly (readonly [string, string])[] {
  const { kills, killsInSend, killsInReceive, killsInFlush } = report;
  const heals = report.healsWaiting > 0 ? ` (${report.healsWaiting} waiting)` : '';
  const unparsed = report.unparsed === 0 ? '' : `, ${report.unparsed} not messages`;
  return [
    ['lines', `${report.lines}${unparsed}`],
    ['deliveries', `${report.deliveriesSeen} of ${report.deliveriesExpected}`],
    ['people', `${report.users} users, ${report.devices} devices`],
    [
      'envelopes',
      `${report.envelopes} in ${report.sessions} sessions, ${report.heals} heals${heals}`,
    ],
    [
      'kills',
      `${kills} (${killsInSend} in a send, ${killsInReceive} in a receive, ` +
        `${killsInFlush} in a vault flush), relay ${report.relayKills}`,
    ],
    [
      'changes',
      `${report.linked} linked, ${report.removed} removed, ${report.drops} connections dropped`,
    ],
    [
      'time',
      `${report.seconds.toFixed(1)} s, ${report.messagesPerSecond.toFixed(1)} messages/s ` +
        `(before: ${report.setupSeconds.toFixed(1)} s of accounts; after: ${report.auditSeconds.toFixed(1)} s of reading logs)`,
    ],
    ['disk', megabytes(report.bytesOnDisk)],
    ['memory', memoryText(report)],
    ['seed', String(report.seed)],
  ];
}

function memoryText({ peakMemoryBytes: { coordinator, relay, hosts } }: PlayReport): string {
  const own = relay === 0 ? '' : `relay ${megabytes(relay)}, `;
  return `${own}coordinator ${megabytes(coordinator)}, devices ${hosts.map(megabytes).join(', ')}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
