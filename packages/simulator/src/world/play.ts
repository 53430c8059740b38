/** A case from its first action to rest: calm, faults, healing, and what must hold in the end. */

import { InvariantBroken } from '../invariants/invariant.ts';
import { act, createUser, seize } from './deeds.ts';
import { start } from './lives.ts';
import { say } from './say.ts';
import { endTheft } from './thefts.ts';
import { userOf } from './user-of.ts';
import type { Process } from '../device/process.ts';
import type { World } from './world.ts';
import { Dice } from '../dice.ts';

/** Tasks in which a world at peace comes to rest, for each message and device of it. */
const REST_TASKS = 200_000;

/** Relays forget what is over its time so often. */
const PRUNE_MS = 6 * 3600 * 1000;

/** Plays a case. Throws {@link InvariantBroken} where something does not hold. */
export function play(world: World): void {
  const { actions, knobs } = world.case;
  begin(world);
  for (const action of actions) {
    world.agenda.later(action.atMs, () => act(world, action));
  }
  world.passUntil(knobs.calmMs);
  world.wire.isFaulty = true;
  for (const machine of world.machines.values()) world.endanger(machine);
  world.passUntil(knobs.spanMs);
  rest(world);
}

/** Users with their first devices, and what comes round by itself. */
export function begin(world: World): void {
  const { users, knobs } = world.case;
  for (const name of users) createUser(world, name);
  every(world, knobs.pollMs, () => poll(world));
  every(world, knobs.sweepMs, () => sweep(world));
  every(world, PRUNE_MS, () => world.relay.prune());
}

/** Faults end, everybody speaks once more, and what must hold in the end is looked at. */
export function rest(world: World): void {
  heal(world);
  speakAtOnce(world);
  // What a relay turned away waits for the next sweep, which comes by itself.
  sweep(world);
  settle(world);
  speakInTurn(world);
  seize(world, flushed(world));
  world.check((watch) => watch.rested?.());
}

/** Does something again and again, until faults are over. */
function every(world: World, eachMs: number, act: () => void): void {
  world.agenda.later(eachMs, () => {
    if (world.elapsedMs > world.knobs.spanMs) return;
    act();
    every(world, eachMs, act);
  });
}

function poll(world: World): void {
  for (const process of world.living()) process.errands.wantMail();
}

/** Time passed; and own devices tell each other where they stand. */
function sweep(world: World): void {
  for (const process of world.living()) {
    // Thieves tell nobody where they stand.
    if (process.machine.theft !== undefined) continue;
    process.alive(() => {
      process.run({ type: 'swept' });
      process.run({ type: 'shareHeads' });
      process.prune();
    });
  }
}

/** Faults end, everybody is there and works until nothing moves. */
function heal(world: World): void {
  world.wire.isFaulty = false;
  world.relay.lies.clear();
  for (const machine of world.machines.values()) endTheft(world, machine);
  for (const machine of world.machines.values()) {
    machine.cuts.clear();
    machine.fuse.light(Number.POSITIVE_INFINITY);
    machine.spoils = 0;
    machine.fuse.lurk(undefined);
    machine.disk.heal();
    if (!world.processes.has(machine.label) && !machine.isBroken) start(world, machine);
  }
  for (const process of world.living()) {
    process.isProven = false;
    process.errands.wantMail();
  }
  settle(world);
  for (const process of world.living()) process.rotate();
}

/** Every device sends to everybody, all at the same moment. */
function speakAtOnce(world: World): void {
  for (const process of speakers(world)) speak(world, process, 'together');
  settle(world);
}

/**
 * Every device sends to everybody once the one before it was heard. Two that only ever speak at the same
 * moment may swap sessions for ever.
 */
function speakInTurn(world: World): void {
  for (const process of speakers(world)) {
    speak(world, process, 'alone');
    settle(world);
  }
}

function speakers(world: World): Process[] {
  return world.living().filter((process) => process.own().status === 'registered');
}

function speak(world: World, process: Process, how: string): void {
  const { label } = process.machine;
  const to = world.case.users.map(userOf);
  const dice = new Dice(world.seed, `rest/${label}/${how}`);
  say(world, process, { to, text: `${label} at rest, ${how}`, dice });
}

function settle(world: World): void {
  if (!world.agenda.settle(REST_TASKS)) {
    throw new InvariantBroken('L4', 'the world never comes to rest');
  }
}

/** All devices, their vaults at the end of their logs; a lazy one erases with the next flush. */
function flushed(world: World): ReturnType<World['living']> {
  const living = world.living();
  for (const process of living) {
    process.flush();
    process.flush();
  }
  return living;
}
