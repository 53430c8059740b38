/** Sixty deaths of a device, and the broken devices that such deaths must show. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { KillSabotage } from './frame-codec.ts';
import type { KillFaultCode } from './kill-fault.ts';
import { missedSites, runKills } from './kill-run.ts';
import { SITES } from './sites.ts';

beforeAll(() => {
  // Victims run the built program; `pnpm build` makes it.
  expect(existsSync(join(import.meta.dirname, '../../dist/kill/victim-main.js'))).toBe(true);
});

const seed = Number(process.env['SIMSIM_SEED'] ?? 1);

/** What each saboteur may be caught by, and how many deaths show it. */
const SABOTEURS: readonly {
  readonly sabotage: KillSabotage;
  readonly count: number;
  readonly codes: readonly KillFaultCode[];
}[] = [
  { sabotage: 'send-before-commit', count: 8, codes: ['NOT_DURABLE', 'KEY_REUSED'] },
  { sabotage: 'acknowledge-before-commit', count: 12, codes: ['INBOX_LOST'] },
  { sabotage: 'forget-outbox', count: 3, codes: ['ROW_LOST', 'NEVER_DELIVERED'] },
  { sabotage: 'rewind-chain', count: 4, codes: ['KEY_REUSED'] },
];

describe('a device that is killed', () => {
  test('keeps every promise', async () => {
    const report = await runKills({ count: 60, seed });
    expect(report.faults).toEqual([]);
    expect(missedSites(report)).toEqual([]);
    expect(report.kills).toBeGreaterThanOrEqual(SITES.length);
  });

  // Where a death falls is chosen, what the disk had done by then is not; so each gets three runs.
  test.each(SABOTEURS)('is found out where it is broken by $sabotage', async (saboteur) => {
    const { sabotage, count, codes } = saboteur;
    const found = new Set<string>();
    for (let run = 0; run < 3 && found.size === 0; run++) {
      const report = await runKills({ count, seed: seed + run, sabotage });
      for (const fault of report.faults) found.add(/[A-Z_]{4,}/.exec(fault)?.[0] ?? fault);
    }
    expect(found.size).toBeGreaterThan(0);
    for (const code of found) expect(codes).toContain(code);
  });
});
