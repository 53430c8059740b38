/**
 * To whom each line of a transcript goes.
 *
 * A text that begins with `nick:` or `nick,` and names somebody who speaks anywhere in the
 * transcript goes to that person (IRC names know no case). Any other line goes to the room: the
 * last distinct speakers before it. Whoever says the first word, or speaks to themselves, sends to
 * their own devices.
 */

import type { Transcript, TranscriptLine } from './transcript.ts';

/** A line with its recipients. */
export interface PlayLine {
  /** 0, 1, 2 … among the messages. */
  readonly index: number;
  /** Line number in the file, from 1. */
  readonly number: number;
  readonly from: string;
  /** Users; never empty. */
  readonly to: readonly string[];
  readonly text: string;
}

const ADDRESSED = /^([^\s:,]+)[:,]/;

/** Addresses every line; the room holds `roomSize` people. */
export function addressLines(transcript: Transcript, roomSize: number): readonly PlayLine[] {
  const find = transcript.format === 'irc' ? speakerFinder(transcript.lines) : () => undefined;
  let room: readonly string[] = [];
  return transcript.lines.map(({ number, from, to, text }, index) => {
    const addressed = find(ADDRESSED.exec(text)?.[1]);
    const others = room.filter((name) => name !== from);
    const group = to ?? (addressed === undefined ? others : [addressed]);
    room = [from, ...others].slice(0, roomSize);
    return { index, number, from, to: group.length === 0 ? [from] : group, text };
  });
}

/** Gives every user another name, as a relay that holds accounts of earlier plays needs it. */
export function renameUsers(
  lines: readonly PlayLine[],
  rename: (user: string) => string,
): readonly PlayLine[] {
  return lines.map((line) => ({ ...line, from: rename(line.from), to: line.to.map(rename) }));
}

function speakerFinder(
  lines: readonly TranscriptLine[],
): (name: string | undefined) => string | undefined {
  const speakers = new Set(lines.map((line) => line.from));
  const spelling = new Map([...speakers].toReversed().map((name) => [name.toLowerCase(), name]));
  return (name) => {
    if (name === undefined || speakers.has(name)) return name;
    return spelling.get(name.toLowerCase());
  };
}
