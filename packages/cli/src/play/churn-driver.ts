/**
 * Carrying out the churn while lines flow. List changes and drops run in one row, kills in another;
 * a process in which a list change is going on is not killed, and none begins in one that is about
 * to be. A kill that does not come (its moment did not occur) is moved to another process.
 */

import type { Random } from '../random.ts';
import type { Cast, CastDevice } from './cast.ts';
import { KILL_SITES } from './host-pool.ts';
import type { HostPool } from './host-pool.ts';
import type { LineFeed } from './line-feed.ts';
import type { ChurnStep } from './plan.ts';
import type { PlayLine } from './room.ts';
import type { RelayKeeper } from './relay-keeper.ts';
import type { Watch } from './watch.ts';

/** What the driver works with. */
export interface ChurnDriverOptions {
  readonly steps: readonly ChurnStep[];
  readonly lines: readonly PlayLine[];
  readonly cast: Cast;
  readonly pool: HostPool;
  /** Absent where the relay is not ours; the plan holds no kill of it then. */
  readonly relay: RelayKeeper | undefined;
  readonly watch: Watch;
  readonly random: Random;
}

type Step<Kind extends ChurnStep['kind']> = Extract<ChurnStep, { kind: Kind }>;

/** Lines that a kill step may be overdue before no further line starts. */
const LAG_LINES_MAX = 20;
/** Lines, and milliseconds, after which an armed kill that did not come is moved. */
const PATIENCE_LINES = 25;
const PATIENCE_MS = 2500;
/** Times that one kill is moved before it is given up. */
const MOVES_MAX = 6;
/** A list change prefers somebody who speaks near it; this far it looks around. */
const NEIGHBOUR_LINES = 40;
/** Devices above which nobody gets one more. */
const DEVICES_MAX = 10;

/** Runs the steps of a plan. */
export class ChurnDriver {
  readonly #options: ChurnDriverOptions;
  readonly #feed: () => LineFeed;
  /** Where the row of kills stands. */
  #nextKillAt = Number.POSITIVE_INFINITY;
  #isWaitingForKill = false;
  #givenUp = 0;

  constructor(options: ChurnDriverOptions, feed: () => LineFeed) {
    this.#options = options;
    this.#feed = feed;
    this.#nextKillAt = this.#kills()[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Kills that never came to pass. */
  givenUp(): number {
    return this.#givenUp;
  }

  /** Lines wait while kills that are due lag behind, unless one of them waits for traffic. */
  isBehind(nextLine: number): boolean {
    return !this.#isWaitingForKill && nextLine > this.#nextKillAt + LAG_LINES_MAX;
  }

  /** Runs both rows to their ends. */
  async run(): Promise<void> {
    await Promise.all([this.#runKills(), this.#runRest()]);
  }

  #kills(): readonly (Step<'kill'> | Step<'relayKill'>)[] {
    return this.#options.steps.flatMap((step) =>
      step.kind === 'kill' || step.kind === 'relayKill' ? [step] : [],
    );
  }

  async #runKills(): Promise<void> {
    const { watch, pool, relay } = this.#options;
    for (const step of this.#kills()) {
      this.#nextKillAt = step.at;
      await this.#due(step.at);
      const isDone = step.kind === 'kill' ? await this.#kill(step) : await this.#killRelay(step);
      if (!isDone) this.#givenUp++;
      await watch.until(
        () => (relay?.isUp() ?? true) && everyHost(pool, (host) => pool.isUp(host)),
      );
    }
    this.#nextKillAt = Number.POSITIVE_INFINITY;
    watch.changed();
  }

