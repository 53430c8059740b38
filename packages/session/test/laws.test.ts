/** Laws of a session, each with a broken variant of our own code that it must catch. */

import fc from 'fast-check';
import type { Crypto } from '@simsim/crypto';
import { bytesToHex, equalBytes } from '@simsim/bytes';
import { nobleCrypto } from '@simsim/crypto/noble';
import { nodeCrypto } from '@simsim/crypto/node';
import { describe, expect, it } from 'vitest';
import type { Session, SessionOptions } from '../src/index.ts';
import {
  changesOf,
  decodeBlock,
  decodeCold,
  decodeHot,
  encodeBlock,
  encodeCold,
  encodeHot,
  isInitiating,
  withBlocks,
} from '../src/index.ts';
import type { End } from './conversation.ts';
import { Conversation, bytesOf, fingerprint, joinState, must, parse } from './conversation.ts';
import type { Event } from './schedule.ts';
import { events, flipTag, play } from './schedule.ts';
import { secretsOf, trackSecrets } from './tracking-crypto.ts';

const crypto = nodeCrypto;

/** Whether a law holds under a variant of the code; a law that throws does not. */
function holds(law: () => void): boolean {
  try {
    law();
    return true;
  } catch {
    return false;
  }
}

/** Three turns of Bob's conversation with two messages of each chain held back. */
function heldMessages(options: SessionOptions): { talk: Conversation; held: Uint8Array[] } {
  const talk = new Conversation(crypto, options);
  const { alice } = talk;
  const held: Uint8Array[] = [];
  for (let chain = 0; chain < 3; chain++) {
    const early = talk.send(alice, Uint8Array.of(held.length));
    const carrier = talk.send(alice, bytesOf('carrier'));
    const late = talk.send(alice, Uint8Array.of(held.length + 1));
    held.push(early, late);
    talk.toBob(carrier);
    talk.deliver(alice, talk.send(talk.bob, bytesOf('turn')));
  }
  return { talk, held };
}

function anyOrder(options: SessionOptions): void {
  const { talk, held } = heldMessages(options);
  const start = talk.bob.session;
  for (const order of permutations([0, 1, 2, 3, 4, 5])) {
    talk.bob.session = start;
    for (const at of order) {
      const message = held[at];
      if (message === undefined) throw new Error('six messages are held');
      if (talk.deliver(talk.bob, message)[0] !== at) throw new Error('a wrong plaintext');
    }
  }
}

describe('any order', () => {
  it('of six messages over three turns decrypts', () => anyOrder({}));

  it('is noticed to fail without older chains or without skipped keys', () => {
    expect(holds(() => anyOrder({ limits: { olderChainsMax: 1 } }))).toBe(false);
    expect(holds(() => anyOrder({ limits: { skippedKeysMax: 0 } }))).toBe(false);
  });

  it('of 1000 messages reversed decrypts', () => {
    const talk = new Conversation(crypto);
    talk.toBob(talk.send(talk.alice, bytesOf('first')));
    const sent = Array.from({ length: 1000 }, (_, i) =>
      talk.send(talk.alice, Uint8Array.of(i, i >> 8)),
    );
    for (let i = 999; i >= 0; i--) {
      const message = sent[i] ?? new Uint8Array();
      expect(talk.deliver(talk.bob, message)).toEqual(Uint8Array.of(i, i >> 8));
    }
    expect(talk.bob.session.blocks.size).toBe(0);
    expect(talk.bob.session.cold.ratchet.directory).toEqual([]);
  });
});

function runSchedules(options: SessionOptions): void {
  fc.assert(fc.property(events, (script) => void play(script, crypto, options)));
}

describe('a bad network', () => {
  it('loses nothing that arrives, and repeats and damage change nothing', () => runSchedules({}));

  it('is noticed to win where code is broken', () => {
    expect(holds(() => runSchedules({ sabotage: 'keeps-used-seed' }))).toBe(false);
    expect(holds(() => runSchedules({ sabotage: 'moves-before-tag' }))).toBe(false);
    expect(holds(() => runSchedules({ sabotage: 'wipes-before-commit' }))).toBe(false);
  });

  it('shows both backends the same', () => {
    fc.assert(
      fc.property(events, fc.nat({ max: 50 }), (script, seed) => {
        const [a, b] = [nobleCrypto, nodeCrypto].map((backend) => {
          const { talk, wire } = play(script, backend, { seed });
          const states = [talk.alice, talk.bob].map(({ session }) => fingerprint(session, backend));
          return [...wire, ...states].map(bytesToHex);
        });
        expect(a).toEqual(b);
      }),
      { numRuns: 15 },
    );
  });
});

