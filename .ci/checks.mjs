/**
 * Runs the checks one after the other, cheap ones first, and goes on after a failure so that one
 * run shows everything. `--tests` runs the tests after them and closes with one count of both.
 *
 *   node .ci/checks.mjs             every check            (`pnpm verify`)
 *   node .ci/checks.mjs --tests     checks and tests       (`pnpm test`)
 *   node .ci/checks.mjs lint types  only these
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countLine } from './tally.mjs';

/** In the order in which they run. */
const checks = [
  { name: 'format', command: 'oxfmt --check .' },
  { name: 'lint', command: 'oxlint .' },
  { name: 'versions', command: 'sherif' },
  { name: 'build', command: 'node .ci/build.mjs' },
  { name: 'types', command: 'tsc -p tsconfig.json' },
  { name: 'types-ts6', command: 'tsc6 -p tsconfig.json' },
  { name: 'directions', command: 'depcruise packages property-tests' },
  { name: 'unused', command: 'knip --no-progress --no-config-hints' },
  { name: 'tidy', command: 'node .ci/tidy.mjs' },
  { name: 'publish', command: 'node .ci/publint.mjs' },
];

const onTerminal = process.stdout.isTTY === true;
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1).padStart(6)} s`;

/** Runs one command line; what it prints is kept until it is known to be of interest. */
const run = ({ command, env = {}, output }) =>
  new Promise((resolve) => {
    const [file, ...args] = command.split(' ');
    const child = spawn(file, args, {
      stdio: ['ignore', output, output],
      shell: process.platform === 'win32',
      env: { ...process.env, ...env },
    });
    const chunks = [];
    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.stderr?.on('data', (chunk) => chunks.push(chunk));
    const end = (ok, more = '') =>
      resolve({ ok, text: `${Buffer.concat(chunks).toString('utf8').trimEnd()}${more}` });
    child.on('error', (error) => end(false, `${file}: ${error.message}`));
    child.on('close', (code, signal) => end(code === 0, signal ? `\nended by ${signal}` : ''));
  });

const runCheck = async ({ name, command }) => {
  if (onTerminal) process.stdout.write(`${name.padEnd(12)} …`);
  const since = performance.now();
  const { ok, text } = await run({ command, output: 'pipe' });
  if (onTerminal) process.stdout.write('\r\u001b[2K');
  process.stdout.write(`${name.padEnd(12)}${seconds(since)}  ${ok ? 'ok' : 'failed'}\n`);
  if (!ok) process.stdout.write(`\n$ ${command}\n${text}\n\n`);
  return ok;
};

/** The tests print as they go; a run that leaves no count behind is a failure of its own. */
const runTests = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'simsim-tests-'));
  const file = join(folder, 'tally.json');
  try {
    const env = { SIMSIM_TALLY: file };
    const { ok, text } = await run({ command: 'vitest run', env, output: 'inherit' });
    if (text) process.stdout.write(`${text}\n`);
    const tally = JSON.parse(readFileSync(file, 'utf8'));
    if (!ok && tally.failed === 0) tally.failed = 1;
    return tally;
  } catch (error) {
    process.stdout.write(`The tests left no count: ${error.message}\n`);
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const args = process.argv.slice(2);
const names = args.filter((arg) => arg !== '--tests');
const unknown = names.filter((name) => !checks.some((check) => check.name === name));
if (unknown.length > 0) {
  process.stderr.write(
    `Unknown: ${unknown.join(', ')}. Known: ${checks.map((check) => check.name).join(', ')}.\n`,
  );
  process.exit(2);
}

const total = { passed: 0, failed: 0, skipped: 0 };
for (const check of checks) {
  if (names.length > 0 && !names.includes(check.name)) continue;
  total[(await runCheck(check)) ? 'passed' : 'failed'] += 1;
}
if (args.includes('--tests')) {
  const tests = await runTests();
  for (const key of Object.keys(total)) total[key] += tests[key];
}
process.stdout.write(`\n${countLine(total)}\n`);
process.exitCode = total.failed > 0 ? 1 : 0;
