/** One run of a device's program: the shipping core over the machine's files, and a shell around it. */

import { invariant } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import { DeviceCore } from '@simsim/device-core';
import type { CoreChaos, CoreInput, RunResult } from '@simsim/device-core';
import type { EventLog } from '@simsim/event-log';
import type { IncomingEnvelope, RelayOutcome, RelayRequest } from '@simsim/relay-protocol';
import { registrationRequest } from '@simsim/sesame';
import type { Effect, InboxItem, OwnDevice, SessionExpiry } from '@simsim/sesame';
import { Dice } from '../dice.ts';
import { Application } from './application.ts';
import { Errands } from './errands.ts';
import { expiryOf } from './expiry.ts';
import { deathOf, Killed } from './fuse.ts';
import type { Host, Place } from './host.ts';
import { KeyDesk } from './key-desk.ts';
import type { Machine } from './machine.ts';
import { ownDevice } from './own-device.ts';
import { proveDevice } from './prove.ts';
import type { Surroundings } from './surroundings.ts';
import { checkKeys, uploadFor } from './uploads.ts';

/** How long a process waits where the relay does not answer: at first, and at most. */
const RETRY_MS = 3000;
const RETRY_MAX_MS = 15 * 60_000;

/** A process. It lives until it is killed, or the device is no device any more. */
export class Process implements Host {
  readonly machine: Machine;
  readonly world: Surroundings<Process>;
  readonly env: { readonly crypto: Crypto; readonly entropy: Entropy };
  readonly expiry: SessionExpiry;
  readonly log: EventLog;
  readonly core: DeviceCore;
  readonly application: Application;
  readonly errands: Errands;
  readonly keys: KeyDesk;
  isAlive = true;
  /** Whether the relay said in this run that it knows nothing newer of this device. */
  isProven = false;
  /** The link of the head that the relay is believed to have. */
  expected: Uint8Array = new Uint8Array(32);
  #hasCheckedKeys = false;
  #isStirring = false;
  #flushedSeq = 0;
  #erasedSeq: number;
  #failures = 0;

  /** Opens the machine's files, or lays them out. Throws where the machine's fuse burns down. */
  constructor(world: Surroundings<Process>, machine: Machine) {
    this.world = world;
    this.machine = machine;
    const { crypto, seed } = world;
    const dice = new Dice(seed, `keys/${machine.label}/${machine.starts++}`);
    this.env = { crypto, entropy: (length) => dice.bytes(length) };
    this.log = this.#openLog();
    this.#erasedSeq = this.log.tip().seq - this.log.lag();
    this.expiry = expiryOf(world.knobs);
    this.core = new DeviceCore({
      ...this.env,
      log: this.log,
      clock: () => machine.clockAt(world.agenda.nowMs),
      chaos: world.shellSabotage.has('posts-before-commit') ? this.#hastyFuse() : machine.fuse,
      sabotage: world.sabotage,
      expiry: this.expiry,
      release: machine.release,
      ...(world.knobs.trust && { trust: world.knobs.trust }),
    });
    this.application = new Application(this);
    this.errands = new Errands(this);
    this.keys = new KeyDesk(this);
  }

