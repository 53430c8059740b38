/**
 * A relay in a process of its own with many registered users. Arguments: a folder for its file, and
 * crowds as `name:users:devicesEach`. Prints its address once all are registered; ends with its input.
 */

import { startRelay } from '@simsim/relay';
import { createPeerUser } from './peer-users.ts';
import { registerUser } from './registration.ts';

async function main([folder, ...crowds]: readonly string[]): Promise<void> {
  const relay = await startRelay({ file: `${folder}/relay.db`, claimRate: 'unlimited' });
  for (const crowd of crowds) {
    const [name, users, devicesEach] = crowd.split(':');
    for (let i = 0; i < Number(users); i++) {
      await registerUser(relay.url, createPeerUser(`${name}-${i}`, Number(devicesEach)));
    }
  }
  process.stdout.write(`${relay.url}\n`);
  process.stdin.resume();
  process.stdin.on('end', () => void relay.stop());
}

main(process.argv.slice(2)).catch((cause: unknown) => {
  process.stderr.write(`${cause instanceof Error ? cause.message : 'no relay'}\n`);
  process.exitCode = 3;
});
