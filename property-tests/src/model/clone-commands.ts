/** Commands of a device that runs twice: a copy of its files is started, and acts by itself. */

import type { TestDevice } from '../test-device.ts';
import { oneOf, anybody } from './deed.ts';
import type { Deed } from './deed.ts';
import { fork, single } from './forks.ts';
import { USERS } from './town.ts';
import type { Town } from './town.ts';

/** What the copy does; posting comes up most often, for it is what must be noticed. */
const ACTS = ['send', 'work', 'send', 'work', 'read', 'work', 'keep', 'restart', 'tell'] as const;

/** Copies of running devices. */
export const CLONE_DEEDS = {
  /** A second process is started on a copy of a device's files. */
  runCopy: {
    weight: 2,
    able: (scene) =>
      scene.forks.size > 0 ? [] : single(anybody(scene), scene.forks).filter(isRegistered(scene)),
    play: (town, device) => fork(town, device),
  },
  /** The copy does something. */
  copyActs: {
    weight: 10,
    able: ({ forks }) => [...forks.keys()],
    play(town, device, n) {
      const copy = town.scene.forks.get(device.address)?.copy;
      if (copy !== undefined) act(town, copy, n);
    },
  },
} as const satisfies Readonly<Record<string, Deed>>;

function act(town: Town, copy: TestDevice, n: number): void {
  switch (oneOf(ACTS, n)) {
    case 'send': {
      const to = oneOf(USERS, n >> 4) ?? copy.userId;
      copy.send([to], `line ${town.world.journal.sent.size}`);
      break;
    }
    case 'work':
      for (let i = 0; i < 3; i++) copy.work();
      break;
    case 'read':
      copy.receive(copy.fetch());
      break;
    case 'keep':
      copy.acknowledge(copy.core.inbox());
      break;
    case 'restart':
      copy.restart();
      break;
    case 'tell':
      copy.run({ type: 'shareHeads' });
      break;
    case undefined:
      break;
  }
}

/** A device that waits for the relay to take it has nothing to copy yet. */
function isRegistered({ desks }: Parameters<Deed['able']>[0]): (address: string) => boolean {
  return (address) => desks.get(address)?.isRegistered === true;
}
