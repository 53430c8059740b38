/** Which logs a path means: a log itself, or every log in the folders below. */

import { readdirSync, statSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { join } from 'node:path';
import { errorText, usageError } from '../cli-error.ts';

/** A log's file name in a device's folder. */
export const LOG_FILE = 'log.db';

/** How deep a folder is searched: out/devices/<user>.<device>/log.db is three. */
const DEPTH_MAX = 6;

/** Logs in a stable order, and folders that nobody may look into. Throws: CliError 2 where there is none. */
export function findLogs(path: string): readonly string[] {
  if (!isFolder(path)) return [path];
  const logs = logsBelow(path, 0);
  if (logs.length > 0) return logs;
  throw usageError(
    `There is no ${LOG_FILE} in ${path} or below.`,
    'Name a log.db or a folder with some.',
  );
}

/** A folder with one log means that log. */
export function theLog(path: string): string {
  const [log = path, ...more] = findLogs(path);
  if (more.length === 0) return log;
  throw usageError(`There are ${more.length + 1} logs below ${path}.`, `Name one, such as ${log}.`);
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw usageError(
      `${path} cannot be read: ${errorText(error)}.`,
      'Name a log.db or a folder with some.',
    );
  }
}

function logsBelow(folder: string, depth: number): readonly string[] {
  const entries = entriesOf(folder)?.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  // It stands for what may be in it: whoever opens it says that it cannot be read, and goes on.
  if (entries === undefined) return [folder];
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return depth < DEPTH_MAX ? logsBelow(path, depth + 1) : [];
    return entry.name === LOG_FILE ? [path] : [];
  });
}

function entriesOf(folder: string): readonly Dirent[] | undefined {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return undefined;
  }
}
