/**
 * Broken variants of our own code, and the invariant that each of them breaks. An invariant that catches
 * none of its saboteurs proves nothing. They sit behind the test-only seams; production passes none.
 */

import {
  keepingRoots,
  keepingStreamKeys,
  rootsWithoutTurns,
  standingChains,
  tellingKeys,
  tellingSeeds,
} from './broken-crypto.ts';
import { drawCase } from './case/draw-case.ts';
import { INVARIANTS } from './invariants/all-invariants.ts';
import { runCase } from './run-case.ts';
import type { Plant } from './run-case.ts';

/** One planted bug. */
export interface Saboteur {
  /** What is broken, in a few words. */
  readonly id: string;
  /** The invariant that must see it. */
  readonly invariant: string;
  readonly plant: Plant;
  /** A seed that shows it at once. */
  readonly seed: number;
}

/** Every saboteur. */
export const SABOTEURS: readonly Saboteur[] = [
  {
    id: 'sending chain not moved on',
    invariant: 'S1',
    plant: { sabotage: ['rewind-chain'] },
    seed: 1,
  },
  {
    id: 'nothing remembered as received',
    invariant: 'S4',
    plant: { sabotage: ['forget-dedupe'] },
    seed: 1,
  },
  {
    id: 'used one-time prekey kept',
    invariant: 'S5',
    plant: { sabotage: ['keep-one-time-key'] },
    seed: 2,
  },
  {
    id: 'record changed without an event',
    invariant: 'S6',
    plant: { sabotage: ['silent-user-change'] },
    seed: 4,
  },
  {
    id: 'round sent to removed devices',
    invariant: 'S11',
    plant: { sabotage: ['send-to-stale'] },
    seed: 4,
  },
  {
    id: 'refused round counted as taken',
    invariant: 'L1',
    plant: { sabotage: ['drop-rejected-round'] },
    seed: 4,
  },
  {
    id: 'no copy for own devices',
    invariant: 'L1',
    plant: { sabotage: ['skip-own-devices'] },
    seed: 1,
  },
  {
    id: 'damaged mail dropped',
    invariant: 'L1',
    plant: { sabotage: ['drop-damaged-mail'] },
    seed: 4,
  },
  {
    id: 'session not activated by a message',
    invariant: 'L2',
    plant: { sabotage: ['ignore-session-activation'] },
    seed: 1,
  },
  {
    id: 'each initiation begins a session',
    invariant: 'L1',
    plant: { sabotage: ['new-session-each-initiation'] },
    seed: 1,
  },
  {
    id: 'used one-time KEM prekey kept',
    invariant: 'S5',
    plant: { sabotage: ['keep-one-time-kem-key'] },
    seed: 2,
  },
  {
    id: 'root key kept next to its chain',
    invariant: 'P1',
    plant: { crypto: keepingRoots },
    seed: 4,
  },
  {
    id: 'stream key of the log not moved on',
    invariant: 'P1',
    plant: { crypto: keepingStreamKeys },
    seed: 1,
  },
  { id: 'chain key not moved on', invariant: 'P1', plant: { crypto: standingChains }, seed: 4 },
  {
    id: 'vault that never follows',
    invariant: 'P1',
    plant: { logSabotage: { keepsOldKeys: true } },
    seed: 2,
  },
  {
    id: 'vault that never follows, seen from its slots',
    invariant: 'S7',
    plant: { logSabotage: { keepsOldKeys: true } },
    seed: 15,
  },
  {
    id: 'stream key not moved on, seen from its slots',
    invariant: 'S7',
    plant: { crypto: keepingStreamKeys },
    seed: 1,
  },
  {
    id: 'replaced page copies left in the file',
    invariant: 'P2',
    plant: { logSabotage: { keepsOldCopies: true } },
    seed: 2,
  },
  {
    id: 'vault that never follows, within its window',
    invariant: 'P2',
    plant: { logSabotage: { keepsOldKeys: true } },
    seed: 8,
  },
  {
    id: 'root key without its Diffie-Hellman',
    invariant: 'P3',
    plant: { crypto: rootsWithoutTurns },
    seed: 1,
  },
  {
    id: 'streams that keep their slots for ever',
    invariant: 'P3',
    plant: { logSabotage: { keepsOldSlots: true } },
    seed: 1,
  },
  {
    id: 'keychain that forgets nothing',
    invariant: 'P6',
    plant: { disk: { keepsKeys: true } },
    seed: 2,
  },
  {
    id: 'rotation that keeps the master key',
    invariant: 'P6',
    plant: { logSabotage: { keepsMaster: true } },
    seed: 2,
  },
  { id: 'message key on the wire', invariant: 'P4', plant: { crypto: tellingKeys }, seed: 1 },
  {
    id: 'seed of a message key on the wire',
    invariant: 'P4',
    plant: { crypto: tellingSeeds },
    seed: 4,
  },
];

/** How a search for a saboteur went. */
export interface Hunt {
  readonly id: string;
  readonly invariant: string;
  readonly caught: boolean;
  /** Seeds it took. */
  readonly seeds: number;
}

/** Looks for a saboteur from a seed on; its invariant alone is watched. */
export function hunt(saboteur: Saboteur, from: number, isTimeLeft: () => boolean): Hunt {
  const { id, invariant, plant } = saboteur;
  const invariants = INVARIANTS.filter((each) => each.id === invariant);
  for (let seeds = 1; ; seeds++) {
    const one = drawCase(from + seeds - 1, { crypto: 'symbolic' });
    const { failure } = runCase(one, { plant, invariants });
    const caught = failure?.invariant === invariant;
    if (caught || !isTimeLeft()) return { id, invariant, caught, seeds };
  }
}
