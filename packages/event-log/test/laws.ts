/** The laws of the log over any life of it. Each takes a saboteur, which it must catch. */

import { expect } from 'vitest';
import { contentOf } from '../src/conformance/index.ts';
import type { InboxRow, LogOptions, LogSabotage, RecordFold, VaultImage } from '../src/index.ts';
import { readRowCounts, rebuildProjections, verifyChain } from '../src/index.ts';
import { openableMail, openableParts, stolenVault } from './adversary.ts';
import { applyToModel, digestOf, forgets, newModel, planToBatch, streamNames } from './actions.ts';
import type { Action, Model } from './actions.ts';
import { id16, newWorld, reopen, unwrap } from './world.ts';
import type { World } from './world.ts';

/** A life that was lived: the log, what it must be, and every mail row there ever was. */
export interface Life {
  readonly world: World;
  readonly model: Model;
  readonly mailRows: readonly InboxRow[];
  /** The vault as it was when the log was last opened, and the first flush since: 0 until then. */
  readonly thief: { readonly image: VaultImage; lockedOut: number };
}

/** Lives a life, checking after each step what `check` wants. */
export function live(
  steps: readonly Action[],
  options: { readonly seed: number; readonly sabotage?: LogSabotage; readonly log?: LogOptions },
  check: (life: Life, after: Action) => void = () => {},
): Life {
  const { seed } = options;
  const seam = options.sabotage === undefined ? {} : { sabotage: options.sabotage };
  let world = newWorld({ ...options.log, seed, ...seam });
  const model = newModel();
  const mailRows: InboxRow[] = [];
  let thief = { image: world.vault.image(), lockedOut: 0 };
  for (const step of steps) {
    switch (step.kind) {
      case 'batch': {
        const batch = planToBatch(model, step);
        const committed = unwrap(world.log.commit(batch));
        expect(committed.seqFirst).toBe(model.seq + 1);
        applyToModel(model, batch);
        mailRows.push(...[...world.store.inbox()].filter(({ seq }) => seq >= committed.seqFirst));
        break;
      }
      case 'flush':
        world.log.flush();
        if (thief.lockedOut === 0) thief.lockedOut = model.seq;
        break;
      case 'kill':
        world = unwrap(reopen(world, {}, seam));
        thief = { image: world.vault.image(), lockedOut: 0 };
        break;
      case 'close':
        world.log.close();
        world = unwrap(reopen(world, {}, seam));
        thief = { image: world.vault.image(), lockedOut: 0 };
        break;
      case 'prune':
        world.log.prune(Number.MAX_SAFE_INTEGER);
        break;
      case 'forget':
        unwrap(world.log.forget(forgets(model, step)));
        if (thief.lockedOut === 0) thief.lockedOut = model.seq;
        break;
      case 'refused':
        refuseOne(world);
        break;
    }
    check({ world, model, mailRows, thief }, step);
  }
  return { world, model, mailRows, thief };
}

/** Every read of the log answers what the model says. */
export function readsAreTheModel({ world, model }: Life): void {
  const { log } = world;
  expect(log.tip().seq).toBe(model.seq);
  for (const name of streamNames()) {
    const stream = model.streams.get(name);
    expect(log.head(name)).toEqual(stream && { version: stream.version, isClosed: stream.closed });
    expect(log.sealedValue(name)).toEqual(stream?.closed === true ? undefined : stream?.value);
    const versions = [...log.history(name)].map((event) => [event.stream, event.version]);
    expect(versions).toEqual(
      Array.from({ length: stream?.version ?? 0 }, (_, later) => [
        name,
        (stream?.version ?? 0) - later,
      ]),
    );
  }
  expect(readRowCounts(world.store)?.data).toBe(model.data.size);
  const live = [...model.streams].filter(([, { closed }]) => !closed).map(([name]) => name);
  expect(log.streamsWithPrefix('').sort()).toEqual(live.sort());
  expect(log.recordNames().sort()).toEqual([...model.records.keys()].sort());
  for (const [name, value] of model.records) expect(log.record(name)).toEqual(value);
  expect(new Map([...log.dataEntries()].map(({ key, value }) => [key, value]))).toEqual(model.data);
  for (const [key, value] of model.data) expect(log.data(key)).toEqual(value);
  for (let n = 0; n <= 20; n++) expect(log.isSeen(digestOf(n))).toBe(model.seen.has(n));
  expect(log.outbox().map(({ body }) => body)).toEqual(model.posts.map(({ body }) => body));
  expect(log.inbox().map(({ body, seq }) => [body, seq])).toEqual(
    model.mails.map(({ body, seq }) => [body, seq]),
  );
}

