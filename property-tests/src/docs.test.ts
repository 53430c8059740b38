/** Pages whose code is run as it stands, and must print what the page says that it prints. */

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** Beside this file, so that its imports resolve as an application's do. */
const MODULE = join(import.meta.dirname, '.docs-example.ts');

type Print = { log(...words: unknown[]): void };

/** All blocks of one language, in order. */
function blocksOf(page: string, language: string): string[] {
  return [...page.matchAll(/```(\w+)\n([\s\S]*?)```/gu)].flatMap(([, name, code]) =>
    name === language && code !== undefined ? [code] : [],
  );
}

/** One module of all TypeScript blocks of a page, imports first. */
function moduleOf(page: string): string {
  const lines = blocksOf(page, 'ts').join('\n').split('\n');
  const isImport = (line: string): boolean => line.startsWith('import ');
  const head = 'export async function main(console: { log(...words: unknown[]): void }) {';
  const body = lines.filter((line) => !isImport(line));
  return [...lines.filter(isImport), head, ...body, '}', ''].join('\n');
}

it.each(['fuzz-your-own-store.md'])('%s prints what it says', async (name) => {
  const page = readFileSync(join(import.meta.dirname, '../../docs', name), 'utf8');
  writeFileSync(MODULE, moduleOf(page));
  try {
    const example: { main(console: Print): Promise<void> } = await import(MODULE);
    const printed: string[] = [];
    await example.main({ log: (...words) => printed.push(words.join(' ')) });
    expect(printed).toEqual(blocksOf(page, 'text').flatMap((text) => text.trimEnd().split('\n')));
  } finally {
    rmSync(MODULE, { force: true });
  }
});
