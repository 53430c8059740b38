/** The kinds of disks, and what each of them must not take from a log. */

import type { Mode } from './power-loss.ts';

export const LOST: Mode = {
  name: 'lost writes',
  promise: 'everything',
  faults: () => ({ style: 'lost' }),
};

export const TORN: Mode = {
  name: 'torn sectors',
  promise: 'everything',
  faults: () => ({ style: 'torn' }),
};

export const REORDERED: Mode = {
  name: 'reordered sectors',
  promise: 'everything',
  faults: () => ({ style: 'reordered' }),
};

export const FAILING: Mode = {
  name: 'failing syncs',
  promise: 'everything',
  faults: (random) => ({
    failSyncs: { from: 1 + random.below(60), count: 1 + random.below(4) },
  }),
};

export const FULL: Mode = {
  name: 'a full disk',
  promise: 'everything',
  faults: (random) => ({ capacity: 20_000 + random.below(300_000) }),
};

export const LYING: Mode = {
  name: 'lying syncs',
  promise: 'prefix',
  faults: (random) => ({ lieIn: random.pick([1, 2, 6]) }),
};
