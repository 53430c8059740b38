/**
 * Takes the line away that a row of the spec map names, and sees the row's test fail.
 *
 *   node .ci/mutants.mjs                  20 rows, drawn by chance
 *   node .ci/mutants.mjs --all            every row
 *   node .ci/mutants.mjs --seed 7         the same 20 rows again
 *   node .ci/mutants.mjs --rows X3-13,T-7 the rows whose ids contain one of these
 *
 * Works on a copy. A line whose absence does not even parse proves nothing and counts as a failure,
 * as does a test that fails with the line in place.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import ts from 'typescript';
import { countLine } from './tally.mjs';
import { readProofs, SPEC_MAP } from './proof-pages.mjs';

const root = resolve(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    count: { type: 'string', default: '20' },
    rows: { type: 'string' },
  },
});

const rows = chosen(readProofs(root, SPEC_MAP));
const copy = mkdtempSync(join(tmpdir(), 'simsim-mutants-'));
const total = { passed: 0, failed: 0, skipped: 0 };
try {
  copyCheckout();
  process.stdout.write(`${rows.length} rows, seed ${values.seed}\n`);
  for (const row of rows) judge(row);
} finally {
  rmSync(copy, { recursive: true, force: true });
}
process.stdout.write(`\n${countLine(total)}\n`);
process.exitCode = total.failed > 0 ? 1 : 0;

function chosen(all) {
  if (values.rows !== undefined) {
    const parts = values.rows.split(',');
    return all.filter(({ ids }) => parts.some((part) => ids.includes(part)));
  }
  if (values.all) return all;
  // A small generator of our own: the draw must be the same on every machine.
  let state = Number(values.seed) >>> 0;
  const draw = (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const left = [...all];
  const picked = [];
  while (picked.length < Number(values.count) && left.length > 0) {
    picked.push(...left.splice(draw(left.length), 1));
  }
  return picked;
}

/** Sources are copied, packages of others are linked: each package finds its siblings in the copy. */
function copyCheckout() {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  for (const file of files.split('\n').filter((name) => name !== '')) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(root, file), join(copy, file));
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const packages = readdirSync(join(root, 'packages')).map((name) => `packages/${name}`);
  for (const name of [...packages, 'property-tests']) {
    const from = join(root, name, 'node_modules');
    try {
      cpSync(from, join(copy, name, 'node_modules'), { recursive: true, verbatimSymlinks: true });
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
}

function judge(row) {
  const path = join(copy, row.file);
  const source = readFileSync(path, 'utf8');
  const mutant = source
    .split('\n')
    .filter((text) => !text.includes(row.code))
    .join('\n');
  const verdict = verdictOf(row, { path, source, mutant });
  total[verdict === 'caught' ? 'passed' : 'failed'] += 1;
  process.stdout.write(`${verdict.padEnd(10)} ${row.ids}: ${row.file}: ${row.code}\n`);
  if (verdict !== 'caught') process.stdout.write(`           by ${row.testFile}: ${row.title}\n`);
}

function verdictOf(row, { path, source, mutant }) {
  const { diagnostics } = ts.transpileModule(mutant, {
    reportDiagnostics: true,
    fileName: path,
    compilerOptions: { target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext },
  });
  if (diagnostics.length > 0) return 'no parse';
  try {
    if (!passes(row)) return 'fails yet';
    writeFileSync(path, mutant);
    return passes(row) ? 'SURVIVED' : 'caught';
  } finally {
    writeFileSync(path, source);
  }
}

function passes({ testFile, title }) {
  const pattern = title.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const { status } = spawnSync(
    join(root, 'node_modules/.bin/vitest'),
    ['run', testFile, '-t', pattern, '--passWithNoTests=false'],
    {
      cwd: copy,
      encoding: 'utf8',
    },
  );
  return status === 0;
}
