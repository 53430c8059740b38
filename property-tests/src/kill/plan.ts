/** Which deaths a run draws: every named place a fixed number of times, the rest at random moments. */

import type { Dice } from './dice.ts';
import { createDice, shuffled } from './dice.ts';
import { isCreation, needsTornVault, SITES } from './sites.ts';
import type { Site } from './sites.ts';

/** One death. */
export type Death =
  /** At a place, the `count`-th time it is passed in this life. */
  | { readonly kind: 'site'; readonly site: Site; readonly count: number }
  /** From outside, so long after so many steps of this life; before the first one it is opening. */
  | { readonly kind: 'moment'; readonly steps: number; readonly delayUs: number };

/** Deaths that befall one device after the other. */
export type WorldPlan = readonly Death[];

/** Of a thousand kills, how many each place gets. */
const PER_MILLE = 20;
/** A log is read whole after each death, so worlds stay small. */
const DEATHS_PER_WORLD = 12;
const STEPS_MAX = 24;
const DELAY_US_MAX = 2500;
/** An opening takes longer than a step. */
const OPENING_US_MAX = 25_000;

/** Times each place is hit in a run of so many kills; none where they are fewer than the places. */
export function hitsPerSite(count: number): number {
  return Math.max(count >= SITES.length ? 1 : 0, Math.floor((count * PER_MILLE) / 1000));
}

/** Deals the deaths of a run to worlds. */
export function drawPlans(count: number, seed: number): readonly WorldPlan[] {
  const dice = createDice(seed, 'plan');
  const each = hitsPerSite(count);
  const sites = SITES.flatMap((site) => Array.from({ length: each }, () => siteDeath(site, dice)));
  const moments = Array.from({ length: count - sites.length }, () => momentDeath(dice));
  const worlds = Math.max(1, Math.round(count / DEATHS_PER_WORLD));
  const plans = Array.from({ length: worlds }, (): Death[] => []);
  const deal = (deaths: readonly Death[]): void =>
    shuffled(deaths, dice).forEach((death, i) => plans[i % worlds]?.push(death));
  const isSite = (is: (site: Site) => boolean) => (death: Death) =>
    death.kind === 'site' && is(death.site);
  const made = sites.filter(isSite(isCreation));
  const torn = sites.filter(isSite(needsTornVault));
  deal([...sites.filter((death) => !made.includes(death) && !torn.includes(death)), ...moments]);
  const ordered = plans.map((plan) => shuffled(plan, dice));
  // A new log passes its places once, at the start; a torn vault is opened after it was torn.
  shuffled(torn, dice).forEach((death, i) => insertAfterTear(ordered[i % worlds] ?? [], death));
  shuffled(made, dice).forEach((death, i) => ordered[i % worlds]?.unshift(death));
  return ordered;
}

/** Places at which a vault is left that the next opening has to mend. */
const TEARS: ReadonlySet<string> = new Set([
  'vault:copy-written',
  'vault:copy-synced',
  'vault:before-zero',
]);

function insertAfterTear(plan: Death[], death: Death): void {
  const isFree = (at: number): boolean => {
    const [here, next] = [plan[at], plan[at + 1]];
    const tears = here?.kind === 'site' && TEARS.has(here.site);
    return tears && !(next?.kind === 'site' && needsTornVault(next.site));
  };
  const at = plan.findIndex((_, i) => isFree(i));
  if (at === -1) plan.push(death);
  else plan.splice(at + 1, 0, death);
}

function siteDeath(site: Site, dice: Dice): Death {
  return { kind: 'site', site, count: 1 + dice(timesPassed(site)) };
}

/** About how often one life passes a place. */
function timesPassed(site: Site): number {
  if (site === 'create:write') return 4;
  if (isCreation(site) || site.startsWith('open:')) return 1;
  if (site === 'flush:write') return 12;
  return site.startsWith('commit:') ? 12 : 4;
}

function momentDeath(dice: Dice): Death {
  const steps = dice(STEPS_MAX);
  return { kind: 'moment', steps, delayUs: dice(steps === 0 ? OPENING_US_MAX : DELAY_US_MAX) };
}