  async #kill(step: Step<'kill'>): Promise<boolean> {
    const { pool, random } = this.#options;
    let after = step.after;
    for (let moves = 0; moves < MOVES_MAX && !this.#isOver(); moves++) {
      await this.#when(() => this.#freeHosts().length > 0);
      const host = random.pick(this.#freeHosts());
      const site = random.pick(KILL_SITES[step.during]);
      if (host === undefined || site === undefined) return false;
      await pool.arm(host, { site, after });
      if (await this.#patiently(() => !pool.isUp(host))) return true;
      await pool.disarm(host);
      if (!pool.isUp(host)) return true;
      after = 1;
    }
    return false;
  }

  async #killRelay(step: Step<'relayKill'>): Promise<boolean> {
    const { relay, random } = this.#options;
    if (relay === undefined) return false;
    const before = relay.kills;
    const site = random.pick(['post:before-commit', 'post:committed']) ?? 'post:committed';
    for (let { after } = step, moves = 0; moves < MOVES_MAX && !this.#isOver(); moves++) {
      await relay.arm({ site, after });
      if (await this.#patiently(() => relay.kills > before)) return true;
      after = 1;
    }
    await relay.disarm();
    return relay.kills > before;
  }

  /** True if it came to pass; false after some lines, some time, or the end of the lines. */
  async #patiently(condition: () => boolean): Promise<boolean> {
    const { watch } = this.#options;
    const line = this.#feed().started();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      watch.changed();
    }, PATIENCE_MS);
    this.#isWaitingForKill = true;
    watch.changed();
    try {
      await watch.until(
        () =>
          condition() ||
          (isLate && this.#feed().started() >= line + PATIENCE_LINES) ||
          (isLate && this.#isOver()),
      );
      return condition();
    } finally {
      clearTimeout(timer);
      this.#isWaitingForKill = false;
    }
  }

  async #runRest(): Promise<void> {
    for (const step of this.#options.steps) {
      if (step.kind === 'kill' || step.kind === 'relayKill') continue;
      await this.#due(step.at);
      if (step.kind === 'drop') await this.#drop();
      if (step.kind === 'link') await this.#link(step.at);
      if (step.kind === 'remove') await this.#remove(step.at);
    }
  }

  async #drop(): Promise<void> {
    const { cast, pool, random } = this.#options;
    const open = (): readonly CastDevice[] =>
      cast.all().filter((device) => device.state === 'open' && pool.isFree(device.host));
    await this.#when(() => open().length > 0);
    const device = random.pick(open());
    if (device !== undefined) await pool.hold([device.host], () => cast.drop(device));
  }

  async #link(at: number): Promise<void> {
    const { cast, pool, random } = this.#options;
    const user = this.#userNear(at, (devices) => devices.length < DEVICES_MAX);
    if (user === undefined) return;
    const host = random.integer(0, pool.count() - 1);
    const approvers = (): readonly CastDevice[] => this.#calmDevices(user);
    await this.#when(() => pool.isCalm(host) && approvers().length > 0);
    const approver = random.pick(approvers());
    if (approver === undefined) return;
    await pool.hold([host, approver.host], () => cast.link(approver, host));
  }

  /** A device is removed once every line it sends is settled. */
  async #remove(at: number): Promise<void> {
    const { cast, pool, random } = this.#options;
    const user = this.#userNear(at, (devices) => devices.filter(isOpen).length > 1);
    if (user === undefined) return;
    const device = random.pick(cast.devicesOf(user).filter(isOpen));
    if (device === undefined) return;
    device.state = 'leaving';
    const removers = (): readonly CastDevice[] => this.#calmDevices(user);
    await this.#when(
      () => device.lines.size === 0 && pool.isCalm(device.host) && removers().length > 0,
    );
    const remover = random.pick(removers());
    if (remover === undefined) return;
    await pool.hold([device.host, remover.host], () => cast.remove(device, remover));
  }

  /** Somebody who speaks near this line and whose devices fit. */
  #userNear(at: number, fits: (devices: readonly CastDevice[]) => boolean): string | undefined {
    const { lines, cast, random } = this.#options;
    const near = lines.slice(Math.max(0, at - NEIGHBOUR_LINES), at + NEIGHBOUR_LINES);
    const speakers = [...new Set(near.map((line) => line.from))];
    const fitting = speakers.filter((user) => fits(cast.devicesOf(user)));
    return random.pick(
      fitting.length > 0 ? fitting : cast.users().filter((user) => fits(cast.devicesOf(user))),
    );
  }

  #calmDevices(user: string): readonly CastDevice[] {
    const { cast, pool } = this.#options;
    return cast.devicesOf(user).filter((device) => isOpen(device) && pool.isCalm(device.host));
  }

  #freeHosts(): readonly number[] {
    const { pool } = this.#options;
    return Array.from({ length: pool.count() }, (_, host) => host).filter((host) =>
      pool.isFree(host),
    );
  }

  /** Kills and changes begin when their line has started, or when there are no more lines. */
  async #due(at: number): Promise<void> {
    await this.#options.watch.until(() => this.#feed().started() > at || this.#isOver());
  }

  /** Waits until a condition holds at the very moment the caller goes on. */
  async #when(condition: () => boolean): Promise<void> {
    // Another waiter that was woken by the same change may have gone first.
    while (!condition()) await this.#options.watch.until(condition);
  }

  #isOver(): boolean {
    return this.#feed().isDone();
  }
}

function isOpen(device: CastDevice): boolean {
  return device.state === 'open';
}

function everyHost(pool: HostPool, condition: (host: number) => boolean): boolean {
  return Array.from({ length: pool.count() }, (_, host) => host).every(condition);
}
