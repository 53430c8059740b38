/** A world: devices, a relay, an adversary and time, driven by a case from its first action to rest. */

import { invariant } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import type { RunResult } from '@simsim/device-core';
import { StoreFailure } from '@simsim/event-log';
import type { LogSabotage } from '@simsim/event-log';
import type { Wakeup } from '@simsim/relay/core';
import { parseUserId } from '@simsim/relay-protocol';
import type { IncomingEnvelope, Post, RelayOutcome, RelayRequest } from '@simsim/relay-protocol';
import { DEVICE_STREAM } from '@simsim/sesame';
import type { Release, Sabotage } from '@simsim/sesame';
import type { OwnAction } from '../actions/own-action.ts';
import type { Case, Label, Lie } from '../case/case.ts';
import { Situations } from '../case/situations.ts';
import type { Situation } from '../case/situations.ts';
import type { Killed } from '../device/fuse.ts';
import type { Machine } from '../device/machine.ts';
import type { Process } from '../device/process.ts';
import type { Disk, DiskSabotage } from '../disk/disk.ts';
import { ModelDisk } from '../disk/model-disk.ts';
import { memoryStorePart, sqliteStorePart } from '../disk/store-parts.ts';
import type { StorePart } from '../disk/store-parts.ts';
import { WasmDisk } from '../disk/wasm-disk.ts';
import type { WasmSqlite } from '@simsim/event-log-sqlite/power-loss';
import type { ShellSabotage } from '../device/shell-sabotage.ts';
import type { Surroundings, Watcher } from '../device/surroundings.ts';
import { Dice } from '../dice.ts';
import { InvariantBroken } from '../invariants/invariant.ts';
import type { Invariant, Problems, Watch } from '../invariants/invariant.ts';
import type { WatchedWorld } from '../invariants/watched-world.ts';
import { Adversary } from './adversary.ts';
import { Agenda } from './agenda.ts';
import { carryMail } from './carry-mail.ts';
import { Ledger } from './ledger.ts';
import { noteEffects } from './note-effects.ts';
import { noteRead, noteSeqs } from './note-reads.ts';
import { RecordNotes } from './note-records.ts';
import { noteDeath, notePost, noteSituations } from './note-situations.ts';
import { afterDeath } from './lives.ts';
import { LyingRelay } from './lying-relay.ts';
import { Stranger } from './stranger.ts';
import { Trace } from './trace.ts';
import { Wire } from './wire.ts';
import type { Errand } from './wire.ts';
import type { SymbolicCrypto } from '../symbolic/index.ts';

/** What a world is made of beside its case. */
export interface WorldParts {
  readonly crypto: Crypto;
  /** What the crypto notes, where it is symbolic. */
  readonly symbolic: SymbolicCrypto | undefined;
  readonly invariants: readonly Invariant[];
  readonly sabotage: ReadonlySet<Sabotage>;
  readonly logSabotage: LogSabotage;
  readonly diskSabotage: DiskSabotage;
  readonly shellSabotage: ReadonlySet<ShellSabotage>;
  /** What devices are upgraded to. */
  readonly laterRelease: Release;
  /** Actions of somebody's own, by their names. */
  readonly actions: ReadonlyMap<string, OwnAction>;
  /** Whether the trace's lines are kept, for a diagram. */
  readonly keepsTrace: boolean;
  /** For cases whose store is `disk`. */
  readonly wasm: WasmSqlite | undefined;
  /** Stores of somebody's own. */
  readonly newStore: ((label: Label) => StorePart) | undefined;
}

/** When worlds begin, wall ms. */
const START_MS = 1_700_000_000_000;

/** Lies that have devices encrypt for what is not there any more. */
const MISLEADING: ReadonlySet<Lie> = new Set(['oldLists', 'splitViews', 'oldPreKeys']);

/** How long an answer may take to be acted upon. */
const BELATED_MS = 3600_000;

/** A world. */
export class World implements Surroundings<Process>, WatchedWorld {
  readonly case: Case;
  readonly agenda: Agenda = new Agenda(START_MS);
  readonly ledger: Ledger = new Ledger();
  readonly situations: Situations = new Situations();
  readonly trace: Trace;
  readonly relay: LyingRelay;
  readonly wire: Wire;
  readonly adversary: Adversary | undefined;
  readonly machines: Map<Label, Machine> = new Map();
  readonly processes: Map<Label, Process> = new Map();
  readonly watcher: Watcher<Process>;
  readonly #parts: WorldParts;
  readonly #records: RecordNotes;
  #stranger: Stranger | undefined;
  readonly #watches: readonly (readonly [id: string, watch: Watch])[];

