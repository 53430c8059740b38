/** Counting what a device did since it was opened. */

import type { EnvelopeState } from '@simsim/sesame';
import type { DeviceStats } from './health.ts';

/** Counters in the making. */
export class Stats {
  readonly #counts: { -readonly [K in keyof DeviceStats]: DeviceStats[K] } = {
    delivered: 0,
    duplicates: 0,
    resendRequested: 0,
    healed: 0,
    dead: {},
    envelopesSent: 0,
    sessionsStarted: 0,
    commits: 0,
  };

  committed(): void {
    this.#counts.commits++;
  }

  sent(envelopes: number): void {
    this.#counts.envelopesSent += envelopes;
  }

  ended(end: EnvelopeState): void {
    const counts = this.#counts;
    if (end.state === 'delivered') counts.delivered++;
    if (end.state === 'healed') counts.healed++;
    if (end.state === 'duplicate') counts.duplicates++;
    if (end.state === 'resend-requested') counts.resendRequested++;
    if (end.state === 'dead')
      counts.dead = { ...counts.dead, [end.reason]: (counts.dead[end.reason] ?? 0) + 1 };
  }

  /** The counters as they are. */
  seen(): DeviceStats {
    return { ...this.#counts, dead: { ...this.#counts.dead } };
  }
}
