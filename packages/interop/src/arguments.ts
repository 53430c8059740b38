/** What the command line asks for. */

import type { Result } from '@simsim/bytes';
import { err, ok } from '@simsim/bytes';
import type { KnownPeer } from './peer-catalog.ts';
import { PEERS } from './peer-catalog.ts';

/** A run of the command. */
export interface Options {
  readonly peers: readonly KnownPeer[];
  /** Whether the peers were asked for by name: then one that cannot run is an error. */
  readonly isNamed: boolean;
  readonly seed: number;
  readonly isJson: boolean;
}

/** The seed of the tests, so that a run without one can be had again as well. */
const SEED = 20_081_031;

/** What `--help` prints. */
export const USAGE: string = `interop [peer ...] [--all] [--seed <number>] [--json]

Conversations with implementations of Signal's protocols that nobody here wrote. Each is installed in
a folder of its own when it is first needed, and is never part of anything that is shipped.

${PEERS.map(({ id, versions, isDefault }) => `  ${id.padEnd(24)} version ${versions.join(' and ')}${isDefault ? '' : '  (by name or with --all)'}`).join('\n')}

  --all     all of them
  --seed    a whole number: other schedules, other keys of ours
  --json    one JSON object on standard output, and nothing else

Ends with 0 if everything held, 1 if not, 2 for wrong usage, 3 if a peer asked for by name, or every
peer, could not be run.
`;

/** Reads the arguments. `help` asks for {@link USAGE}; an error is one line for standard error. */
export function parseArguments(args: readonly string[]): Result<Options | 'help', string> {
  const names: string[] = [];
  let seed = SEED;
  let isJson = false;
  let isAll = false;
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--help' || arg === '-h') return ok('help');
    if (arg === '--json') isJson = true;
    else if (arg === '--all') isAll = true;
    else if (arg === '--seed') {
      const text = rest.shift() ?? '';
      if (!/^\d{1,15}$/.test(text)) return err('--seed takes a whole number.');
      seed = Number(text);
    } else if (arg.startsWith('-')) return err(`There is no option ${arg}.`);
    else names.push(arg);
  }
  const unknown = names.find((name) => !PEERS.some(({ id }) => id === name));
  if (unknown !== undefined) {
    return err(`There is no peer ${unknown}. Known: ${PEERS.map(({ id }) => id).join(', ')}.`);
  }
  if (isAll && names.length > 0) return err('--all leaves nothing to name.');
  const isNamed = names.length > 0;
  const isAsked = ({ id, isDefault }: KnownPeer): boolean =>
    isNamed ? names.includes(id) : isAll || isDefault;
  return ok({ peers: PEERS.filter(isAsked), isNamed, seed, isJson });
}
