/**
 * Two processes on copies of one device's files (decision 033). They share the address, the mailbox and
 * everything of before; one of them is listed here, the other acts by commands of its own, until the
 * relay has taken the next incarnation of either.
 */

import type { TestDevice } from '../test-device.ts';
import { excuse } from './debts.ts';
import { say } from './model-state.ts';
import type { Address, Model, ModelDevice } from './model-state.ts';
import { Observer } from './observer.ts';
import { sessionsIn } from './sesame-model.ts';
import type { Surroundings as Observed } from './observer.ts';
import type { Fork, Scene } from './desk.ts';
import type { World } from '../world.ts';

/** What surrounds a fork: see `town.ts`. */
interface Surroundings extends Observed {
  readonly world: World;
  readonly scene: Scene;
  observer(device: TestDevice): Observer;
  adopt(survivor: TestDevice, observer: Observer): void;
  look(): void;
}

/** Starts a second process on what is durable of a device. */
export function fork(town: Surroundings, original: TestDevice): void {
  original.store.fault = undefined;
  original.flush();
  town.look();
  const { me: first } = town.observer(original);
  for (const session of sessionsOf(first)) first.unsure.add(session);
  const me = structuredClone(first);
  const { seq } = original.log.tip();
  const copy = town.world.clone(original.image());
  const observer = new Observer(town, copy);
  observer.rewind(seq, 'onward');
  const { address } = original;
  town.forget(address);
  town.scene.forks.set(address, { original, copy, me, observer });
  town.situations.met('a copy of a device runs');
}

/** Whoever's token the relay knows no longer finds out, as it would when its line is cut. */
export function settleForks(town: Surroundings): void {
  for (const each of town.scene.forks.values()) {
    for (const device of [each.original, each.copy]) {
      if (device.tryAsk({ kind: 'ack', seqs: [] }).ok) continue;
      device.isProven = false;
      device.prove();
    }
    each.observer.look();
    town.observer(each.original).look();
    const losers = [each.original, each.copy].filter(isReplaced);
    if (losers.length > 1) say(town.model, 'S13', `nothing is left of ${each.original.address}`);
    const [loser] = losers;
    if (loser !== undefined) resolve(town, each, loser);
  }
}

/** Faults are over: both speak, and by then it is clear who goes on. */
export function endForks(town: Surroundings): void {
  const { forks } = town.scene;
  for (const [address, { original, copy }] of forks) {
    // Whoever speaks last goes on; it is not always the same one.
    const order = town.model.copies.size & 1 ? [original, copy] : [copy, original];
    for (const device of [...order, ...order]) {
      if (forks.get(address)?.copy !== copy) break;
      device.store.fault = undefined;
      device.send([device.userId], 'who goes on');
      for (let i = 0; i < 4; i++) device.work();
      town.look();
    }
    if (forks.get(address)?.copy === copy)
      say(town.model, 'S13', `two copies of ${address} go on side by side`);
  }
}

function isReplaced(device: TestDevice): boolean {
  return device.freshOwn().status === 'replaced';
}

/** One of the two goes on. What only the other one had is lost with it. */
function resolve(
  town: Surroundings,
  { original, copy, me, observer }: Fork,
  loser: TestDevice,
): void {
  const { model, world, scene, situations } = town;
  const { address } = original;
  const first = town.observer(original).me;
  const [survivor, left, lost] = loser === original ? [copy, me, first] : [original, first, me];
  scene.forks.delete(address);
  situations.met(loser === original ? 'the original was replaced' : 'the copy was replaced');
  model.devices.set(address, left);
  world.devices.splice(world.devices.indexOf(original), 1, survivor);
  if (survivor === copy) town.adopt(copy, observer);
  for (const messageId of left.said) {
    const sent = world.journal.sent.get(messageId);
    if (sent?.from === loser) world.journal.sent.set(messageId, { ...sent, from: survivor });
    for (const debt of model.debts.get(messageId)?.values() ?? []) debt.resends = 0;
  }
  // What the relay took of the other one is known under other envelopes here, if at all.
  for (const messageId of left.sends) if (model.debts.has(messageId)) left.sends.delete(messageId);
  excuse(model, 'a copy got it', (messageId, to) => {
    return to === address && lost.kept.has(messageId) && !left.kept.has(messageId);
  });
  forgive(model, address);
}

/** Receipts, requests and resends of two copies are nobody's to count. */
function forgive(model: Model, address: Address): void {
  for (const { from, to, fate, messageId: asked } of model.copies.values()) {
    if (from !== address && to !== address) continue;
    model.silenced.add(`${from} ${to}`).add(`${to} ${from}`);
    if (to === address && fate === 'asked')
      excuse(model, 'a copy asked for it', (m, who) => m === asked && who === to);
  }
  for (const pair of model.surplus.keys()) {
    if (pair.startsWith(`${address} `)) model.surplus.delete(pair);
  }
}

function sessionsOf({ rows }: ModelDevice): string[] {
  return [...rows.values()].flatMap(({ devices }) => [...devices.values()].flatMap(sessionsIn));
}

/** Addresses of devices that run once. */
export function single(names: readonly Address[], forks: ReadonlyMap<Address, Fork>): Address[] {
  return names.filter((name) => !forks.has(name));
}
