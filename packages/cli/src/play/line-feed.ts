/**
 * Sending the lines: a window of them is always on its way, each from one of its speaker's devices,
 * and a line whose device was killed is given to that device again under the same message id.
 */

import { createHash } from 'node:crypto';
import type { Cast, CastDevice } from './cast.ts';
import type { HostEvent } from './host-calls.ts';
import type { HostPool } from './host-pool.ts';
import type { Journal } from './journal-file.ts';
import type { PlayLine } from './room.ts';
import type { Watch } from './watch.ts';
import { WorkerGoneError } from './worker-process.ts';

/** What a feed works with. */
export interface LineFeedOptions {
  readonly lines: readonly PlayLine[];
  readonly seed: number;
  readonly linesInFlight: number;
  readonly cast: Cast;
  readonly pool: HostPool;
  readonly journal: Journal;
  readonly watch: Watch;
  /** True while no further line may start, because something that was due has not begun. */
  readonly isHeld: (nextLine: number) => boolean;
}

/** Sends lines. */
export class LineFeed {
  readonly #options: LineFeedOptions;
  readonly #accepted = new Set<string>();
  #next = 0;
  #settled = 0;
  #inFlight = 0;

  constructor(options: LineFeedOptions) {
    this.#options = options;
  }

  /** Lines that were started. */
  started(): number {
    return this.#next;
  }

  /** Lines whose every recipient user the relay answered for. */
  settled(): number {
    return this.#settled;
  }

  /** True once every line is settled. */
  isDone(): boolean {
    return this.#settled === this.#options.lines.length;
  }

  /** Sends everything. */
  async run(): Promise<void> {
    const { lines, linesInFlight, watch, isHeld } = this.#options;
    while (this.#next < lines.length) {
      await watch.until(
        () =>
          this.#inFlight < linesInFlight &&
          !isHeld(this.#next) &&
          this.#speakerDevice(this.#next) !== undefined,
      );
      this.#start();
    }
    await watch.until(() => this.isDone());
  }

  /** Takes what a host tells about lines. */
  hear(event: HostEvent): void {
    if (event.type !== 'accepted') return;
    const { line, user, version } = event;
    const key = `${line} ${version} ${user}`;
    // A line that is given again reports its acceptances again.
    if (this.#accepted.has(key)) return;
    this.#accepted.add(key);
    this.#options.journal.add({ type: 'accepted', line, user, version });
  }

  /** Gives a reopened device its unsettled lines again. */
  resume(device: CastDevice): void {
    for (const line of [...device.lines].sort((a, b) => a - b)) this.#issue(device, line);
  }

  #start(): void {
    const device = this.#speakerDevice(this.#next);
    if (device === undefined) return;
    const line = this.#next++;
    this.#inFlight++;
    device.lines.add(line);
    // A device that is down gets its lines when it is back: see `resume`.
    if (device.state === 'open') this.#issue(device, line);
    this.#options.watch.changed();
  }

  /** By seed one of the speaker's devices, preferably one whose process is up. */
  #speakerDevice(line: number): CastDevice | undefined {
    const { lines, cast, pool, seed } = this.#options;
    const devices = cast.devicesOf(lines[line]?.from ?? '');
    const open = devices.filter(({ state }) => state === 'open' || state === 'down');
    const up = open.filter(({ state, host }) => state === 'open' && pool.isUp(host));
    const choice = up.length > 0 ? up : open;
    const draw = createHash('sha256').update(`${seed}/${line}`).digest().readUInt32LE(0);
    return choice[draw % Math.max(1, choice.length)];
  }

  #issue(device: CastDevice, line: number): void {
    const { lines, seed, journal, pool, watch } = this.#options;
    const spoken = lines[line];
    if (spoken === undefined) return;
    const messageId = messageIdOf(seed, line);
    const { user, deviceId, index, host } = device;
    journal.add({ type: 'issued', line, messageId, user, device: deviceId });
    const { to, text } = spoken;
    pool.call(host, 'send', { index, line, messageId, to, text }).then(
      (refusals) => {
        for (const { user: refused, reason } of refusals) {
          journal.add({ type: 'refused', line, user: refused, reason });
        }
        device.lines.delete(line);
        this.#inFlight--;
        this.#settled++;
        watch.changed();
      },
      (error: unknown) => {
        // Killed: the line goes out again when the device is back.
        if (!(error instanceof WorkerGoneError)) watch.fail(error);
      },
    );
  }
}

/** The message id of a line: the same for the same seed, so that giving it again is harmless. */
function messageIdOf(seed: number, line: number): string {
  return createHash('sha256')
    .update(`simsim/play/${seed}/message/${line}`)
    .digest('hex')
    .slice(0, 32);
}
