/** The relay's process. Started by the coordinator with the path of the kill journal. */

import { startRelay } from '@simsim/relay';
import type { RunningRelay } from '@simsim/relay';
import { createKillHook } from './kill-hook.ts';
import { peakMemoryBytes } from './process-memory.ts';
import type { RelayCalls } from './relay-calls.ts';
import { serveCoordinator } from './worker-channel.ts';

const [killJournal = ''] = process.argv.slice(2);
const hook = createKillHook(killJournal, () => 0);
let relay: RunningRelay | undefined;

serveCoordinator<RelayCalls>({
  async start({ file, port }) {
    relay = await startRelay({ file, port, chaos: hook });
    return { url: relay.url, port: relay.port };
  },
  arm(order) {
    hook.arm(order);
    return null;
  },
  disarm() {
    hook.disarm();
    return null;
  },
  memory: () => peakMemoryBytes(),
  async stop() {
    await relay?.stop();
    return null;
  },
});
