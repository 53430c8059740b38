/**
 * The case of a seed. Each seed leaves some deeds and faults out (swarm testing): some mask what others
 * would show, and all of them compete for room.
 */

import { Dice } from '../dice.ts';
import { LIES } from './case.ts';
import type {
  Action,
  Case,
  CryptoName,
  Deed,
  DiskDeed,
  Knobs,
  Label,
  Lie,
  StoreName,
} from './case.ts';
import { drawDamage } from './draw-damage.ts';
import { drawDenials } from './draw-denials.ts';
import { drawDiskActions, drawDiskKnobs } from './draw-disks.ts';
import { drawReturns, drawTrust } from './draw-returns.ts';
import { drawThefts } from './draw-thefts.ts';
import type { DiskKnobs } from './draw-disks.ts';

/** What else is decided beside the seed. */
export interface DrawOptions {
  readonly crypto: CryptoName;
  /** Default: `memory`. */
  readonly store?: StoreName;
  /** Actions of the broken time, at most. */
  readonly actionsMax?: number;
}

const NAMES = ['ada', 'bo', 'cy', 'di'];
/** A user there is none of. */
const NOBODY = 'zoe';
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How long nothing breaks. */
const CALM_MS = 10 * MINUTE_MS;
/** How long a run may last. */
const SPANS_MS = [
  30 * MINUTE_MS,
  6 * HOUR_MS,
  2 * DAY_MS,
  12 * DAY_MS,
  40 * DAY_MS,
  // Longer than MAXRECV.
  100 * DAY_MS,
];
const ACTIONS_MAX = 120;

/** Those of the swarm; every other has dice of its own. */
const SWARM_LIES: readonly Lie[] = LIES.filter((how) => how !== 'nobodyThere');

/** All but those to disks. */
type WorldDeed = Exclude<
  Deed,
  DiskDeed | { do: 'own' | 'compromise' | 'replace' | 'relink' | 'beginAnew' }
>;

/** Some bursts are longer than a chain may grow without a turn, and have fewer than INITIATIONS_PER_HOUR. */
const BURST_LINES: readonly [least: number, most: number] = [54, 60];
const BURST_RATE = 0.02;

/** So many cuts are of everybody. */
const CLOG_RATE = 0.15;

/** How often each deed is drawn, where it is drawn at all. */
const WEIGHTS: readonly (readonly [deed: WorldDeed['do'], weight: number])[] = [
  ['send', 40],
  ['link', 3],
  ['remove', 2],
  ['reinstall', 2],
  ['crash', 10],
  ['reboot', 2],
  ['cut', 4],
  ['backup', 4],
  ['putBack', 4],
  ['clone', 1],
  ['setClock', 2],
  ['exhaust', 2],
  ['lie', 8],
  ['spoil', 3],
  ['seize', 4],
  ['flush', 2],
];

/** Draws the case of a seed. */
export function drawCase(
  seed: number,
  { crypto, store = 'memory', actionsMax = ACTIONS_MAX }: DrawOptions,
): Case {
  const dice = new Dice(seed, 'swarm');
  const diskDice = new Dice(seed, 'disks');
  const times = drawTimes(new Dice(seed, 'expiry'));
  const trust = drawTrust(new Dice(seed, 'trust'));
  const knobs = { ...drawKnobs(dice), ...drawDiskKnobs(diskDice), ...times, ...trust };
  const users = NAMES.slice(0, dice.between(2, NAMES.length));
  const others = new ActionDrawer(dice, users, knobs).draw(dice.between(20, actionsMax));
  const onDisks = drawDiskActions(diskDice, { store, knobs, others });
  const denials = drawDenials(new Dice(seed, 'denials'), { users, knobs, others });
  const damage = drawDamage(new Dice(seed, 'damage'), { users, knobs, others });
  const thefts = drawThefts(new Dice(seed, 'thefts'), { users, knobs, others });
  const returns = drawReturns(new Dice(seed, 'returns'), { users, knobs, others });
  const all = [...others, ...onDisks, ...denials, ...damage, ...thefts, ...returns];
  const actions = all.sort((a, b) => a.atMs - b.atMs);
  return { format: 1, seed, crypto, store, users, knobs, actions };
}

