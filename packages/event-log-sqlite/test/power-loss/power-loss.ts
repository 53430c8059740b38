/** One disk through several crashes: live, lose power, start again, judge what is there. */

import type { Result } from '@simsim/bytes';
import { seededEntropy } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import { rebuildProjections, StoreFailure, verifyChain } from '@simsim/event-log';
import type { EventLog, RecordFold, StoreRefusal } from '@simsim/event-log';
import { openSqliteLog, openSqliteReader, openVaultReader } from '../../src/index.ts';
import type { FileSystem, SqliteDriver, SqliteLogOptions } from '../../src/index.ts';
import { thisProcess } from '../../src/lease.ts';
import { clearHeaders } from '../../src/vault-image.ts';
import { checkStructure } from '../../src/verify-log.ts';
import { KEY, text } from '../files.ts';
import { FaultDisk, filesOf, NO_FAULTS } from '../../src/power-loss/fault-disk.ts';
import type { Faults } from '../../src/power-loss/fault-disk.ts';
import { EMPTY, expectation, nextStep, observation } from './life.ts';
import type { Model, Said, Step } from './life.ts';
import type { WasmSqlite } from '../../src/power-loss/load-wasm.ts';
import { oftenCheckpointing } from '../../src/power-loss/often-checkpointing.ts';
import { createRandom } from '../../src/power-loss/random.ts';
import type { Random } from '../../src/power-loss/random.ts';

/** A kind of disk and what is promised on it. */
export interface Mode {
  readonly name: string;
  /**
   * - `everything`: it opens, and all that was acknowledged is there.
   * - `prefix`: it is refused, or `verify` finds it out, or what the events say is exactly what
   *   they said at some earlier moment. Rows in no chain may be older than that.
   */
  readonly promise: 'everything' | 'prefix';
  faults(random: Random): Partial<Faults>;
}

/** Something broken on purpose, which the judge must notice. */
export interface Saboteur {
  readonly driver?: (driver: SqliteDriver) => SqliteDriver;
  readonly files?: (files: FileSystem) => FileSystem;
  readonly open?: (options: SqliteLogOptions) => Result<{ readonly log: EventLog }, StoreRefusal>;
  /** The message leaves before its commit is durable. */
  readonly sendsEarly?: true;
  /** Nobody runs `verify`. */
  readonly isTrusting?: true;
}

/** What a run met, so that one can see that it met anything. */
export interface Tally {
  crashes: number;
  acknowledged: number;
  inDoubtKept: number;
  inDoubtLost: number;
  /** Openings that found the last commits gone. */
  lostTail: number;
  /** Openings whose damage `verify` found. */
  found: number;
  /** Openings that found rows older than the events. */
  staleRows: number;
  failures: number;
  /** Openings in the middle of a rotation of the vault's master key. */
  rotating: number;
  readonly refused: Record<string, number>;
  failedSyncs: number;
  lies: number;
  full: number;
}

export function newTally(): Tally {
  return {
    crashes: 0,
    acknowledged: 0,
    inDoubtKept: 0,
    inDoubtLost: 0,
    lostTail: 0,
    found: 0,
    staleRows: 0,
    failures: 0,
    rotating: 0,
    refused: {},
    failedSyncs: 0,
    lies: 0,
    full: 0,
  };
}

/** A promise that was broken. */
class Broken extends Error {}

/** What to run. */
export interface Run {
  readonly wasm: WasmSqlite;
  readonly mode: Mode;
  readonly seed: number;
  /** Crashes of this one disk, unless it is given up earlier. */
  readonly crashes: number;
  readonly tally: Tally;
  readonly saboteur?: Saboteur;
}

interface Machine {
  readonly run: Run;
  readonly random: Random;
  readonly mount: string;
  readonly options: Omit<SqliteLogOptions, 'files' | 'driver' | 'lease'>;
  disk: FaultDisk;
  starts: number;
  openings: number;
  /** The last opening whose process was killed. */
  killed: number;
  model: Model;
  /** The batch whose commit failed: it may be there or not. */
  inDoubt: Step | undefined;
  /** Every state there ever was, by `seq`. */
  readonly history: Map<number, Model>;
  readonly hashes: Map<number, string>;
  readonly spentKeys: Set<string>;
}

