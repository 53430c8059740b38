/** Laws of what a session holds: which secrets live, which are consumed, and what is saved. */

import fc from 'fast-check';
import type { Crypto } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import { describe, expect, it } from 'vitest';
import type { Session } from '../src/index.ts';
import {
  changesOf,
  decodeBlock,
  decodeCold,
  decodeHot,
  encodeBlock,
  encodeCold,
  encodeHot,
  withBlocks,
} from '../src/index.ts';
import type { Conversation, End, TalkOptions } from './conversation.ts';
import { bytesOf, fingerprint, joinState, must, parse } from './conversation.ts';
import type { Event } from './schedule.ts';
import { events, play } from './schedule.ts';
import { secretsOf, trackSecrets } from './tracking-crypto.ts';

const crypto = nodeCrypto;

const versions = [{ version: 3 }, { version: 4 }] as const;

describe.each(versions)('consumed, version $version,', (base) => {
  it('is exactly what the old session had and the new one lacks', () => {
    fc.assert(
      fc.property(events, (script) => {
        play(script, crypto, {
          ...base,
          observe({ before, after, consumed }) {
            const [old, kept] = [secretsOf(before), secretsOf(after)];
            const gone = [...old].filter((secret) => !kept.has(secret));
            expect(new Set(consumed)).toEqual(new Set(gone));
            expect(consumed.length).toBe(gone.length);
          },
        });
      }),
    );
  });

  it('with what the session holds is all that a step leaves alive', () => {
    fc.assert(
      fc.property(events, (script) => {
        const { crypto: tracked, alive } = trackSecrets(crypto);
        const ends = new Map<End, Session>();
        const stray = new Set<unknown>();
        play(script, tracked, {
          ...base,
          limits: { skippedKeysMax: 6, blockKeysMax: 3, blockLifeMessages: 12 },
          observe({ end, after, consumed, refused }) {
            const isFirst = ends.size === 0;
            for (const secret of consumed) tracked.wipe(secret);
            ends.set(end, after);
            const held = [...ends.values()].flatMap((session) => [...secretsOf(session)]);
            if (isFirst) for (const secret of alive) stray.add(secret); // prekeys, the other end
            const unknown = [...alive].filter((s) => !held.includes(s) && !stray.has(s));
            expect(unknown, refused ?? 'taken').toHaveLength(0);
          },
        });
      }),
    );
  });

  it('may be wiped late and in any order', () => {
    fc.assert(
      fc.property(events, fc.infiniteStream(fc.nat({ max: 1000 })), (script, picks) => {
        const late: (() => void)[] = [];
        const speculative = play(script, crypto, {
          ...base,
          observe: ({ consumed }) => {
            for (const secret of consumed) late.push(() => crypto.wipe(secret));
          },
        });
        while (late.length > 0) {
          const [pick] = picks.take(1);
          late.splice((pick ?? 0) % late.length, 1)[0]?.();
        }
        const immediate = play(script, crypto, {
          ...base,
          observe: ({ consumed }) => {
            for (const secret of consumed) crypto.wipe(secret);
          },
        });
        for (const side of ['alice', 'bob'] as const) {
          expect(fingerprint(speculative.talk[side].session, crypto)).toEqual(
            fingerprint(immediate.talk[side].session, crypto),
          );
        }
      }),
    );
  });
});

/** A store that knows of a session what `changesOf` said to write, and nothing else. */
class SavedSession {
  hot = new Uint8Array();
  cold = new Uint8Array();
  readonly blocks = new Map<number, Uint8Array>();

  write(before: Session | undefined, after: Session, backend: Crypto): void {
    const { hot, cold, blocksWritten, blocksDropped } = changesOf(before, after);
    if (hot) this.hot = joinState(encodeHot(after.hot), backend).slice();
    if (cold) this.cold = joinState(encodeCold(after.cold), backend).slice();
    for (const id of blocksDropped) expect(this.blocks.delete(id)).toBe(true);
    for (const block of blocksWritten) {
      this.blocks.set(block.id, joinState(encodeBlock(block), backend));
    }
  }

