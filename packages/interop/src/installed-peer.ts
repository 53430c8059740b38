/**
 * Peers as installed packages. Each has a folder of its own below `peers/` with a lockfile, is
 * installed there when it is first asked for, and nowhere else.
 */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Peer } from './peer.ts';
import type { KnownPeer } from './peer-catalog.ts';

const PEERS_FOLDER = fileURLToPath(new URL('../peers', import.meta.url));

/** Nothing here needs an install script: the native package carries its binary. */
const INSTALL = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--no-progress'];

/** A registry that does not answer must not hold up everything else. */
const INSTALL_MS_MAX = 60_000;

/** Installs a peer unless it is there already. Answers why not, on one line. */
export async function installPeer(peer: KnownPeer): Promise<string | undefined> {
  if (isInstalled(peer)) return undefined;
  const output = await runInstall(join(PEERS_FOLDER, peer.folder));
  if (isInstalled(peer)) return undefined;
  const lines = output.split('\n').filter((line) => /\S/.test(line) && !line.includes(' warn '));
  return (lines.at(0) ?? 'npm said nothing').slice(0, 200);
}

/** Loads an installed peer. Throws if it cannot be loaded on this machine. */
export function loadPeer(peer: KnownPeer): Peer {
  return peer.adapt(loadModule(peer));
}

/** The installed package itself. Throws if there is no binary for this machine. */
export function loadModule({ folder, packageName }: KnownPeer): unknown {
  const load = createRequire(join(PEERS_FOLDER, folder, 'package.json'));
  return load(packageName);
}

/** Whether what is installed is what the lockfile says, as far as the peer itself goes. */
function isInstalled({ folder, packageName }: KnownPeer): boolean {
  const root = join(PEERS_FOLDER, folder);
  const wanted = readJson(join(root, 'package.json'), 'dependencies', packageName);
  const found = readJson(join(root, 'node_modules', packageName, 'package.json'), 'version');
  return wanted !== undefined && wanted === found;
}

/** The text at a path of keys in a JSON file, if the file is there and has it. */
function readJson(file: string, ...path: readonly string[]): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // not installed, or only in part
  }
  for (const key of path) {
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  }
  return typeof value === 'string' ? value : undefined;
}

function runInstall(folder: string): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn('npm', INSTALL, {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      shell: process.platform === 'win32',
      timeout: INSTALL_MS_MAX,
    });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')));
    child.on('error', (error) => resolve(error.message));
    child.on('close', (_code, signal) => resolve(signal === null ? errors : 'npm took too long'));
  });
}
