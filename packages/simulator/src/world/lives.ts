/** The lives of processes: they are started on machines' files, die, and come again. */

import { invariant } from '@simsim/bytes';
import type { Label } from '../case/case.ts';
import { deathOf } from '../device/fuse.ts';
import type { Killed } from '../device/fuse.ts';
import type { Machine } from '../device/machine.ts';
import { Process } from '../device/process.ts';
import type { Surroundings } from '../device/surroundings.ts';
import { Dice } from '../dice.ts';
import type { Problems, Watch } from '../invariants/invariant.ts';
import type { Trace } from './trace.ts';

/** A world, as far as lives in it go. */
export interface LivingWorld extends Surroundings<Process> {
  /** Since the beginning, ms. */
  readonly elapsedMs: number;
  readonly trace: Trace;
  readonly processes: Map<Label, Process>;
  /** The living process of a device. */
  process(label: Label): Process | undefined;
  /** Has every invariant look. */
  check(look: (watch: Watch) => Problems): void;
}

/** After so many refusals a process is not started less and less often. */
const REFUSALS_MAX = 8;

/** How long a killed process stays away, at least and at most. */
const AWAY_MS: readonly [number, number] = [500, 30_000];

/** Starts a process on a machine's files. */
export function start(world: LivingWorld, machine: Machine): void {
  const process = open(world, machine);
  process?.alive(() => process.start());
  if (process?.isAlive === false) world.situations.met('killed while starting');
  if (process?.isAlive === true) world.check((watch) => watch.started?.(process));
}

/** Opens a machine's files, or lays them out; a process that dies over it is started again. */
export function open(world: LivingWorld, machine: Machine): Process | undefined {
  world.processes.delete(machine.label);
  try {
    const process = new Process(world, machine);
    world.processes.set(machine.label, process);
    if (machine.isDamaged) openedDamaged(world, machine, process);
    return process;
  } catch (failure) {
    const death = deathOf(failure, machine.disk);
    if (death === undefined) throw failure;
    world.situations.met('killed while starting');
    if (machine.disk.isBusy) world.situations.met('database busy at opening');
    afterDeath(world, machine, death);
    return undefined;
  }
}

/** What was damaged may have cost what it held; where opening says that something was put back, more. */
function openedDamaged(
  { ledger, situations, agenda }: LivingWorld,
  machine: Machine,
  { log }: Process,
): void {
  if (machine.lacksCopy) situations.met('one copy of slots lost, and the other taken');
  machine.lacksCopy = false;
  const { address } = machine;
  if (log.rollback !== undefined && address !== undefined)
    ledger.excusedUntilMs.set(address, agenda.nowMs);
}

/** Ends a process. */
export function kill(world: LivingWorld, process: Process): void {
  const { label: from, disk } = process.machine;
  process.isAlive = false;
  disk.leave();
  world.trace.add({ atMs: world.elapsedMs, from, to: undefined, what: 'killed' });
}

/** Ends a process, and starts the next a while later. */
export function restart(world: LivingWorld, process: Process): void {
  kill(world, process);
  startLater(world, process.machine);
}

/** What comes after a process: the next one, unless its files are beyond opening. */
export function afterDeath(world: LivingWorld, machine: Machine, { site }: Killed): void {
  const { disk } = machine;
  disk.leave();
  if (disk.isDark) powerLost(world, machine);
  const isRefused = site.startsWith('STORE_') || site.startsWith('VAULT_');
  machine.refusals = isRefused ? machine.refusals + 1 : 0;
  if (isRefused && !site.endsWith('_FAILED')) {
    invariant(disk.isUntrue, `files that are what they were open: ${site}`);
    world.situations.met('files beyond opening');
    if (machine.isDamaged) world.situations.met('damage refused by name');
    machine.isBroken = true;
  } else startLater(world, machine);
}

/** The state of a device is one of before: it may lack what came since, and may have what was erased. */
export function putBackTo(world: LivingWorld, { address, label }: Machine, sinceMs: number): void {
  if (address === undefined) return;
  const untilMs = world.agenda.nowMs;
  const { excusedUntilMs, overtaken, doubled } = world.ledger;
  excusedUntilMs.set(address, untilMs);
  const process = world.processes.get(label);
  if (process !== undefined && process.errands.posts.length > 0) overtaken.add(process.incarnation);
  doubled.push({ address, sinceMs, untilMs });
}

function startLater(world: LivingWorld, machine: Machine): void {
  const dice = new Dice(world.seed, `away/${machine.label}/${machine.starts}`);
  const awayMs = dice.between(...AWAY_MS) * 2 ** Math.min(machine.refusals, REFUSALS_MAX);
  world.agenda.after(awayMs, () => {
    if (world.process(machine.label) === undefined && !machine.isBroken) start(world, machine);
  });
}

/** The machine starts again; on a disk that lied, what it had said may be gone. */
function powerLost(world: LivingWorld, machine: Machine): void {
  machine.boots++;
  machine.disk.restart();
  world.situations.met('power lost');
  const { lyingSinceMs } = machine;
  if (lyingSinceMs === undefined) return;
  machine.lyingSinceMs = undefined;
  // What lies there now may be of before the damage.
  machine.hasRottenEvent = false;
  world.situations.met('a sync that lied');
  putBackTo(world, machine, lyingSinceMs);
}
