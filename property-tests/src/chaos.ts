/**
 * What can befall a world, as data: a list of small steps that is played on it. A step that makes
 * no sense where it stands does nothing, so that every list is a case and shrinking is simple.
 */

import fc from 'fast-check';
import type { IdentityModel, IncomingEnvelope, MessageId, UserId } from '@simsim/relay-protocol';
import type { Sabotage } from '@simsim/sesame';
import { expect } from 'vitest';
import { checkNoResends, checkPlaintextLife, checkWorld } from './checks.ts';
import type { Fault } from './faulty-store.ts';
import { stateOf } from './log-state.ts';
import type { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';

/** What a step does; `by` picks the device, `n` the rest. */
const DEEDS = {
  /** The application sends to some users. */
  send: 6,
  /** A post reaches the relay and is answered. */
  post: 6,
  /** A post reaches the relay, its answer is lost. */
  lose: 2,
  /** A claim is answered. */
  claim: 3,
  /** Some of the mail is fetched, in any order. */
  fetch: 6,
  /** An envelope comes again. */
  again: 2,
  /** The application acknowledges some messages. */
  keep: 3,
  /** Everything a device has to do with the relay is done. */
  work: 4,
  /** The process is killed and starts again. */
  restart: 2,
  /** The process is killed in its next commit, or the commit is refused. */
  fault: 3,
  /** The vault follows the log. */
  flush: 1,
  /** One-time prekeys are made and uploaded. */
  replenish: 1,
  /** A further device is linked. */
  link: 2,
  /** A device is removed by another. */
  remove: 1,
} as const;

/** The name of a step. */
type Deed = keyof typeof DEEDS;

/** One step. */
interface Step {
  readonly deed: Deed;
  readonly by: number;
  readonly n: number;
}

/** A case: how many users, with how many devices each at first, and what befalls them. */
export interface Story {
  readonly seed: number;
  readonly users: number;
  readonly devices: number;
  readonly oneTimeKeys: number;
  /** Of all users; `per-user` in stories that were found before there was another. */
  readonly identityModel?: IdentityModel;
  readonly steps: readonly Step[];
}

const deed = fc.oneof(
  ...Object.entries(DEEDS).map(([name, weight]) => ({
    arbitrary: fc.constant(name as Deed),
    weight,
  })),
);

/** Stories of at most so many steps. */
export function stories(stepsMax: number): fc.Arbitrary<Story> {
  return fc.record({
    seed: fc.nat(1 << 20),
    users: fc.integer({ min: 2, max: 3 }),
    devices: fc.integer({ min: 1, max: 2 }),
    oneTimeKeys: fc.constantFrom(0, 1, 3, 6),
    identityModel: fc.constantFrom<IdentityModel>('per-user', 'per-device'),
    steps: fc.array(fc.record({ deed, by: fc.nat(8), n: fc.nat(5039) }), {
      minLength: stepsMax >> 1,
      maxLength: stepsMax,
      size: 'max',
    }),
  });
}

const NAMES = ['ada', 'bo', 'cy'];
const DEVICES_PER_USER_MAX = 3;
const REPLENISHED_MAX = 7;
const FAULTS: readonly Fault[] = ['before', 'after', 'moved'];

/** Plays a story to its end, lets the world come to rest, and checks all that must hold. */
export function playStory(
  story: Story,
  sabotage: readonly Sabotage[] = [],
  rehearsal?: 'before' | 'moved',
): World {
  const { seed, oneTimeKeys, identityModel = 'per-user' } = story;
  const rehearsed = rehearsal === undefined ? {} : { rehearsal };
  const world = new World({ seed, oneTimeKeys, identityModel, sabotage, ...rehearsed });
  const teller = new Teller(world, NAMES.slice(0, story.users).map(user));
  for (const device of story.devices === 1 ? [] : [...world.devices]) world.link(device);
  for (const step of story.steps) teller.play(step);
  for (const device of world.devices) device.store.fault = undefined;
  world.settle();
  teller.checkOpenSends();
  checkWorld(world);
  checkNoResends(world);
  return world;
}

/** Plays steps on a world. */
class Teller {
  readonly #world: World;
  readonly #users: readonly UserId[];
  readonly #open = new Set<MessageId>();

  constructor(world: World, users: readonly UserId[]) {
    this.#world = world;
    this.#users = users;
    for (const name of users) world.create(name);
  }

  /** Plays a step on a device that has something to do for it. */
  play(step: Step): void {
    const able = this.#world.devices.filter((device) => isAble(device, step.deed));
    withOne(able, step.by, (device) => this.#do(device, step));
    this.checkOpenSends();
  }

  /** Looks at every send that may just have ended. */
  checkOpenSends(): void {
    for (const messageId of this.#open) {
      if (checkPlaintextLife(this.#world, messageId) === 'closed') this.#open.delete(messageId);
    }
  }

  #do(device: TestDevice, { deed: what, n }: Step): void {
    switch (what) {
      case 'send':
        this.#send(device, n);
        break;
      case 'post':
        withOne(device.posts, n, (item) => device.post(item));
        break;
      case 'lose':
        withOne(device.posts, n, (item) => void device.handOver(item));
        break;
      case 'claim':
        withOne(device.claims, n, (claim) => device.claim(claim));
        break;
      case 'fetch':
        fetchSome(device, n);
        break;
      case 'again':
        withOne(device.history, n, (envelope) => repeat(device, envelope));
        break;
      case 'keep':
        device.acknowledge(device.core.inbox().slice(0, 1 + (n % 3)));
        break;
      case 'work':
        device.work();
        break;
      case 'restart':
        device.restart();
        break;
      case 'fault':
        device.store.fault = FAULTS[n % FAULTS.length];
        break;
      case 'flush':
        device.flush();
        break;
      case 'replenish':
        device.replenish(1 + (n % REPLENISHED_MAX));
        break;
      case 'link':
        this.#link(device);
        break;
      case 'remove':
        this.#remove(device, n);
        break;
    }
  }

  #send(device: TestDevice, n: number): void {
    const picked = this.#users.filter((_, i) => (n >> i) & 1);
    const to = picked.length === 0 ? this.#users : picked;
    this.#open.add(device.send(to, `line ${this.#world.journal.sent.size}`));
  }

  #link(device: TestDevice): void {
    const owned = this.#world.devicesOf(device.userId);
    if (owned.length >= DEVICES_PER_USER_MAX) return;
    device.store.fault = undefined;
    this.#world.link(device);
  }

  #remove(device: TestDevice, n: number): void {
    const others = this.#world.devicesOf(device.userId).filter((other) => other !== device);
    device.store.fault = undefined;
    withOne(others, n, (other) => this.#world.remove(device, other));
  }
}

function isAble(device: TestDevice, what: Deed): boolean {
  switch (what) {
    case 'post':
    case 'lose':
      return device.posts.length > 0;
    case 'claim':
      return device.claims.length > 0;
    case 'fetch':
      return device.fetch().length > 0;
    case 'again':
      return device.history.length > 0;
    case 'keep':
      return device.core.inbox().length > 0;
    case 'work':
      return device.posts.length + device.claims.length > 0;
    case 'send':
    case 'restart':
    case 'fault':
    case 'flush':
    case 'replenish':
    case 'link':
    case 'remove':
      return true;
  }
}

/** Takes in a part of the mailbox in some order, in one commit or in one each. */
function fetchSome(device: TestDevice, n: number): void {
  const mail = device.fetch();
  if (mail.length === 0) return;
  const start = n % mail.length;
  const turned = [...mail.slice(start), ...mail.slice(0, start)];
  const ordered = n & 1 ? turned.reverse() : turned;
  const some = ordered.slice(0, 1 + ((n >> 2) % mail.length));
  if (n & 2) device.takeIn(some);
  else for (const envelope of some) device.takeIn([envelope]);
}

/** Gives an envelope again; one that was done with changes nothing. */
function repeat(device: TestDevice, envelope: IncomingEnvelope): void {
  const isDone = device.done.has(envelope.envelopeId);
  device.store.fault = undefined;
  const before = isDone ? stateOf(device.log) : {};
  device.takeIn([envelope]);
  if (isDone) expect(stateOf(device.log)).toEqual(before);
}

function withOne<T>(items: readonly T[], n: number, use: (item: T) => void): void {
  const item = items[n % Math.max(1, items.length)];
  if (item !== undefined) use(item);
}
