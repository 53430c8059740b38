/** Commands of devices: linked, removed, killed, put back, left alone for days. */

import type { Fault } from '../faulty-store.ts';
import type { TestDevice } from '../test-device.ts';
import { excuse } from './debts.ts';
import { anybody, oneOf, whoHas } from './deed.ts';
import type { Deed } from './deed.ts';
import { single } from './forks.ts';
import type { Address, ModelDevice } from './model-state.ts';
import { sessionsIn } from './sesame-model.ts';
import type { Scene } from './desk.ts';
import type { Town } from './town.ts';

const DEVICES_PER_USER_MAX = 3;
const REPLENISHED_MAX = 4;
import { silenceOld } from './sesame-model.ts';

const DAYS = [1, 8, 15, 31];
const DAY_MS = 24 * 3600 * 1000;
const FAULTS: readonly Fault[] = ['before', 'after', 'moved'];
const PARTS = ['both', 'both', 'both', 'log', 'vault'] as const;

/** What befalls devices. */
export const DEVICE_DEEDS = {
  /** A further device is linked. */
  link: {
    weight: 2,
    able: (scene) => whoseUserHas(scene, 1),
    play: (town, device) => link(town, device),
  },
  /** A device is removed by another. */
  remove: { weight: 1, able: (scene) => whoseUserHas(scene, 2), play: removeAnother },
  /** Somebody lost a device and links a new one in its place (SES-5). */
  reinstall: {
    weight: 1,
    able: (scene) => whoseUserHas(scene, 2),
    play(town, device, n) {
      removeAnother(town, device, n);
      link(town, device);
    },
  },
  /** The process is killed and starts again. */
  restart: { weight: 1, able: anybody, play: (_, device) => device.restart() },
  /** The process is killed in its next commit, or the commit is refused. */
  fault: {
    weight: 3,
    able: anybody,
    play: (_, device, n) => void (device.store.fault = oneOf(FAULTS, n)),
  },
  /** The vault follows the log. */
  flush: { weight: 1, able: anybody, play: (_, device) => device.flush() },
  /** A copy of the files is made. */
  copyFiles: { weight: 3, able: anySingle, play: remember },
  /** The files are put back to what they were (SES-7). */
  putBack: { weight: 3, able: ({ remembered }) => [...remembered], play: putBack },
  /** The files are put back to before the last words, while answers to those are on their way. */
  slipBack: {
    weight: 2,
    able: anySingle,
    play(town, device, n) {
      remember(town, device);
      const others = town.world.devices.filter((each) => each !== device);
      const other = oneOf(others, n);
      if (other === undefined) return;
      for (const each of [device, other]) {
        each.send([device.userId, other.userId], `line ${town.world.journal.sent.size}`);
        for (let i = 0; i < 4; i++) each.work();
      }
      putBack(town, device, 0);
      device.takeIn(device.fetch());
    },
  },
  /** One-time prekeys are made and uploaded. */
  replenish: {
    weight: 1,
    able: anybody,
    play: (_, device, n) => device.replenish(1 + (n % REPLENISHED_MAX)),
  },
  /** Days pass. */
  days: {
    weight: 1,
    able: whoHas('history'),
    play: (town, _, n) => pass(town, oneOf(DAYS, n) ?? 1),
  },
} as const satisfies Readonly<Record<string, Deed>>;

/** Days pass, and everybody does what is due then. */
export function pass(town: Town, days: number): void {
  const { world, model } = town;
  // A process notes the time when it starts: days that pass while it runs are known to have passed.
  const copies = [...town.scene.forks.values()].map(({ copy }) => copy);
  // It notes it hourly too: nobody is killed just when a month is to be noted as a whole.
  for (const device of [...world.devices, ...copies]) {
    device.store.fault = undefined;
    device.run({ type: 'swept' });
  }
  world.nowMs += days * DAY_MS;
  for (const me of model.devices.values()) silenceOld(model, me, world.nowMs);
  for (const copy of copies) copy.run({ type: 'swept' });
  for (const device of world.devices) {
    device.sweep();
    device.replenish(0);
  }
}