/** What an attacker can do to a message on its way, by the path it takes through the ratchet. */
const targets: Record<string, (talk: Conversation) => Uint8Array> = {
  'in order': (talk) => talk.send(talk.alice, bytesOf('x')),
  skipped(talk) {
    const late = talk.send(talk.alice, bytesOf('x'));
    talk.deliver(talk.bob, talk.send(talk.alice, bytesOf('y')));
    return late;
  },
  future(talk) {
    for (let i = 0; i < 40; i++) talk.send(talk.alice, bytesOf('y'));
    return talk.send(talk.alice, bytesOf('x'));
  },
  'of an older chain'(talk) {
    const late = talk.send(talk.alice, bytesOf('x'));
    talk.deliver(talk.alice, talk.send(talk.bob, bytesOf('turn')));
    talk.deliver(talk.bob, talk.send(talk.alice, bytesOf('y')));
    return late;
  },
  'of a new chain'(talk) {
    talk.deliver(talk.alice, talk.send(talk.bob, bytesOf('turn')));
    return talk.send(talk.alice, bytesOf('x'));
  },
};

function refusalChangesNothing(
  target: (talk: Conversation) => Uint8Array,
  options: SessionOptions,
) {
  const talk = new Conversation(crypto, options);
  talk.toBob(talk.send(talk.alice, bytesOf('first')));
  talk.deliver(talk.alice, talk.send(talk.bob, bytesOf('reply')));
  talk.deliver(talk.bob, talk.send(talk.alice, bytesOf('second')));
  const genuine = target(talk);
  const { session } = talk.bob;
  const before = fingerprint(session, crypto);
  for (let bit = 0; bit < genuine.length * 8; bit++) {
    const damaged = genuine.slice();
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const parsed = talk.steps.decrypt;
    const message = tryParse(damaged);
    if (message === undefined) continue;
    const result = parsed(talk.bob.session, message, talk.bob.party.env);
    // The low nibble of the version is not ours to judge, but the tag covers it.
    if (result.ok) throw new Error(`bit ${bit} was not noticed`);
    expect(talk.bob.session).toBe(session);
    if (!equalBytes(fingerprint(session, crypto), before)) throw new Error('a refusal left traces');
  }
  expect(talk.deliver(talk.bob, genuine)).toEqual(bytesOf('x'));
}

function tryParse(bytes: Uint8Array): ReturnType<typeof parse> | undefined {
  return holds(() => parse(bytes)) ? parse(bytes) : undefined;
}

describe('a refused message', () => {
  it.each(Object.entries(targets))('changes nothing where it is %s', (_title, target) => {
    refusalChangesNothing(target, {});
  });

  it('is noticed to change things where code is broken', () => {
    for (const target of Object.values(targets)) {
      for (const sabotage of ['moves-before-tag', 'wipes-before-commit'] as const) {
        expect(holds(() => refusalChangesNothing(target, { sabotage }))).toBe(false);
      }
    }
  });
});

function everyTurnHasItsKey(options: SessionOptions): void {
  const talk = new Conversation(crypto, options);
  talk.toBob(talk.send(talk.alice, bytesOf('first')));
  const keys = new Set<string>();
  for (let turn = 0; turn < 6; turn++) {
    for (const [from, to] of [
      [talk.bob, talk.alice],
      [talk.alice, talk.bob],
    ] as const) {
      const bytes = talk.send(from, bytesOf('turn'));
      const message = parse(bytes);
      const { header } = message.kind === 'regular' ? message : message.inner;
      keys.add(bytesToHex(header.ratchetKey));
      talk.deliver(to, bytes);
    }
  }
  expect(keys.size).toBe(12);
}

describe('every turn', () => {
  it('has a ratchet key of its own', () => everyTurnHasItsKey({}));

  it('is noticed to repeat one', () => {
    expect(holds(() => everyTurnHasItsKey({ sabotage: 'reuses-ratchet-key' }))).toBe(false);
  });
});

/** Each round loses one message, as a rejected round of a sender does. */
function holesDie(options: SessionOptions): void {
  const limits = { blockLifeMessages: 20, blockOpenMessages: 4, skippedKeysMax: 64, blocksMax: 64 };
  const talk = new Conversation(crypto, { ...options, limits });
  talk.toBob(talk.send(talk.alice, bytesOf('first')));
  const lost: Uint8Array[] = [];
  for (let round = 0; round < 120; round++) {
    lost.push(talk.send(talk.alice, bytesOf('never delivered')));
    talk.deliver(talk.bob, talk.send(talk.alice, bytesOf('delivered')));
    if (round % 3 === 0) talk.deliver(talk.alice, talk.send(talk.bob, bytesOf('turn')));
    const { directory } = talk.bob.session.cold.ratchet;
    const keys = [...talk.bob.session.blocks.values()].flatMap(({ seeds }) => seeds);
    // One key a message, each alive for at most 20 messages.
    expect(keys.length).toBeLessThanOrEqual(21);
    expect(directory.length).toBe(talk.bob.session.blocks.size);
  }
  const oldest = lost[0] ?? new Uint8Array();
  expect(talk.tryDeliver(talk.bob, oldest).ok).toBe(false);
  expect(talk.tryDeliver(talk.bob, lost.at(-1) ?? oldest).ok).toBe(true);
}

