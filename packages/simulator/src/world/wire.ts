/** The way between devices and the relay: what is lost, late, twice, and cut. */

import type { RelayOutcome, RelayRequest } from '@simsim/relay-protocol';
import type { Knobs } from '../case/case.ts';
import type { Situation } from '../case/situations.ts';
import type { Machine } from '../device/machine.ts';
import { Dice } from '../dice.ts';
import type { Agenda } from './agenda.ts';

/** How long a device waits for an answer. */
const TIMEOUT_MS = 10_000;

/** What a wire runs through. */
export interface WireParts {
  readonly seed: number;
  readonly knobs: Knobs;
  readonly agenda: Agenda;
  readonly met: (situation: Situation) => void;
}

/** A request on its way. */
export interface Errand {
  readonly machine: Machine;
  readonly kind: RelayRequest['kind'];
  /** What happens when it comes to the relay. */
  readonly reach: () => RelayOutcome;
}

/** Carries requests and answers. */
export class Wire {
  readonly #parts: WireParts;
  /** Whether anything may be lost, late or twice. */
  isFaulty = false;

  constructor(parts: WireParts) {
    this.#parts = parts;
  }

  /** Sends a request; the answer comes later, or nothing does. */
  exchange(
    { machine, kind, reach }: Errand,
    then: (outcome: RelayOutcome | undefined) => void,
  ): void {
    const { agenda } = this.#parts;
    const dice = this.#diceOf(machine);
    const nothing = (): void => agenda.after(TIMEOUT_MS, () => then(undefined));
    if (this.#isLost(machine, 'up', dice)) {
      nothing();
      return;
    }
    agenda.after(this.#delay(dice), () => {
      if (this.#isRepeated(kind, dice)) reach();
      const outcome = reach();
      if (this.#isLost(machine, 'down', dice)) nothing();
      else agenda.after(this.#delay(dice), () => then(outcome));
    });
  }

  /** Sends a request and waits for the answer: nothing else happens meanwhile. */
  ask({ machine, reach }: Errand): RelayOutcome | undefined {
    const dice = this.#diceOf(machine);
    if (this.#isLost(machine, 'up', dice)) return undefined;
    const outcome = reach();
    return this.#isLost(machine, 'down', dice) ? undefined : outcome;
  }

  /** Tells a device something without being asked. */
  notify(machine: Machine, tell: () => void): void {
    const { knobs, agenda, met } = this.#parts;
    const dice = this.#diceOf(machine);
    if (machine.cuts.has('down')) return;
    if (this.isFaulty && dice.chance(knobs.lostNotices)) {
      met('answer lost');
      return;
    }
    agenda.after(this.#delay(dice), tell);
  }

  #diceOf(machine: Machine): Dice {
    return new Dice(this.#parts.seed, `wire/${machine.label}/${machine.requests++}`);
  }

  #isLost(machine: Machine, way: 'up' | 'down', dice: Dice): boolean {
    const { knobs, met } = this.#parts;
    if (machine.cuts.has(way)) {
      met(way === 'up' ? 'device cut off' : 'device heard but not answered');
      return true;
    }
    const rate = way === 'up' ? knobs.lostRequests : knobs.lostAnswers;
    if (!this.isFaulty || !dice.chance(rate)) return false;
    met(way === 'up' ? 'request lost' : 'answer lost');
    return true;
  }

  /** Of what may be repeated: a device that hears no answer asks again with the same bytes. */
  #isRepeated(kind: RelayRequest['kind'], dice: Dice): boolean {
    const { knobs, met } = this.#parts;
    const isIdempotent = kind === 'claimKeys' || kind === 'ack' || kind === 'fetch';
    if (!this.isFaulty || !isIdempotent || !dice.chance(knobs.repeated)) return false;
    met('request repeated');
    return true;
  }

  #delay(dice: Dice): number {
    const [least, most] = this.#parts.knobs.delayMs;
    return this.isFaulty ? dice.between(least, most) : least;
  }
}
