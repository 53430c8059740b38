/** The relay of a play: in a process of its own, started again on the same file and port. */

import { environmentError, errorText } from '../cli-error.ts';
import type { Journal } from './journal-file.ts';
import { lastKillOf } from './kill-record-codec.ts';
import type { KillOrder } from './kill-hook.ts';
import type { RelayCalls } from './relay-calls.ts';
import type { Watch } from './watch.ts';
import { unlessGone, WorkerProcess } from './worker-process.ts';
import type { WorkerExit } from './worker-process.ts';

/** What a relay's keeper works with. */
export interface RelayKeeperOptions {
  readonly file: string;
  readonly killJournal: string;
  readonly journal: Journal;
  readonly watch: Watch;
}

/** Starts, kills and stops the relay. */
export class RelayKeeper {
  url = '';
  kills = 0;
  peakMemoryBytes = 0;
  readonly #options: RelayKeeperOptions;
  #worker: WorkerProcess<RelayCalls, never> | undefined;
  #port = 0;
  #isUp = false;
  #isStopping = false;

  constructor(options: RelayKeeperOptions) {
    this.#options = options;
  }

  /** True while it takes requests. */
  isUp(): boolean {
    return this.#isUp;
  }

  async start(): Promise<void> {
    const { killJournal } = this.#options;
    const worker: WorkerProcess<RelayCalls, never> = new WorkerProcess({
      script: 'relay-main.js',
      args: [killJournal],
      onEvent: () => undefined,
      onExit: (exit) => this.#ended(worker.pid, exit),
    });
    this.#worker = worker;
    const { url, port } = await this.#listen(worker);
    this.url = url;
    this.#port = port;
    this.#isUp = true;
    this.#options.watch.changed();
  }

  /** The relay kills itself at that moment. */
  async arm(order: KillOrder): Promise<void> {
    await unlessGone(this.#worker?.call('arm', order));
  }

  async disarm(): Promise<void> {
    await unlessGone(this.#worker?.call('disarm', null));
  }

  /** Takes note of its memory. */
  async look(): Promise<void> {
    if (!this.#isUp) return;
    const bytes = await unlessGone(this.#worker?.call('memory', null));
    this.peakMemoryBytes = Math.max(this.peakMemoryBytes, bytes ?? 0);
  }

  async stop(): Promise<void> {
    if (this.#isUp) await this.look();
    this.#isStopping = true;
    if (this.#isUp) await this.#worker?.call('stop', null);
    this.#worker?.kill();
  }

  /** Ends it without a word. */
  kill(): void {
    this.#isStopping = true;
    this.#worker?.kill();
  }

  async #listen(worker: WorkerProcess<RelayCalls, never>): Promise<RelayCalls['start']['answer']> {
    try {
      return await worker.call('start', { file: this.#options.file, port: this.#port });
    } catch (error) {
      this.kill();
      throw environmentError(`The relay does not start: ${errorText(error)}.`, 'Try again.');
    }
  }

  #ended(pid: number, exit: WorkerExit): void {
    this.#isUp = false;
    if (this.#isStopping) return;
    const { killJournal, journal, watch } = this.#options;
    const record = exit.signal === 'SIGKILL' ? lastKillOf(killJournal, pid) : undefined;
    if (record === undefined) {
      watch.fail(
        environmentError(`The relay ended by itself. ${exit.words}`, 'Look at its words.'),
      );
      return;
    }
    this.kills++;
    journal.add({ type: 'relayKilled', pid, site: record.site });
    this.start().then(
      () => journal.add({ type: 'restarted', what: 'relay', pid: this.#worker?.pid ?? 0 }),
      (error: unknown) => watch.fail(error),
    );
    watch.changed();
  }
}
