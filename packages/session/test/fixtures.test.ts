/**
 * Sessions that were saved by an earlier state of this code still open, and go on. A fixture is never
 * written again: a new form gets a new entry.
 */

import { readFileSync } from 'node:fs';
import { bytesToHex, hexToBytes } from '@simsim/bytes';
import { describe, expect, it } from 'vitest';
import type { Session } from '../src/index.ts';
import {
  decodeBlock,
  decodeCold,
  decodeHot,
  decrypt,
  encodeBlock,
  encodeHot,
  encrypt,
  hasPqRatchet,
  sessionVersion,
  withBlocks,
} from '../src/index.ts';
import { backends, bytesOf, joinState, must, parse } from './conversation.ts';

interface Fixture {
  title: string;
  version: 3 | 4;
  hot: string;
  cold: string;
  blocks: string[];
  /** Skipped before the session was saved. */
  late: string;
  /** The next in order. */
  next: string;
}

const fixtures = JSON.parse(
  readFileSync(new URL('./vectors/saved-sessions.json', import.meta.url), 'utf8'),
) as { sessions: Fixture[] };

function hex(text: string): Uint8Array {
  const bytes = hexToBytes(text);
  if (bytes === undefined) throw new Error('not hex');
  return bytes;
}

describe.each(backends)('on %s', (_name, crypto) => {
  it.each(fixtures.sessions)('a saved session opens: $title', (fixture) => {
    const hot = must(decodeHot(hex(fixture.hot), crypto));
    const cold = must(decodeCold(hex(fixture.cold), crypto));
    const blocks = fixture.blocks.map((block) => must(decodeBlock(hex(block), crypto)));
    const session: Session = withBlocks({ hot, cold, blocks: new Map() }, blocks);
    expect(sessionVersion(session)).toBe(fixture.version);
    expect(hasPqRatchet(session)).toBe(fixture.version === 4);
    expect(bytesToHex(joinState(encodeHot(hot), crypto))).toBe(fixture.hot);
    expect(blocks.map((block) => bytesToHex(joinState(encodeBlock(block), crypto)))).toEqual(
      fixture.blocks,
    );
    const env = { crypto, entropy: (length: number) => new Uint8Array(length).fill(1) };
    const late = must(decrypt(session, parse(hex(fixture.late)), env));
    expect(late.plaintext).toEqual(bytesOf('late'));
    const next = must(decrypt(late.session, parse(hex(fixture.next)), env));
    expect(next.plaintext).toEqual(bytesOf('next'));
    expect(encrypt(next.session, bytesOf('answer'), env).ok).toBe(true);
  });
});