/** Runs one disk. Answers its trace. Throws: {@link Broken} where a promise does not hold. */
export function runDisk(run: Run): readonly string[] {
  const random = createRandom(run.seed);
  const mount = `${run.mode.name.replaceAll(' ', '-')}-${run.seed}`;
  const trace: string[] = [];
  const onStep = (what: string): void => void trace.push(what);
  const machine: Machine = {
    run,
    random,
    mount,
    options: {
      path: `/${mount}/log.db`,
      vaultPath: `/${mount}/vault`,
      crypto: nodeCrypto,
      entropy: seededEntropy(text(`power loss ${run.seed}`), nodeCrypto),
      key: KEY,
      ifMissing: 'create',
      wipe: random.pick(['strict', 'strict', 'lazy'] as const),
      ...vaultOf(run.seed, random.pick([8, 90])),
      ...(random.oneIn(3) ? { walBytes: 40_000 } : {}),
    },
    disk: new FaultDisk(random, faultsOf(run.mode, random), { onStep }),
    starts: 0,
    openings: 0,
    killed: 0,
    model: EMPTY,
    inDoubt: undefined,
    history: new Map([[0, EMPTY]]),
    hashes: new Map(),
    spentKeys: new Set(),
  };
  for (let crash = 0; crash < run.crashes; crash++) {
    machine.starts++;
    run.wasm.vfs.mount(mount, machine.disk);
    const isOver = live(machine);
    machine.disk.pullPlug();
    endOfDisk(machine);
    if (isOver === 'given-up') break;
    run.tally.crashes++;
    machine.disk = machine.disk.restarted(faultsOf(run.mode, random));
  }
  return trace;
}

/**
 * Every second disk has a vault of some pages and replaces its master key all the time; of these
 * every second one as slowly as possible: page by page as they change anyway.
 */
function vaultOf(seed: number, poolMin: number): Partial<SqliteLogOptions> {
  if (seed % 2 === 1) return { poolMin };
  return { poolMin: 250, rotates: 'always', rotatePages: seed % 4 === 0 ? 0 : 1 };
}

function faultsOf(mode: Mode, random: Random): Faults {
  const crashAt = random.oneIn(6) ? 0 : 1 + random.below(random.pick([30, 200, 700]));
  const style = random.pick(['lost', 'torn', 'reordered'] as const);
  return { ...NO_FAULTS, crashAt, style, ...mode.faults(random) };
}

function endOfDisk({ disk, run: { tally } }: Machine): void {
  tally.failedSyncs += disk.met.failedSyncs;
  tally.lies += disk.met.lies;
  tally.full += disk.met.full;
}

const OPENINGS_MAX = 8;
const ROUNDS_MAX = 30;

/** From a start of the machine to the moment before its power fails. */
function live(machine: Machine): 'crashed' | 'given-up' {
  const { disk, random, run } = machine;
  for (let opening = 0; opening < OPENINGS_MAX; opening++) {
    const opened = open(machine);
    if (disk.isDead) {
      if (opened.ok) closeAnyway(opened.value.log);
      return 'crashed';
    }
    if (!opened.ok) {
      if (refused(machine, opened.error) === 'given-up') return 'given-up';
      continue;
    }
    const { log } = opened.value;
    const verdict = judge(machine, log);
    if (verdict !== 'sound') {
      closeAnyway(log);
      return verdict;
    }
    const end = work(machine, log);
    // A process may also die by itself: no power is lost, but nothing is closed properly.
    if (random.oneIn(3)) kill(machine);
    closeAnyway(log);
    if (disk.isDead || (end !== 'failed' && random.oneIn(2))) return 'crashed';
    if (end === 'failed') run.tally.failures++;
    if (end === 'failed' && random.oneIn(2)) disk.suffer({ capacity: Infinity });
  }
  return 'crashed';
}

