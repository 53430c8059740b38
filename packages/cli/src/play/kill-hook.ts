/**
 * The test-only chaos hook of a child: once armed, it kills its own process the moment the named
 * site is reached for the n-th time, after writing down which site that was.
 */

import { openSync, writeSync } from 'node:fs';

/** What to wait for. */
export interface KillOrder {
  readonly site: string;
  /** Which time the site is reached, from 1. */
  readonly after: number;
}

/** A line of the kill journal. */
export interface KillRecord {
  readonly pid: number;
  readonly site: string;
  /** Sends of this process that were not settled. */
  readonly sendsInFlight: number;
}

/** The hook; `at` is what devices and the relay call. */
export interface KillHook {
  at(site: string): void;
  arm(order: KillOrder): void;
  disarm(): void;
}

/** Makes an unarmed hook that writes to `journal`. */
export function createKillHook(journal: string, sendsInFlight: () => number): KillHook {
  // Opened beforehand: the moment of the kill must need nothing but one write.
  const descriptor = openSync(journal, 'a');
  let armed: KillOrder | undefined;
  let count = 0;
  return {
    at(site) {
      if (armed?.site !== site) return;
      count++;
      if (count < armed.after) return;
      const record: KillRecord = { pid: process.pid, site, sendsInFlight: sendsInFlight() };
      writeSync(descriptor, `${JSON.stringify(record)}\n`);
      process.kill(process.pid, 'SIGKILL');
    },
    arm(order) {
      armed = order;
      count = 0;
    },
    disarm() {
      armed = undefined;
    },
  };
}
