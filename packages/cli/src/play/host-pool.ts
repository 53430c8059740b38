/** The processes that host devices: started, killed, started again. */

import { environmentError } from '../cli-error.ts';
import type { HostCalls, HostEvent } from './host-calls.ts';
import type { KillKind } from './journal.ts';
import type { Journal } from './journal-file.ts';
import { lastKillOf } from './kill-record-codec.ts';
import type { KillOrder } from './kill-hook.ts';
import type { Watch } from './watch.ts';
import { unlessGone, WorkerProcess } from './worker-process.ts';
import type { WorkerExit } from './worker-process.ts';

/** What a pool works with. */
export interface HostPoolOptions {
  readonly count: number;
  readonly relay: string;
  readonly killJournal: string;
  readonly journal: Journal;
  readonly watch: Watch;
  readonly onEvent: (event: HostEvent) => void;
  /** Opens a restarted process's devices; the host is up when it resolves. */
  readonly onRestart: (host: number) => Promise<void>;
}

interface Slot {
  worker: WorkerProcess<HostCalls, HostEvent>;
  state: 'up' | 'restarting';
  /** Work that a kill must not interrupt: list changes. */
  holds: number;
  isArmed: boolean;
  peakMemoryBytes: number;
}

/** The sites at which a process may be killed, by what is in flight there. */
export const KILL_SITES: Readonly<Record<KillKind, readonly string[]>> = {
  send: ['send:before-commit', 'send:after-commit'],
  receive: ['receive:before-commit', 'receive:after-commit'],
  flush: [
    'register:after',
    'vault:before-copy',
    'vault:copy-written',
    'vault:copy-synced',
    'vault:before-zero',
  ],
};

/** Host processes by number. */
export class HostPool {
  readonly #options: HostPoolOptions;
  readonly #slots: Slot[] = [];
  #isStopping = false;

  constructor(options: HostPoolOptions) {
    this.#options = options;
    for (let host = 0; host < options.count; host++) {
      const worker = this.#spawn(host);
      this.#slots.push({ worker, state: 'up', holds: 0, isArmed: false, peakMemoryBytes: 0 });
    }
  }

  /** How many there are. */
  count(): number {
    return this.#slots.length;
  }

  isUp(host: number): boolean {
    return this.#slot(host).state === 'up';
  }

  /** Nothing is about to kill it. */
  isCalm(host: number): boolean {
    return this.isUp(host) && !this.#slot(host).isArmed;
  }

  /** Nothing is going on in it that a kill must not interrupt. */
  isFree(host: number): boolean {
    return this.isCalm(host) && this.#slot(host).holds === 0;
  }

  /** Keeps kills away from some hosts while `work` runs. Call only while all are calm. */
  async hold<T>(hosts: readonly number[], work: () => Promise<T>): Promise<T> {
    for (const host of hosts) this.#slot(host).holds++;
    try {
      return await work();
    } finally {
      for (const host of hosts) this.#slot(host).holds--;
      this.#options.watch.changed();
    }
  }

  /** Asks a host. Rejects with `WorkerGoneError` when it is killed meanwhile. */
  call<Name extends keyof HostCalls>(
    host: number,
    name: Name,
    ask: HostCalls[Name]['ask'],
  ): Promise<HostCalls[Name]['answer']> {
    return this.#slot(host).worker.call(name, ask);
  }

  /** The host kills itself at that moment. */
  async arm(host: number, order: KillOrder): Promise<void> {
    this.#slot(host).isArmed = true;
    await unlessGone(this.call(host, 'arm', order));
  }

  async disarm(host: number): Promise<void> {
    await unlessGone(this.call(host, 'disarm', null));
    this.#slot(host).isArmed = false;
    this.#options.watch.changed();
  }

  /** Counters of all hosts; `undefined` while one of them is not up. */
  async look(): Promise<{ busy: number; commits: string } | undefined> {
    const statuses = await Promise.all(
      this.#slots.map(async (slot, host) => {
        if (slot.state !== 'up') return undefined;
        const status = await unlessGone(this.call(host, 'status', null));
        if (status === undefined) return undefined;
        slot.peakMemoryBytes = Math.max(slot.peakMemoryBytes, status.peakMemoryBytes);
        return status;
      }),
    );
    const known = statuses.filter((status) => status !== undefined);
    if (known.length < statuses.length || !this.#slots.every(({ state }) => state === 'up')) {
      return undefined;
    }
    const busy = known.reduce((sum, status) => sum + status.busy, 0);
    return { busy, commits: known.map((status) => status.commits).join(' ') };
  }

  /** Peak memory of each host. */
  peakMemoryBytes(): readonly number[] {
    return this.#slots.map((slot) => slot.peakMemoryBytes);
  }

  /** Closes every device and ends the processes. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#slots.map((_, host) => this.call(host, 'closeAll', null)));
    this.kill();
  }

  /** Ends the processes at once. */
  kill(): void {
    this.#isStopping = true;
    for (const { worker } of this.#slots) worker.kill();
  }

  #slot(host: number): Slot {
    const slot = this.#slots[host];
    if (slot === undefined) throw new Error(`there is no host ${host}`);
    return slot;
  }

  #spawn(host: number): WorkerProcess<HostCalls, HostEvent> {
    const { relay, killJournal, onEvent } = this.#options;
    const worker: WorkerProcess<HostCalls, HostEvent> = new WorkerProcess({
      script: 'host-main.js',
      args: [relay, killJournal],
      onEvent,
      onExit: (exit) => this.#ended(host, worker.pid, exit),
    });
    return worker;
  }

  #ended(host: number, pid: number, exit: WorkerExit): void {
    if (this.#isStopping) return;
    const { killJournal, journal, watch, onRestart } = this.#options;
    const record = exit.signal === 'SIGKILL' ? lastKillOf(killJournal, pid) : undefined;
    const kind = kindOf(record?.site);
    if (record === undefined || kind === undefined) {
      const how = exit.signal ?? `code ${exit.code}`;
      const message = `A process of devices ended by itself (${how}). ${exit.words}`;
      watch.fail(environmentError(message, 'Its devices can be opened again from their logs.'));
      return;
    }
    journal.add({ type: 'killed', process: host, pid, kind, site: record.site });
    const slot = this.#slot(host);
    slot.state = 'restarting';
    slot.worker = this.#spawn(host);
    slot.isArmed = false;
    watch.changed();
    onRestart(host).then(
      () => {
        journal.add({ type: 'restarted', what: `process ${host}`, pid: slot.worker.pid });
        slot.state = 'up';
        watch.changed();
      },
      (error: unknown) => watch.fail(error),
    );
  }
}

function kindOf(site: string | undefined): KillKind | undefined {
  if (site === undefined) return undefined;
  if (KILL_SITES.send.includes(site)) return 'send';
  if (KILL_SITES.receive.includes(site)) return 'receive';
  return KILL_SITES.flush.includes(site) ? 'flush' : undefined;
}
