/** A failure that ends a command with a message and the next step, and no stack trace. */

import type { ExitCode } from './exit-code.ts';

/** Thrown anywhere in a command; `main` prints it on standard error. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;
  /** What to do next, one sentence. */
  readonly next: string;

  constructor(exitCode: ExitCode, message: string, next: string) {
    super(message);
    this.exitCode = exitCode;
    this.next = next;
  }
}

/** Wrong usage or unusable input. */
export const usageError = (message: string, next: string): CliError =>
  new CliError(2, message, next);

/** The machine, the disk or the network does not play along. */
export const environmentError = (message: string, next: string): CliError =>
  new CliError(3, message, next);

/** The words of anything that was thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
