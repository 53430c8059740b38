/**
 * The rows of docs/spec-map.md:
 *
 *   | X3-13 | what it asks | `packages/a/src/b.ts` `the one line that meets it` | `packages/a/test/c.test.ts` test title |
 *
 * A `|` within a cell is written `\|`. The line's text occurs once in its file.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const PAGE = 'docs/spec-map.md';

/** How many requirements each list has; all of them are on the page, met or with a reason. */
const LISTS = { X3: 32, PQ: 12, DR: 23, HE: 10, XED: 14, VX: 5 };

/** Reads the rows; `fault(line, text)` is told what is wrong with them. */
export function readSpecMap(root, fault = () => {}) {
  const rows = [];
  const lines = readFileSync(join(root, PAGE), 'utf8').split('\n');
  lines.forEach((text, index) => {
    if (!/^\| [A-Z]+[0-9]*-/.test(text)) return;
    const cells = text.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
    const [, ids, asks, where, test] = cells;
    // Rows of the last table say why not, and name no file.
    if (test === undefined || test === '') return;
    const place = /^`(?<file>[^`]+)` (`(?<code>[^`]+)`|``(?<quoted>.+)``)$/.exec(where)?.groups;
    const proof = /^`(?<file>[^`]+)` (?<title>.+)$/.exec(test)?.groups;
    if (place === undefined || proof === undefined) {
      fault(index + 1, 'a row is `file` `line` | `test file` title');
      return;
    }
    const { file } = place;
    const code = place.code ?? place.quoted.trim();
    rows.push({ line: index + 1, ids, asks, file, code, testFile: proof.file, title: proof.title });
  });
  for (const row of rows) checkRow(root, row, (text) => fault(row.line, text));
  checkCoverage(lines, (text) => fault(1, text));
  return rows;
}

function checkCoverage(lines, fault) {
  const named = new Set();
  for (const text of lines) {
    const [, ids = ''] = text.split('|');
    for (const [id] of ids.matchAll(/[A-Z][A-Z0-9]+-[0-9]+/g)) named.add(id);
  }
  for (const [list, count] of Object.entries(LISTS)) {
    for (let n = 1; n <= count; n++) {
      if (!named.has(`${list}-${n}`)) fault(`${list}-${n} has neither a row nor a reason`);
    }
  }
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
    .filter((text) => text.includes(code));
  if (holders.length !== 1) fault(`${file} has ${holders.length} lines with: ${code}`);
  if (!readFileSync(join(root, testFile), 'utf8').includes(title)) {
    fault(`${testFile} has no test called: ${title}`);
  }
}
