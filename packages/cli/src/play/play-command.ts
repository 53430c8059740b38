/** `simsim play`: the main job. */

import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Arguments } from '../arguments.ts';
import { CliError, environmentError, errorText, usageError } from '../cli-error.ts';
import type { Command } from '../command.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Output } from '../output.ts';
import { countPlay } from './count.ts';
import { PLAY_HELP, PLAY_OPTIONS, readPlayOptions } from './play-options.ts';
import type { PlayOptions } from './play-options.ts';
import { planPlay } from './plan.ts';
import { play } from './play.ts';
import { progressLine } from './progress-bar.ts';
import { renderReport } from './report.ts';
import { addressLines, renameUsers } from './room.ts';
import { parseTranscript } from './transcript.ts';
import type { Transcript } from './transcript.ts';

/** The command. */
export const playCommand: Command = {
  name: 'play',
  positional: '<transcript>',
  options: PLAY_OPTIONS,
  help: PLAY_HELP,
  run,
};

/** Bytes of a transcript: it is held in memory whole. */
const TRANSCRIPT_BYTES_MAX = 64 * 1024 * 1024;
/** Unparsed lines that are named one by one. */
const NAMED_LINES_MAX = 20;

async function run(given: Arguments, output: Output): Promise<ExitCode> {
  const options = readPlayOptions(given);
  const transcript = await readTranscript(options.transcript);
  const { seed, devices, churn } = options;
  const ownRelay = options.relay === undefined;
  const addressed = addressLines(transcript, options.roomSize);
  const suffix = ownRelay ? '' : `~${randomBytes(4).toString('hex')}`;
  const lines = renameUsers(addressed, (user) => `${user}${suffix}`);
  const plan = planPlay(lines, { seed, devices, churn, ownRelay });
  const folder = await makeFolder(options.out);
  if (!options.json)
    for (const text of introduction({ options, transcript, folder, suffix })) output.line(text);
  const interrupt = new AbortController();
  const onInterrupt = (): void =>
    interrupt.abort(
      new CliError(130, 'Interrupted.', `What was written so far lies in ${folder}.`),
    );
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onInterrupt);
  try {
    const { signal } = interrupt;
    const onProgress: Parameters<typeof play>[0]['onProgress'] = (state) => {
      if (!signal.aborted) output.progress(progressLine(state));
    };
    const played = await play({ options, lines, plan, folder, signal, onProgress });
    const { report, users } = await countPlay({
      options,
      transcript,
      lines,
      folder,
      played,
      signal,
      onProgress,
    });
    if (options.json) output.line(JSON.stringify(report));
    else for (const text of renderReport(report, users, output.columns())) output.line(text);
    return report.ok ? 0 : 1;
  } finally {
    process.off('SIGINT', onInterrupt);
    process.off('SIGTERM', onInterrupt);
  }
}

async function readTranscript(path: string): Promise<Transcript> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw usageError(
      `The transcript cannot be read: ${errorText(error)}.`,
      'Name a readable file.',
    );
  });
  if (bytes.length > TRANSCRIPT_BYTES_MAX) {
    throw usageError('The transcript is larger than 64 MiB.', 'Play a part of it.');
  }
  const parsed = parseTranscript(bytes);
  if (parsed.ok) return parsed.value;
  if (parsed.error.code === 'EMPTY') {
    throw usageError(`The transcript ${path} is empty.`, 'Name a file with messages.');
  }
  throw usageError(
    `No line of ${path} is a message.`,
    'Lines look like "[hh:mm] <nick> text", or {"from":"nick","text":"…"}.',
  );
}

async function makeFolder(out: string | undefined): Promise<string> {
  try {
    if (out === undefined) return await mkdtemp(join(tmpdir(), 'simsim-play-'));
    const folder = resolve(out);
    await mkdir(folder, { recursive: true });
    if ((await readdir(folder)).length === 0) return folder;
  } catch (error) {
    throw environmentError(`The output folder fails: ${errorText(error)}.`, 'Give another --out.');
  }
  throw usageError(`The folder ${out} is not empty.`, 'Give --out a new or empty folder.');
}

function introduction(about: {
  readonly options: PlayOptions;
  readonly transcript: Transcript;
  readonly folder: string;
  readonly suffix: string;
}): readonly string[] {
  const { options, transcript, folder, suffix } = about;
  const { lines, unparsed, format } = transcript;
  const kind = format === 'irc' ? 'an IRC log' : 'JSON Lines';
  const numbers = unparsed.slice(0, NAMED_LINES_MAX).map(({ number }) => number);
  const more = unparsed.length - numbers.length;
  const rest = more > 0 ? ` and ${more} more` : '';
  return [
    `${options.transcript}: ${kind}, ${lines.length} messages`,
    ...(unparsed.length === 0
      ? []
      : [`${unparsed.length} lines are no messages: ${numbers.join(', ')}${rest}`]),
    `seed ${options.seed} (repeat with --seed ${options.seed})`,
    ...(suffix === '' ? [] : [`users are called <nick>${suffix} at the relay`]),
    `writing to ${folder}`,
    'vaults lie there without a passphrase (unsafePlaintextVault): a test drive, not a place for secrets',
    '',
  ];
}
