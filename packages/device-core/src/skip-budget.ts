/** Counting, for each device of a peer, what it makes this one keep within an hour. In memory only. */

import type { Clock, PeerDevice, SkippedBytes } from '@simsim/sesame';

const HOUR_MS = 3_600_000;

/** Devices counted at once; beyond that the oldest hours are forgotten first. */
const DEVICES_MAX = 4096;

/** The counters. An hour begins with the first bytes after the last one. */
export class SkipBudget {
  readonly #hours = new Map<string, { readonly since: number; readonly bytes: number }>();

  /** Bytes of the hour that is running. */
  used(of: PeerDevice, { elapsedMs }: Clock): number {
    const hour = this.#hours.get(nameOf(of));
    return hour === undefined || elapsedMs - hour.since >= HOUR_MS ? 0 : hour.bytes;
  }

  /** Adds what a commit made durable. */
  add(skipped: SkippedBytes, clock: Clock): void {
    const name = nameOf(skipped);
    const used = this.used(skipped, clock);
    const since = used === 0 ? clock.elapsedMs : (this.#hours.get(name)?.since ?? clock.elapsedMs);
    this.#hours.delete(name);
    this.#hours.set(name, { since, bytes: used + skipped.bytes });
    const [oldest] = this.#hours.keys();
    if (this.#hours.size > DEVICES_MAX && oldest !== undefined) this.#hours.delete(oldest);
  }
}

function nameOf({ userId, deviceId }: PeerDevice): string {
  return `${userId}.${deviceId}`;
}
