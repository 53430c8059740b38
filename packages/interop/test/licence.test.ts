/** The peers' licences: they are test peers and no part of anything else (decision 030). */

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { PEERS } from '../src/peer-catalog.ts';

const root = resolve(import.meta.dirname, '../../..');
const read = (...path: readonly string[]): string => readFileSync(join(root, ...path), 'utf8');
const names = [...new Set(PEERS.map(({ packageName }) => packageName))];

/** As a key or an entry of a manifest or a lockfile, whatever quotes and version follow. */
const mentions = (text: string, name: string): boolean =>
  new RegExp(`^[\\s"']*${name.replaceAll('/', '\\/')}["'@:]`, 'm').test(text);

test('no manifest or lockfile of the workspace names a peer', () => {
  const manifests = readdirSync(join(root, 'packages'))
    .map((folder) => join('packages', folder, 'package.json'))
    .filter((path) => existsSync(join(root, path)));
  expect(manifests.length).toBeGreaterThan(10);
  for (const path of ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests]) {
    for (const name of names) expect(mentions(read(path), name), `${path}: ${name}`).toBe(false);
  }
});

test('a name would be found', () => {
  for (const { folder, packageName } of PEERS) {
    expect(mentions(read('packages/interop/peers', folder, 'package.json'), packageName)).toBe(
      true,
    );
  }
  expect(mentions("  '@signalapp/libsignal-client@0.72.1':", '@signalapp/libsignal-client')).toBe(
    true,
  );
  expect(mentions('      libsignal:\n        specifier: 6.0.0', 'libsignal')).toBe(true);
});

test.each(PEERS.map((peer) => [peer.id, peer] as const))(
  '%s is pinned by a lockfile that names no server',
  (id, { folder, packageName }) => {
    const manifest: unknown = JSON.parse(read('packages/interop/peers', folder, 'package.json'));
    expect(manifest).toMatchObject({ private: true });
    expect(manifest).toHaveProperty(['dependencies', packageName], id.split('@').at(-1));
    const lockfile = read('packages/interop/peers', folder, 'package-lock.json');
    expect(lockfile).toContain('"integrity"');
    expect(lockfile).not.toContain('"resolved"');
  },
);