  constructor(one: Case, parts: WorldParts) {
    this.case = one;
    this.#parts = parts;
    this.trace = new Trace({ isKept: parts.keepsTrace });
    this.adversary = parts.symbolic && new Adversary(parts.symbolic);
    const { agenda, knobs, seed, crypto } = this;
    const met = (situation: Situation): void => this.situations.met(situation);
    const dice = new Dice(seed, 'relay');
    this.relay = new LyingRelay({
      crypto,
      entropy: (length) => dice.bytes(length),
      nowMs: () => agenda.nowMs,
      wake: (wakeup) => this.#wake(wakeup),
      met,
    });
    this.wire = new Wire({
      seed,
      knobs,
      agenda,
      met,
    });
    this.#records = new RecordNotes(this);
    this.#watches = parts.invariants.map((each) => [each.id, each.watch(this)]);
    this.watcher = this.#newWatcher();
  }

  get seed(): number {
    return this.case.seed;
  }

  get knobs(): Case['knobs'] {
    return this.case.knobs;
  }

  get crypto(): Crypto {
    return this.#parts.crypto;
  }

  get sabotage(): ReadonlySet<Sabotage> {
    return this.#parts.sabotage;
  }

  get actions(): ReadonlyMap<string, OwnAction> {
    return this.#parts.actions;
  }

  get laterRelease(): Release {
    return this.#parts.laterRelease;
  }

  get logSabotage(): LogSabotage {
    return this.#parts.logSabotage;
  }

  get shellSabotage(): ReadonlySet<ShellSabotage> {
    return this.#parts.shellSabotage;
  }

  /** Since the beginning, ms. */
  get elapsedMs(): number {
    return this.agenda.nowMs - START_MS;
  }

  /** A new disk, with what the case says on it. */
  newDisk(label: Label): Disk {
    const { store, knobs, seed } = this.case;
    const dice = (what: string): Dice => new Dice(seed, what);
    const { wasm, newStore, diskSabotage: sabotage } = this.#parts;
    if (store === 'disk') {
      invariant(wasm !== undefined, 'a case on disks needs SQLite in WebAssembly: give `wasm`');
      return new WasmDisk({ dice, label, wasm, sabotage });
    }
    const house = store === 'sqlite' ? sqliteStorePart : memoryStorePart;
    const part = newStore?.(label) ?? house();
    return new ModelDisk({ dice, label, store: part, vault: knobs.vault, sabotage });
  }

  /** From now on the machine's processes die at random, where the case says so. */
  endanger({ fuse, label }: Machine): void {
    const { deadlySites: sites, killRate: rate } = this.knobs;
    if (rate > 0 && this.wire.isFaulty) {
      fuse.lurk({ sites, rate, dice: new Dice(this.seed, `deadly/${label}`) });
    }
  }

  /** Lets time pass up to a moment since the beginning. */
  passUntil(elapsedMs: number): void {
    this.agenda.passUntil(START_MS + elapsedMs);
  }

  /** The machine of a device. */
  machine(label: Label): Machine | undefined {
    return this.machines.get(label);
  }

  /** The living process of a device. */
  process(label: Label): Process | undefined {
    const process = this.processes.get(label);
    return process?.isAlive === true ? process : undefined;
  }

  /** Every living process. */
  living(): Process[] {
    return [...this.processes.values()].filter((process) => process.isAlive);
  }

  /** The relay begins to lie, for a while. */
  lie(how: Lie, forMs: number): void {
    this.relay.lies.add(how);
    const untilMs = this.agenda.nowMs + forMs + BELATED_MS;
    if (MISLEADING.has(how)) this.ledger.misledUntilMs = untilMs;
    this.agenda.later(forMs, () => this.relay.lies.delete(how));
  }

