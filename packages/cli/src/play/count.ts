/** Counting a play that is over: the journal's expectation against every device's log. */

import { performance } from 'node:perf_hooks';
import { addTallies, auditDevice, EMPTY_TALLY } from './audit.ts';
import type { DeviceAudit, Tally } from './audit.ts';
import type { CastDevice } from './cast.ts';
import { bytesOnDisk, readDeviceLog } from './census.ts';
import type { AskedCopy, LogCensus } from './census.ts';
import { expectDeliveries } from './expectation.ts';
import type { Expectation } from './expectation.ts';
import { deviceKey } from './journal.ts';
import type { JournalEntry } from './journal.ts';
import { killsPromised } from './plan.ts';
import type { PlayOptions } from './play-options.ts';
import type { PlayedOut } from './play.ts';
import { peakMemoryBytes } from './process-memory.ts';
import type { ProgressState } from './progress-bar.ts';
import { problemsOf } from './report.ts';
import type { PlayReport, ReportedFinding, UserReport } from './report.ts';
import type { PlayLine } from './room.ts';
import type { Transcript } from './transcript.ts';

/** What is counted. */
export interface CountInput {
  readonly options: PlayOptions;
  readonly transcript: Transcript;
  readonly lines: readonly PlayLine[];
  readonly folder: string;
  readonly played: PlayedOut;
  readonly signal: AbortSignal;
  readonly onProgress: (state: ProgressState) => void;
}

/** Findings that are named; the counts hold all of them. */
const FINDINGS_MAX = 100;

/** Sums over all logs. */
interface LogSums {
  readonly tallies: ReadonlyMap<string, Tally>;
  readonly findings: readonly ReportedFinding[];
  readonly envelopes: number;
  readonly sessions: number;
  readonly heals: number;
  readonly healsWaiting: number;
}

/** Reads every log and says what it comes to. */
export async function countPlay(
  input: CountInput,
): Promise<{ report: PlayReport; users: readonly UserReport[] }> {
  const { lines, folder, played, transcript, options } = input;
  const startedAt = performance.now();
  const expectation = expectDeliveries(played.journal.entries, lines);
  const sums = await readLogs(input, expectation);
  const total = [...sums.tallies.values()].reduce(addTallies, EMPTY_TALLY);
  const disk = await bytesOnDisk(folder);
  const figures = {
    seed: options.seed,
    lines: lines.length,
    unparsed: transcript.unparsed.length,
    unparsedLines: transcript.unparsed.map(({ number }) => number),
    users: new Set(played.devices.map(({ user }) => user)).size,
    devices: played.devices.length,
    deliveriesExpected: total.expected,
    deliveriesSeen: total.seen,
    lost: total.lost,
    duplicated: total.duplicated,
    wrong: total.wrong + expectation.unexplained,
    unaccepted: expectation.unaccepted,
    unreadAtRemoval: total.unreadAtRemoval,
    ...countEvents(played.journal.entries),
    killsPromised: options.churn ? killsPromised(lines.length) : 0,
    relayKills: played.relayKills,
    sessions: sums.sessions,
    heals: sums.heals,
    healsWaiting: sums.healsWaiting,
    envelopes: sums.envelopes,
    seconds: rounded(played.seconds),
    setupSeconds: rounded(played.setupSeconds),
    auditSeconds: rounded((performance.now() - startedAt) / 1000),
    messagesPerSecond: rounded(lines.length / Math.max(0.001, played.seconds)),
    bytesOnDisk: disk,
    peakMemoryBytes: { ...played.peakMemoryBytes, coordinator: peakMemoryBytes() },
    isQuiescent: played.isQuiescent,
    findings: sums.findings.slice(0, FINDINGS_MAX),
    folder,
  };
  const problems = problemsOf(figures);
  const report = { ok: problems.length === 0, problems, ...figures };
  return { report, users: userReports(input, sums.tallies) };
}

