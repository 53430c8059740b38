import { describe, expect, it } from 'vitest';
import { parseArguments } from '../arguments.ts';
import { CliError } from '../cli-error.ts';
import { PLAY_HELP, PLAY_OPTIONS, readPlayOptions } from './play-options.ts';
import type { PlayOptions } from './play-options.ts';

const read = (...args: string[]): PlayOptions =>
  readPlayOptions(
    parseArguments({ name: 'play', options: PLAY_OPTIONS, positional: '<transcript>' }, args),
  );

describe('the options of play', () => {
  it('have defaults', () => {
    expect(read('chat.txt', '--seed', '7')).toEqual({
      transcript: 'chat.txt',
      roomSize: 8,
      seed: 7,
      devices: { min: 2, max: 3 },
      identityModel: 'per-user',
      processes: 4,
      churn: false,
      json: false,
      linesInFlight: 64,
    });
  });

  it('are read', () => {
    const given = ['--devices', '1-4', '--relay', 'http://127.0.0.1:1', '--out', 'x', '--churn'];
    expect(read('chat.txt', ...given)).toMatchObject({
      devices: { min: 1, max: 4 },
      relay: 'http://127.0.0.1:1',
      out: 'x',
      churn: true,
    });
    expect(read('chat.txt', '--devices', '3').devices).toEqual({ min: 3, max: 3 });
    expect(read('chat.txt', '--identity', 'per-device').identityModel).toBe('per-device');
  });

  const mistakes: readonly (readonly string[])[] = [
    [],
    ['a', 'b'],
    ['a', '--nonsense'],
    ['a', '--seed'],
    ['a', '--seed', '-1'],
    ['a', '--seed', '4294967296'],
    ['a', '--seed', 'x'],
    ['a', '--room', '0'],
    ['a', '--devices', '0'],
    ['a', '--devices', '3-2'],
    ['a', '--devices', '1-2-3'],
    ['a', '--devices', '99'],
    ['a', '--identity', 'mine'],
    ['a', '--processes', '0'],
    ['a', '--lines-in-flight', '63'],
    ['a', '--relay', 'ftp://x'],
    ['a', '--relay', 'x'],
  ];
  for (const args of mistakes) {
    it(`are refused with exit code 2: ${args.join(' ') || 'nothing'}`, () => {
      expect(() => read(...args)).toThrow(CliError);
      expect(exitCodeOf(() => read(...args))).toBe(2);
    });
  }

  it('are all in the help text', () => {
    for (const name of Object.keys(PLAY_OPTIONS)) expect(PLAY_HELP).toContain(`--${name}`);
  });
});

function exitCodeOf(work: () => unknown): number | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof CliError ? error.exitCode : undefined;
  }
}