  /** Somebody whom nobody knows, with an account. */
  stranger(): Stranger {
    const dice = new Dice(this.seed, 'stranger');
    const parsed = parseUserId('eve');
    invariant(parsed.ok, 'a name for a stranger');
    this.#stranger ??= new Stranger({
      crypto: this.crypto,
      entropy: (length) => dice.bytes(length),
      nowMs: this.agenda.nowMs,
      userId: parsed.value,
      ask: (request, token) => this.relay.decide(request, token),
    });
    return this.#stranger;
  }

  exchange(
    process: Process,
    request: RelayRequest,
    then: (outcome: RelayOutcome | undefined) => void,
  ): void {
    this.wire.exchange(this.#errand(process, request), then);
  }

  ask(process: Process, request: RelayRequest): RelayOutcome | undefined {
    return this.wire.ask(this.#errand(process, request));
  }

  carry(process: Process, mail: readonly IncomingEnvelope[]): readonly IncomingEnvelope[] {
    if (!this.wire.isFaulty) return mail;
    const met = (situation: Situation): void => this.situations.met(situation);
    return carryMail(process.machine, mail, { seed: this.seed, knobs: this.knobs, met });
  }

  /** Throws where a watch sees something wrong. What rotted says so to whoever reads it, a watch too. */
  check(look: (watch: Watch) => Problems): void {
    for (const [id, watch] of this.#watches) {
      try {
        for (const problem of look(watch) ?? []) throw new InvariantBroken(id, problem);
      } catch (failure) {
        const isRotten = failure instanceof StoreFailure && failure.code.endsWith('_CORRUPT');
        if (!isRotten || !this.#hasRotten()) throw failure;
      }
    }
  }

  #hasRotten(): boolean {
    return [...this.machines.values()].some(({ disk }) => disk.isUntrue);
  }

  #errand(process: Process, request: RelayRequest): Errand {
    this.watcher.leaves(process, request);
    const { machine } = process;
    const token = this.crypto.exportSecret(process.own().token);
    const reach = (): RelayOutcome => this.#reach(process, request, token);
    return { machine, kind: request.kind, reach };
  }

  /** A request came to the relay. */
  #reach(process: Process, request: RelayRequest, token: Uint8Array): RelayOutcome {
    const { label } = process.machine;
    const outcome = this.relay.decide(request, token);
    const word = outcome.ok ? 'ok' : outcome.error.code;
    this.trace.add(this.#line(label, 'relay', `${request.kind} ${word}`));
    this.check((watch) => watch.reached?.(process, request, outcome));
    if (request.kind !== 'post' || !outcome.ok || outcome.value.kind !== 'post') return outcome;
    const { results } = outcome.value;
    request.posts.forEach((post, i) => {
      const result = results[i];
      if (result === undefined) return;
      notePost(this, process, [post, result]);
      if (result.kind === 'accepted') this.#taken(process, post);
      if (result.kind === 'accepted' && process.machine.theft !== undefined) {
        this.situations.met('relay took a post of a thief');
        if (request.from === undefined) this.situations.met('relay took a post without a head');
      }
      if (!this.relay.lies.has('dropPosts')) {
        this.check((watch) => watch.posted?.(process, post, result));
      }
    });
    return outcome;
  }

  #taken({ address }: Process, post: Post): void {
    const { nowMs: atMs } = this.agenda;
    this.ledger.took(post, address, { atMs, isTrue: !this.relay.lies.has('dropPosts') });
  }

  #wake(wakeup: Wakeup): void {
    const address = `${wakeup.device.userId}.${wakeup.device.deviceId}`;
    for (const process of this.living()) {
      if (process.address !== address) continue;
      this.wire.notify(process.machine, () => process.alive(() => tell(process, wakeup)));
    }
  }

  #newWatcher(): Watcher<Process> {
    return {
      leaves: (process, request) => {
        if (request.kind === 'post') for (const post of request.posts) this.adversary?.hear(post);
        this.check((watch) => watch.leaves?.(process, request));
      },
      ran: (process, inputs, result: RunResult) => {
        const { machine, log } = process;
        const { seq, hash } = log.tip();
        machine.deviceId ??= process.own().deviceId;
        if (seq > machine.seq) machine.refusals = 0;
        machine.seq = seq;
        this.trace.add(this.#line(process.machine.label, undefined, `committed ${seq}`), hash);
        this.#noteIdentity(process);
        noteEffects(this.ledger, process, result.effects);
        noteSeqs(this.ledger, process, result.effects);
        this.#records.look(process, inputs);
        noteSituations(this, process, { inputs, result });
        this.check((watch) => watch.ran?.(process, inputs, result));
      },
      kept: (process, item) => {
        this.ledger.delivered++;
        noteRead(this.ledger, process, item.envelopeId);
        this.check((watch) => watch.kept?.(process, item));
      },
      died: (process, killed: Killed) => {
        this.trace.add(this.#line(process.machine.label, undefined, killed.message));
        noteDeath(this, killed);
        if (process.machine.disk.isBusy && killed.site === 'STORE_FAILED')
          this.situations.met('database busy under a process');
        this.check((watch) => watch.died?.(process, killed));
        afterDeath(this, process.machine, killed);
      },
    };
  }

  /** A device that lost the keys of its identity has none any more. */
  #noteIdentity({ core, machine: { address, theft } }: Process): void {
    const key = core.reader().value('device', DEVICE_STREAM)?.identity.publicKey.bytes;
    const isOwn = theft === undefined && address !== undefined;
    if (isOwn && key !== undefined) this.ledger.identityKeys.set(address, key);
  }

  #line(from: string, to: string | undefined, what: string): Parameters<Trace['add']>[0] {
    return { atMs: this.elapsedMs, from, to, what };
  }
}

/** What a device does when the relay tells it something. */
function tell(process: Process, wakeup: Wakeup): void {
  switch (wakeup.kind) {
    case 'mail':
      process.errands.wantMail();
      break;
    case 'keysLow':
      process.errands.keysLow();
      break;
    case 'removed':
      process.isProven = false;
      process.stir();
      break;
  }
}
