/** Commands for a store of somebody's own, with the memory store as the model of what it must answer. */

import { createMemoryStore } from '@simsim/event-log';
import type { EventStore, MemoryStore, StoreChange } from '@simsim/event-log';
import fc from 'fast-check';
import { bytesOf, changeOf, META_KEY, recipes, recipeText } from './store-change.ts';
import type { Recipe } from './store-change.ts';
import { contentOf, differenceOf } from './store-content.ts';

/** What the store must have. */
export interface StoreModel {
  readonly store: MemoryStore;
  /** Commands so far: makes the rows of each differ. */
  steps: number;
}

/** The store that is tried, while it may be opened anew. */
export interface StoreUnderTest {
  store: EventStore;
  /** Closes nothing: the command that opens it anew has closed it. Absent: it is never opened anew. */
  readonly reopen?: (closed: EventStore) => EventStore;
}

/** A store does not answer as the memory store does. */
export class StoreDiffersError extends Error {
  override readonly name = 'StoreDiffersError';
}

type StoreCommand = fc.Command<StoreModel, StoreUnderTest>;

/**
 * Commits, commits on a tip that moved, broken changes, work under the lock that is given up, and the
 * store opened anew; after each everything is read and compared.
 *
 * @example
 * fc.assert(
 *   fc.property(fc.commands(storeCommands()), (commands) =>
 *     fc.modelRun(storeSetup({ make: () => new MyStore() }), commands),
 *   ),
 * );
 */
export function storeCommands(): fc.Arbitrary<StoreCommand>[] {
  const commit = recipes.map((recipe) =>
    command(`commit ${recipeText(recipe)}`, (model, real) => {
      const change = changeOf(recipe, model.store, saltOf(model));
      same(model, real, (store) => answerOf(store, change));
    }),
  );
  return [
    commit,
    commit,
    recipes.map((recipe) => movedCommit(recipe)),
    recipes.map((recipe) => brokenCommit(recipe)),
    recipes.map((recipe) => givenUp(recipe)),
    fc.constant(reopened()),
  ];
}

/** What `fc.modelRun` begins with: an empty model, and an empty store. */
export function storeSetup(hooks: {
  readonly make: () => EventStore;
  readonly reopen?: (closed: EventStore) => EventStore;
}): () => { model: StoreModel; real: StoreUnderTest } {
  const { make, reopen } = hooks;
  return () => ({
    model: { store: createMemoryStore(), steps: 0 },
    real: { store: make(), ...(reopen && { reopen }) },
  });
}

/** Somebody else wrote in between: nothing of it may be there. */
function movedCommit(recipe: Recipe): StoreCommand {
  return command(`commit on another tip ${recipeText(recipe)}`, (model, real) => {
    const change = changeOf(recipe, model.store, saltOf(model));
    const { seq } = change.expectedTip;
    const expectedTip = { seq: seq + 1, hash: bytesOf(32, seq) };
    same(model, real, (store) => answerOf(store, { ...change, expectedTip }));
  });
}

/** A head that moves from a version it never had: the whole change is refused. */
function brokenCommit(recipe: Recipe): StoreCommand {
  return command(`commit what is broken ${recipeText(recipe)}`, (model, real) => {
    const change = changeOf(recipe, model.store, saltOf(model));
    const wrong = { stream: 9, version: 9, seq: 1, sealed: 0, state: 0, expectedVersion: 8 };
    same(model, real, (store) => answerOf(store, { ...change, heads: [...change.heads, wrong] }));
  });
}

/** Work under the lock that commits, and throws then: nothing of it may be there. */
function givenUp(recipe: Recipe): StoreCommand {
  return command(`commit under the lock and give up ${recipeText(recipe)}`, (model, real) => {
    const change = changeOf(recipe, model.store, saltOf(model));
    same(model, real, (store) => {
      try {
        return store.locked(() => {
          store.commit(change);
          throw new GivenUpError();
        });
      } catch (failure) {
        if (failure instanceof GivenUpError) return 'given up';
        throw failure;
      }
    });
  });
}

class GivenUpError extends Error {
  override readonly name = 'GivenUpError';
}

function reopened(): StoreCommand {
  return {
    ...command('open anew', (_, real) => {
      real.store.close();
      real.store = real.reopen?.(real.store) ?? real.store;
    }),
    check: () => true,
  };
}

function saltOf(model: StoreModel): number {
  return model.steps * 100;
}

/** Does the same with both, and compares what they answer and all that they have then. */
function same(
  { store: model }: StoreModel,
  { store }: StoreUnderTest,
  doing: (store: EventStore) => string,
): void {
  const wanted = doing(model);
  const found = doing(store);
  if (found !== wanted) throw new StoreDiffersError(`the store says ${found}, and not ${wanted}`);
}

function answerOf(store: EventStore, change: StoreChange): string {
  try {
    const answer = store.commit(change);
    return answer.kind === 'committed' ? 'committed' : `moved to ${answer.tip.seq}`;
  } catch {
    return 'refused';
  }
}

function command(
  name: string,
  run: (model: StoreModel, real: StoreUnderTest) => void,
): StoreCommand {
  return {
    check: () => true,
    run(model, real) {
      model.steps++;
      run(model, real);
      const difference = differenceOf(
        contentOf(real.store, [META_KEY]),
        contentOf(model.store, [META_KEY]),
      );
      if (difference !== undefined) throw new StoreDiffersError(difference);
    },
    toString: () => name,
  };
}
