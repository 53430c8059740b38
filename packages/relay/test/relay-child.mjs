/**
 * A relay in a process of its own, for tests that kill it. Takes one JSON argument: relay options,
 * and `killAt: { site, count }` to die by SIGKILL at the count-th visit of a chaos site.
 */
import { startRelay } from '@simsim/relay';

const { killAt, ...options } = JSON.parse(process.argv[2]);
let visits = 0;
const chaos = {
  at(site) {
    if (site !== killAt?.site) return;
    visits += 1;
    if (visits === killAt.count) process.kill(process.pid, 'SIGKILL');
  },
};
void startRelay({ ...options, chaos }).then((relay) => {
  process.send({ url: relay.url, port: relay.port });
  process.once('SIGTERM', () => void relay.stop().then(() => process.exit(0)));
});
