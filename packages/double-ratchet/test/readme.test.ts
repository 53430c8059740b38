/** The README's example is run as it stands, and says what the requirements want said. */

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');

/** Beside this file, so that its imports resolve as a test's do. */
const MODULE = join(import.meta.dirname, '.readme-example.ts');

type Print = { log(...words: unknown[]): void };

it('the example of the README runs', async () => {
  const [, code = ''] = /```ts\n([\s\S]*?)```/u.exec(readme) ?? [];
  const lines = code.replace("'@simsim/double-ratchet'", "'../src/index.ts'").split('\n');
  const imports = lines.filter((line) => line.startsWith('import '));
  const body = lines.filter((line) => !line.startsWith('import '));
  const head = 'export function main(console: { log(...words: unknown[]): void }): void {';
  writeFileSync(MODULE, [...imports, head, ...body, '}', ''].join('\n'));
  try {
    const example: { main(console: Print): void } = await import(MODULE);
    const printed: unknown[][] = [];
    example.main({ log: (...words) => printed.push(words) });
    expect(printed).toEqual([
      [Uint8Array.of(1, 2, 3), 1],
      [Uint8Array.of(1, 2, 3), 6],
    ]);
  } finally {
    rmSync(MODULE, { force: true });
  }
});

const words = readme.replaceAll(/\s+/gu, ' ');

it.each([
  ['that header encryption hides no identity', "carry the sender's identity key outside of them"],
  ['who erases what', "Erasing is the caller's: `consumed` after the commit"],
  ['what to do after a compromise', 'After a known compromise make new keys and a new session'],
  ['what a broken algorithm means', 'if an algorithm is broken, a new session is the only cure'],
  ['what is recorded today', 'whoever records today and has a quantum computer later reads it all'],
  ['what dropped messages do to healing', 'dropped messages delay their healing'],
  ['what tells programs apart', 'runs them under the same limits'],
])('the README says %s', (_what, text) => {
  expect(words).toContain(text);
});

it('the call says what header encryption does not hide', () => {
  const path = join(import.meta.dirname, '../src/header-ratchet-encrypt.ts');
  const [comment = ''] = /\/\*\*[^/]*Encrypts the next message and its header[^/]*\*\//u.exec(
    readFileSync(path, 'utf8'),
  ) ?? [''];
  const text = comment.replaceAll(/\n \* /gu, ' ');
  expect(text).toContain("It does not hide the sender's identity key: the messages that begin");
});

it('the README lists every refusal code', () => {
  const sources = ['ratchet-state', 'message-seal', 'header-ratchet-state', 'header-ratchet-codec'];
  const codes = new Set<string>();
  for (const name of sources) {
    const source = readFileSync(join(import.meta.dirname, `../src/${name}.ts`), 'utf8');
    for (const [, code = ''] of source.matchAll(/readonly code: '([A-Z_]+)'/gu)) codes.add(code);
  }
  expect(codes.size).toBe(11);
  for (const code of codes) expect(readme).toContain(`\`${code}\``);
});
