/** Builds every package that changed, through turbo's cache, sending nothing to anybody. */
import { spawnSync } from 'node:child_process';

const onTerminal = process.stderr.isTTY === true;
if (onTerminal) process.stderr.write('building …');
const turbo = spawnSync(
  'turbo',
  ['run', 'build', '--output-logs=errors-only', '--concurrency=2', '--no-color'],
  {
    encoding: 'utf8',
    shell: process.platform === 'win32',
    env: {
      ...process.env,
      DO_NOT_TRACK: '1',
      TURBO_TELEMETRY_DISABLED: '1',
      TURBO_TELEMETRY_MESSAGE_DISABLED: '1',
      TURBO_NO_UPDATE_NOTIFIER: '1',
    },
  },
);
if (onTerminal) process.stderr.write('\r\u001b[2K');

// What is built is a step on the way, so only a failure has something to say, and never on
// standard output: `simsim --json` owns that.
if (turbo.status !== 0) {
  process.stderr.write(`${turbo.stdout ?? ''}${turbo.stderr ?? ''}`);
  if (turbo.error) process.stderr.write(`turbo: ${turbo.error.message}\n`);
  process.exitCode = 1;
}
