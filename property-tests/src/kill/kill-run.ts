/** A whole run: several worlds side by side, and what they came to together. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KillSabotage } from './frame-codec.ts';
import { KillFault } from './kill-fault.ts';
import { playKillWorld } from './kill-world.ts';
import type { KillWorldResult } from './kill-world.ts';
import { drawPlans, hitsPerSite } from './plan.ts';
import { SITES } from './sites.ts';
import { VictimPool } from './victim.ts';

/** What to run. */
export interface KillRunOptions {
  readonly count: number;
  readonly seed: number;
  readonly sabotage?: KillSabotage;
  readonly onKill?: (kills: number) => void;
}

/** What it came to. */
export interface KillReport {
  readonly seed: number;
  readonly count: number;
  readonly kills: number;
  /** Times the victim died at each named place, then at random moments and in openings. */
  readonly hits: ReadonlyMap<string, number>;
  /** Times each named place has to be hit. */
  readonly hitsMin: number;
  readonly totals: KillWorldResult;
  readonly worlds: number;
  readonly faults: readonly string[];
  readonly seconds: number;
}

/** Worlds at a time: more than processors, because lives wait for the disk. */
const LANES = 3;
/** Spare processes of each lane; loading one takes as long as a life. */
const SPARE = 1;

/** Plays all worlds; never rejects for a fault. */
export async function runKills(options: KillRunOptions): Promise<KillReport> {
  const startMs = performance.now();
  const plans = drawPlans(options.count, options.seed);
  const folder = mkdtempSync(join(process.env['SIMSIM_KILL_DIR'] ?? tmpdir(), 'simsim-kill-'));
  const hits = new Map<string, number>([...SITES, 'moment', 'opening'].map((name) => [name, 0]));
  const results: KillWorldResult[] = [];
  const faults: string[] = [];
  let kills = 0;
  const left = [...plans.entries()];
  const lane = async (): Promise<void> => {
    const pool = new VictimPool(SPARE);
    try {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [number, plan] = next;
        const name = `world ${number}`;
        const parts = {
          folder: join(folder, `${number}`),
          scratch: join(folder, `${number}-copy`),
          seed: options.seed,
          name,
          plan,
          pool,
        };
        const outcome = await outcomeOf(
          playKillWorld({
            ...parts,
            ...(options.sabotage === undefined ? {} : { sabotage: options.sabotage }),
            onDeath(where) {
              kills++;
              hits.set(where, (hits.get(where) ?? 0) + 1);
              options.onKill?.(kills);
            },
          }),
        );
        if (typeof outcome === 'string') faults.push(`${name}: ${outcome}`);
        else results.push(outcome);
      }
    } finally {
      await pool.end();
    }
  };
  try {
    await Promise.all(Array.from({ length: LANES }, lane));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    seed: options.seed,
    count: options.count,
    kills,
    hits,
    hitsMin: hitsPerSite(options.count),
    totals: sumOf(results),
    worlds: plans.length,
    faults,
    seconds: (performance.now() - startMs) / 1000,
  };
}

/** Whether everything held and every place was hit often enough. */
export function isClean(report: KillReport): boolean {
  return report.faults.length === 0 && missedSites(report).length === 0;
}

/** Places that were hit too rarely. */
export function missedSites({ hits, hitsMin }: KillReport): readonly string[] {
  return SITES.filter((site) => (hits.get(site) ?? 0) < hitsMin);
}

async function outcomeOf(world: Promise<KillWorldResult>): Promise<KillWorldResult | string> {
  try {
    return await world;
  } catch (cause) {
    if (cause instanceof KillFault) return cause.message;
    return cause instanceof Error ? (cause.stack ?? cause.message) : 'unknown';
  }
}

function sumOf(results: readonly KillWorldResult[]): KillWorldResult {
  const total = { messages: 0, ciphertexts: 0, keys: 0, acknowledged: 0, events: 0, closes: 0 };
  for (const result of results) {
    total.messages += result.messages;
    total.ciphertexts += result.ciphertexts;
    total.keys += result.keys;
    total.acknowledged += result.acknowledged;
    total.events += result.events;
    total.closes += result.closes;
  }
  return total;
}
