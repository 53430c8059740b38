/** What actions do to disks, and to how devices keep their logs. */

import type { Deed, DiskDeed } from '../case/case.ts';
import type { Machine } from '../device/machine.ts';
import type { Process } from '../device/process.ts';
import { kill, restart, start } from './lives.ts';
import type { World } from './world.ts';

/** Deeds that are about disks. */
const DISK_DEEDS: ReadonlySet<Deed['do']> = new Set<DiskDeed['do']>([
  'losePower',
  'failSyncs',
  'fill',
  'occupy',
  'lieSyncs',
  'rot',
  'rotRow',
  'loseSlots',
  'retain',
  'lock',
  'rotate',
  'upgrade',
]);

/** Whether a deed is one of these. */
export function isDiskDeed<D extends Deed>(deed: D): deed is D & DiskDeed {
  return DISK_DEEDS.has(deed.do);
}

/** Does one, where there is such a machine. */
export function doToDisk(world: World, deed: DiskDeed): void {
  const machine = world.machines.get(deed.who);
  const process = world.process(deed.who);
  if (machine === undefined || machine.isBroken) return;
  const { disk } = machine;
  const { situations, agenda } = world;
  switch (deed.do) {
    case 'losePower':
      return disk.suffer({ kind: 'losePower', after: deed.after });
    case 'failSyncs':
      return disk.suffer({ kind: 'failSyncs', count: deed.count });
    case 'fill':
      disk.suffer({ kind: 'fill' });
      situations.met('disk full');
      return agenda.later(deed.forMs, () => disk.empty());
    case 'occupy':
      disk.suffer({ kind: 'occupy' });
      return agenda.later(deed.forMs, () => disk.free());
    case 'lieSyncs':
      disk.suffer({ kind: 'lie' });
      machine.lyingSinceMs ??= agenda.nowMs;
      return;
    case 'rot':
      disk.suffer({ kind: 'rot', bits: deed.bits });
      situations.met('a bit rotted');
      return;
    case 'rotRow':
    case 'loseSlots':
      return damage(world, machine, deed);
    case 'retain': {
      const { flushEvents, wipe, prunes } = deed;
      machine.policy = { flushEvents, wipe, prunes };
      situations.met('retention changed');
      if (process !== undefined) restart(world, process);
      return;
    }
    case 'lock':
      return process?.alive(() => lock(world, process, deed.forMs));
    case 'rotate':
      return process?.alive(() => process.rotate());
    case 'upgrade':
      machine.release = world.laterRelease;
      situations.met('release replaced by a later one');
      if (process === undefined) return;
      if (!process.errands.isIdle()) situations.met('release replaced while something waited');
      restart(world, process);
      return;
  }
}

type Damage = Extract<DiskDeed, { do: 'rotRow' | 'loseSlots' }>;

/** Part of the files goes bad between two processes. */
function damage(world: World, machine: Machine, deed: Damage): void {
  const { situations } = world;
  const process = world.process(machine.label);
  if (process !== undefined) restart(world, process);
  const isRow = deed.do === 'rotRow';
  const isDone = isRow ? machine.disk.rotRow(deed.part) : machine.disk.loseSlots(deed.copies);
  if (!isDone) return;
  machine.isDamaged = true;
  machine.lacksCopy = !isRow && deed.copies === 'one';
  if (isRow && (deed.part === 'facts' || deed.part === 'state')) machine.hasRottenEvent = true;
  if (isRow) situations.met('a bit of a row rotted');
  else if (deed.copies === 'both') situations.met('both copies of slots lost');
}

function lock(world: World, process: Process, forMs: number): void {
  const { machine, log } = process;
  log.close();
  kill(world, process);
  world.situations.met('log closed and opened again');
  world.agenda.after(forMs, () => {
    if (world.process(machine.label) === undefined && !machine.isBroken) start(world, machine);
  });
}
