/** Whether two paths lead to the same file. */

import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * Whether two paths are one file, through links of either kind, other spellings and other cases; of files
 * that are not there yet, whether they would be. Throws where a folder cannot be looked into.
 */
export function isSameFile(one: string, other: string): boolean {
  const a = statSync(one, { throwIfNoEntry: false });
  const b = statSync(other, { throwIfNoEntry: false });
  if (a !== undefined && b !== undefined) return a.dev === b.dev && a.ino === b.ino;
  return a === b && placeOf(one) === placeOf(other);
}

function placeOf(path: string): string {
  return join(realpathSync(dirname(path)), basename(path));
}
