/** Counting, for each device of a peer, what it costs this one within an hour. In memory only. */

import { NO_LOAD } from '@simsim/sesame';
import type { Clock, PeerDevice, PeerLoad } from '@simsim/sesame';

const HOUR_MS = 3_600_000;

/** Devices counted at once; beyond that the oldest hours are forgotten first. */
const DEVICES_MAX = 4096;

/** The counters. An hour begins with the first load after the last one. */
export class PeerLoads {
  readonly #hours = new Map<string, PeerLoad & { readonly since: number }>();

  /** The load of the hour that is running. */
  of(peer: PeerDevice, { elapsedMs }: Clock): PeerLoad {
    const hour = this.#hours.get(nameOf(peer));
    return hour === undefined || elapsedMs - hour.since >= HOUR_MS ? NO_LOAD : hour;
  }

  /** Adds what a run caused. */
  add(load: PeerDevice & PeerLoad, clock: Clock): void {
    const name = nameOf(load);
    const before = this.of(load, clock);
    const running = this.#hours.get(name);
    const since = before === NO_LOAD ? clock.elapsedMs : (running?.since ?? clock.elapsedMs);
    this.#hours.delete(name);
    this.#hours.set(name, {
      since,
      skippedBytes: before.skippedBytes + load.skippedBytes,
      initiations: [...before.initiations, ...load.initiations],
      walkedSteps: before.walkedSteps + load.walkedSteps,
    });
    const [oldest] = this.#hours.keys();
    if (this.#hours.size > DEVICES_MAX && oldest !== undefined) this.#hours.delete(oldest);
  }
}

function nameOf({ userId, deviceId }: PeerDevice): string {
  return `${userId}.${deviceId}`;
}
