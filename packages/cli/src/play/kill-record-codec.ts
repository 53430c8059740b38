/** Reading the kill journal that dying children wrote. */

import { existsSync, readFileSync } from 'node:fs';
import type { KillRecord } from './kill-hook.ts';

/** The last record a process left; `undefined` where it left none. */
export function lastKillOf(journal: string, pid: number): KillRecord | undefined {
  if (!existsSync(journal)) return undefined;
  const lines = readFileSync(journal, 'utf8').split('\n');
  for (const line of lines.reverse()) {
    const record = line === '' ? undefined : (JSON.parse(line) as KillRecord);
    if (record?.pid === pid) return record;
  }
  return undefined;
}
