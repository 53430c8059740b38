/**
 * What a medium does with bytes that are overwritten. Measured on raw devices: ext4, xfs and btrfs
 * without copy-on-write keep no old key; copy-on-write keeps nearly all of them, and so does a
 * journal that holds data.
 */

import { existsSync, readFileSync, realpathSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';

/** Whether overwriting erases. `unknown` promises nothing. */
export type Erasure = 'in-place' | 'copy-on-write' | 'unknown';

/** A place for files, and what it can erase. */
export interface MediumReport {
  readonly erasure: Erasure;
  /** Its name, or the system's number for it. */
  readonly fileSystem: string;
}

/** What the system says of a place. */
export interface MediumFacts {
  readonly platform: string;
  /** f_type of statfs. */
  readonly type: number;
  /** Mount options, where they are known. */
  readonly options: readonly string[];
}

const FILE_SYSTEMS: Readonly<Record<string, MediumReport>> = {
  ef53: { fileSystem: 'ext4', erasure: 'in-place' },
  '58465342': { fileSystem: 'xfs', erasure: 'in-place' },
  '1021994': { fileSystem: 'tmpfs', erasure: 'in-place' },
  '858458f6': { fileSystem: 'ramfs', erasure: 'in-place' },
  '9123683e': { fileSystem: 'btrfs', erasure: 'copy-on-write' },
  '2fc12fc1': { fileSystem: 'zfs', erasure: 'copy-on-write' },
  f2f52010: { fileSystem: 'f2fs', erasure: 'copy-on-write' },
  ca451a4e: { fileSystem: 'bcachefs', erasure: 'copy-on-write' },
  '3434': { fileSystem: 'nilfs2', erasure: 'copy-on-write' },
  // The file is in the upper layer, whose file system is not told.
  '794c7630': { fileSystem: 'overlay', erasure: 'unknown' },
  '6969': { fileSystem: 'nfs', erasure: 'unknown' },
  fe534d42: { fileSystem: 'smb', erasure: 'unknown' },
  ff534d42: { fileSystem: 'cifs', erasure: 'unknown' },
  '65735546': { fileSystem: 'fuse', erasure: 'unknown' },
  '1021997': { fileSystem: '9p', erasure: 'unknown' },
};

/** What the facts of a place say about erasing there. */
export function erasureOf({ platform, type, options }: MediumFacts): MediumReport {
  const number = (type >>> 0).toString(16);
  const known = platform === 'linux' ? FILE_SYSTEMS[number] : undefined;
  if (known === undefined) return { fileSystem: `${platform} ${number}`, erasure: 'unknown' };
  if (options.includes('data=journal')) return { ...known, erasure: 'copy-on-write' };
  const isPlain = known.fileSystem === 'btrfs' && options.includes('nodatacow');
  return isPlain ? { ...known, erasure: 'in-place' } : known;
}

/** Asks the system about the place of a file, which may be behind a link. Throws: errors of the system. */
export function mediumOf(path: string): MediumReport {
  const folder = existsSync(path) ? dirname(realpathSync(path)) : realpathSync(dirname(path));
  const { type } = statfsSync(folder);
  return erasureOf({ platform: process.platform, type, options: mountOptions(folder) });
}

const MOUNTS = '/proc/self/mounts';

function mountOptions(folder: string): readonly string[] {
  if (!existsSync(MOUNTS)) return [];
  let best = { point: '', options: '' };
  for (const line of readFileSync(MOUNTS, 'utf8').split('\n')) {
    const [, escaped = '', , options = ''] = line.split(' ');
    const point = escaped.replaceAll('\\040', ' ');
    const isAbove = point === '/' || folder === point || folder.startsWith(`${point}/`);
    // The last of several mounts on one point is the one that is seen.
    if (point !== '' && isAbove && point.length >= best.point.length) best = { point, options };
  }
  return best.options.split(',');
}