/** Devices that run once: what becomes of two copies is more than one model can say. */
function anySingle(scene: Readonly<Scene>): readonly Address[] {
  return single(anybody(scene), scene.forks);
}

function whoseUserHas({ desks, model }: Readonly<Scene>, devicesMin: number): readonly Address[] {
  const owned = new Map<string, number>();
  const living = [...desks.keys()].flatMap((name) => model.devices.get(name) ?? []);
  for (const { userId } of living) owned.set(userId, (owned.get(userId) ?? 0) + 1);
  return living
    .filter(({ userId }) => (owned.get(userId) ?? 0) >= devicesMin)
    .map(({ userId, deviceId }) => `${userId}.${deviceId}`);
}

/** Whether a device may change its user's list now; it knows all of it then, whatever it was told. */
function isReady({ world }: Town, device: TestDevice): boolean {
  device.store.fault = undefined;
  if (!device.prove()) return false;
  const answer = world.ask({ kind: 'getList', userId: device.userId, since: 0 });
  if (answer.kind !== 'getList' || answer.result.kind !== 'list') return false;
  device.run({ type: 'listLearned', list: answer.result.list });
  return true;
}

function link(town: Town, device: TestDevice): void {
  if (!isReady(town, device) || town.world.devicesOf(device.userId).length >= DEVICES_PER_USER_MAX)
    return;
  town.link(device);
}

function removeAnother(town: Town, device: TestDevice, n: number): void {
  const others = town.world.devicesOf(device.userId).filter((other) => other !== device);
  const removed = oneOf(others, n);
  if (removed === undefined || !isReady(town, device)) return;
  const { address } = removed;
  town.world.remove(device, removed);
  town.lost(address);
}

function remember(town: Town, device: TestDevice): void {
  device.flush();
  town.look();
  const { address } = device;
  const modelled = structuredClone(town.observer(device).me);
  const seq = device.log.tip().seq;
  town.memories.set(address, { image: device.image(), seq, device: modelled });
  town.scene.remembered.add(address);
}

function putBack(town: Town, device: TestDevice, n: number): void {
  const { model } = town;
  const { address } = device;
  const memory = town.memories.get(address);
  const part = oneOf(PARTS, n);
  if (memory === undefined || part === undefined) return;
  town.look();
  const now = town.observer(device).me;
  const then = part === 'vault' ? now : structuredClone(memory.device);
  const isWhole = part === 'both';
  excuse(model, 'put back', (messageId, to) => {
    return to === address && (!isWhole || (now.kept.has(messageId) && !then.kept.has(messageId)));
  });
  for (const { to, from, fate, messageId: asked } of model.copies.values()) {
    if (from === address || to === address)
      model.silenced.add(`${from} ${to}`).add(`${to} ${from}`);
    if (to !== address || fate !== 'asked') continue;
    excuse(model, 'asked for before it was put back', (m, who) => m === asked && who === to);
  }
  // Counts of resends are put back too.
  for (const messageId of now.said) {
    for (const debt of model.debts.get(messageId)?.values() ?? []) debt.resends = 0;
  }
  // What the relay took is known under other envelopes now, if at all.
  for (const messageId of then.sends) if (model.debts.has(messageId)) then.sends.delete(messageId);
  // Prekeys it gave out since are lost, and asked for until it has made new ones.
  const isBehind = memory.seq < device.log.tip().seq || !isWhole;
  then.preKeysSince = isBehind ? Number.POSITIVE_INFINITY : now.preKeysSince;
  if (!isWhole) for (const session of sessionsOf(then)) then.unsure.add(session);
  model.devices.set(address, then);
  if (part !== 'vault') town.observer(device).rewind(memory.seq);
  device.restore(memory.image, part);
  // Often it goes on at once, while mail for its sessions of before is still on its way.
  if (n & 1) device.prove();
}

function sessionsOf(device: ModelDevice): string[] {
  return [...device.rows.values()].flatMap(({ devices }) =>
    [...devices.values()].flatMap(sessionsIn),
  );
}
