/** What actions do. One that makes no sense where it stands does nothing, so that every list is a case. */

import { messageIdFromBytes } from '@simsim/relay-protocol';
import { hasEnded, listWithout } from '@simsim/sesame';
import type { Action, Deed, DiskDeed, Label } from '../case/case.ts';
import type { Process } from '../device/process.ts';
import { ownListInput } from '../device/own-device.ts';
import { Dice } from '../dice.ts';
import { actOwn } from './act-own.ts';
import { doToDisk, isDiskDeed } from './disk-deeds.ts';
import { boot, link, mayChangeList, newMachine } from './links.ts';
import { beginAnew, giveBack } from './returns.ts';
import { compromise } from './thefts.ts';
import { kill, putBackTo, restart, start } from './lives.ts';
import { userOf } from './user-of.ts';
import type { World } from './world.ts';

/** One-time prekeys that a stranger takes at a time, at most. */
const EXHAUST_MAX = 200;

/** Makes a user with a first device, while nothing breaks. */
export function createUser(world: World, name: string): void {
  const label = `${name}-1`;
  const machine = newMachine(world, { label, userId: userOf(name), disk: world.newDisk(label) });
  const process = boot(world, machine);
  const { oneTimeKeys, identityModel } = world.knobs;
  process.run({ type: 'create', userId: machine.userId, oneTimeKeys, identityModel });
  process.register();
}

/** Does one action. */
export function act(world: World, action: Action): void {
  const who = subjectOf(action);
  const process = who === undefined ? undefined : world.process(who);
  world.trace.add({ atMs: world.elapsedMs, from: who ?? 'world', to: undefined, what: action.do });
  if (action.do === 'own') actOwn(world, action, (each) => act(world, each));
  else if (action.do === 'lie') world.lie(action.how, action.forMs);
  else if (action.do === 'putBack') putBack(world, action);
  else if (action.do === 'beginAnew') beginAnew(world, action);
  else if (isDiskDeed(action)) doToDisk(world, action);
  else if (process !== undefined) process.alive(() => doAs(world, process, action));
}

type DeviceDeed = Exclude<Deed, { do: 'lie' | 'putBack' | 'beginAnew' | 'own' } | DiskDeed>;

function subjectOf(action: Deed): Label | undefined {
  if ('by' in action && action.do !== 'reinstall') return action.by;
  return 'who' in action ? action.who : undefined;
}

function doAs(world: World, process: Process, deed: DeviceDeed & { readonly atMs: number }): void {
  const { machine } = process;
  const { situations, agenda } = world;
  switch (deed.do) {
    case 'send':
      return send(world, process, deed);
    case 'link':
      return void link(world, process, { as: deed.as });
    case 'remove':
      return remove(world, process, deed.who);
    case 'reinstall':
      return reinstall(world, process, deed);
    case 'replace':
    case 'relink':
      return giveBack(world, process, deed);
    case 'crash':
      if (deed.after === 0) return restart(world, process);
      return machine.fuse.light(deed.after);
    case 'reboot':
      machine.boots++;
      situations.met('machine rebooted');
      return restart(world, process);
    case 'cut': {
      const ways = deed.way === 'both' ? (['up', 'down'] as const) : [deed.way];
      for (const way of ways) machine.cuts.add(way);
      if (world.living().every((each) => each.machine.cuts.size > 0))
        situations.met('everybody cut off in turn');
      return agenda.later(deed.forMs, () => {
        for (const way of ways) machine.cuts.delete(way);
      });
    }
    case 'backup':
      machine.backup = { disk: machine.disk.copy(`${machine.label}!`), atMs: agenda.nowMs };
      return;
    case 'clone':
      return clone(world, process, deed.as);
    case 'compromise':
      return steal(world, process, deed);
    case 'setClock':
      machine.skewMs += deed.byMs;
      situations.met(deed.byMs < 0 ? 'clock set back' : 'clock set on');
      return;
    case 'exhaust':
      return exhaust(world, process);
    case 'spoil':
      machine.spoils++;
      return;
    case 'seize':
      return seize(world, [process]);
    case 'flush':
      return process.flush();
  }
}

function send(world: World, process: Process, deed: Extract<Action, { do: 'send' }>): void {
  if (hasEnded(process.own().status)) return;
  const { label, userId } = process.machine;
  const to = deed.to.map(userOf);
  const dice = new Dice(world.seed, `send/${label}/${deed.atMs}`);
  const lines = Array.from({ length: deed.lines }, (_, i) => {
    const messageId = messageIdFromBytes(dice.bytes(16));
    const text = `${label} at ${deed.atMs}, line ${i}`;
    const atMs = world.agenda.nowMs;
    const sent = { by: label, userId, to, text, atMs, failed: new Map(), given: new Set<string>() };
    world.ledger.sent.set(messageId, sent);
    return { messageId, to, text };
  });
  process.application.send(lines);
}

