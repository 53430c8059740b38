/**
 * A process with one device that writes to users it has never met. Arguments: a folder for its store, the
 * relay's address, and a crowd as `name:users:devicesEach`. Prints the longest time the event loop was
 * held, how long it all took, and the most CPU time between two turns of a timer, ms.
 */

import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { openDevice, sqlite } from '@simsim/device';
import { RECIPIENTS_MAX } from '@simsim/sesame';
import { BODY_BYTES } from '../log/crowd.ts';

async function main([folder, relay, crowd]: readonly string[]): Promise<void> {
  const [name, count] = (crowd ?? '').split(':');
  const users = Array.from({ length: Number(count) }, (_, i) => `${name}-${i}`);
  const device = await openDevice({
    user: `own-${name}-${process.pid}`,
    store: sqlite(`${folder}/log.db`, { key: new Uint8Array(32).fill(7) }),
    relay: relay ?? '',
    ifMissing: 'create',
  });
  while (!device.idle()) await wait(10);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpu = watchCpu();
  const start = performance.now();
  const sends: Promise<unknown>[] = [];
  for (let i = 0; i < users.length; i += RECIPIENTS_MAX) {
    sends.push(device.send(users.slice(i, i + RECIPIENTS_MAX), randomBytes(BODY_BYTES)));
  }
  await Promise.all(sends);
  while (!device.idle()) await wait(10);
  const tookMs = performance.now() - start;
  delay.disable();
  const cpuMs = cpu.stop();
  const longestMs = delay.max / 1e6;
  await device.close();
  process.stdout.write(`${JSON.stringify([longestMs, tookMs, cpuMs])}\n`);
}

/** The most CPU time, of all threads, from one turn of a timer to the next. */
function watchCpu(): { stop(): number } {
  let most = 0;
  let last = process.cpuUsage();
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage(last);
    most = Math.max(most, user + system);
    last = process.cpuUsage();
  }, 1);
  return {
    stop() {
      clearInterval(timer);
      return most / 1000;
    },
  };
}

main(process.argv.slice(2)).catch((cause: unknown) => {
  process.stderr.write(`${cause instanceof Error ? cause.message : 'no first contact'}\n`);
  process.exitCode = 3;
});