function drawKnobs(dice: Dice): Omit<Knobs, keyof DiskKnobs | 'trust'> {
  const spanMs = CALM_MS + (dice.pick(SPANS_MS) ?? HOUR_MS);
  const rate = (most: number): number => (dice.chance(0.5) ? 0 : dice.below(1000 * most) / 1000);
  const least = dice.between(1, 50);
  return {
    calmMs: CALM_MS,
    spanMs,
    oneTimeKeys: dice.pick([0, 1, 3, 10, 30]) ?? 3,
    delayMs: [least, least + dice.between(0, 5000)],
    lostRequests: rate(0.3),
    lostAnswers: rate(0.3),
    repeated: rate(0.3),
    shuffled: rate(0.6),
    lostNotices: rate(0.6),
    readMs: dice.pick([1, 500, 60_000, 10 * MINUTE_MS]) ?? 1,
    flushEvents: dice.pick([1, 8, 64]) ?? 8,
    pollMs: Math.floor(spanMs / dice.between(10, 60)),
    sweepMs: Math.max(HOUR_MS, Math.floor(spanMs / 40)),
    skewMs: dice.pick([0, 1000, HOUR_MS, 3 * DAY_MS]) ?? 0,
    identityModel: dice.chance(0.5) ? 'per-user' : 'per-device',
  };
}

/** How long sessions live: mostly as usual, else so short that a run sees their end. */
function drawTimes(dice: Dice): Pick<Knobs, 'latencyMs' | 'sendMs'> {
  const latencyMs = dice.pick([undefined, HOUR_MS, 6 * HOUR_MS, 2 * DAY_MS]);
  const sendMs = dice.pick([undefined, HOUR_MS, DAY_MS]);
  return { ...(latencyMs !== undefined && { latencyMs }), ...(sendMs !== undefined && { sendMs }) };
}

/** Draws actions one after the other, with an eye on who is there. */
class ActionDrawer {
  readonly #dice: Dice;
  readonly #users: readonly string[];
  readonly #knobs: Knobs;
  readonly #deeds: readonly WorldDeed['do'][];
  readonly #labels: Label[];
  /** Devices whose files were copied: only they can be put back. */
  readonly #backedUp: Label[] = [];
  readonly #linked = new Map<string, number>();

  constructor(dice: Dice, users: readonly string[], knobs: Knobs) {
    this.#dice = dice;
    this.#users = users;
    this.#knobs = knobs;
    this.#labels = users.map((name) => `${name}-1`);
    this.#deeds = this.#drawDeeds();
  }

