/** `simsim fuzz` as a user runs it. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawCase, encodeCase } from '@simsim/simulator';
import { describe, expect, it } from 'vitest';
import { simsim } from './simsim.ts';

const CASE = fileURLToPath(
  new URL('../../simulator/cases/lost-skipped-keys.json', import.meta.url),
);

describe('fuzz', () => {
  it('runs the seeds it is given, and is the same each time', async () => {
    const args = ['fuzz', '--seed', '8', '--seeds', '1', '--json'];
    const [one, other] = [await simsim(...args), await simsim(...args)];
    expect(one).toMatchObject({ code: 0, stderr: '' });
    const report: unknown = JSON.parse(one.stdout);
    const again: unknown = JSON.parse(other.stdout);
    expect(report).toMatchObject({ seed: 8, runs: 1 });
    expect(again).toMatchObject({ trace: (report as { trace: string }).trace });
  });

  it('replays a case and draws it', async () => {
    const held = await simsim('fuzz', 'replay', CASE);
    expect(held).toMatchObject({ code: 0, stderr: '' });
    expect(held.stdout).toContain('ada-1');
    expect(held.stdout).toContain('every invariant holds');
    const broken = await simsim('fuzz', 'replay', CASE, '--plant', 'message key on the wire');
    expect(broken.code).toBe(1);
    expect(broken.stdout).toMatch(/P[14]: .* open/);
  });

  it('keeps a corpus, and refuses a folder with something else in it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'simsim-corpus-'));
    try {
      const args = [
        'fuzz',
        '--seed',
        '8',
        '--seeds',
        '2',
        '--corpus',
        join(folder, 'cases'),
        '--json',
      ];
      const first: unknown = JSON.parse((await simsim(...args)).stdout);
      expect(first).toMatchObject({ runs: 2, corpus: { cases: 0, added: 2 } });
      const names = readdirSync(join(folder, 'cases'));
      expect(names).toHaveLength(2);
      const replayed = await simsim('fuzz', 'replay', join(folder, 'cases', names[0] ?? ''));
      expect(replayed).toMatchObject({ code: 0 });
      const second: unknown = JSON.parse((await simsim(...args)).stdout);
      expect(second).toMatchObject({ runs: 4, corpus: { cases: 2 } });
      writeFileSync(join(folder, 'cases', 'note.json'), '{}');
      const refused = await simsim(...args);
      expect(refused).toMatchObject({ code: 2 });
      expect(refused.stderr).toContain('note.json');
      expect(await simsim('fuzz', '--corpus', join(folder, 'cases', 'note.json'))).toMatchObject({
        code: 3,
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('runs the cases of a corpus first, whatever their logs are in', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'simsim-corpus-'));
    const one = drawCase(5, { crypto: 'symbolic', store: 'disk', actionsMax: 20 });
    try {
      writeFileSync(join(folder, 'on-disks.json'), encodeCase(one));
      const ran = await simsim('fuzz', '--seed', '8', '--seeds', '1', '--corpus', folder, '--json');
      expect(ran).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(ran.stdout)).toMatchObject({ runs: 2, corpus: { cases: 1 } });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('refuses a damaged case by its field, whatever it would do, and runs nothing of it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'simsim-fuzz-'));
    const file = join(folder, 'case.json');
    const whole = readFileSync(CASE, 'utf8');
    try {
      for (const [field, damaged] of [
        ['knobs.calmMs', whole.replace(/"knobs": \{[^}]*\}/, '"knobs": {}')],
        ['knobs.delayMs', whole.replace('"delayMs": [1, 1]', '"delayMs": "x"')],
        ['knobs.sweepMs', whole.replace('"sweepMs": 4335000', '"sweepMs": 0')],
        ['knobs.pollMs', whole.replace('"pollMs": 3940909', '"pollMs": 0')],
        ['knobs.spanMs', whole.replace('"spanMs": 173400000', '"spanMs": 1e18')],
        ['failure.invariant', whole.replace(/"failure": \{[^}]*\}/, '"failure": { "x": 1 }')],
      ] as const) {
        writeFileSync(file, damaged);
        const refused = await simsim('fuzz', 'replay', file);
        expect(refused, field).toMatchObject({ code: 2, stdout: '' });
        expect(refused.stderr).toContain(`is no case: ${field} takes `);
        expect(refused.stderr).toMatch(/^\S.*\. [A-Z].*\n$/);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('names an action of somebody else that a case has', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'simsim-fuzz-'));
    const file = join(folder, 'case.json');
    const action = '{"do":"own","name":"gossip","data":null,"atMs":1},';
    writeFileSync(
      file,
      readFileSync(CASE, 'utf8').replace('"actions": [', `"actions": [${action}`),
    );
    const refused = await simsim('fuzz', 'replay', file);
    rmSync(folder, { recursive: true, force: true });
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain('"gossip"');
  });

  it('refuses what is no case, no backend, no saboteur', async () => {
    const wrong = [
      ['fuzz', 'replay', '/nowhere/at/all'],
      ['fuzz', 'replay', fileURLToPath(import.meta.url)],
      ['fuzz', 'replay', CASE, '--plant', 'nobody'],
      ['fuzz', 'replay'],
      ['fuzz', '--crypto', 'rot13'],
      ['fuzz', '--seeds', '0'],
    ];
    for (const args of wrong)
      expect(await simsim(...args), args.join(' ')).toMatchObject({ code: 2 });
    expect(readFileSync(CASE, 'utf8')).toContain('"format": 1');
  });
});
