import { encodeUtf8 } from '@simsim/bytes';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTranscript } from './transcript.ts';
import type { Transcript } from './transcript.ts';

function parse(text: string): Transcript {
  const parsed = parseTranscript(encodeUtf8(text));
  if (!parsed.ok) throw new Error(parsed.error.code);
  return parsed.value;
}

describe('an IRC log', () => {
  it('is taken apart, and what is no message is kept by number', () => {
    const transcript = parse(
      '=== bao has joined\n[18:02] <noor>  two spaces \n[18:03]  * noor waves\n\n[18:04] <bao>\n',
    );
    expect(transcript).toEqual({
      format: 'irc',
      lines: [
        { number: 2, from: 'noor', text: ' two spaces ' },
        { number: 5, from: 'bao', text: '' },
      ],
      unparsed: [1, 3, 4].map((number) => ({ number, reason: 'NOT_A_MESSAGE' })),
    });
  });

  it('may end its lines in CRLF, begin with a byte order mark and lack the last line end', () => {
    const transcript = parse('\ufeff[18:02] <noor> one\r\n[18:03] <noor> two');
    expect(transcript.lines.map((line) => line.text)).toEqual(['one', 'two']);
  });

  it('keeps every text as it is', () => {
    const text = fc.string({ unit: 'binary' }).filter((each) => !/[\n\r\ud800-\udfff]/.test(each));
    fc.assert(
      fc.property(fc.array(text, { minLength: 1 }), (texts) => {
        const { lines } = parse(texts.map((each) => `[00:00] <a> ${each}`).join('\n'));
        expect(lines.map((line) => line.text)).toEqual(texts);
      }),
    );
  });

  it('names a line that is no UTF-8', () => {
    const bytes = new Uint8Array([...encodeUtf8('[00:00] <a> x\n[00:00] <a> '), 0xff, 0x0a]);
    const parsed = parseTranscript(bytes);
    expect(parsed.ok && parsed.value.unparsed).toEqual([{ number: 2, reason: 'NOT_UTF8' }]);
  });

  it('names a line that is too long to send', () => {
    const { unparsed } = parse(`[00:00] <a> x\n[00:00] <a> ${'x'.repeat(100_000)}`);
    expect(unparsed).toEqual([{ number: 2, reason: 'TOO_LONG' }]);
  });
});

describe('JSON Lines', () => {
  it('is told apart by its content, with one name, many or none', () => {
    const transcript = parse(
      [
        '{"from":"a","text":"to the room"}',
        '{"from":"a","to":"b","text":"to b"}',
        '{"from":"a","to":["b","c","b"],"text":"to both"}',
        '{"from":"a","to":[],"text":"to the room again"}',
        '{"from":"a","to":[7],"text":"to a number"}',
        '{"from":"a"}',
        '[1]',
        '{"from":"","text":"nobody"}',
        'null',
      ].join('\n'),
    );
    expect(transcript.format).toBe('jsonl');
    expect(transcript.lines.map((line) => line.to)).toEqual([
      undefined,
      ['b'],
      ['b', 'c'],
      undefined,
    ]);
    expect(transcript.unparsed.map(({ number, reason }) => `${number} ${reason}`)).toEqual([
      '5 NOT_A_MESSAGE',
      '6 NOT_A_MESSAGE',
      '7 NOT_A_MESSAGE',
      '8 BAD_NAME',
      '9 NOT_A_MESSAGE',
    ]);
  });

  it('may name as many people as one send may reach', () => {
    const names = Array.from({ length: 256 }, (_, i) => `n${i}`);
    const line = JSON.stringify({ from: 'a', to: names, text: 'hello' });
    expect(parse(`{"from":"a","text":"x"}\n${line}`).unparsed).toEqual([
      { number: 2, reason: 'TOO_MANY_NAMES' },
    ]);
  });
});

describe('a file that is no transcript', () => {
  it('is refused by name', () => {
    expect(parseTranscript(new Uint8Array(0))).toEqual({ ok: false, error: { code: 'EMPTY' } });
    expect(parseTranscript(encodeUtf8('hello\n'))).toEqual({
      ok: false,
      error: { code: 'NO_MESSAGES' },
    });
  });

  it('never throws, whatever its bytes, and every line is accounted for', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const parsed = parseTranscript(bytes);
        if (!parsed.ok) return;
        const { lines, unparsed } = parsed.value;
        const numbers = [...lines, ...unparsed].map(({ number }) => number).sort((a, b) => a - b);
        expect(numbers).toEqual(numbers.map((_, i) => i + 1));
      }),
    );
  });
});
