import { nodeCrypto } from '@simsim/crypto/node';
import { expect, it } from 'vitest';
import type { Case } from '../src/case/case.ts';
import { createSymbolicCrypto } from '../src/symbolic/index.ts';
import { World } from '../src/world/world.ts';
import { play } from '../src/world/play.ts';

const one: Case = {
  format: 1,
  seed: 1,
  crypto: 'symbolic',
  users: ['ada', 'bo'],
  knobs: {
    calmMs: 60_000,
    spanMs: 3_600_000,
    oneTimeKeys: 5,
    delayMs: [10, 200],
    lostRequests: 0.05,
    lostAnswers: 0.05,
    repeated: 0.1,
    shuffled: 0.1,
    lostNotices: 0.1,
    readMs: 100,
    flushEvents: 16,
    pollMs: 60_000,
    sweepMs: 600_000,
    skewMs: 1000,
  },
  actions: [
    { atMs: 1000, do: 'send', by: 'ada-1', to: ['bo'], lines: 1 },
    { atMs: 5000, do: 'link', by: 'bo-1', as: 'bo-2' },
    { atMs: 100_000, do: 'send', by: 'bo-1', to: ['ada'], lines: 3 },
  ],
};

it.each(['symbolic', 'node'])('delivers on %s', (name) => {
  const symbolic = name === 'symbolic' ? createSymbolicCrypto() : undefined;
  const world = new World(one, {
    crypto: symbolic?.crypto ?? nodeCrypto,
    symbolic,
    invariants: [],
    sabotage: new Set(),
    logSabotage: {},
    keepsTrace: true,
  });
  play(world);
  console.log(world.trace.lines.map((l) => JSON.stringify(l)).join('\n'));
  for (const p of world.living()) console.log(p.machine.label, [...p.application.rows()]);
  expect(world.ledger.delivered).toBeGreaterThan(3);
});
