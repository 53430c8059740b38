/** A small world in which nothing breaks but what a test does. */

import { drawCase } from '../src/index.ts';
import type { Action, Case, Knobs } from '../src/index.ts';
import { CALM_KNOBS } from '../src/world/stepped-world.ts';

const HOUR_MS = 3600_000;

/** Two users with a device each, on a wire that loses nothing. */
export function calmCase(actions: readonly Action[], knobs: Partial<Knobs> = {}): Case {
  const drawn = drawCase(1, { crypto: 'symbolic' });
  const calm: Partial<Knobs> = {
    ...CALM_KNOBS,
    calmMs: 1000,
    spanMs: 6 * HOUR_MS,
    oneTimeKeys: 10,
    readMs: 60_000,
    flushEvents: 8,
    killRate: 0,
    trust: 'tofu',
    identityModel: 'per-user',
  };
  return { ...drawn, users: ['ada', 'bo'], knobs: { ...drawn.knobs, ...calm, ...knobs }, actions };
}

/** Every device has written to the other. */
export const GREETINGS: readonly Action[] = [
  { do: 'send', by: 'ada-1', to: ['bo'], lines: 1, atMs: 2000 },
  { do: 'send', by: 'bo-1', to: ['ada'], lines: 1, atMs: 90_000 },
];