  read(backend: Crypto): Session {
    const hot = must(decodeHot(this.hot, backend));
    const cold = must(decodeCold(this.cold, backend));
    return { hot, cold, blocks: new Map() };
  }

  load(session: Session, ids: readonly number[], backend: Crypto): Session {
    const blocks = ids.map((id) => must(decodeBlock(this.blocks.get(id) ?? bytesOf(''), backend)));
    return withBlocks(session, blocks);
  }
}

describe.each(versions)('a saved session, version $version,', (base) => {
  it('goes on from what changesOf said to write, blocks loaded only on demand', () => {
    fc.assert(
      fc.property(events, fc.nat({ max: 3 }), (script, everyFourth) => {
        savedRun(script, everyFourth, base);
      }),
    );
  });

  it('has a hot state of at most 260 bytes', () => {
    fc.assert(
      fc.property(events, fc.nat({ max: 2 ** 32 - 2 }), (script, counter) => {
        const { talk } = play(script, crypto, base);
        for (const { session } of [talk.alice, talk.bob]) {
          const { sending, receiving, pq } = session.hot;
          const far = {
            ...session.hot,
            previousCount: counter,
            receivedCount: Number.MAX_SAFE_INTEGER,
            sending:
              sending.kind === 'ready'
                ? { ...sending, chain: { ...sending.chain, counter } }
                : sending,
            receiving: receiving && { ...receiving, counter },
            ...(pq && {
              pq: {
                sending: { ...pq.sending, counter },
                receiving: { ...pq.receiving, counter },
              },
            }),
          };
          expect(joinState(encodeHot(far), crypto).length).toBeLessThanOrEqual(260);
        }
      }),
      { numRuns: 20 },
    );
  });
});

/** Reloads an end after steps chosen by a counter; every delivery may need its blocks fetched. */
function savedRun(script: readonly Event[], every: number, base: TalkOptions): void {
  const saved = new Map<End, SavedSession>();
  let steps = 0;
  const limits = { blockKeysMax: 4 };
  const run = play(script, crypto, {
    ...base,
    limits,
    observe({ end, before, after, refused }) {
      const store = saved.get(end) ?? new SavedSession();
      if (!saved.has(end)) store.write(undefined, before, crypto);
      saved.set(end, store);
      if (refused === undefined) store.write(before, after, crypto);
      steps += 1;
      if (steps % (every + 1) !== 0 || refused !== undefined) return;
      const all = store.load(store.read(crypto), [...store.blocks.keys()], crypto);
      expect(fingerprint(all, crypto)).toEqual(fingerprint(after, crypto));
      end.session = all;
    },
  });
  onDemand(run.talk, saved);
}

/** After the run: a late message finds its block by `blocksFor` alone. */
function onDemand(talk: Conversation, saved: ReadonlyMap<End, SavedSession>): void {
  const late = talk.send(talk.alice, bytesOf('late'));
  for (let i = 0; i < 9; i++) talk.send(talk.alice, bytesOf('lost'));
  const { bob } = talk;
  const store = saved.get(bob) ?? new SavedSession();
  const before = bob.session;
  talk.deliver(bob, talk.send(talk.alice, bytesOf('ahead')));
  store.write(saved.has(bob) ? before : undefined, bob.session, crypto);
  const bare = store.read(crypto);
  const message = parse(late);
  expect(talk.steps.decrypt(bare, message, bob.party.env)).toMatchObject({
    ok: false,
    error: { code: 'BLOCKS_NEEDED', blocks: talk.steps.blocksFor(bare, message) },
  });
  const ids = talk.steps.blocksFor(bare, message);
  expect(ids).toHaveLength(talk.alice.session.cold.version === 4 ? 2 : 1);
  const loaded = store.load(bare, ids, crypto);
  const opened = must(talk.steps.decrypt(loaded, message, bob.party.env));
  expect(opened.plaintext).toEqual(bytesOf('late'));
  store.write(loaded, opened.session, crypto);
  expect(
    store.load(
      store.read(crypto),
      ids.filter((id) => store.blocks.has(id)),
      crypto,
    ),
  ).toEqual({
    ...opened.session,
    blocks: opened.session.blocks,
  });
}
