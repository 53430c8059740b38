/** What a command of `simsim` is. */

import type { Arguments, CommandShape } from './arguments.ts';
import type { ExitCode } from './exit-code.ts';
import type { Output } from './output.ts';

/** One command. */
export interface Command extends CommandShape {
  /** The whole help text, options included. */
  readonly help: string;
  run(given: Arguments, output: Output): Promise<ExitCode>;
}