  #openLog(): EventLog {
    const { disk, fuse, policy } = this.machine;
    const { logSabotage: sabotage } = this.world;
    const log = disk.open({ ...this.env, chaos: fuse, sabotage, wipe: policy.wipe });
    if (!log.ok && disk.hasSuffered) throw new Killed(log.error.code);
    invariant(log.ok, `a log opens: ${log.ok ? '' : log.error.code}`);
    return log.value;
  }

  /** Only a sabotaged shell posts before it commits. */
  #hastyFuse(): CoreChaos {
    const at = (site: string): void => {
      if (site.endsWith(':before-commit')) this.errands.postHastily();
      this.machine.fuse.at(site);
    };
    return { at };
  }

  get place(): Place {
    return this.world;
  }

  own(): OwnDevice {
    return ownDevice(this.core);
  }

  /** The same for every process on a copy of the device. */
  get address(): string {
    const { userId, deviceId } = this.own();
    return `${userId}.${deviceId}`;
  }

  /** The address with the registration id. */
  get incarnation(): string {
    return `${this.address}/${this.own().registrationId}`;
  }

  /** What a process does first, on files that were there. */
  start(): void {
    this.errands.posts.push(...this.core.outbox());
    const { rollback } = this.log;
    if (rollback !== undefined) {
      const { kind: source, seen, found, lostStreams: lost } = rollback;
      this.world.situations.met('rollback seen at opening');
      const { outcomes } = this.run({ type: 'rolledBack', source, seen, found, lost });
      // Without the keys of its identity it is no device any more.
      this.isAlive = outcomes.every(({ kind }) => kind === 'done');
      if (!this.isAlive) return;
      this.log.flush();
    }
    this.run({ type: 'started' });
    this.application.start();
    this.keys.start();
    this.errands.wantMail();
    this.run({ type: 'swept' });
  }

  /** Becomes a device the relay knows. */
  register(): void {
    const upload = uploadFor(this);
    const request = upload && registrationRequest(this.own(), upload, this.env);
    const outcome = request && this.tryAsk(request);
    if (outcome?.ok === true) this.run({ type: 'registered' });
    else if (outcome === undefined || outcome.error.code === 'NONCE_UNKNOWN') this.retry();
    // Refused for good: the list moved on while it was being linked.
    else this.isAlive = false;
  }

  /** Decides inputs in one commit. Throws where the fuse burns down in it. */
  run(...inputs: CoreInput[]): RunResult {
    const result = this.core.run(inputs);
    this.world.watcher.ran(this, inputs, result);
    for (const effect of result.effects) this.#carryOut(effect);
    const { seq } = this.log.tip();
    if (seq - this.#flushedSeq >= this.machine.policy.flushEvents) this.flush();
    this.stir();
    return result;
  }

  /** The vault follows the log: superseded keys are erased. */
  flush(): void {
    const { log, machine } = this;
    const before = log.tip().seq - log.lag();
    log.flush();
    this.#flushedSeq = log.tip().seq;
    this.#erasedSeq = machine.policy.wipe === 'lazy' ? before : this.#flushedSeq;
    if (machine.rotatingSince === undefined || machine.disk.isRotating()) return;
    machine.rotatedSeq = machine.rotatingSince;
    machine.rotatingSince = undefined;
    this.world.situations.met('master key of a vault replaced');
  }

  /** Keys that events up to here replaced are gone from the vault's files. */
  get erasedSeq(): number {
    return this.#erasedSeq;
  }

  /** The vault's master key is replaced, a part of it with each flush. */
  rotate(): void {
    const { machine, log, world } = this;
    this.flush();
    machine.rotatingSince = log.tip().seq;
    log.rotate();
    this.flush();
    machine.rekeyedMs = world.agenda.nowMs;
  }

  /** Shrinks what nobody opens any more, where that is the policy. */
  prune(): void {
    const { machine, log, world } = this;
    if (!machine.policy.prunes) return;
    const { parts } = log.prune(machine.clockAt(world.agenda.nowMs).wallMs);
    if (parts > 0) world.situations.met('old states pruned');
  }

  /** Asks the relay at once; `undefined` where no answer came. */
  tryAsk(request: RelayRequest): RelayOutcome | undefined {
    if (!this.isAlive) return undefined;
    const outcome = this.world.ask(this, request);
    if (outcome !== undefined) this.answered();
    return outcome;
  }

  exchange(request: RelayRequest, then: (outcome: RelayOutcome | undefined) => void): void {
    this.world.exchange(this, request, then);
  }

  carry(mail: readonly IncomingEnvelope[]): readonly IncomingEnvelope[] {
    return this.world.carry(this, mail);
  }

  kept(item: InboxItem): void {
    this.world.watcher.kept(this, item);
  }

  /** Does what there is to do, a moment later. */
  stir(delayMs = 1): void {
    if (this.#isStirring) return;
    this.#isStirring = true;
    this.world.agenda.after(delayMs, () => {
      this.#isStirring = false;
      this.alive(() => this.#work());
    });
  }

  /** Tries again what got no answer, each time after twice as long. */
  retry(): void {
    this.stir(Math.min(RETRY_MS * 2 ** this.#failures++, RETRY_MAX_MS));
  }

  /** The relay answered. */
  answered(): void {
    this.#failures = 0;
  }

  /** Calls something of a living process; where it dies, the world is told. */
  alive(act: () => void): void {
    if (!this.isAlive) return;
    try {
      act();
    } catch (failure) {
      const death = deathOf(failure, this.machine.disk);
      if (death === undefined) throw failure;
      this.isAlive = false;
      this.world.watcher.died(this, death);
    }
  }

  #work(): void {
    const { status } = this.own();
    if (status === 'registering') this.register();
    if (this.own().status === 'registering' || !this.#stand()) return;
    this.errands.run();
  }

  /** Whether the process may speak. */
  #stand(): boolean {
    // A thief who says nothing of its log asks nothing either.
    if (this.isProven || this.machine.theft?.how === 'silently') return true;
    if (this.errands.posts.length > 0) this.world.situations.met('posts waited for a proof');
    const { status: before } = this.own();
    const standing = proveDevice(this);
    this.#noteStanding(before);
    if (standing.kind === 'later') this.retry();
    if (standing.kind === 'shut') this.isAlive = false;
    if (standing.kind !== 'open') return false;
    this.isProven = true;
    this.expected = standing.expected;
    if (!this.#hasCheckedKeys) this.#hasCheckedKeys = checkKeys(this);
    return true;
  }

  #noteStanding(before: OwnDevice['status']): void {
    const { status } = this.own();
    const { situations } = this.world;
    if (before === 'renewing' && status === 'registered')
      situations.met('next incarnation registered');
    if (before !== 'removed' && status === 'removed') situations.met('removed device told so');
    if (before === 'replaced' || status !== 'replaced') return;
    situations.met(this.machine.theft ? 'thief shut out' : 'copy found itself replaced');
    this.place.ledger.endCopy(this, this.world.agenda.nowMs);
  }

  #carryOut(effect: Effect): void {
    this.keys.take(effect);
    if (effect.type === 'deliver') this.application.take(effect.item);
    else if (effect.type === 'rolledBack') this.#quarantined();
    else if (effect.type === 'sweepOn') this.run({ type: 'swept', after: effect.after });
    else if (effect.type === 'tellContacts') this.run({ type: 'tellContacts' });
    else this.errands.take(effect);
  }

  #quarantined(): void {
    // A thief who is found out does not come back as a device.
    if (this.machine.theft !== undefined) {
      this.isAlive = false;
      this.world.situations.met('thief shut out');
      return;
    }
    this.isProven = false;
    this.errands.forget();
  }
}
