/**
 * A process that measures one implementation and prints its costs as JSON. Exit code 3 where its
 * package cannot be had.
 */

import { CONTENDERS } from './contenders.ts';
import { measure } from './measure.ts';

const EFFORT = { warmMs: 3000, rounds: 15, messages: 200 };

async function main(id: string | undefined): Promise<number> {
  const contender = CONTENDERS.find((each) => each.id === id);
  if (contender === undefined) return 2;
  let peer;
  try {
    peer = await contender.load();
  } catch (cause) {
    process.stderr.write(`${cause instanceof Error ? cause.message : 'not loaded'}\n`);
    return 3;
  }
  const costs = await measure(peer, { version: contender.version, effort: EFFORT });
  process.stdout.write(`${JSON.stringify(costs)}\n`);
  return 0;
}

main(process.argv[2]).then(
  (code) => {
    process.exitCode = code;
  },
  (cause: unknown) => {
    process.stderr.write(`${cause instanceof Error ? cause.message : 'failed'}\n`);
    process.exitCode = 1;
  },
);
