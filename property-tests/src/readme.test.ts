/** The README's example is run as it stands, against a real relay and real files. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import * as device from '@simsim/device';
import type { Device } from '@simsim/device';
import { startRelay } from '@simsim/relay';

/** The first TypeScript block, as a function of what it imports and where it prints. */
function exampleOf(
  readme: string,
  relay: string,
): { lines: number; run: (print: (...words: unknown[]) => void) => Promise<void> } {
  const [, code = ''] = /```ts\n([\s\S]*?)```/u.exec(readme) ?? [];
  const [, names = ''] = /^import \{ (.*) \} from '@simsim\/device';$/mu.exec(code) ?? [];
  const body = code
    .replace(/^import .*$/mu, `const { ${names} } = device;`)
    .replace('http://127.0.0.1:8750', relay);
  const source = `return async (device, console) => {\n${body}\n};`;
  // The example must be plain enough to run without a compiler.
  const make = new Function(source) as () => (
    api: typeof device,
    console: unknown,
  ) => Promise<void>;
  return {
    lines: code.split('\n').filter((line) => line.trim() !== '').length,
    run: (log) => make()(device, { log }),
  };
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
    const example = exampleOf(
      readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8'),
      relay.url,
    );
    expect(example.lines).toBeLessThanOrEqual(12);
    const printed = new Promise<unknown[]>((resolve, reject) => {
      example.run((...words) => resolve(words)).catch(reject);
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
    await bob.close();
    await relay.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
