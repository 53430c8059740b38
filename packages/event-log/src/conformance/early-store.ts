/** Further saboteurs of the suite, one a level above the contract. Each must be caught. */

import type { EventStore, StoreChange } from '../event-store.ts';
import type { StoreHooks } from './store-hooks.ts';

/** L1 and L3: a store that answers a commit before it lasts, and makes it last with the next one. */
export function answeringEarly(store: EventStore, open: EventStore): EventStore {
  const late: StoreChange[] = [];
  return {
    ...open,
    commit(change) {
      const answer = open.commit(change);
      for (const each of late.splice(0)) store.commit(each);
      if (answer.kind === 'committed') late.push(change);
      return answer;
    },
  };
}

/** L2: a restore that brings back what is newest, so that nobody notices that it was put back. */
export function restoringNewest<Image>(hooks: StoreHooks<Image>): StoreHooks<Image> {
  const { snapshot, restore } = hooks;
  if (snapshot === undefined || restore === undefined) return hooks;
  let newest: EventStore | undefined;
  return {
    ...hooks,
    snapshot(store) {
      newest = store;
      return snapshot(store);
    },
    restore: (image) => restore(newest === undefined ? image : snapshot(newest)),
  };
}
