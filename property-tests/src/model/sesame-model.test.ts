/** The engine against its model (SES-1…100, T-28): whatever befalls devices, mail and relay. */

import fc from 'fast-check';
import type { Sabotage } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import { commandLists, COMMANDS } from './commands.ts';
import { INVARIANTS } from './invariants.ts';
import type { InvariantName } from './model-state.ts';
import { play } from './play.ts';
import type { Case } from './play.ts';
import { Situations, SITUATIONS } from './sometimes.ts';

const COMMANDS_MAX = 60;
/** Of the usual runs, how many: a case plays a whole town. */
const SHARE = 0.7;
const numRuns = Math.ceil((fc.readConfigureGlobal().numRuns ?? 100) * SHARE);
/** In so many runs every situation comes up. */
const SURE_RUNS = 70;

function cases(watched: readonly InvariantName[]): fc.Arbitrary<Case> {
  return fc.record({
    seed: fc.nat(1 << 20),
    oneTimeKeys: fc.constantFrom(0, 1, 3, 6),
    commands: commandLists(watched, COMMANDS_MAX),
  });
}

/** Broken variants of the engine, each under the invariant that notices it. */
const SABOTEURS: readonly (readonly [InvariantName, Sabotage])[] = [
  ['S9', 'ignore-session-activation'],
  ['S9', 'new-session-each-initiation'],
  ['S9', 'quarantine-spares-a-session'],
  ['S10', 'send-to-stale'],
  ['S11', 'send-to-stale'],
  ['S11', 'trust-any-identity'],
  ['T-28', 'silent-user-change'],
  ['L1', 'drop-rejected-round'],
  ['L1', 'skip-own-devices'],
  ['L1', 'drop-damaged-mail'],
  ['L1', 'forget-dedupe'],
  ['L2', 'ignore-session-activation'],
  ['L3', 'keep-settled-send'],
  ['L3', 'drop-rejected-round'],
  ['L4', 'resend-on-same-session'],
  ['L4', 'resend-without-limit'],
];

describe('sesame-model', () => {
  it('holds, and every situation comes up', () => {
    const situations = new Situations();
    const property = fc.property(cases(INVARIANTS), (one) => {
      play(one, { situations, watched: INVARIANTS });
    });
    fc.assert(property, { numRuns });
    // Fewer runs than usual meet with fewer situations.
    if (numRuns < SURE_RUNS) return;
    expect(situations.missing([...COMMANDS, ...SITUATIONS])).toEqual([]);
  });

  it.each(SABOTEURS)('%s notices %s', (name, sabotage) => {
    const options = { situations: new Situations(), watched: [name] };
    const property = fc.property(cases([name]), (one) => {
      const isCaught = notices(() => play(one, { ...options, sabotage: [sabotage] }), name);
      return !isCaught || notices(() => play(one, options), name);
    });
    const details = fc.check(property, { endOnFailure: true, numRuns });
    expect(details.failed, `${sabotage} was not noticed in ${details.numRuns} runs`).toBe(true);
  });
});

/** Whether something breaks this invariant, and not another or a part of the harness. */
function notices(act: () => void, name: InvariantName): boolean {
  try {
    act();
    return false;
  } catch (error) {
    return error instanceof Error && error.message.startsWith(`${name}: `);
  }
}
