/**
 * The rows of pages that say what holds, where, and which test proves it:
 *
 *   | X3-13 | what it asks | `packages/a/src/b.ts` `the one line that meets it` | `packages/a/test/c.test.ts` test title |
 *
 * A `|` within a cell is written `\|`. The line's text occurs once in its file; a page that says so
 * names files only. What does not hold has a row in the page's last table, with the reason in the place
 * of a file and a test.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A requirement of a published protocol, and the line without which it would not be met. */
export const SPEC_MAP = {
  path: 'docs/spec-map.md',
  names: 'lines',
  /** How many each list has; all of them are on the page, met or with a reason. */
  lists: {
    'X3-': 32,
    'PQ-': 12,
    'DR-': 23,
    'HE-': 10,
    'XED-': 14,
    'VX-': 5,
    'SES-': 100,
    'T-': 33,
  },
};

/** A cause of pain in the field, and the rules that remove it. */
export const PAINS = { path: 'docs/pains.md', names: 'files', lists: { C: 18 } };

/** Reads the rows of a page; `fault(line, text)` is told what is wrong with them. */
export function readProofs(root, page, fault = () => {}) {
  const rows = [];
  const lines = readFileSync(join(root, page.path), 'utf8').split('\n');
  const named = new Set();
  lines.forEach((text, index) => {
    const cells = text.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
    const [, ids = '', asks, where, test = ''] = cells;
    if (!/^[A-Z]+(-|[0-9])/.test(ids)) return;
    for (const [id] of ids.matchAll(/[A-Z][A-Z0-9]*-?[0-9]+/g)) named.add(id);
    // Rows of the last table say why not, and name no file.
    if (test === '') return;
    const place = /^`(?<file>[^`]+)`( `(?<code>[^`]+)`| ``(?<quoted>.+)``)?$/.exec(where)?.groups;
    const proof = /^`(?<file>[^`]+)` (?<title>.+)$/.exec(test)?.groups;
    const code = place?.code ?? place?.quoted?.trim();
    if (
      place === undefined ||
      proof === undefined ||
      (code !== undefined) !== (page.names === 'lines')
    ) {
      fault(index + 1, `not a row of a page that names ${page.names}`);
      return;
    }
    const { file } = place;
    rows.push({ line: index + 1, ids, asks, file, code, testFile: proof.file, title: proof.title });
  });
  for (const row of rows) checkRow(root, row, (text) => fault(row.line, text));
  for (const id of idsOf(page))
    if (!named.has(id)) fault(1, `${id} has neither a row nor a reason`);
  return rows;
}

function idsOf({ lists }) {
  return Object.entries(lists).flatMap(([list, count]) =>
    Array.from({ length: count }, (_, i) => `${list}${i + 1}`),
  );
}

function checkRow(root, { file, code, testFile, title }, fault) {
  for (const path of [file, testFile]) {
    if (!existsSync(join(root, path))) {
      fault(`${path} does not exist`);
      return;
    }
  }
  const holders = readFileSync(join(root, file), 'utf8')
    .split('\n')
    .filter((text) => code !== undefined && text.includes(code));
  if (code !== undefined && holders.length !== 1) {
    fault(`${file} has ${holders.length} lines with: ${code}`);
  }
  if (!readFileSync(join(root, testFile), 'utf8').includes(title)) {
    fault(`${testFile} has no test called: ${title}`);
  }
}