function remove(world: World, remover: Process, who: Label): void {
  const removed = world.processes.get(who);
  const isOwn = removed?.machine.userId === remover.machine.userId;
  if (
    removed?.machine.deviceId === undefined ||
    !isOwn ||
    removed === remover ||
    !mayChangeList(remover)
  )
    return;
  const list = listWithout(
    ownListInput(remover.core),
    { deviceId: removed.machine.deviceId },
    remover.env,
  );
  if (!list.ok) return;
  const outcome = remover.tryAsk({ kind: 'removeDevice', list: list.value });
  if (outcome?.ok !== true) return;
  world.situations.met('device removed');
  remover.run({ type: 'listLearned', list: list.value });
}

function reinstall(
  world: World,
  lost: Process,
  { by, as, who }: Extract<Deed, { do: 'reinstall' }>,
): void {
  const helper = world.process(by);
  if (helper === undefined || helper.machine.userId !== lost.machine.userId || helper === lost)
    return;
  const before = world.relay.list(helper.machine.userId)?.list.version;
  helper.alive(() => remove(world, helper, who));
  if (world.relay.list(helper.machine.userId)?.list.version === before) return;
  kill(world, lost);
  world.situations.met('device reinstalled');
  helper.alive(() => void link(world, helper, { as }));
}

function putBack(world: World, { who, what }: Extract<Deed, { do: 'putBack' }>): void {
  const machine = world.machines.get(who);
  const process = world.processes.get(who);
  if (machine?.backup === undefined || process === undefined || !process.isAlive) return;
  kill(world, process);
  machine.disk.putBack(machine.backup.disk, what);
  machine.rotatedSeq = 0;
  machine.rotatingSince = undefined;
  machine.isDamaged = false;
  machine.hasRottenEvent = false;
  putBackTo(world, machine, machine.backup.atMs);
  world.situations.met('state put back');
  if (what === 'log') world.situations.met('log put back alone');
  if (what === 'vault') world.situations.met('vault put back alone');
  start(world, machine);
}

/** A second process on a copy of a device's files; nobody knows of it. */
function clone(world: World, original: Process, as: Label): void {
  if (world.machines.has(as) || original.own().status !== 'registered') return;
  const { userId, disk, release } = original.machine;
  const machine = newMachine(world, { label: as, userId, disk: disk.copy(as) });
  machine.release = release;
  world.situations.met('clone ran beside its original');
  const { address } = original;
  world.ledger.beginCopy(original);
  world.ledger.doubled.push({ address, sinceMs: world.agenda.nowMs, untilMs: undefined });
  world.endanger(machine);
  start(world, machine);
}

/** A thief begins to act. */
function steal(world: World, robbed: Process, deed: Extract<Deed, { do: 'compromise' }>): void {
  if (world.machines.has(deed.as) || robbed.own().status !== 'registered') return;
  const { userId, disk } = robbed.machine;
  const copy = newMachine(world, { label: deed.as, userId, disk: disk.copy(deed.as) });
  compromise(world, robbed, { ...deed, copy });
}

/** A stranger claims one-time prekeys until there are none. */
function exhaust(world: World, { machine, core }: Process): void {
  const { userId } = machine;
  const { deviceId } = ownListInput(core).own;
  const stranger = world.stranger();
  for (let taken = 0; taken < EXHAUST_MAX; taken++) {
    const outcome = stranger.claim(userId, deviceId);
    if (outcome !== 'one-time') break;
  }
  world.situations.met('one-time prekeys exhausted by a stranger');
}

/** Copies the files of devices, and has what follows judged. */
export function seize(world: World, processes: readonly Process[]): void {
  const { adversary, agenda } = world;
  if (adversary === undefined) return;
  world.situations.met('files seized');
  if (processes.some(({ log }) => log.lag() > 0)) {
    world.situations.met('vault behind its log when seized');
  }
  const of = processes.map((process) => ({
    label: process.machine.label,
    address: process.address,
    loot: process.machine.disk.loot(),
    seq: process.log.tip().seq,
    erasedSeq: process.erasedSeq,
    rotatedSeq: process.machine.rotatedSeq,
  }));
  const seizure = adversary.seize(of, agenda.nowMs);
  world.check((watch) => watch.seized?.(seizure));
}
