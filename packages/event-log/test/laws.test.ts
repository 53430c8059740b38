import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { actions } from './actions.ts';
import type { Action } from './actions.ts';
import {
  live,
  oldCopiesAreLockedOut,
  onlyLiveStatesOpen,
  onlyUnreadEpochsOpen,
  readsAreTheModel,
  rebuildIsLive,
} from './laws.ts';
import type { Life } from './laws.ts';
import type { LogSabotage } from '../src/index.ts';

type Law = (life: Life, after: Action) => void;

function lawOver(law: Law, sabotage?: LogSabotage): fc.RunDetails<[readonly Action[], number]> {
  const seam = sabotage === undefined ? {} : { sabotage };
  return fc.check(
    fc.property(actions, fc.nat(1000), (steps, seed) => {
      live([...steps, { kind: 'flush' }], { seed, ...seam }, law);
    }),
  );
}

function holds(law: Law): void {
  const details = lawOver(law);
  if (details.failed) {
    throw new Error(fc.defaultReportMessage(details), { cause: details.errorInstance });
  }
}

const LAWS: readonly (readonly [string, Law, LogSabotage])[] = [
  [
    'every read is the model, over kills, closes and refusals',
    readsAreTheModel,
    { forgetsSeen: true },
  ],
  ['only live states open after a flush', onlyLiveStatesOpen, { keepsOldKeys: true }],
  ['old copies of the vault are locked out', oldCopiesAreLockedOut, { keepsOldSlots: true }],
  ['only mail of unread epochs opens after a flush', onlyUnreadEpochsOpen, { keepsOneEpoch: true }],
  ['replay rebuilds every projection', rebuildIsLive, { leavesHeadsOpen: true }],
];

describe('the laws of the log', () => {
  for (const [name, law, sabotage] of LAWS) {
    test(name, () => holds(law));

    test(`${name}: a log that breaks it is caught`, () => {
      expect(lawOver(law, sabotage).failed).toBe(true);
    });
  }
});
