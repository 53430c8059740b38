/** One case, once: its world played to the end, and what came of it. */

import { nodeCrypto } from '@simsim/crypto/node';
import { nobleCrypto } from '@simsim/crypto/noble';
import type { Crypto } from '@simsim/crypto';
import type { LogSabotage } from '@simsim/event-log';
import type { WasmSqlite } from '@simsim/event-log-sqlite/power-loss';
import type { Sabotage } from '@simsim/sesame';
import { UnknownActionError } from './actions/own-action.ts';
import type { OwnAction } from './actions/own-action.ts';
import type { Case, Label } from './case/case.ts';
import type { Situations } from './case/situations.ts';
import type { ShellSabotage } from './device/shell-sabotage.ts';
import type { DiskSabotage } from './disk/disk.ts';
import type { StorePart } from './disk/store-parts.ts';
import { withoutOutside } from './guard.ts';
import { INVARIANTS } from './invariants/all-invariants.ts';
import { InvariantBroken } from './invariants/invariant.ts';
import type { Invariant } from './invariants/invariant.ts';
import { laterRelease } from './release/later-release.ts';
import type { ReleaseSabotage } from './release/later-release.ts';
import { createSymbolicCrypto } from './symbolic/index.ts';
import { play } from './world/play.ts';
import type { TraceLine } from './world/trace.ts';
import { World } from './world/world.ts';

/** How a case is run. */
export interface RunOptions {
  /** Actions of your own. */
  readonly actions?: readonly OwnAction[];
  /** Default: all of the house. */
  readonly invariants?: readonly Invariant[];
  /** What is planted; nothing by default. */
  readonly plant?: Plant;
  /** Whether the lines of the trace are kept. */
  readonly keepsTrace?: boolean;
  /**
   * Stores of your own, one for each device, in the place of those of cases whose store is not `disk`.
   * The same case is the same run as far as they are.
   */
  readonly newStore?: (label: Label) => StorePart;
  /** SQLite in WebAssembly, for cases whose store is `disk`; `loadWasmSqlite` loads it. */
  readonly wasm?: WasmSqlite;
}

/** A bug that is planted, for proving that an invariant sees it. */
export interface Plant {
  readonly sabotage?: readonly Sabotage[];
  readonly logSabotage?: LogSabotage;
  readonly disk?: DiskSabotage;
  readonly shellSabotage?: readonly ShellSabotage[];
  readonly release?: ReleaseSabotage;
  /** Puts a broken backend in the place of the right one. */
  readonly crypto?: (crypto: Crypto) => Crypto;
}

/** What does not hold. */
export interface Failure {
  readonly invariant: string;
  readonly detail: string;
}

/** What came of a run. */
export interface RunResult {
  readonly failure: Failure | undefined;
  /** Hash of all that happened, in hex. */
  readonly trace: string;
  readonly lines: readonly TraceLine[];
  readonly situations: Situations;
  /** Copies of messages that applications got. */
  readonly delivered: number;
  readonly tasks: number;
}

/** Something threw that nothing of ours may throw: no invariant of the list is needed to see it. */
export const CRASHED = 'S0';

/**
 * Runs a case. Nothing of the outside comes in.
 *
 * Throws: {@link UnknownActionError} where the case has an action that `actions` does not.
 */
export function runCase(one: Case, options: RunOptions = {}): RunResult {
  const unknown = unknownAction(one, options);
  if (unknown !== undefined) throw new UnknownActionError(unknown);
  const run = (): RunResult => {
    const world = createWorld(one, options);
    const failure = failureOf(() => play(world));
    return {
      failure,
      trace: world.trace.digest(),
      lines: world.trace.lines,
      situations: world.situations,
      delivered: world.ledger.delivered,
      tasks: world.agenda.done,
    };
  };
  return withoutOutside(run, { allowsBlinding: one.crypto !== 'symbolic' });
}

/** The world of a case, before anything happened in it. */
export function createWorld(one: Case, options: RunOptions): World {
  const { invariants = INVARIANTS, actions = [], plant = {}, keepsTrace = false } = options;
  const symbolic = one.crypto === 'symbolic' ? createSymbolicCrypto() : undefined;
  const plain = symbolic?.crypto ?? (one.crypto === 'node' ? nodeCrypto : nobleCrypto);
  const { sabotage = [], logSabotage = {}, disk: diskSabotage = {}, shellSabotage = [] } = plant;
  return new World(one, {
    crypto: plant.crypto?.(plain) ?? plain,
    symbolic,
    invariants,
    sabotage: new Set(sabotage),
    logSabotage,
    diskSabotage,
    shellSabotage: new Set(shellSabotage),
    laterRelease: laterRelease(plant.release),
    actions: new Map(actions.map((each) => [each.name, each])),
    keepsTrace,
    wasm: options.wasm,
    newStore: options.newStore,
  });
}

function unknownAction(one: Case, { actions = [] }: RunOptions): string | undefined {
  const names = new Set(actions.map(({ name }) => name));
  const own = one.actions.flatMap((action) => (action.do === 'own' ? [action.name] : []));
  return own.find((name) => !names.has(name));
}

function failureOf(act: () => void): Failure | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof InvariantBroken) {
      return { invariant: error.invariant, detail: error.detail };
    }
    if (error instanceof Error) return { invariant: CRASHED, detail: error.message };
    throw error;
  }
}
