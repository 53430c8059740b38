/** Plain tables for terminals of any width. */

/** A column: its heading and how its cells stand. */
export interface Column {
  readonly heading: string;
  readonly align: 'left' | 'right';
}

const GAP = '  ';
/** The first column is cut down to this much before the others are left out. */
const FIRST_CHARS_MIN = 8;

/** Lays rows out; on a narrow terminal the first column is cut, then columns at the end go. */
export function textTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): readonly string[] {
  const widths = columns.map(({ heading }, i) =>
    Math.max(heading.length, ...rows.map((row) => displayWidth(row[i] ?? ''))),
  );
  const total = (count: number): number =>
    widths.slice(1, count).reduce((sum, each) => sum + each + GAP.length, 0);
  let shown = columns.length;
  while (shown > 1 && total(shown) + FIRST_CHARS_MIN > width) shown--;
  const first = Math.min(widths[0] ?? 0, Math.max(FIRST_CHARS_MIN, width - total(shown)));
  const layout = columns.slice(0, shown).map(({ align }, i) => ({
    align,
    chars: i === 0 ? first : (widths[i] ?? 0),
  }));
  const render = (cells: readonly string[]): string =>
    layout
      .map(({ align, chars }, i) => pad(cells[i] ?? '', align, chars))
      .join(GAP)
      .trimEnd();
  return [render(columns.map(({ heading }) => heading)), ...rows.map(render)];
}

function pad(text: string, align: Column['align'], chars: number): string {
  const cut = displayWidth(text) <= chars ? text : `${cutTo(text, chars - 1)}…`;
  const space = ' '.repeat(Math.max(0, chars - displayWidth(cut)));
  return align === 'left' ? `${cut}${space}` : `${space}${cut}`;
}

/** Cells a text takes: East Asian wide characters take two. */
function displayWidth(text: string): number {
  let cells = 0;
  for (const char of text)
    cells +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(
        char,
      )
        ? 2
        : 1;
  return cells;
}

function cutTo(text: string, cells: number): string {
  let cut = '';
  for (const char of text) {
    if (displayWidth(cut + char) > cells) break;
    cut += char;
  }
  return cut;
}
