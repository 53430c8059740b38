/** `simsim relay`: a relay in the foreground. */

import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { startRelay } from '@simsim/relay';
import type { Arguments } from './arguments.ts';
import { environmentError, errorText } from './cli-error.ts';
import type { Command } from './command.ts';
import type { ExitCode } from './exit-code.ts';
import type { Output } from './output.ts';

/** The command. */
export const relayCommand: Command = {
  name: 'relay',
  positional: '',
  options: {
    port: { type: 'string' },
    host: { type: 'string' },
    file: { type: 'string' },
    'put-back': { type: 'boolean' },
  },
  help: `simsim relay [options]

Runs a relay until it is interrupted. On loopback anybody may make an account; elsewhere nobody may,
and TLS has to stand in front of it.

  --port N      port to listen on (default 8750; 0 for any free one)
  --host HOST   address to listen on (default 127.0.0.1)
  --file FILE   its SQLite file (default relay.db)
  --put-back    the file is a backup that was put back: prekeys in it that may have been handed out
                since are forgotten, and devices upload new ones
  --help        this text

Exit: 0 after an interrupt, 2 wrong usage, 3 the file or the port cannot be had.`,
  run,
};

const PORT_DEFAULT = 8750;

async function run(given: Arguments, output: Output): Promise<ExitCode> {
  const file = resolve(given.text('file') ?? 'relay.db');
  const port = given.integer('port', { min: 0, max: 65_535 }) ?? PORT_DEFAULT;
  const host = given.text('host') ?? '127.0.0.1';
  const isPutBack = given.isSet('put-back');
  const relay = await openRelay({ file, port, host, ...(isPutBack && { isPutBack }) });
  output.line(`relay at ${relay.url}, file ${file}; interrupt it to stop`);
  await new Promise<void>((done) => {
    process.once('SIGINT', done);
    process.once('SIGTERM', done);
  });
  await relay.stop();
  return 0;
}

async function openRelay(options: {
  readonly file: string;
  readonly port: number;
  readonly host: string;
  readonly isPutBack?: true;
}): ReturnType<typeof startRelay> {
  try {
    await mkdir(dirname(options.file), { recursive: true });
    return await startRelay(options);
  } catch (error) {
    throw environmentError(
      `The relay does not start: ${errorText(error)}.`,
      'Choose another --port or --file.',
    );
  }
}
