#!/usr/bin/env node
/** The `simsim` command. */

import { createRequire } from 'node:module';
import { parseArguments } from './arguments.ts';
import { CliError, usageError } from './cli-error.ts';
import type { Command } from './command.ts';
import type { ExitCode } from './exit-code.ts';
import { createOutput } from './output.ts';
import type { Output } from './output.ts';

/** A command as the overview shows it; what it needs is loaded when it is called. */
interface CommandEntry {
  readonly name: string;
  readonly positional: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'play',
    positional: '<transcript>',
    summary: 'play a conversation over real devices, and count what arrived',
    load: async () => (await import('./play/play-command.ts')).playCommand,
  },
  {
    name: 'relay',
    positional: '',
    summary: 'run a relay',
    load: async () => (await import('./relay-command.ts')).relayCommand,
  },
  {
    name: 'verify',
    positional: '<log.db or folder>',
    summary: 'find out whether a log, or every log in a folder, is whole',
    load: async () => (await import('./inspect/verify-command.ts')).verifyCommand,
  },
  {
    name: 'replay',
    positional: '<log.db or its folder>',
    summary: 'print what happened, from a log',
    load: async () => (await import('./inspect/replay-command.ts')).replayCommand,
  },
  {
    name: 'lease',
    positional: '<log.db or its folder>',
    summary: 'say which process has a log open, and end a lease whose process is gone',
    load: async () => (await import('./inspect/lease-command.ts')).leaseCommand,
  },
  {
    name: 'fuzz',
    positional: '',
    summary: 'simulate worlds in which everything breaks, and see that nothing is lost',
    load: async () => (await import('./fuzz/fuzz-command.ts')).fuzzCommand,
  },
  {
    name: 'fuzz replay',
    positional: '<case.json>',
    summary: 'play a case again that fuzz found',
    load: async () => (await import('./fuzz/replay-case-command.ts')).replayCaseCommand,
  },
];

const NEXT = 'Run `simsim --help`.';

void main(process.argv.slice(2), createOutput());

async function main(args: readonly string[], output: Output): Promise<void> {
  try {
    const code = await dispatch(args, output);
    await output.pause();
    const failure = output.failure();
    if (failure !== undefined) output.note(`The result cannot be written: ${failure.message}.`);
    process.exitCode = failure === undefined ? code : 3;
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
  const [second] = rest;
  const long = COMMANDS.find((each) => each.name === `${name} ${second}`);
  const entry = long ?? COMMANDS.find((each) => each.name === name);
  if (entry === undefined) {
    throw usageError(
      name.startsWith('-') ? 'That is no option of simsim.' : 'That is no command of simsim.',
      NEXT,
    );
  }
  const command = await entry.load();
  const given = parseArguments(command, long === undefined ? rest : rest.slice(1));
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