describe('holes of rejected rounds', () => {
  it('die by count', () => holesDie({}));

  it('are noticed to stay for ever', () => {
    expect(holds(() => holesDie({ sabotage: 'never-expires' }))).toBe(false);
  });

  it('are bounded over many chains, the oldest going first', () => {
    const limits = { skippedKeysMax: 100, forwardJumpMax: 60 };
    const talk = new Conversation(crypto, { limits });
    talk.toBob(talk.send(talk.alice, bytesOf('first')));
    const lost: Uint8Array[] = [];
    for (let turn = 0; turn < 6; turn++) {
      for (let i = 0; i < 40; i++) lost.push(talk.send(talk.alice, bytesOf('lost')));
      talk.deliver(talk.bob, talk.send(talk.alice, bytesOf('carrier')));
      talk.deliver(talk.alice, talk.send(talk.bob, bytesOf('turn')));
      const counts = [...talk.bob.session.blocks.values()].map(({ seeds }) => seeds.length);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(100);
      expect(Math.max(...counts)).toBeLessThanOrEqual(32);
    }
    expect(talk.tryDeliver(talk.bob, lost[0] ?? new Uint8Array()).ok).toBe(false);
    expect(talk.tryDeliver(talk.bob, lost.at(-1) ?? new Uint8Array()).ok).toBe(true);
  });
});

function initiationEnds(options: SessionOptions): void {
  const talk = new Conversation(crypto, options);
  for (let i = 0; i < 3; i++) {
    const message = talk.send(talk.alice, bytesOf('hello'));
    expect(parse(message).kind).toBe('initiation');
    if (i > 0) talk.toBob(message); // the first is lost: any of them must do
  }
  expect(isInitiating(talk.alice.session)).toBe(true);
  const reply = talk.send(talk.bob, bytesOf('reply'));
  expect(talk.tryDeliver(talk.alice, flipTag(reply)).ok).toBe(false);
  expect(isInitiating(talk.alice.session)).toBe(true);
  talk.deliver(talk.alice, reply);
  expect(parse(talk.send(talk.alice, bytesOf('next'))).kind).toBe('regular');
}

describe('the initiation', () => {
  it('rides on every message until one decrypts, and never again', () => initiationEnds({}));

  it('is noticed to go on', () => {
    expect(holds(() => initiationEnds({ sabotage: 'never-ends-initiation' }))).toBe(false);
  });
});

function jumpIsBounded(options: SessionOptions): void {
  const talk = new Conversation(crypto, { ...options, limits: { forwardJumpMax: 10 } });
  talk.toBob(talk.send(talk.alice, bytesOf('first')));
  const ahead = Array.from({ length: 12 }, () => talk.send(talk.alice, bytesOf('x')));
  const start = talk.bob.session;
  const beyond = talk.tryDeliver(talk.bob, ahead[11] ?? new Uint8Array());
  expect(beyond).toEqual({ ok: false, error: { code: 'TOO_FAR_AHEAD' } });
  expect(talk.bob.session).toBe(start);
  expect(talk.tryDeliver(talk.bob, ahead[10] ?? new Uint8Array()).ok).toBe(true);
}

describe('the forward jump', () => {
  it('goes to the limit and not one further', () => jumpIsBounded({}));

  it('is noticed to have none', () => {
    expect(holds(() => jumpIsBounded({ sabotage: 'jumps-without-limit' }))).toBe(false);
  });
});

describe('consumed', () => {
  it('is exactly what the old session had and the new one lacks', () => {
    fc.assert(
      fc.property(events, (script) => {
        play(script, crypto, {
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
          observe: ({ consumed }) => {
            for (const secret of consumed) late.push(() => crypto.wipe(secret));
          },
        });
        while (late.length > 0) {
          const [pick] = picks.take(1);
          late.splice((pick ?? 0) % late.length, 1)[0]?.();
        }
        const immediate = play(script, crypto, {
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

describe('a saved session', () => {
  it('goes on from what changesOf said to write, blocks loaded only on demand', () => {
    fc.assert(
      fc.property(events, fc.nat({ max: 3 }), (script, everyFourth) => {
        savedRun(script, everyFourth);
      }),
    );
  });

  it('has a hot state of at most 260 bytes', () => {
    fc.assert(
      fc.property(events, fc.nat({ max: 2 ** 32 - 2 }), (script, counter) => {
        const { talk } = play(script, crypto);
        for (const { session } of [talk.alice, talk.bob]) {
          const { sending, receiving } = session.hot;
          const far = {
            ...session.hot,
            previousCount: counter,
            receivedCount: Number.MAX_SAFE_INTEGER,
            sending:
              sending.kind === 'ready'
                ? { ...sending, chain: { ...sending.chain, counter } }
                : sending,
            receiving: receiving && { ...receiving, counter },
          };
          expect(joinState(encodeHot(far), crypto).length).toBeLessThanOrEqual(260);
        }
      }),
      { numRuns: 20 },
    );
  });
});

/** Reloads an end after steps chosen by a counter; every delivery may need its blocks fetched. */
function savedRun(script: readonly Event[], every: number): void {
  const saved = new Map<End, SavedSession>();
  let steps = 0;
  const limits = { blockKeysMax: 4 };
  const talk = { current: undefined as Conversation | undefined };
  const run = play(script, crypto, {
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
  talk.current = run.talk;
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
  expect(ids).toHaveLength(1);
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

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]),
  );
}