/** After a flush nobody opens a state that was superseded or closed; every live one opens. */
export function onlyLiveStatesOpen({ world, model }: Life, after: Action): void {
  if (after.kind !== 'flush') return;
  const vault = stolenVault(world.crypto, world.log.logId, world.vault.image());
  const live = [...model.streams.values()].filter(
    ({ closed, sealedSeq }) => !closed && sealedSeq > 0,
  );
  const expected = live.map(({ sealedSeq }) => sealedSeq).sort((a, b) => a - b);
  expect(openableParts(world.crypto, world.store, vault)).toEqual(expected);
}

/** Whoever copied the vault before the log was opened opens no state written after the next flush. */
export function oldCopiesAreLockedOut({ world, thief }: Life, after: Action): void {
  if (after.kind !== 'batch' || thief.lockedOut === 0) return;
  const vault = stolenVault(world.crypto, world.log.logId, thief.image);
  const opened = openableParts(world.crypto, world.store, vault);
  expect(opened.filter((seq) => seq > thief.lockedOut)).toEqual([]);
}

/** After a flush a mail opens only while something of its own epoch is unread. */
export function onlyUnreadEpochsOpen({ world, mailRows }: Life, after: Action): void {
  if (after.kind !== 'flush') return;
  const vault = stolenVault(world.crypto, world.log.logId, world.vault.image());
  const unread = [...world.store.inbox()];
  const unreadEpochs = new Set(unread.map(({ epoch }) => epoch));
  const opened = openableMail(world.crypto, vault, mailRows);
  for (const row of opened) expect(unreadEpochs).toContain(row.epoch);
  for (const row of unread) expect(opened).toContainEqual(row);
}

/** Dropping every projection and rebuilding it from events alone gives the very same rows. */
export function rebuildIsLive({ world }: Life): void {
  const vault = stolenVault(world.crypto, world.log.logId, world.vault.image());
  const { store: reader, crypto } = world;
  const rebuilt = rebuildProjections({ reader, vault, crypto, fold: NO_RECORDS });
  expect(rebuilt.differences.filter(({ table }) => table !== 'record')).toEqual([]);
  unwrap(verifyChain(reader, crypto, { anchor: world.vault.anchor() }));
}

const NO_RECORDS: RecordFold<undefined> = {
  initial: () => undefined,
  apply: () => undefined,
  rows: () => [],
};

/** A commit the store refuses leaves log, store and vault as they were. */
function refuseOne(world: World): void {
  const before = [contentOf(world.store), world.vault.image(), world.log.tip(), world.log.outbox()];
  const { store } = world;
  world.gate.isMoved = true;
  const answer = world.log.commit({
    at: 9,
    events: [
      { stream: 'session/new', type: 1, schema: 1, facts: digestOf(1), sealed: [digestOf(2)] },
      { stream: 'session/a2', type: 1, schema: 1, facts: digestOf(1), seen: [digestOf(99)] },
    ],
    inboxPut: [{ id: id16(77_777), body: digestOf(3) }],
    outboxPut: [{ post: id16(77_777), body: digestOf(3) }],
  });
  world.gate.isMoved = false;
  expect(answer).toMatchObject({ ok: false, error: { code: 'MOVED' } });
  expect([contentOf(store), world.vault.image(), world.log.tip(), world.log.outbox()]).toEqual(
    before,
  );
  expect(world.log.isSeen(digestOf(99))).toBe(false);
  expect(world.log.head('session/new')).toBeUndefined();
}
