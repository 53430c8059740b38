/** A world that somebody else drives, step by step. */

import type { ActingWorld } from '../actions/acting-world.ts';
import type { Case, CryptoName, Deed, Knobs, Label } from '../case/case.ts';
import { drawCase } from '../case/draw-case.ts';
import { withoutOutside } from '../guard.ts';
import { createWorld } from '../run-case.ts';
import type { RunOptions } from '../run-case.ts';
import { actingWorld } from './act-own.ts';
import { act } from './deeds.ts';
import { begin, rest } from './play.ts';
import type { World } from './world.ts';

/** What a world begins with. */
export interface SteppedWorldOptions extends RunOptions {
  /** Default 1. */
  readonly seed?: number;
  /** Default `symbolic`. */
  readonly crypto?: CryptoName;
  /** Users, each with a first device `<name>-1`; default `ada` and `bo`. */
  readonly users?: readonly string[];
  /** Over {@link CALM_KNOBS}. */
  readonly knobs?: Partial<Knobs>;
}

const MINUTE_MS = 60_000;

/** A wire that loses nothing; only deeds break something. */
export const CALM_KNOBS: Partial<Knobs> = {
  calmMs: 0,
  spanMs: Number.POSITIVE_INFINITY,
  delayMs: [1, 50],
  lostRequests: 0,
  lostAnswers: 0,
  repeated: 0,
  shuffled: 0,
  lostNotices: 0,
  readMs: 1,
  pollMs: MINUTE_MS,
  sweepMs: 60 * MINUTE_MS,
  skewMs: 0,
};

/** A world. Order: `act` and `pass` as often as you like, then `rest` once. */
export class SteppedWorld {
  readonly #world: World;
  readonly #allowsBlinding: boolean;
  #steps = 0;

  constructor(options: SteppedWorldOptions = {}) {
    const one = caseOf(options);
    this.#allowsBlinding = one.crypto !== 'symbolic';
    this.#world = this.#within(() => {
      const world = createWorld(one, options);
      begin(world);
      world.passUntil(MINUTE_MS);
      world.wire.isFaulty = true;
      return world;
    });
  }

  /** Devices that live, by their labels. */
  get labels(): readonly Label[] {
    return this.#world.living().map(({ machine }) => machine.label);
  }

  /** Hash of all that happened so far, in hex. */
  get trace(): string {
    return this.#world.trace.digest();
  }

  /**
   * Does one deed of the house, now.
   *
   * Throws: `InvariantBroken` where something does not hold.
   */
  act(deed: Deed): void {
    this.do((world) => world.act(deed));
  }

  /** Does something of your own, a millisecond later; the world is looked at here. Throws as `act` does. */
  do<T>(doing: (world: ActingWorld) => T): T {
    const label = `step/${this.#steps++}`;
    return this.#within(() => {
      this.#world.passUntil(this.#world.elapsedMs + 1);
      return doing(actingWorld(this.#world, label, (action) => act(this.#world, action)));
    });
  }

  /** Lets time pass. Throws as `act` does. */
  pass(ms: number): void {
    this.#within(() => this.#world.passUntil(this.#world.elapsedMs + ms));
  }

  /** Faults end, everybody speaks once more, and what holds in the end is looked at. Throws as `act` does. */
  rest(): void {
    this.#within(() => rest(this.#world));
  }

  #within<T>(work: () => T): T {
    return withoutOutside(work, { allowsBlinding: this.#allowsBlinding });
  }
}

function caseOf({ seed = 1, crypto = 'symbolic', users, knobs }: SteppedWorldOptions): Case {
  const drawn = drawCase(seed, { crypto });
  return {
    ...drawn,
    users: users ?? ['ada', 'bo'],
    knobs: { ...drawn.knobs, oneTimeKeys: 10, flushEvents: 8, ...CALM_KNOBS, ...knobs },
    actions: [],
  };
}