  draw(count: number): Action[] {
    const actions = this.#firstLinks();
    const { calmMs, spanMs } = this.#knobs;
    let atMs = calmMs;
    const stepMs = Math.floor((2 * (spanMs - calmMs)) / (count + 1));
    for (let i = 0; i < count; i++) {
      // Half of all things happen soon after each other.
      atMs += this.#dice.chance(0.5) ? this.#dice.below(3000) : this.#dice.below(2 * stepMs);
      if (atMs >= spanMs) break;
      const deed = this.#drawDeed();
      if (deed === undefined) continue;
      if (deed.do === 'cut' && this.#dice.chance(CLOG_RATE)) actions.push(...this.#drawClog(atMs));
      else actions.push({ ...deed, atMs });
    }
    return actions.sort((a, b) => a.atMs - b.atMs);
  }

  /** Everybody is cut off, one after the other, and comes back in another order. */
  #drawClog(atMs: number): Action[] {
    return this.#labels.map((who, i) => {
      const forMs = MINUTE_MS * this.#dice.between(1, 60);
      return { do: 'cut', who, way: 'both', forMs, atMs: atMs + i * MINUTE_MS };
    });
  }

  /** Lies about heads and copies that run do not go together: nobody could tell then. */
  #drawDeeds(): WorldDeed['do'][] {
    const drawn = WEIGHTS.filter(([kind]) => kind === 'send' || this.#dice.chance(0.5));
    return drawn.flatMap(([kind, weight]) => Array.from({ length: weight }, () => kind));
  }

  #firstLinks(): Action[] {
    const actions: Action[] = [];
    for (const name of this.#users) {
      for (let more = this.#dice.below(3); more > 0; more--) {
        const atMs = 1000 + this.#dice.below(this.#knobs.calmMs / 2);
        actions.push({ atMs, do: 'link', by: `${name}-1`, as: this.#newLabel(name) });
      }
    }
    return actions.sort((a, b) => a.atMs - b.atMs);
  }

  #newLabel(name: string): Label {
    const count = (this.#linked.get(name) ?? 1) + 1;
    this.#linked.set(name, count);
    const label = `${name}-${count}`;
    this.#labels.push(label);
    return label;
  }

  #device(): Label {
    return this.#dice.pick(this.#labels) ?? 'ada-1';
  }

  #sister(label: Label): Label {
    const name = nameOf(label);
    const sisters = this.#labels.filter((each) => each !== label && nameOf(each) === name);
    return this.#dice.pick(sisters) ?? label;
  }

  #drawDeed(): WorldDeed | undefined {
    const dice = this.#dice;
    const who = this.#device();
    const kind = dice.pick(this.#deeds) ?? 'send';
    switch (kind) {
      case 'send': {
        const to = this.#users.filter(() => dice.chance(0.5));
        if (dice.chance(0.03)) to.push(NOBODY);
        const few = dice.chance(0.2) ? dice.between(2, 20) : 1;
        const lines = dice.chance(BURST_RATE) ? dice.between(...BURST_LINES) : few;
        return { do: 'send', by: who, to: to.length === 0 ? this.#users : to, lines };
      }
      case 'link':
        return { do: 'link', by: who, as: this.#newLabel(nameOf(who)) };
      case 'remove':
        return { do: 'remove', by: who, who: this.#sister(who) };
      case 'reinstall':
        return { do: 'reinstall', who, by: this.#sister(who), as: this.#newLabel(nameOf(who)) };
      case 'crash':
        return { do: 'crash', who, after: dice.pick([0, 1, 2, 3, 5, 8, 13, 30]) ?? 0 };
      case 'backup':
        this.#backedUp.push(who);
        return { do: 'backup', who };
      case 'reboot':
      case 'exhaust':
      case 'spoil':
      case 'seize':
      case 'flush':
        return { do: kind, who };
      case 'cut': {
        const way = dice.pick(['both', 'up', 'down'] as const) ?? 'both';
        const forMs = dice.below(this.#knobs.spanMs / 4);
        return { do: 'cut', who, way, forMs };
      }
      case 'putBack':
        return {
          do: 'putBack',
          who: dice.pick(this.#backedUp) ?? who,
          what: dice.pick(['log', 'vault', 'both'] as const) ?? 'both',
        };
      case 'clone':
        return { do: 'clone', who, as: `${who}~${dice.below(1000)}` };
      case 'setClock': {
        const byMs = dice.pick([-DAY_MS, -MINUTE_MS, MINUTE_MS, 30 * DAY_MS]) ?? 0;
        return { do: 'setClock', who, byMs };
      }
      case 'lie': {
        const isAmbiguous = this.#deeds.includes('clone') || this.#deeds.includes('putBack');
        const lies = SWARM_LIES.filter((lie) => !isAmbiguous || lie !== 'hideHeads');
        const how = dice.pick(lies) ?? 'holdMail';
        return { do: 'lie', how, forMs: dice.below(this.#knobs.spanMs / 8) };
      }
    }
  }
}

/** The user of a device. */
function nameOf(label: Label): string {
  return label.slice(0, label.indexOf('-'));
}
