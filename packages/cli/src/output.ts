/** Where commands write: results to standard output, everything else to standard error. */

import { fstatSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Columns assumed where there is no terminal. */
const COLUMNS_DEFAULT = 100;

/**
 * The two streams of a command. A reader that went away is no error: writing becomes silent. Where the
 * result cannot be written otherwise, a full disk for one, the command ends with exit code 3.
 */
export interface Output {
  /** A line of the result. */
  line(text: string): void;
  /** A line for people beside the result. */
  note(text: string): void;
  /** Replaces the last progress line; nothing where standard error is no terminal. */
  progress(text: string): void;
  /** Writes text as it is into a pipe, which is how a reader that went away is noticed; nothing elsewhere. */
  pulse(text: string): void;
  /** True once nobody reads the result any more. */
  isBroken(): boolean;
  /** Why the result could not be written; a reader that went away is no reason. */
  failure(): Error | undefined;
  /** Width to lay tables out for. */
  columns(): number;
  /** Lets a reader that went away be noticed. */
  pause(): Promise<void>;
}

/** Standard output and standard error of this process. */
export function createOutput(): Output {
  let isBroken = false;
  let hasProgress = false;
  let failure: Error | undefined;
  const onError = (error: NodeJS.ErrnoException): void => {
    isBroken = true;
    if (error.code === 'EPIPE') return;
    failure ??= error;
    // It may come after the command is done.
    process.exitCode = 3;
  };
  process.stdout.on('error', onError);
  process.stderr.on('error', onError);
  const clear = (): void => {
    if (hasProgress) process.stderr.write('\r\u001b[2K');
    hasProgress = false;
  };
  return {
    line(text) {
      clear();
      if (!isBroken) process.stdout.write(`${text}\n`);
    },
    note(text) {
      clear();
      process.stderr.write(`${text}\n`);
    },
    progress(text) {
      if (process.stderr.isTTY !== true) return;
      const width = Math.max(1, process.stderr.columns - 1);
      process.stderr.write(`\r\u001b[2K${text.slice(0, width)}`);
      hasProgress = true;
    },
    pulse(text) {
      if (!isPiped()) return;
      clear();
      if (!isBroken) process.stdout.write(text);
    },
    isBroken: () => isBroken,
    failure: () => failure,
    columns: () => (process.stdout.isTTY ? process.stdout.columns : COLUMNS_DEFAULT),
    async pause() {
      await nextTurn();
    },
  };
}

/** Whether standard output is somebody's pipe. */
function isPiped(): boolean {
  try {
    const stat = fstatSync(process.stdout.fd);
    return stat.isFIFO() || stat.isSocket();
  } catch {
    return false;
  }
}