function kill(machine: Machine): void {
  machine.killed = machine.openings;
  machine.run.wasm.vfs.mount(machine.mount, machine.disk);
}

/** A refusal is fine on a lying disk for ever, on a failing one while it fails. */
function refused({ run, disk }: Machine, { code, detail }: StoreRefusal): 'on' | 'given-up' {
  run.tally.refused[code] = (run.tally.refused[code] ?? 0) + 1;
  if (run.mode.promise === 'prefix') return 'given-up';
  const isFailing = code === 'STORE_FAILED' || code === 'VAULT_FAILED';
  const wasFaulty = disk.met.failedSyncs + disk.met.full > 0;
  if (!isFailing || !wasFaulty) throw new Broken(`refused: ${code}: ${detail}`);
  disk.suffer({ capacity: Infinity });
  return 'on';
}

/** Leases are told apart by number, over all disks of the process. */
let claims = 0;

function open(machine: Machine): Result<{ readonly log: EventLog }, StoreRefusal> {
  const { starts, run } = machine;
  machine.openings++;
  const nonce = new Uint8Array(16);
  new DataView(nonce.buffer).setUint32(0, ++claims);
  countRotation(machine);
  // As the same process until it is killed, so that a lease it left behind would be in its way.
  const owner = { ...thisProcess(), boot: `${machine.mount} ${starts} ${machine.killed}` };
  const here = { ...seams(machine), lease: { owner, nonce, at: starts, isShared: false } };
  try {
    const options = { ...machine.options, ...here };
    return (run.saboteur?.open ?? openSqliteLog)(options);
  } catch (failure) {
    throw new Broken('opening threw', { cause: failure });
  }
}

function countRotation({ disk, options: { vaultPath }, run: { tally } }: Machine): void {
  if (!disk.has(vaultPath)) return;
  const headers = clearHeaders(nodeCrypto, filesOf(disk).read(vaultPath));
  if (headers.ok && headers.value[0]?.clear.next !== undefined) tally.rotating++;
}

function seams(machine: Machine): {
  readonly driver: SqliteDriver;
  readonly files: FileSystem;
} {
  const { disk, random, openings } = machine;
  const { wasm, saboteur } = machine.run;
  const files = filesOf(disk, () => machine.killed >= openings);
  const driver = oftenCheckpointing(wasm.driver, random.pick([4, 12, 60]));
  return {
    driver: saboteur?.driver?.(driver) ?? driver,
    files: saboteur?.files?.(files) ?? files,
  };
}

/** Closes whatever state it is in; on a failing medium the flush of a close may throw. */
function closeAnyway(log: EventLog): void {
  try {
    log.close();
  } catch (failure) {
    if (!(failure instanceof StoreFailure)) throw failure;
  }
}

/** Sends, flushes and closes for a while. */
function work(machine: Machine, log: EventLog): 'plug' | 'failed' | 'done' {
  const { disk, random, run } = machine;
  const rounds = 1 + random.below(ROUNDS_MAX);
  try {
    for (let round = 0; round < rounds; round++) {
      const step = nextStep(log, machine.model, random);
      machine.inDoubt = step;
      if (run.saboteur?.sendsEarly === true) spend(machine, step);
      const answer = log.commit(step.batch);
      if (!answer.ok) throw new Broken(`a lone owner was answered ${answer.error.code}`);
      adopt(machine, step, log);
      run.tally.acknowledged++;
      if (random.oneIn(5)) log.flush();
    }
    return random.oneIn(3) ? 'plug' : 'done';
  } catch (failure) {
    if (!(failure instanceof StoreFailure)) throw failure;
    return disk.isDead ? 'plug' : 'failed';
  }
}

/** The batch is durable as far as the log says: now its message leaves. */
function adopt(machine: Machine, step: Step, log: EventLog): void {
  machine.model = step.after;
  machine.inDoubt = undefined;
  machine.history.set(step.after.seq, step.after);
  if (machine.run.saboteur?.sendsEarly !== true) spend(machine, step);
  for (const { seq, hash } of log.events(step.after.seq - step.batch.events.length + 1)) {
    machine.hashes.set(seq, Buffer.from(hash).toString('hex'));
  }
}

