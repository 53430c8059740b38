/** Every way to open a device's vault opens it again, and no other does; in one process at a time. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import { expect, onTestFinished, test } from 'vitest';
import { sqlite } from './store-spec.ts';
import type { VaultChoice } from './store-spec.ts';

const kept = new Map<string, Uint8Array>();
const keychain = {
  get: (name: string) => kept.get(name)?.slice(),
  set: (name: string, bytes: Uint8Array) => void kept.set(name, bytes.slice()),
  remove: (name: string) => void kept.delete(name),
};

const CHOICES: readonly VaultChoice[] = [
  { passphrase: 'open sesame' },
  { passphrase: 'open sesame', stretch: 'argon2id' },
  { key: new Uint8Array(32).fill(5) },
  { keychain },
  { unsafePlaintextVault: true },
];

test.each(CHOICES.map((choice) => [Object.keys(choice).join(', '), choice] as const))(
  'a log with %s',
  (_, choice) => {
    const folder = mkdtempSync(join(tmpdir(), 'simsim-device-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'alice/log.db');
    const made = sqlite(path, choice).open({ crypto, entropy }, 'create');
    if (made.ok) made.value.close();
    const again = sqlite(path, choice).open({ crypto, entropy }, 'fail');
    expect([made.ok, again.ok]).toEqual([true, true]);
    if (again.ok) again.value.close();
    const other = sqlite(path, { key: new Uint8Array(32) }).open({ crypto, entropy }, 'fail');
    expect(other).toMatchObject({ error: { code: 'VAULT_WRONG_KEY' } });
  },
);

test('a device has one process: its log is not shared, whatever is asked for', () => {
  const folder = mkdtempSync(join(tmpdir(), 'simsim-device-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const asked = { metadata: 'sealed', shared: true } as const;
  const spec = sqlite(join(folder, 'log.db'), { unsafePlaintextVault: true }, asked);
  const first = spec.open({ crypto, entropy }, 'create');
  const second = spec.open({ crypto, entropy }, 'fail');
  expect(second).toMatchObject({ error: { code: 'STORE_IN_USE', holder: { pid: process.pid } } });
  if (first.ok) first.value.close();
});

test('a place where no folder can be made is refused with the reason, and nothing is thrown', () => {
  const folder = mkdtempSync(join(tmpdir(), 'simsim-device-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'file');
  writeFileSync(file, 'no folder');
  const spec = sqlite(join(file, 'alice/log.db'), { unsafePlaintextVault: true });
  expect(spec.open({ crypto, entropy }, 'create')).toMatchObject({
    error: { code: 'STORE_FAILED', detail: expect.stringContaining('in the place of its folder') },
  });
});
