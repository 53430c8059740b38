/** How to call this command again, for lines that say what to type next. */

import { basename, relative, sep } from 'node:path';

/** `simsim` where it is installed; in a checkout, where nothing of that name is found, the file that ran. */
export function commandName(
  script: string = process.argv[1] ?? '',
  from: string = process.cwd(),
): string {
  const isInstalled = basename(script) === 'simsim' || script.split(sep).includes('node_modules');
  return script === '' || isInstalled ? 'simsim' : `node ${relative(from, script)}`;
}
