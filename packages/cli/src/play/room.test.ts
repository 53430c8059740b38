import { describe, expect, it } from 'vitest';
import { addressLines } from './room.ts';

const lines = (
  ...said: readonly [from: string, text: string, to?: string[]][]
): Parameters<typeof addressLines>[0] => ({
  format: 'irc',
  unparsed: [],
  lines: said.map(([from, text, to], i) => ({ number: i + 1, from, text, ...(to && { to }) })),
});

const recipients = (transcript: ReturnType<typeof lines>, room: number): string[][] =>
  addressLines(transcript, room).map(({ to }) => [...to]);

describe('the room', () => {
  it('is the last distinct speakers before the line, without its speaker', () => {
    const said = lines(['a', '1'], ['b', '2'], ['a', '3'], ['c', '4'], ['d', '5'], ['a', '6']);
    expect(recipients(said, 2)).toEqual([['a'], ['a'], ['b'], ['a', 'b'], ['c', 'a'], ['d', 'c']]);
  });

  it('has nobody but oneself for the first word, which then goes to the own devices', () => {
    expect(recipients(lines(['a', 'hello?'], ['a', 'hello?']), 8)).toEqual([['a'], ['a']]);
  });
});

describe('a name in front', () => {
  it('addresses that person, also one who speaks only later', () => {
    const said = lines(['a', 'c: you'], ['b', 'A, you'], ['c', 'b:you']);
    expect(recipients(said, 8)).toEqual([['c'], ['a'], ['b']]);
  });

  it('prefers the exact spelling', () => {
    const said = lines(['Al', '1'], ['al', '2'], ['b', 'al: 3'], ['b', 'Al: 4'], ['b', 'AL: 5']);
    expect(recipients(said, 8).slice(2)).toEqual([['al'], ['Al'], ['Al']]);
  });

  it('means nothing when nobody of that name speaks, or it is not in front', () => {
    const said = lines(['a', 'x'], ['b', 'http://a: x'], ['b', 'so a: x'], ['b', 'z: x']);
    expect(recipients(said, 8).slice(1)).toEqual([['a'], ['a'], ['a']]);
  });

  it('means nothing in JSON Lines, which name recipients themselves', () => {
    const said = {
      ...lines(['a', 'x'], ['b', 'x'], ['c', 'b: x'], ['c', 'x', ['z']]),
      format: 'jsonl' as const,
    };
    expect(recipients(said, 8).slice(2)).toEqual([['b', 'a'], ['z']]);
  });
});
