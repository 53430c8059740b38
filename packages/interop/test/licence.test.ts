/** The peers' licences: they are test peers and no part of anything else (decision 030). */

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { PEERS } from '../src/peer-catalog.ts';

const root = resolve(import.meta.dirname, '../../..');
const read = (...path: readonly string[]): string => readFileSync(join(root, ...path), 'utf8');
const peersFolder = 'packages/interop/peers';

/** Every folder below `peers/`, also of those that only `bench` measures. */
const pinned = readdirSync(join(root, peersFolder)).map((folder) => {
  const manifest: unknown = JSON.parse(read(peersFolder, folder, 'package.json'));
  const { dependencies } = manifest as { readonly dependencies: Readonly<Record<string, string>> };
  return { folder, manifest, dependencies: Object.entries(dependencies) };
});

const names = new Set(pinned.flatMap(({ dependencies }) => dependencies.map(([name]) => name)));

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
  expect(names.has('@signalapp/libsignal-client')).toBe(true);
  for (const { folder, dependencies } of pinned) {
    for (const [name] of dependencies) {
      expect(mentions(read(peersFolder, folder, 'package.json'), name)).toBe(true);
    }
  }
  expect(mentions("  '@signalapp/libsignal-client@0.72.1':", '@signalapp/libsignal-client')).toBe(
    true,
  );
  expect(mentions('      libsignal:\n        specifier: 6.0.0', 'libsignal')).toBe(true);
});

test.each(pinned)(
  '$folder pins one package by number, with a lockfile that names no server',
  ({ folder, manifest, dependencies }) => {
    expect(manifest).toMatchObject({ private: true });
    expect(dependencies).toHaveLength(1);
    expect(dependencies[0]?.[1]).toMatch(/^\d+\.\d+\.\d+$/);
    const lockfile = read(peersFolder, folder, 'package-lock.json');
    expect(lockfile).toContain('"integrity"');
    expect(lockfile).not.toContain('"resolved"');
  },
);

test('each peer of the catalog is what its folder pins', () => {
  for (const { id, folder, packageName } of PEERS) {
    const found = pinned.find((each) => each.folder === folder);
    expect(found?.dependencies).toEqual([[packageName, id.split('@').at(-1)]]);
  }
});
