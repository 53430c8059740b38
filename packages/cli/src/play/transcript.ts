/**
 * Reading a transcript: an IRC log (`[hh:mm] <nick> text`) or JSON Lines (`{"from","to"?,"text"}`).
 * Which of the two it is shows in the content: the form that more lines have. A line that is no
 * message is kept with its number and the reason; nothing is skipped in silence.
 */

import { encodeUtf8, err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import { parseUserId } from '@simsim/relay-protocol';
import { BODY_BYTES_MAX, RECIPIENTS_MAX } from '@simsim/sesame';

/** A message of a transcript. */
export interface TranscriptLine {
  /** Line number in the file, from 1. */
  readonly number: number;
  readonly from: string;
  /** Whom a JSON line names; absent where it goes to the room. */
  readonly to?: readonly string[];
  readonly text: string;
}

/** Why a line is no message. */
type UnparsedReason = 'NOT_A_MESSAGE' | 'NOT_UTF8' | 'BAD_NAME' | 'TOO_LONG' | 'TOO_MANY_NAMES';

/** A line that is no message. */
interface UnparsedLine {
  readonly number: number;
  readonly reason: UnparsedReason;
}

/** A transcript taken apart. */
export interface Transcript {
  readonly format: 'irc' | 'jsonl';
  readonly lines: readonly TranscriptLine[];
  readonly unparsed: readonly UnparsedLine[];
}

/** Why a file is no transcript at all. */
export interface TranscriptRejection {
  readonly code: 'EMPTY' | 'NO_MESSAGES';
}

type LineResult = Result<Omit<TranscriptLine, 'number'>, UnparsedReason>;

const SUFFIX_ROOM = '~00000000';
const IRC_LINE = /^\[\d{2}:\d{2}(?::\d{2})?\] <([^>]+)>(?: (.*))?$/s;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Takes a file's bytes apart. Lines end in LF or CRLF; texts keep every other byte. */
export function parseTranscript(bytes: Uint8Array): Result<Transcript, TranscriptRejection> {
  const texts = [...splitLines(bytes)].map(decodeLine);
  if (texts.length === 0) return err({ code: 'EMPTY' });
  const asIrc = collect(texts, parseIrcLine);
  const asJson = collect(texts, parseJsonLine);
  const isIrc = asIrc.lines.length >= asJson.lines.length;
  const { lines, unparsed } = isIrc ? asIrc : asJson;
  if (lines.length === 0) return err({ code: 'NO_MESSAGES' });
  return ok({ format: isIrc ? 'irc' : 'jsonl', lines, unparsed });
}

function collect(
  texts: readonly (string | undefined)[],
  parse: (text: string) => LineResult,
): Pick<Transcript, 'lines' | 'unparsed'> {
  const lines: TranscriptLine[] = [];
  const unparsed: UnparsedLine[] = [];
  for (const [index, text] of texts.entries()) {
    const number = index + 1;
    const result: LineResult = text === undefined ? err('NOT_UTF8') : checkLine(parse(text));
    if (result.ok) lines.push({ number, ...result.value });
    else unparsed.push({ number, reason: result.error });
  }
  return { lines, unparsed };
}

function checkLine(result: LineResult): LineResult {
  if (!result.ok) return result;
  const { from, to = [], text } = result.value;
  if (to.length >= RECIPIENTS_MAX) return err('TOO_MANY_NAMES');
  if (![from, ...to].every(isName)) return err('BAD_NAME');
  return encodeUtf8(text).length > BODY_BYTES_MAX ? err('TOO_LONG') : result;
}

/** A user id, with room for a suffix that tells plays on one relay apart. */
function isName(name: string): boolean {
  return parseUserId(`${name}${SUFFIX_ROOM}`).ok && name !== '';
}

function parseIrcLine(text: string): LineResult {
  const [, from, said = ''] = IRC_LINE.exec(text) ?? [];
  return from === undefined ? err('NOT_A_MESSAGE') : ok({ from, text: said });
}

function parseJsonLine(text: string): LineResult {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null) return err('NOT_A_MESSAGE');
  const field = new Map<string, unknown>(Object.entries(value));
  const [from, said, to] = [field.get('from'), field.get('text'), namesOf(field.get('to'))];
  if (typeof from !== 'string' || typeof said !== 'string') return err('NOT_A_MESSAGE');
  if (to === 'malformed') return err('NOT_A_MESSAGE');
  return ok({ from, text: said, ...(to === undefined ? {} : { to }) });
}

/** `"to"` is one name or a list of names; absent, null or empty means the room. */
function namesOf(to: unknown): readonly string[] | undefined | 'malformed' {
  if (to === undefined || to === null) return undefined;
  const names: readonly unknown[] = Array.isArray(to) ? to : [to];
  const texts = names.filter((name) => typeof name === 'string');
  if (texts.length < names.length) return 'malformed';
  return texts.length === 0 ? undefined : [...new Set(texts)];
}

function parseJson(text: string): unknown {
  if (!text.trimStart().startsWith('{')) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Byte ranges between line ends; what follows the last line end counts only if there is any. */
function* splitLines(bytes: Uint8Array): Iterable<Uint8Array> {
  let start = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (start < bytes.length) {
    const found = bytes.indexOf(LINE_FEED, start);
    const end = found < 0 ? bytes.length : found;
    yield bytes.subarray(start, bytes[end - 1] === CARRIAGE_RETURN && end > start ? end - 1 : end);
    start = end + 1;
  }
}

function decodeLine(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
