/** What several processes rely on that have one store open. */

import { refuses, same } from '@simsim/bytes/conformance';
import { committed, contentOf, fullChange, nextChange, tipAfter } from './rows.ts';
import type { BareCase, StoreHooks } from './store-hooks.ts';

type SharedHooks = Required<Pick<StoreHooks, 'make' | 'beside'>>;

/** Cases of the contract for a store that has a second opening. */
export const SHARED_CASES: readonly BareCase<SharedHooks>[] = [
  {
    name: 'what another process commits is there at once, and the version says so',
    run({ make, beside }) {
      const one = make();
      const other = beside(one);
      committed(one, fullChange());
      same(contentOf(other), contentOf(one), 'what the other one reads');
      const version = one.version();
      committed(other, nextChange(3));
      same(one.version() === version, false, 'the version is the same');
      same(one.tip(), tipAfter(4), 'the tip');
      same(
        one.commit(nextChange(3)),
        { kind: 'moved', tip: tipAfter(4) },
        'a commit on the old tip',
      );
      same(contentOf(one), contentOf(other), 'what both read');
    },
  },
  {
    name: 'a snapshot is of one moment, whatever another process commits',
    run({ make, beside }) {
      const one = make();
      const other = beside(one);
      committed(one, fullChange());
      one.snapshot(() => {
        const before = contentOf(one);
        committed(other, nextChange(3));
        same(contentOf(one), before, 'the content within the snapshot');
      });
      same(one.tip(), tipAfter(4), 'the tip afterwards');
    },
  },
  {
    name: 'what is done under the lock is of nobody else before it is over, and nobody commits meanwhile',
    run({ make, beside }) {
      const one = make();
      const other = beside(one);
      committed(one, fullChange());
      one.locked(() => {
        refuses(() => committed(other, nextChange(3)), 'a commit of somebody else');
        refuses(() => other.locked(() => undefined), 'the lock for somebody else');
        committed(one, nextChange(3));
        same(other.tip(), tipAfter(3), 'the tip of the other one');
      });
      same(other.tip(), tipAfter(4), 'the tip afterwards');
      committed(other, nextChange(4));
    },
  },
];
