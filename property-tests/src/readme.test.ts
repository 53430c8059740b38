/** The README's example is run as it stands, against a real relay and real files. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as device from '@simsim/device';
import type { Device } from '@simsim/device';
import { startRelay } from '@simsim/relay';

/** Beside this file, so that its imports resolve as an application's do. */
const MODULE = join(import.meta.dirname, '.readme-example.ts');

type Print = { log(...words: unknown[]): void };

/** Writes the README's first TypeScript block as a module; answers how many lines it has. */
function writeExample(relay: string): number {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
  const [, code = ''] = /```ts\n([\s\S]*?)```/u.exec(readme) ?? [];
  const imports = code.split('\n').filter((line) => line.startsWith('import '));
  const body = code.split('\n').filter((line) => !line.startsWith('import '));
  const main = body.join('\n').replace('http://127.0.0.1:8750', relay);
  const head = 'export async function main(console: { log(...words: unknown[]): void }) {';
  writeFileSync(MODULE, [...imports, head, main, '}', ''].join('\n'));
  return code.split('\n').filter((line) => line.trim() !== '').length;
}

it('the example of the README runs, and takes twelve lines', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'simsim-readme-'));
  const before = process.cwd();
  const relay = await startRelay({ file: join(folder, 'relay.db'), host: '127.0.0.1', port: 0 });
  process.chdir(folder);
  const store = device.sqlite('bob/log.db', { unsafePlaintextVault: true });
  const bob: Device = await device.openDevice({
    user: 'bob',
    store,
    relay: relay.url,
    ifMissing: 'create',
  });
  try {
    expect(writeExample(relay.url)).toBeLessThanOrEqual(12);
    const example: { main(console: Print): Promise<void> } = await import(MODULE);
    const printed = new Promise<unknown[]>((resolve, reject) => {
      example.main({ log: (...words) => resolve(words) }).catch(reject);
    });
    for await (const message of bob.messages()) {
      expect([message.from.user, message.text]).toEqual(['alice', 'open sesame']);
      await message.ack();
      break;
    }
    await bob.send('alice', 'come in');
    expect(await printed).toEqual(['bob', 'come in']);
  } finally {
    process.chdir(before);
    rmSync(MODULE, { force: true });
    await bob.close();
    await relay.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
