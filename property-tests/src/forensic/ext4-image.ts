/** A file system of one's own in a file, so that its raw bytes can be read. */

import { spawnSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A mounted image. */
export interface Ext4Image {
  readonly folder: string;
  /** Unmounts it and answers every byte of the device. */
  read(): Uint8Array;
  remove(): void;
}

const IMAGE_BYTES = 48 * 1024 * 1024;

/** Makes and mounts an image; a text says why this machine cannot. */
export function mountExt4(): Ext4Image | string {
  if (process.platform !== 'linux') return 'loop mounts are a thing of Linux';
  if (process.getuid?.() !== 0) return 'mounting needs root';
  const scratch = mkdtempSync(join(tmpdir(), 'simsim-ext4-'));
  const [image, folder] = [join(scratch, 'image'), join(scratch, 'mnt')];
  const file = openSync(image, 'w');
  ftruncateSync(file, IMAGE_BYTES);
  closeSync(file);
  mkdirSync(folder);
  const remove = (): void => rmSync(scratch, { recursive: true, force: true });
  for (const [command, ...args] of [
    ['mkfs.ext4', '-q', '-F', image],
    ['mount', '-o', 'loop', image, folder],
  ] as const) {
    const failure = run(command, args);
    if (failure === undefined) continue;
    remove();
    return `${command} does not work here: ${failure}`;
  }
  let isMounted = true;
  const unmount = (): void => {
    if (isMounted) run('umount', [folder]);
    isMounted = false;
  };
  return {
    folder,
    read() {
      unmount();
      return readFileSync(image);
    },
    remove() {
      unmount();
      remove();
    },
  };
}

/** What a command says where it fails. */
function run(command: string, args: readonly string[]): string | undefined {
  const done = spawnSync(command, args, { encoding: 'utf8' });
  return done.status === 0 ? undefined : (done.error?.message ?? done.stderr).trim();
}
