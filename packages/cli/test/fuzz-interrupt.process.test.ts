/** `simsim fuzz` that is ended before its end: by Ctrl-C, and by a reader that goes away. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeCase, drawCase, encodeCase } from '@simsim/simulator';
import type { Case } from '@simsim/simulator';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { simsim, start } from './simsim.ts';
import type { Running } from './simsim.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'simsim-interrupt-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Waits until what was written does. */
function said({ child }: Running, does: (text: string) => boolean): Promise<void> {
  return new Promise((resolve) => {
    let text = '';
    const listen = (chunk: string): void => {
      text += chunk;
      if (does(text)) resolve();
    };
    child.stdout?.on('data', listen);
  });
}

/** A device that is cut off for longer than a relay keeps mail loses some, which is not fair of the case. */
function unfairCase(): Case {
  const drawn = drawCase(11, { crypto: 'symbolic', actionsMax: 20 });
  const forMs = 400 * 24 * 3600 * 1000;
  const cut = { do: 'cut', who: 'ada-1', way: 'both', forMs, atMs: 700_000 } as const;
  const actions = [...drawn.actions, cut].sort((a, b) => a.atMs - b.atMs);
  return { ...drawn, actions };
}

describe('fuzz', () => {
  it('prints what was run when it is interrupted', async () => {
    const run = start('fuzz', '--seed', '1', '--seeds', '1000000');
    await said(run, (text) => /so far: [1-9]/.test(text));
    run.child.kill('SIGINT');
    const { code, signal, stdout, stderr } = await run.ended;
    expect({ code, signal, stderr }).toEqual({ code: 130, signal: null, stderr: '' });
    expect(stdout).toMatch(/interrupted; .*\n[1-9]\d* runs, \d+ messages delivered/);
    expect(stdout).toContain('every invariant held so far');
  });

  it('prints its object when it is interrupted', async () => {
    const run = start('fuzz', '--seed', '1', '--seeds', '1000000', '--json');
    await said(run, (text) => text.startsWith(' '));
    run.child.kill('SIGINT');
    const { code, signal, stdout, stderr } = await run.ended;
    expect({ code, signal, stderr }).toEqual({ code: 130, signal: null, stderr: '' });
    const report: unknown = JSON.parse(stdout);
    expect(report).toMatchObject({ seed: 1, interrupted: true });
    expect(stdout.trim().split('\n')).toHaveLength(1);
  });

  it('tells a find before it makes it smaller, and keeps the smallest case that it came to', async () => {
    const one = unfairCase();
    writeFileSync(join(folder, 'unfair.json'), encodeCase(one));
    const run = start('fuzz', '--seeds', '1', '--corpus', folder);
    const before = one.actions.length;
    await said(run, (text) =>
      [...text.matchAll(/so far: (\d+) actions after/g)].some(([, left]) => Number(left) < before),
    );
    run.child.kill('SIGINT');
    const { code, stdout } = await run.ended;
    expect(code).toBe(130);
    expect(stdout.indexOf('breaks L1: ')).toBeLessThan(stdout.indexOf('so far: '));
    const path = /see it with: .* fuzz replay (\S+)\n$/.exec(stdout)?.[1] ?? '';
    const kept = decodeCase(readFileSync(path, 'utf8'));
    if (!kept.ok) throw new Error(kept.error.code);
    expect(kept.value.failure?.invariant).toBe('L1');
    expect(kept.value.actions.length).toBeLessThan(before);
    const replayed = await simsim('fuzz', 'replay', path);
    rmSync(path);
    expect(replayed).toMatchObject({ code: 1 });
    expect(replayed.stdout).toContain('as it was found');
  });

  it('ends soon and quietly when nobody reads its output any more', async () => {
    for (const more of [[], ['--json'], ['--saboteurs']]) {
      const run = start(
        'fuzz',
        '--seed',
        '1',
        ...(more[0] === '--saboteurs' ? [] : ['--seeds', '1000000']),
        ...more,
      );
      run.child.stdout?.destroy();
      expect(await run.ended, more.join()).toMatchObject({ code: 0, signal: null, stderr: '' });
    }
  });

  it('of saboteurs prints those that were looked for when it is interrupted', async () => {
    const run = start('fuzz', '--saboteurs', '--seed', '1', '--json');
    await said(run, (text) => text.startsWith(' '));
    run.child.kill('SIGTERM');
    const { code, stdout } = await run.ended;
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ seed: 1, interrupted: true });
  });
});
