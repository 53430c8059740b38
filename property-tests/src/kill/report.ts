/** The table, and the one JSON object in its place. */

import type { KillReport } from './kill-run.ts';
import { isClean, missedSites } from './kill-run.ts';

/** For people. The last line is the count that checks add up. */
export function formatReport(report: KillReport): string {
  const { hits, hitsMin, totals, faults, seed, kills, worlds, seconds } = report;
  const missed = new Set(missedSites(report));
  const lines = [...hits].map(([name, count]) => {
    const note = missed.has(name) ? `  fewer than ${hitsMin}` : '';
    return `${name.padEnd(26)}${String(count).padStart(6)}${note}`;
  });
  const { messages, ciphertexts, keys, acknowledged, events } = totals;
  return [
    `seed ${seed}`,
    ...lines,
    '',
    `${kills} kills in ${worlds} worlds, ${seconds.toFixed(0)} s`,
    `${messages} messages, ${ciphertexts} ciphertexts outside, ${acknowledged} mails acknowledged, ${events} events`,
    `${keys} message keys seen, none for two messages, in worlds without a fault`,
    ...faults,
    ...(faults.length > 0
      ? [`  To see it again: pnpm kill --count ${report.count} --seed ${seed}`]
      : []),
    '',
    `${worlds - faults.length} passed, ${faults.length + missed.size} failed`,
    '',
  ].join('\n');
}

/** For programs: one object, one line. */
export function jsonReport(report: KillReport): string {
  const { hits, ...rest } = report;
  return `${JSON.stringify({ ...rest, hits: Object.fromEntries(hits), ok: isClean(report) })}\n`;
}
