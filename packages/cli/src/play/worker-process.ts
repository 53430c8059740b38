/** A child process as the coordinator holds it. */

import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { asAnswer, asEvent, decodeWorkerMessage } from './worker-codec.ts';
import type { CallTable, WorkerMessage } from './worker-codec.ts';

/** How a child ended. */
export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last words it wrote on standard error. */
  readonly words: string;
}

/** Rejects calls that a child did not answer before it ended. */
export class WorkerGoneError extends Error {
  override readonly name = 'WorkerGoneError';
}

/** A child answered a call with a failure of its own. */
export class WorkerCallError extends Error {
  override readonly name = 'WorkerCallError';
}

/** The answer, or `undefined` where the child ended before it gave one. */
export async function unlessGone<T>(answer: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof WorkerGoneError) return undefined;
    throw error;
  }
}

/** How a child is started. */
export interface WorkerOptions<Event> {
  /** The script, beside this file. */
  readonly script: string;
  readonly args: readonly string[];
  readonly onEvent: (event: Event) => void;
  readonly onExit: (exit: WorkerExit) => void;
}

/** Characters of standard error that are kept for a message about an unexpected end. */
const WORDS_KEPT = 2000;

interface WaitingCall {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A running child. `call` asks it something; it ends by `stop`, or when this process ends. */
export class WorkerProcess<Calls extends CallTable, Event> {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, WaitingCall>();
  #nextId = 1;
  #words = '';
  #isOver = false;

  constructor(options: WorkerOptions<Event>) {
    const child = fork(new URL(options.script, import.meta.url), [...options.args], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // A process of a hundred devices stays small: young objects die young here, so the nursery may
      // be small, and old garbage goes before it has doubled the heap.
      execArgv: ['--max-semi-space-size=4', '--heap-growing-percent=40'],
    });
    this.#child = child;
    this.pid = child.pid ?? 0;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#words = `${this.#words}${text}`.slice(-WORDS_KEPT);
    });
    child.on('message', (value) => {
      const message = decodeWorkerMessage(value);
      if (message?.kind === 'event') options.onEvent(asEvent<Event>(message.event));
      else if (message !== undefined) this.#settle(message);
    });
    child.on('error', () => undefined);
    child.on('close', (code, signal) => {
      this.#isOver = true;
      for (const { reject } of this.#waiting.values()) reject(new WorkerGoneError('it ended'));
      this.#waiting.clear();
      options.onExit({ code, signal, words: this.#words.trim() });
    });
  }

  /** Rejects with what the child answered, or {@link WorkerGoneError}. */
  call<Name extends keyof Calls & string>(
    name: Name,
    ask: Calls[Name]['ask'],
  ): Promise<Calls[Name]['answer']> {
    const id = this.#nextId++;
    const message: WorkerMessage = { kind: 'call', id, name, ask };
    return new Promise<unknown>((resolve, reject) => {
      if (this.#isOver || !this.#child.connected) {
        reject(new WorkerGoneError('it ended'));
        return;
      }
      this.#waiting.set(id, { resolve, reject });
      this.#child.send(message, () => undefined);
    }).then((answer) => asAnswer<Calls, Name>(answer));
  }

  /** Ends the child at once; the exit is reported as always. */
  kill(): void {
    if (!this.#isOver) this.#child.kill('SIGKILL');
  }

  #settle(message: WorkerMessage): void {
    if (message.kind !== 'answer' && message.kind !== 'failure') return;
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === 'answer') waiting?.resolve(message.answer);
    else waiting?.reject(new WorkerCallError(message.message));
  }
}
