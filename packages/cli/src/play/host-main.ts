/** A process of devices. Started by the coordinator with the relay's address and the kill journal. */

import { Host } from './host.ts';
import type { HostCalls } from './host-calls.ts';
import { createKillHook } from './kill-hook.ts';
import { emit, serveCoordinator } from './worker-channel.ts';

const [relay = '', killJournal = ''] = process.argv.slice(2);
const hook = createKillHook(killJournal, () => host.sendsInFlight());
const host = new Host({ relay, emit, hook });

serveCoordinator<HostCalls>({
  create: (ask) => host.create(ask),
  open: (ask) => host.open(ask),
  link: (ask) => host.link(ask),
  approve: (ask) => host.approve(ask),
  send: (ask) => host.send(ask),
  remove: (ask) => host.remove(ask),
  drop: (ask) => host.drop(ask),
  close: (ask) => host.close(ask),
  closeAll: () => host.closeAll(),
  status: () => host.status(),
  arm(order) {
    hook.arm(order);
    return null;
  },
  disarm() {
    hook.disarm();
    return null;
  },
});
