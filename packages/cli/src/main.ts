#!/usr/bin/env node
/** The `simsim` command. */

import { createRequire } from 'node:module';
import { parseArguments } from './arguments.ts';
import { CliError, usageError } from './cli-error.ts';
import type { Command } from './command.ts';
import type { ExitCode } from './exit-code.ts';
import { replayCommand } from './inspect/replay-command.ts';
import { verifyCommand } from './inspect/verify-command.ts';
import { createOutput } from './output.ts';
import type { Output } from './output.ts';
import { playCommand } from './play/play-command.ts';
import { relayCommand } from './relay-command.ts';

const COMMANDS: readonly Command[] = [playCommand, relayCommand, verifyCommand, replayCommand];

const NEXT = 'Run `simsim --help`.';

void main(process.argv.slice(2), createOutput());

async function main(args: readonly string[], output: Output): Promise<void> {
  try {
    process.exitCode = await dispatch(args, output);
  } catch (error) {
    const isExpected = error instanceof CliError;
    output.note(isExpected ? `${error.message} ${error.next}` : wordsOf(error));
    process.exitCode = isExpected ? error.exitCode : 3;
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function dispatch([name, ...rest]: readonly string[], output: Output): Promise<ExitCode> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    for (const text of overview()) output.line(text);
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-v') {
    output.line(version());
    return 0;
  }
  const command = COMMANDS.find((each) => each.name === name);
  if (command === undefined) {
    throw usageError(
      name.startsWith('-') ? 'That is no option of simsim.' : 'That is no command of simsim.',
      NEXT,
    );
  }
  const given = parseArguments(command, rest);
  if (!given.isSet('help')) return command.run(given, output);
  output.line(command.help);
  return 0;
}

function overview(): readonly string[] {
  return [
    'simsim: multi-device end-to-end encrypted sessions over forward-secure logs',
    '',
    ...COMMANDS.map(
      ({ name, positional, summary }) =>
        `  ${`simsim ${name} ${positional}`.padEnd(38)} ${summary}`,
    ),
    '',
    '  simsim <command> --help                its options',
    '  simsim --version',
  ];
}

function version(): string {
  const manifest: unknown = createRequire(import.meta.url)('../package.json');
  const hasVersion = typeof manifest === 'object' && manifest !== null && 'version' in manifest;
  return hasVersion ? String(manifest.version) : 'unknown';
}
