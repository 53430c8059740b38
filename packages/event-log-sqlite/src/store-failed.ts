/** Why a place cannot be written. */

import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { StoreRefusal } from '@simsim/event-log';
import { refusalOf } from './connection.ts';

/**
 * What was thrown where a log at `path` was to be made or written, as a refusal. SQLite and the making of
 * folders say of a read-only medium only that there is no such file; the nearest folder that is there
 * says why.
 *
 * Throws: again, what is neither ours nor the medium's.
 */
export function storeFailed(failure: unknown, path: string): StoreRefusal {
  const refusal = refusalOf(failure);
  if (refusal.code !== 'STORE_FAILED') return refusal;
  let folder = dirname(path);
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK);
    return refusal;
  } catch (hindrance) {
    return refusalOf(hindrance);
  }
}