async function readLogs(input: CountInput, expectation: Expectation): Promise<LogSums> {
  const { played, onProgress, signal } = input;
  const tallies = new Map<string, Tally>();
  const findings: ReportedFinding[] = [];
  const lineById = linesById(input);
  const asked: AskedCopy[] = [];
  const held = new Map<string, ReadonlySet<string>>();
  const sums = { envelopes: 0, sessions: 0, heals: 0 };
  for (const [done, device] of played.devices.entries()) {
    signal.throwIfAborted();
    const census = readDeviceLog(device.folder);
    sums.envelopes += census.envelopes;
    sums.sessions += census.sessions;
    sums.heals += census.heals;
    asked.push(...census.asked);
    if (device.state !== 'removed') held.set(keyOf(device), idsOf(census));
    const { tally, findings: found } = auditOf(device, census, expectation);
    for (const { kind, messageId } of found) {
      const { user, deviceId } = device;
      findings.push({ kind, user, device: deviceId, line: lineById.get(messageId ?? '') ?? 0 });
    }
    tallies.set(device.user, addTallies(tallies.get(device.user) ?? EMPTY_TALLY, tally));
    onProgress({ phase: 'counting', done, total: played.devices.length, counters: [] });
    // Lets an interrupt and the progress line through.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { tallies, findings, healsWaiting: countWaiting(asked, held), ...sums };
}

/** Copies that were asked for again and that their device, which is still listed, does not hold. */
function countWaiting(
  asked: readonly AskedCopy[],
  held: ReadonlyMap<string, ReadonlySet<string>>,
): number {
  const waiting = asked.filter((copy) => held.get(deviceKey(copy))?.has(copy.messageId) === false);
  return new Set(waiting.map((copy) => `${copy.messageId} ${deviceKey(copy)}`)).size;
}

function keyOf({ user, deviceId }: CastDevice): string {
  return deviceKey({ user, device: deviceId });
}

function idsOf({ rows }: LogCensus): ReadonlySet<string> {
  return new Set(rows.flatMap((row) => (row === undefined ? [] : [row.messageId])));
}

/** Line numbers of the file, by message id. */
function linesById({ lines, played }: CountInput): ReadonlyMap<string, number> {
  return new Map(
    played.journal.entries.flatMap((entry) =>
      entry.type === 'issued' ? [[entry.messageId, lines[entry.line]?.number ?? 0] as const] : [],
    ),
  );
}

/** A device nobody ever listed owes nothing, so every row of it is wrong. */
function auditOf(device: CastDevice, census: LogCensus, expectation: Expectation): DeviceAudit {
  const debt = expectation.debts.get(keyOf(device)) ?? {
    user: device.user,
    device: device.deviceId,
    owed: new Map(),
    isRemoved: false,
    acknowledged: new Set<string>(),
  };
  return auditDevice(debt, census.rows);
}

function countEvents(
  journal: readonly JournalEntry[],
): Pick<
  PlayReport,
  'kills' | 'killsInSend' | 'killsInReceive' | 'killsInFlush' | 'linked' | 'removed' | 'drops'
> {
  let isStarted = false;
  const counts = {
    kills: 0,
    killsInSend: 0,
    killsInReceive: 0,
    killsInFlush: 0,
    linked: 0,
    removed: 0,
    drops: 0,
  };
  for (const entry of journal) {
    if (entry.type === 'started') isStarted = true;
    if (entry.type === 'linked' && isStarted) counts.linked++;
    if (entry.type === 'removed') counts.removed++;
    if (entry.type === 'dropped') counts.drops++;
    if (entry.type !== 'killed') continue;
    counts.kills++;
    if (entry.kind === 'send') counts.killsInSend++;
    if (entry.kind === 'receive') counts.killsInReceive++;
    if (entry.kind === 'flush') counts.killsInFlush++;
  }
  return counts;
}

function userReports(
  { lines, played }: CountInput,
  tallies: ReadonlyMap<string, Tally>,
): readonly UserReport[] {
  const sent = new Map<string, number>();
  for (const { from } of lines) sent.set(from, (sent.get(from) ?? 0) + 1);
  const reports = [...tallies].map(([user, tally]) => ({
    user,
    devices: played.devices.filter((each) => each.user === user && each.state !== 'removed').length,
    sent: sent.get(user) ?? 0,
    ...tally,
  }));
  return reports.toSorted((a, b) => b.sent - a.sent);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
