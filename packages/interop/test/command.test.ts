/** Arguments and reports of the command, without any peer. */

import { expect, test } from 'vitest';
import { USAGE, parseArguments } from '../src/arguments.ts';
import { noCounts } from '../src/conversation.ts';
import { PEERS } from '../src/peer-catalog.ts';
import type { Report } from '../src/report.ts';
import { formatReport, jsonReport, tally } from '../src/report.ts';

const ids = (args: readonly string[]): readonly string[] => {
  const parsed = parseArguments(args);
  return parsed.ok && parsed.value !== 'help' ? parsed.value.peers.map(({ id }) => id) : [];
};

test('without a name the default peers take part, with --all every one', () => {
  expect(ids([])).toEqual(PEERS.filter(({ isDefault }) => isDefault).map(({ id }) => id));
  expect(ids(['--all'])).toEqual(PEERS.map(({ id }) => id));
  expect(ids(['privacyresearch@0.0.16'])).toEqual(['privacyresearch@0.0.16']);
});

test('seed and form are read', () => {
  expect(parseArguments(['--seed', '7', '--json'])).toMatchObject({
    ok: true,
    value: { seed: 7, isJson: true, isNamed: false },
  });
});

test.each([
  ['--seed'],
  ['--seed', '-1'],
  ['--seed', 'x'],
  ['--al'],
  ['libsignal@5'],
  ['--all', 'libsignal@6.0.0'],
])('wrong usage is an error: %s %s', (...args) => {
  expect(parseArguments(args).ok).toBe(false);
});

test('help names every peer', () => {
  expect(parseArguments(['--help'])).toEqual({ ok: true, value: 'help' });
  for (const { id } of PEERS) expect(USAGE).toContain(id);
});

const row = { peer: 'libsignal@6.0.0', version: 3, seed: 9, isSpared: false } as const;
const played = { ...noCounts, sessions: 50, failures: 0, fault: undefined };
const report: Report = {
  seed: 9,
  rows: [
    { ...row, role: 'we initiate', outcome: played },
    {
      ...row,
      role: 'they initiate',
      outcome: { ...played, failures: 2, fault: 'session 3: broke' },
    },
    { ...row, role: 'both initiate', outcome: { crash: 'was ended by SIGSEGV' } },
  ],
  notRun: [
    { peer: 'libsignal-client@0.72.1', versions: [3], roles: ['we initiate'], reason: 'no net' },
  ],
};

test('a peer that did not run never counts as passed', () => {
  expect(tally(report)).toEqual({ passed: 1, failed: 2, skipped: 1 });
});

test('the table ends with the count and says how to see a failure again', () => {
  const lines = formatReport(report).trimEnd().split('\n');
  expect(lines.slice(-2)).toEqual(['1 skipped', '1 passed, 2 failed']);
  expect(lines).toContain('libsignal-client@0.72.1 was not run: no net');
  expect(lines).toContain('libsignal@6.0.0, version 3, they initiate: session 3: broke');
  expect(lines).toContain('  To see it again: pnpm interop libsignal@6.0.0 --seed 9');
  expect(lines).toContain('libsignal@6.0.0, version 3, both initiate: was ended by SIGSEGV');
});

test('--json is one line with the same count', () => {
  const text = jsonReport(report);
  expect(text.trimEnd()).not.toContain('\n');
  expect(JSON.parse(text)).toMatchObject({ seed: 9, passed: 1, failed: 2, skipped: 1 });
});
