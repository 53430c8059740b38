/** Where a device of a play keeps its log, for the processes that open it and that read it later. */

import { join } from 'node:path';
import { LOG_FILE } from '../inspect/find-logs.ts';

/** The log of the device in a folder. */
export function logPath(folder: string): string {
  return join(folder, LOG_FILE);
}
