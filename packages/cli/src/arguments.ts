/** Reading a command's arguments; every mistake is answered with the next step. */

import { parseArgs } from 'node:util';
import type { ParseArgsConfig } from 'node:util';
import { errorText, usageError } from './cli-error.ts';

/** The options of a command as `parseArgs` takes them. */
export type OptionTable = NonNullable<ParseArgsConfig['options']>;

/** What a command was given: option values by name, and the rest. */
export interface Arguments {
  readonly positionals: readonly string[];
  /** The value of a text option. */
  text(name: string): string | undefined;
  /** Whether a flag was given. */
  isSet(name: string): boolean;
  /** An integer option within bounds. */
  integer(name: string, bounds: IntegerBounds): number | undefined;
}

/** Least and greatest value of an integer option. */
export interface IntegerBounds {
  readonly min: number;
  readonly max: number;
}

/** How a command is called. */
export interface CommandShape {
  readonly name: string;
  readonly options: OptionTable;
  /** What stands without a dash, for messages: `<transcript>`; empty for none. */
  readonly positional: string;
}

/** Throws: CliError 2 for an unknown option, a missing value, a missing or extra positional. */
export function parseArguments(shape: CommandShape, args: readonly string[]): Arguments {
  const help = `Run \`simsim ${shape.name} --help\`.`;
  const options = { ...shape.options, help: { type: 'boolean', short: 'h' } } as const;
  const { values, positionals } = readArguments(options, args, help);
  const wanted = shape.positional === '' ? 0 : 1;
  const isHelp = values['help'] === true;
  if (!isHelp && positionals.length < wanted) {
    throw usageError(`simsim ${shape.name} needs ${shape.positional}.`, help);
  }
  if (positionals.length > wanted) {
    throw usageError(
      `simsim ${shape.name} does not know what to do with a further argument.`,
      help,
    );
  }
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    positionals,
    text,
    isSet: (name) => values[name] === true,
    integer(name, bounds) {
      const value = text(name);
      return value === undefined ? undefined : parseInteger(value, `--${name}`, bounds);
    },
  };
}

/** Throws: CliError 2 for anything but an integer within bounds. */
export function parseInteger(text: string, name: string, { min, max }: IntegerBounds): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw usageError(`${name} is a whole number of ${min} to ${max}.`, `Give ${name} such a number.`);
}

function readArguments(
  options: OptionTable,
  args: readonly string[],
  help: string,
): { values: Readonly<Record<string, unknown>>; positionals: readonly string[] } {
  try {
    return parseArgs({ options, args: [...args], strict: true, allowPositionals: true });
  } catch (error) {
    // parseArgs explains how to escape a dash in a second sentence; the first says what is wrong.
    throw usageError(`${errorText(error).split(/\.(?:\s|$)/u)[0] ?? 'Bad arguments'}.`, help);
  }
}
