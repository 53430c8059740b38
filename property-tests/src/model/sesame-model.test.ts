/**
 * The engine against its model (SES-1…100, T-28): whatever befalls devices, mail and relay, with one identity
 * key for all devices of a user and with one for each (SES-22).
 */

import fc from 'fast-check';
import type { IdentityModel } from '@simsim/relay-protocol';
import type { Sabotage, TrustPolicy } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import { commandLists, COMMANDS } from './commands.ts';
import { INVARIANTS } from './invariants.ts';
import type { InvariantName } from './model-state.ts';
import { play } from './play.ts';
import type { Case } from './play.ts';
import { Situations, SITUATIONS } from './sometimes.ts';

const COMMANDS_MAX = 60;
const USUAL_RUNS = fc.readConfigureGlobal().numRuns ?? 100;
/** In each identity model, of the usual runs, how many: a case plays a whole town. */
const numRuns = Math.ceil(USUAL_RUNS * 0.5);
/** In so many runs of a model every situation comes up. */
const SURE_RUNS = 50;
/** Runs in which a saboteur shows itself, of whichever model a case is. */
const SABOTEUR_RUNS = Math.ceil(USUAL_RUNS * 0.7);

/** Most trust on first use; what waits for a key is seen of the others. */
const POLICIES: readonly TrustPolicy[] = ['tofu', 'tofu', 'tofu', 'ask', 'verified-only'];

const MODELS: readonly IdentityModel[] = ['per-user', 'per-device'];

function cases(
  watched: readonly InvariantName[],
  models: readonly IdentityModel[] = MODELS,
): fc.Arbitrary<Case> {
  return fc.record({
    identityModel: fc.constantFrom(...models),
    seed: fc.nat(1 << 20),
    oneTimeKeys: fc.constantFrom(0, 1, 3, 6),
    trusts: fc.array(fc.constantFrom(...POLICIES), { maxLength: 6 }),
    commands: commandLists(watched, COMMANDS_MAX),
  });
}

/** A broken variant of the engine, and the invariant that notices it. */
interface Saboteur {
  readonly name: InvariantName;
  readonly sabotage: Sabotage;
  /** Where it is rare: a seed among whose first cases one shows it. */
  readonly seed?: number;
}

const SABOTEURS: readonly Saboteur[] = [
  { name: 'S1', sabotage: 'rewind-chain' },
  { name: 'S1', sabotage: 'quarantine-spares-a-session', seed: 3 },
  { name: 'S9', sabotage: 'ignore-session-activation' },
  { name: 'S9', sabotage: 'new-session-each-initiation' },
  { name: 'S9', sabotage: 'quarantine-spares-a-session' },
  { name: 'S10', sabotage: 'send-to-stale' },
  { name: 'S11', sabotage: 'send-to-stale' },
  { name: 'S11', sabotage: 'trust-any-identity' },
  { name: 'S11', sabotage: 'take-offered-key' },
  { name: 'S11', sabotage: 'never-hold' },
  { name: 'S13', sabotage: 'ignore-heads' },
  { name: 'S13', sabotage: 'quarantine-spares-a-session' },
  { name: 'T-28', sabotage: 'silent-user-change' },
  { name: 'L1', sabotage: 'drop-rejected-round' },
  { name: 'L1', sabotage: 'drop-held-mail' },
  { name: 'L1', sabotage: 'keep-held-mail' },
  { name: 'L1', sabotage: 'skip-own-devices' },
  { name: 'L1', sabotage: 'drop-damaged-mail' },
  { name: 'L1', sabotage: 'forget-dedupe' },
  { name: 'L2', sabotage: 'ignore-session-activation' },
  { name: 'L3', sabotage: 'keep-settled-send', seed: 2 },
  { name: 'L3', sabotage: 'drop-rejected-round' },
  { name: 'L4', sabotage: 'resend-on-same-session', seed: 1 },
  { name: 'L4', sabotage: 'resend-without-limit', seed: 1 },
];

describe('sesame-model', () => {
  it.each(MODELS)('holds, and every situation comes up: %s', (identityModel) => {
    const situations = new Situations();
    const property = fc.property(cases(INVARIANTS, [identityModel]), (one) => {
      play(one, { situations, watched: INVARIANTS });
    });
    fc.assert(property, { numRuns });
    // Fewer runs than usual meet with fewer situations.
    if (numRuns < SURE_RUNS) return;
    expect(situations.missing([...COMMANDS, ...SITUATIONS])).toEqual([]);
  });

  it.each(SABOTEURS)('$name notices $sabotage', ({ name, sabotage, seed }) => {
    const options = { situations: new Situations(), watched: [name] };
    const property = fc.property(cases([name]), (one) => {
      const isCaught = notices(() => play(one, { ...options, sabotage: [sabotage] }), name);
      return !isCaught || notices(() => play(one, options), name);
    });
    const details = fc.check(property, {
      endOnFailure: true,
      numRuns: SABOTEUR_RUNS,
      ...(seed !== undefined && { seed }),
    });
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
