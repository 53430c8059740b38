/** One case from its first command to rest: faults, then healing, then what must hold in the end. */

import fc from 'fast-check';
import type { IdentityModel } from '@simsim/relay-protocol';
import type { Sabotage, TrustPolicy } from '@simsim/sesame';
import type { TestDevice } from '../test-device.ts';
import { pass } from './device-commands.ts';
import { endForks } from './forks.ts';
import { checkRest, checkStep, demand } from './invariants.ts';
import type { InvariantName } from './model-state.ts';
import type { Situations } from './sometimes.ts';
import { Town, USERS } from './town.ts';
import { speak } from './trust-commands.ts';
import type { Scene } from './desk.ts';

/** A case. */
export interface Case {
  readonly seed: number;
  readonly oneTimeKeys: number;
  readonly identityModel: IdentityModel;
  readonly trusts: readonly TrustPolicy[];
  readonly commands: Iterable<fc.Command<Scene, Town>>;
}

/** How a case is played. */
interface PlayOptions {
  readonly situations: Situations;
  readonly watched: readonly InvariantName[];
  readonly sabotage?: readonly Sabotage[];
}

/** Plays a case. Throws where an invariant does not hold, its name first. */
export function play(one: Case, { watched, ...options }: PlayOptions): void {
  const { commands, ...world } = one;
  const town = new Town({ ...world, ...options });
  fc.modelRun(() => ({ model: town.scene, real: town }), commands);
  heal(town, watched);
}

/** Rounds in which applications say all there is to say: a key is heard of, then a list, then mail. */
const WORDS_MAX = 6;

/** Longer than MAXLATENCY. */
const A_MONTH_DAYS = 31;

/** Messages each way after which a pair has one session (L2). */
const EXCHANGES = 2;

/** Faults end, everybody works until nothing moves, and some speak once more: all of it arrives. */
function heal(town: Town, watched: readonly InvariantName[]): void {
  const { devices } = town.world;
  for (const device of devices) device.store.fault = undefined;
  endForks(town);
  settle(town, watched);
  checkRest(town, watched);
  for (const device of [devices.at(0), devices.at(-1)]) {
    device?.send(USERS, 'at rest');
    settle(town, watched);
  }
  for (let turn = 0; turn < EXCHANGES; turn++) {
    for (const { one, other } of apart(town)) {
      one.send([other.userId], 'to come together');
      settle(town, watched);
    }
  }
  if (watched.includes('L2')) demand('L2', apart(town).map(describePair));
  checkRest(town, watched);
  pass(town, A_MONTH_DAYS);
  settle(town, watched);
}

function settle(town: Town, watched: readonly InvariantName[]): void {
  try {
    // Whoever waits for the application's word gets it: faults are over.
    for (let words = 0; words < WORDS_MAX; words++) {
      town.world.settle();
      town.look();
      if (!speak(town)) break;
    }
    // What was asked for while it had to wait is served by the next sweep.
    for (const device of town.world.devices) device.run({ type: 'swept' });
    town.world.settle();
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('settles')) throw error;
    if (watched.includes('L4')) demand('L4', ['the town never comes to rest']);
  }
  town.look();
  checkStep(town, watched);
}

interface Pair {
  readonly one: TestDevice;
  readonly other: TestDevice;
}

/** L2: pairs of devices that do not use one session, each pair both ways round. */
function apart(town: Town): Pair[] {
  const { devices } = town.world;
  const pairs = devices.flatMap((one) => devices.map((other) => ({ one, other })));
  return pairs
    .filter(({ one, other }) => activeOf(one, other) !== activeOf(other, one))
    .filter((pair) => !areOfTwoAges(town, pair));
}

/**
 * SES-80: whoever accepts a session reckons its age without the time that its first message lay at its
 * sender. Where two first messages crossed after a month there, each end has one session that is too
 * old for the other one to answer on, until that one is too old as well.
 */
function areOfTwoAges(town: Town, { one, other }: Pair): boolean {
  return isTooOldFor(town, { one, other }) && isTooOldFor(town, { one: other, other: one });
}

/** Whether a device may not send on what the other one uses. */
function isTooOldFor(town: Town, { one, other }: Pair): boolean {
  const { rows } = town.observer(one).me;
  const { userId, deviceId } = other.own();
  const session = activeOf(other, one);
  if (session === undefined) return false;
  const began = rows.get(userId)?.devices.get(deviceId)?.began.get(session);
  return began !== undefined && town.world.nowMs - began.earliest >= town.model.limits.sendMs;
}

function describePair({ one, other }: Pair): string {
  const [here, there] = [activeOf(one, other), activeOf(other, one)];
  return `${one.address} uses ${here} with ${other.address}, which uses ${there}`;
}

function activeOf(device: TestDevice, peer: TestDevice): string | undefined {
  return device.record(peer.userId).devices.get(peer.own().deviceId)?.active;
}
