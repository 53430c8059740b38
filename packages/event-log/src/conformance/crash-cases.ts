/** Levels L1 to L3: what is left when a process, a past or the power is lost. */

import type { EventStore } from '../event-store.ts';
import { createMemoryStore } from '../memory-store.ts';
import { check, opens, same, sameAsOne } from '@simsim/bytes/conformance';
import {
  change,
  committed,
  contentOf,
  eventRow,
  fullChange,
  nextChange,
  tipAfter,
} from './rows.ts';
import type { StoreHooks } from './store-hooks.ts';

type L1Hooks = Required<Pick<StoreHooks, 'make' | 'crash' | 'crashInside'>>;
type L2Hooks<Image> = Required<Pick<StoreHooks<Image>, 'make' | 'snapshot' | 'restore'>>;
type L3Hooks = Required<Pick<StoreHooks, 'losePower'>>;

/** A case of a level whose hooks are there. */
interface LevelCase {
  readonly name: string;
  readonly run: () => void;
}

/** Events of a store as it is in most cases: the first change has three. */
const FIRST = 3;
const MOMENTS_MAX = 100;
const POWER_RUNS = 24;
const COMMITS_PER_RUN = 12;

/** A process that is killed. */
export function killCases({ make, crash, crashInside }: L1Hooks): readonly LevelCase[] {
  return [
    {
      name: 'everything is there after closing and opening',
      run() {
        const store = make();
        committed(store, fullChange());
        committed(store, nextChange(FIRST));
        const before = contentOf(store);
        store.close();
        goesOn(
          opens(() => crash(store), 'a closed store'),
          before,
        );
      },
    },
    {
      name: 'everything answered is there after a kill',
      run() {
        let store = make();
        committed(store, fullChange());
        for (let seq = FIRST; seq < FIRST + 5; seq++) {
          committed(store, nextChange(seq));
          const before = contentOf(store);
          const killed = store;
          store = opens(() => crash(killed), 'a killed store');
          same(contentOf(store), before, 'the content after a kill');
        }
        goesOn(store, contentOf(store));
      },
    },
    {
      name: 'what was refused is not there after a kill',
      run() {
        const store = make();
        committed(store, fullChange());
        const before = contentOf(store);
        const answer = store.commit(nextChange(FIRST + 1));
        same(answer.kind, 'moved', 'a commit on another tip');
        same(contentOf(crash(store)), before, 'the content after a kill');
      },
    },
    {
      name: 'a commit that a kill interrupts is there whole or not at all',
      run() {
        for (let moment = 0; moment < MOMENTS_MAX; moment++) {
          const store = make();
          committed(store, fullChange());
          const before = contentOf(store);
          const left = crashInside(store, nextChange(FIRST), moment);
          if (left === undefined) {
            check(moment > 0, 'there is a moment inside a commit');
            return;
          }
          const found = contentOf(left);
          sameAsOne(found, [before, afterNext()], `the content after moment ${moment}`);
          goesOn(left, found);
        }
      },
    },
  ];
}

/** A past that comes back. */
export function restoreCases<Image>({
  make,
  snapshot,
  restore,
}: L2Hooks<Image>): readonly LevelCase[] {
  return [
    {
      name: 'a store that was put back answers its own tip, not the later one',
      run() {
        const store = make();
        committed(store, fullChange());
        const before = contentOf(store);
        const image = snapshot(store);
        committed(store, nextChange(FIRST));
        const back = restore(image);
        same(back.tip(), tipAfter(FIRST), 'the tip');
        same(contentOf(back), before, 'the content');
        const later = change({ expectedTip: tipAfter(FIRST + 1), events: [eventRow(FIRST + 2)] });
        same(
          back.commit(later),
          { kind: 'moved', tip: tipAfter(FIRST) },
          'a commit on the later tip',
        );
        goesOn(back, before);
      },
    },
    {
      name: 'a snapshot stays what it was, and the store it was taken of goes on',
      run() {
        const store = make();
        committed(store, fullChange());
        const before = contentOf(store);
        const image = snapshot(store);
        const first = restore(image);
        committed(first, nextChange(FIRST));
        first.close();
        same(contentOf(restore(image)), before, 'the content of the second one');
        goesOn(store, before);
      },
    },
  ];
}

/** A machine that loses power. */
export function powerCases({ losePower }: L3Hooks): readonly LevelCase[] {
  return [
    {
      name: 'no answered commit is lost with the power, and none is there by halves',
      run() {
        let interrupted = 0;
        for (let run = 0; run < POWER_RUNS; run++) {
          const { store, restart } = losePower(run);
          const { answered, inDoubt } = commitUntilDark(store);
          if (inDoubt !== undefined) interrupted++;
          const left = opens(restart, `what run ${run} left`);
          const expected = inDoubt === undefined ? [answered] : [answered, inDoubt];
          const found = contentOf(left);
          sameAsOne(found, expected, `the content after run ${run}`);
          goesOn(left, found);
        }
        check(interrupted > 0, 'the power fails inside a commit in some run');
      },
    },
  ];
}

/** Commits until there is no power; what a store beside it has that never fails. */
function commitUntilDark(store: EventStore): { answered: unknown; inDoubt: unknown } {
  const beside = createMemoryStore();
  for (let i = 0; i < COMMITS_PER_RUN; i++) {
    const answered = contentOf(beside);
    const next = i === 0 ? fullChange() : nextChange(FIRST + i - 1);
    committed(beside, next);
    if (!hasPower(() => store.commit(next))) return { answered, inDoubt: contentOf(beside) };
  }
  return { answered: contentOf(beside), inDoubt: undefined };
}

function hasPower(commit: () => unknown): boolean {
  try {
    commit();
    return true;
  } catch {
    return false;
  }
}

/** What is left takes the next change like any store. */
function goesOn(store: EventStore, content: unknown): void {
  same(contentOf(store), content, 'the content');
  const { seq } = store.tip();
  committed(store, seq === 0 ? fullChange() : nextChange(seq));
  same(store.tip(), tipAfter(seq === 0 ? FIRST : seq + 1), 'the tip afterwards');
}

function afterNext(): unknown {
  const store = createMemoryStore();
  committed(store, fullChange());
  committed(store, nextChange(FIRST));
  return contentOf(store);
}
