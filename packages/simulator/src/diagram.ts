/** A run as a sequence diagram in text: a column for each device, one for the relay. */

import type { TraceLine } from './world/trace.ts';

/** Width of a column. */
const CELL = 14;
const TIME = 12;

/** Draws lines, one below the other. */
export function drawDiagram(lines: readonly TraceLine[]): string[] {
  const actors = [...new Set(lines.map(({ from }) => from))].filter((name) => name !== 'relay');
  const columns = [...actors, 'relay'];
  const head = ' '.repeat(TIME) + columns.map((name) => name.padEnd(CELL)).join('');
  return [head.trimEnd(), ...lines.map((line) => drawLine(line, columns))];
}

function drawLine({ atMs, from, to, what }: TraceLine, columns: readonly string[]): string {
  const time = (atMs / 1000)
    .toFixed(3)
    .padStart(TIME - 2)
    .padEnd(TIME);
  const start = columns.indexOf(from) * CELL;
  if (to === undefined) return `${time}${' '.repeat(start)}* ${what}`;
  const end = columns.indexOf(to) * CELL;
  const text = ` ${what} `;
  const arrow = text.padStart(text.length + 2, '-').padEnd(Math.max(0, end - start - 1), '-');
  return `${time}${' '.repeat(start)}|${arrow}>`;
}
