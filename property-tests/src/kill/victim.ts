/** The parent's hold on one victim: orders go in, reports come out until it is dead. */

import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { extname } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { encodeFrame, takeFrame } from './frame-codec.ts';
import type { Order, Report } from './frame-codec.ts';
import { KillFault } from './kill-fault.ts';

/** How a victim ended. */
export interface Death {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  readonly errors: string;
}

/** An answer takes milliseconds; on a machine that is busy with all else, seconds. */
const ANSWER_MS_MAX = 60_000;

/** Where the built program is; a test runs the sources and finds it beside them. */
function mainFile(): string {
  const here = fileURLToPath(import.meta.url);
  if (extname(here) === '.js') return fileURLToPath(new URL('./victim-main.js', import.meta.url));
  return fileURLToPath(new URL('../../dist/kill/victim-main.js', import.meta.url));
}

/** One process. It loads its program at once and then waits for orders. */
export class Victim {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #reports: Report[] = [];
  #waiting: ((report: Report | undefined) => void) | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #errors = '';
  #isHung = false;
  #death: Death | undefined;
  #onDeath: ((death: Death) => void) | undefined;

  constructor() {
    this.#child = spawn(process.execPath, [mainFile()], { stdio: ['pipe', 'pipe', 'pipe'] });
    // Orders to a dead victim go nowhere.
    this.#child.stdin.on('error', () => undefined);
    this.#child.stderr.on('data', (bytes: Buffer) => {
      this.#errors = `${this.#errors}${bytes.toString('utf8')}`.slice(-4000);
    });
    this.#child.stdout.on('data', (bytes: Buffer) => this.#read(bytes));
    this.#child.on('close', (code, signal) => this.#end({ code, signal, errors: this.#errors }));
  }

  order(order: Order): void {
    this.#child.stdin.write(encodeFrame(order));
  }

  /** The next report; `undefined` once it is dead and has said all it said. */
  next(): Promise<Report | undefined> {
    const report = this.#reports.shift();
    if (report !== undefined || this.#death !== undefined) return Promise.resolve(report);
    // One that hangs is ended, and that it was is a fault.
    const hung = setTimeout(() => {
      this.#isHung = true;
      this.kill();
    }, ANSWER_MS_MAX);
    return new Promise((resolve) => {
      this.#waiting = (answer) => {
        clearTimeout(hung);
        resolve(answer);
      };
    });
  }

  /** From outside, whatever it is doing. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Waits for its end. */
  dead(): Promise<Death> {
    const death = this.#death;
    if (death !== undefined) return Promise.resolve(death);
    return new Promise((resolve) => (this.#onDeath = resolve));
  }

  /** Throws if it did not end as it was told to. */
  async ended(how: 'SIGKILL' | 'closed'): Promise<void> {
    const { signal, code, errors } = await this.dead();
    if (this.#isHung) throw new KillFault('CRASHED', 'it did not answer any more');
    const isRight = how === 'SIGKILL' ? signal === 'SIGKILL' : code === 0;
    if (!isRight) throw new KillFault('CRASHED', `ended by ${signal ?? code}: ${errors}`);
  }

  #read(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const taken = takeFrame<Report>(this.#rest);
      if (taken === undefined) return;
      this.#rest = taken.rest;
      this.#give(taken.frame);
    }
  }

  #give(report: Report): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#reports.push(report);
    else waiting(report);
  }

  #end(death: Death): void {
    this.#death = death;
    this.#waiting?.(undefined);
    this.#waiting = undefined;
    this.#onDeath?.(death);
  }
}

/** Victims that are loading while another one lives: loading takes most of a life. */
export class VictimPool {
  readonly #spare: Victim[] = [];
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
    for (let i = 0; i < size; i++) this.#spare.push(new Victim());
  }

  take(): Victim {
    const victim = this.#spare.shift() ?? new Victim();
    while (this.#spare.length < this.#size) this.#spare.push(new Victim());
    return victim;
  }

  /** Ends those that were never needed. */
  async end(): Promise<void> {
    for (const victim of this.#spare) victim.kill();
    await Promise.all(this.#spare.map((victim) => victim.dead()));
  }
}