function spend({ spentKeys }: Machine, { key }: Step): void {
  if (spentKeys.has(key)) throw new Broken(`a message key was used twice: ${key}`);
  spentKeys.add(key);
}

const FOLD: RecordFold<string> = {
  initial: () => '0',
  apply: (_, { seq }) => `${seq}`,
  rows: (last) => (last === '0' ? [] : [{ name: 'last', value: text(last) }]),
};

/** Compares what there is with what was promised. */
function judge(machine: Machine, log: EventLog): 'sound' | 'crashed' | 'given-up' {
  const { run, disk, inDoubt } = machine;
  const { seq } = log.tip();
  const found = inDoubt?.after.seq === seq ? inDoubt.after : machine.history.get(seq);
  let fault: string | undefined;
  let said: Said | undefined;
  try {
    if (run.saboteur?.isTrusting !== true) fault = faultOf(machine, log);
    said = observation(log, found ?? machine.model);
  } catch (failure) {
    if (disk.isDead) return 'crashed';
    if (!(failure instanceof StoreFailure)) throw failure;
    fault = failure.message;
  }
  if (disk.isDead) return 'crashed';
  if (fault !== undefined) {
    if (run.mode.promise === 'everything') throw new Broken(fault);
    run.tally.found++;
    return 'given-up';
  }
  if (found === undefined) throw new Broken(`event ${seq} is the end of no batch`);
  const expected = expectation(found);
  if (said?.log !== expected.log) {
    throw new Broken(`event ${seq} is the tip, but the log is not as it was then: ${said?.log}`);
  }
  if (said.rows !== expected.rows) {
    if (run.mode.promise === 'everything') throw new Broken(`other rows: ${said.rows}`);
    run.tally.staleRows++;
    return 'given-up';
  }
  if (inDoubt !== undefined && found === inDoubt.after) {
    run.tally.inDoubtKept++;
    adopt(machine, inDoubt, log);
  } else if (seq < machine.model.seq) {
    if (run.mode.promise === 'everything') {
      throw new Broken(`event ${machine.model.seq} was acknowledged, the log ends at ${seq}`);
    }
    run.tally.lostTail++;
    return 'given-up';
  } else if (inDoubt !== undefined) {
    run.tally.inDoubtLost++;
    machine.inDoubt = undefined;
  }
  return 'sound';
}

/** What `verify` and the events themselves say; undefined where all is well. */
function faultOf(machine: Machine, log: EventLog): string | undefined {
  const { disk, options, run } = machine;
  const here = { files: filesOf(disk), driver: run.wasm.driver };
  const vault = openVaultReader(options.vaultPath, { ...here, crypto: nodeCrypto, key: KEY });
  if (!vault.ok) return `the vault does not open for reading: ${vault.error.code}`;
  const structure = checkStructure(options.path, here.driver);
  if (structure !== undefined) return `the structure is damaged: ${structure.detail}`;
  const reader = openSqliteReader(options.path, here);
  if (!reader.ok) return `the store does not open for reading: ${reader.error.code}`;
  try {
    const chain = verifyChain(reader.value, nodeCrypto, { anchor: vault.value.anchor() });
    if (!chain.ok) return `the chain is broken: ${JSON.stringify(chain.error)}`;
    const parts = { reader: reader.value, vault: vault.value, crypto: nodeCrypto, fold: FOLD };
    const { differences } = rebuildProjections(parts);
    if (differences.length > 0) return `rebuilding differs: ${JSON.stringify(differences)}`;
  } finally {
    reader.value.close();
    vault.value.close();
  }
  for (const { seq, hash } of log.events()) {
    const before = machine.hashes.get(seq);
    if (before !== undefined && before !== Buffer.from(hash).toString('hex')) {
      throw new Broken(`event ${seq} is another one than before`);
    }
  }
  return undefined;
}
