/**
 * A process that opens a device's log and prints what it holds in memory, MiB. Arguments: the log's
 * folder, the users `user-0` and on that it has sessions with, and `opened` or `written`: whether it
 * writes a message to every device of theirs first.
 */

import { setTimeout as wait } from 'node:timers/promises';
import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import { DeviceCore } from '@simsim/device-core';
import { parseUserId } from '@simsim/relay-protocol';
import { openBenchLog } from '../log/bench-log.ts';
import { logInMemory } from '../log/crowd.ts';
import { createGathering, createSender } from './gathering.ts';

/** Users of one send: some hundred devices. */
const USERS_EACH = 16;
const WARM_UP_SENDS = 100;
const MIB = 1024 * 1024;

async function main([folder, count, how]: readonly string[]): Promise<void> {
  if (folder === undefined) throw new Error('no folder was named');
  warmUp();
  const log = openBenchLog(folder, { ifMissing: 'refuse' });
  const clock = (): { wallMs: number; elapsedMs: number; bootId: string } => ({
    wallMs: Date.now(),
    elapsedMs: 0,
    bootId: 'bench',
  });
  const core = new DeviceCore({ log, crypto: nodeCrypto, entropy: nodeEntropy, clock });
  core.run([{ type: 'started' }]);
  if (how === 'written') writeToAll(core, Number(count));
  for (let i = 0; i < 5; i++) {
    globalThis.gc?.();
    await wait(20);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  process.stdout.write(`${JSON.stringify([rss / MIB, (heapUsed + external) / MIB])}\n`);
  log.close();
}

/**
 * Work on another log, which is let go: what compiled code and the young generation of objects take for
 * good is no part of what sessions hold.
 */
function warmUp(): void {
  const log = logInMemory();
  const { own, users } = createGathering(log, { users: 4, devicesEach: USERS_EACH });
  const sender = createSender(own.core);
  for (let i = 0; i < WARM_UP_SENDS; i++) {
    sender.send(users);
    sender.settle();
  }
  log.close();
}

function writeToAll(core: DeviceCore, count: number): void {
  const users = Array.from({ length: count }, (_, i) => parseUserId(`user-${i}`)).flatMap(
    (parsed) => (parsed.ok ? [{ userId: parsed.value }] : []),
  );
  const sender = createSender(core);
  for (let i = 0; i < users.length; i += USERS_EACH) {
    sender.send(users.slice(i, i + USERS_EACH));
    sender.settle();
  }
}

main(process.argv.slice(2)).catch((cause: unknown) => {
  process.stderr.write(`${cause instanceof Error ? cause.message : 'nothing was opened'}\n`);
  process.exitCode = 3;
});
