/**
 * A thief who acts in the name of a device for a while: a process on a copy of its files, which sends,
 * answers, and fetches mail. It says to the relay where its log stands, as every device does, or nothing.
 */

import { hasEnded } from '@simsim/sesame';
import type { Deed } from '../case/case.ts';
import type { Machine } from '../device/machine.ts';
import type { Process } from '../device/process.ts';
import { Dice } from '../dice.ts';
import type { Doubled } from './ledger.ts';
import { kill, start } from './lives.ts';
import { say } from './say.ts';
import type { World } from './world.ts';
import { userOf } from './user-of.ts';

type Compromise = Extract<Deed, { do: 'compromise' }>;

/** Messages that a thief sends, at most. */
const LINES_MAX = 6;

/** A thief's vault does not follow by itself: what it began with leads to all that it ever has. */
const FLUSH_EVENTS = 1_000_000;

/** Copies the files of a device, and acts in its name from there. */
export function compromise(
  world: World,
  robbed: Process,
  { as, forMs, how, copy }: Compromise & { readonly copy: Machine },
): void {
  const { machine: of, address, erasedSeq } = robbed;
  const { ledger, agenda, situations } = world;
  const doubled: Doubled = { address, sinceMs: agenda.nowMs, untilMs: undefined };
  copy.release = of.release;
  copy.policy = { ...of.policy, flushEvents: FLUSH_EVENTS };
  copy.theft = { of, loot: copy.disk.loot(), doubled, how, erasedSeq, rotatedSeq: of.rotatedSeq };
  ledger.beginCopy(robbed);
  ledger.doubled.push(doubled);
  ledger.thefts.add(doubled);
  situations.met('files copied by a thief who acts');
  start(world, copy);
  const dice = new Dice(world.seed, `theft/${as}`);
  for (let lines = dice.between(1, LINES_MAX); lines > 0; lines--) {
    agenda.later(dice.below(forMs), () => pretend(world, copy, dice));
  }
  agenda.later(forMs, () => endTheft(world, copy));
}

/** Sends something to anybody, as if it were the device. */
function pretend(world: World, { label }: Machine, dice: Dice): void {
  const thief = world.process(label);
  if (thief === undefined || hasEnded(thief.own().status)) return;
  const to = world.case.users.filter(() => dice.chance(0.5)).map(userOf);
  say(world, thief, { to, text: `${label} at ${world.elapsedMs}`, dice });
}

/** The thief is gone, and its files with it; what it had until now leads to nothing that comes after. */
export function endTheft(world: World, copy: Machine): void {
  const { theft, disk } = copy;
  if (theft === undefined || copy.isBroken) return;
  copy.isBroken = true;
  const thief = world.processes.get(copy.label);
  if (thief?.isAlive === true) kill(world, thief);
  const { adversary, agenda, ledger, knobs } = world;
  // A request of its own may be on its way.
  const untilMs = agenda.nowMs + 2 * knobs.delayMs[1];
  const { of, doubled, erasedSeq, rotatedSeq } = theft;
  const { address } = doubled;
  doubled.actedUntilMs = untilMs;
  ledger.endCopy({ address }, untilMs);
  ledger.excusedUntilMs.set(address, untilMs);
  if (adversary === undefined) return;
  const { label, seq } = of;
  const device = { label, address, seq, erasedSeq, rotatedSeq };
  const looted = [theft.loot, disk.loot()].map((loot) => ({ ...device, loot }));
  const seizure = adversary.seize(looted, agenda.nowMs);
  world.check((watch) => watch.seized?.(seizure));
}
