/** What comes back under a name that was there: in the place of a lost device, or of a whole user. */

import type { UserId } from '@simsim/relay-protocol';
import { findDevice } from '@simsim/relay-protocol';
import type { Deed } from '../case/case.ts';
import type { Process } from '../device/process.ts';
import { boot, link, newMachine } from './links.ts';
import { kill } from './lives.ts';
import { endTheft } from './thefts.ts';
import type { World } from './world.ts';

/** Makes a user's first device again, after all were lost. */
export function beginAnew(world: World, { who, as }: Extract<Deed, { do: 'beginAnew' }>): void {
  const lost = world.machines.get(who);
  if (lost?.deviceId === undefined || lost.theft !== undefined || world.machines.has(as)) return;
  const { userId, deviceId } = lost;
  loseAll(world, userId);
  const machine = newMachine(world, { label: as, userId, disk: world.newDisk(as) });
  const process = boot(world, machine);
  const { oneTimeKeys, identityModel } = world.knobs;
  process.run({ type: 'create', userId, deviceId, oneTimeKeys, identityModel });
  process.register();
  world.situations.met('user began anew under the same name');
  world.endanger(machine);
}

/** Devices, copies and thieves of a user end, and the relay lets the name go. */
function loseAll(world: World, userId: UserId): void {
  for (const machine of world.machines.values()) {
    if (machine.userId !== userId) continue;
    endTheft(world, machine);
    const process = world.process(machine.label);
    if (process !== undefined) kill(world, process);
    machine.isBroken = true;
  }
  // A request of theirs may be on its way.
  world.ledger.lose(userId, world.agenda.nowMs + 2 * world.knobs.delayMs[1]);
  world.ledger.changed.add(userId);
  world.relay.forget(userId);
}

/** Links a device in the place of a lost one, or where one was. */
export function giveBack(
  world: World,
  by: Process,
  deed: Extract<Deed, { do: 'replace' | 'relink' }>,
): void {
  const former = world.machines.get(deed.who);
  const isOther = former?.userId === by.machine.userId && former !== by.machine;
  if (former?.deviceId === undefined || former.theft !== undefined || !isOther) return;
  const { deviceId, address, userId } = former;
  // Whoever has missed the lists between knows none of those who stand for the new device.
  if (world.knobs.identityModel === 'per-device') world.ledger.changed.add(userId);
  if (deed.do === 'relink') {
    const linked = link(world, by, { as: deed.as, deviceId });
    if (linked === undefined || linked.address !== address) return;
    world.situations.met('device linked under a former id');
    world.ledger.excusedUntilMs.set(linked.address, world.agenda.nowMs);
    return;
  }
  const before = world.relay.list(by.machine.userId)?.list;
  if (before === undefined || findDevice(before, deviceId) === undefined) return;
  const lost = world.process(deed.who);
  if (link(world, by, { as: deed.as, replaces: deviceId }) === undefined) return;
  if (lost !== undefined) kill(world, lost);
  former.isBroken = true;
  world.situations.met('device put in the place of a lost one');
}
