/** The main job on an extract, with churn: real processes, killed and restarted; and its endings. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { conversation } from './conversation.ts';
import { simsim, start } from './simsim.ts';

let folder: string;
let transcript: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'simsim-play-test-'));
  transcript = join(folder, 'conversation.txt');
  writeFileSync(transcript, conversation(300));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('300 lines with churn', () => {
  it.each(['per-user', 'per-device'])(
    'arrive exactly once on every device, and every log is whole afterwards: %s keys',
    async (model) => {
      const out = join(folder, `churn-${model}`);
      const options = ['--churn', '--seed', '3', '--json', '--identity', model, '--out', out];
      const played = await simsim('play', transcript, ...options);
      const report: unknown = JSON.parse(played.stdout);
      expect(played.stdout.trimEnd().split('\n')).toHaveLength(1);
      expect({ report, stderr: played.stderr, code: played.code }).toMatchObject({
        code: 0,
        stderr: '',
        report: {
          ok: true,
          seed: 3,
          lines: 300,
          unparsed: 5,
          unparsedLines: [1, 62, 123, 184, 245],
          users: 8,
          lost: 0,
          duplicated: 0,
          wrong: 0,
          unaccepted: 0,
          healsWaiting: 0,
          isQuiescent: true,
          folder: out,
        },
      });
      expect(Object.keys(Object(report))).toEqual(expect.arrayContaining(PROMISED_KEYS));
      const counted = report as Record<string, number>;
      expect(counted['deliveriesSeen']).toBe(counted['deliveriesExpected']);
      expect(counted['kills']).toBeGreaterThanOrEqual(2);
      expect(counted['relayKills']).toBeGreaterThanOrEqual(1);
      expect(counted['linked']).toBeGreaterThanOrEqual(1);
      expect(counted['removed']).toBeGreaterThanOrEqual(1);
      expect(killSites(out)).toHaveLength((counted['kills'] ?? 0) + (counted['relayKills'] ?? 0));

      const verified = await simsim('verify', out);
      expect(verified).toMatchObject({ code: 0, stderr: '' });
      expect(verified.stdout).toBe(`${counted['devices']} logs are whole.\n`);
      const [log = ''] = readdirSync(join(out, 'devices'));
      const replayed = await simsim('replay', join(out, 'devices', log, 'log.db'), '--json');
      const events = replayed.stdout
        .trimEnd()
        .split('\n')
        .map((line): unknown => JSON.parse(line));
      expect(events[0]).toMatchObject({ seq: 1, event: expect.any(String) });
      expect(events.at(-1)).toMatchObject({ seq: events.length });
    },
  );
});

describe('a play without churn', () => {
  it('hears of every acknowledgement that the logs hold', async () => {
    const out = join(folder, 'calm');
    const few = join(folder, 'few.txt');
    writeFileSync(few, conversation(40));
    const { code, stdout } = await simsim('play', few, '--json', '--out', out, '--devices', '2');
    const report: unknown = JSON.parse(stdout);
    expect({ code, report }).toMatchObject({ code: 0, report: { kills: 0, linked: 0, heals: 0 } });
    const journal = readFileSync(join(out, 'journal.jsonl'), 'utf8').trimEnd().split('\n');
    const heard = journal.filter((line) => line.includes('"type":"acknowledged"'));
    const { deliveriesSeen } = report as { deliveriesSeen: number };
    expect(new Set(heard.map((line) => line.slice(line.indexOf('"type"')))).size).toBe(
      deliveriesSeen,
    );
    expect(deliveriesSeen).toBeGreaterThan(100);
  });
});

describe('a play that is cut short', () => {
  it('ends its children and says so when it is interrupted', async () => {
    const { child, ended } = start('play', transcript, '--out', join(folder, 'interrupted'));
    await untilPlaying(join(folder, 'interrupted'));
    const children = childrenOf(child.pid ?? 0);
    expect(children.length).toBe(5);
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    expect({ code, stderr }).toMatchObject({
      code: 130,
      stderr: expect.stringContaining('Interrupted.'),
    });
    expect(children.filter(isAlive)).toEqual([]);
  });

  it('leaves no child behind when it is killed itself', async () => {
    const { child, ended } = start('play', transcript, '--out', join(folder, 'killed'));
    await untilPlaying(join(folder, 'killed'));
    const children = childrenOf(child.pid ?? 0);
    child.kill('SIGKILL');
    expect(await ended).toMatchObject({ signal: 'SIGKILL' });
    await until(() => !children.some(isAlive));
  });
});

/** What `--json` promises at least. */
const PROMISED_KEYS =
  'lines unparsed deliveriesExpected deliveriesSeen lost duplicated wrong unreadAtRemoval kills killsInSend killsInReceive killsInFlush relayKills linked removed heals healsWaiting envelopes seconds'.split(
    ' ',
  );

function killSites(out: string): readonly string[] {
  return readFileSync(join(out, 'kills.jsonl'), 'utf8').trimEnd().split('\n');
}

async function untilPlaying(out: string): Promise<void> {
  await until(() => {
    try {
      return readFileSync(join(out, 'journal.jsonl'), 'utf8').includes('"accepted"');
    } catch {
      return false;
    }
  });
}

/** Looks until the condition holds; the test's own time limit ends it. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

function childrenOf(parent: number): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => statOf(pid)?.parent === parent);
}

function isAlive(pid: number): boolean {
  const state = statOf(pid)?.state;
  return state !== undefined && state !== 'Z' && state !== 'X';
}

function statOf(pid: number): { state: string; parent: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return undefined;
  }
}
