/** Laws of a session, each with a broken variant of our own code that it must catch. */

import fc from 'fast-check';
import { bytesToHex, equalBytes } from '@simsim/bytes';
import { nobleCrypto } from '@simsim/crypto/noble';
import { nodeCrypto } from '@simsim/crypto/node';
import { describe, expect, it } from 'vitest';
import { isInitiating, parseMessage } from '../src/index.ts';
import type { TalkOptions } from './conversation.ts';
import { Conversation, bytesOf, fingerprint, parse } from './conversation.ts';
import { events, flipTag, play } from './schedule.ts';

const crypto = nodeCrypto;

const versions = [{ version: 3 }, { version: 4 }] as const;

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
function heldMessages(options: TalkOptions): { talk: Conversation; held: Uint8Array[] } {
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

function anyOrder(options: TalkOptions): void {
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

describe.each(versions)('any order, version $version,', (base) => {
  it('of six messages over three turns decrypts', () => anyOrder(base));

  it('is noticed to fail without older chains or without skipped keys', () => {
    expect(holds(() => anyOrder({ ...base, limits: { olderChainsMax: 1 } }))).toBe(false);
    expect(holds(() => anyOrder({ ...base, limits: { skippedKeysMax: 0 } }))).toBe(false);
  });

  it('of 1000 messages reversed decrypts', () => {
    const talk = new Conversation(crypto, base);
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

function runSchedules(options: TalkOptions): void {
  fc.assert(fc.property(events, (script) => void play(script, crypto, options)));
}

describe.each(versions)('a bad network, version $version,', (base) => {
  it('loses nothing that arrives, and repeats and damage change nothing', () => runSchedules(base));

  it('is noticed to win where code is broken', () => {
    expect(holds(() => runSchedules({ ...base, sabotage: 'keeps-used-seed' }))).toBe(false);
    expect(holds(() => runSchedules({ ...base, sabotage: 'moves-before-tag' }))).toBe(false);
    expect(holds(() => runSchedules({ ...base, sabotage: 'wipes-before-commit' }))).toBe(false);
  });

  it('shows both backends the same', () => {
    fc.assert(
      fc.property(events, fc.nat({ max: 50 }), (script, seed) => {
        const [a, b] = [nobleCrypto, nodeCrypto].map((backend) => {
          const { talk, wire } = play(script, backend, { ...base, seed });
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

function refusalChangesNothing(target: (talk: Conversation) => Uint8Array, options: TalkOptions) {
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
    const message = parseMessage(damaged);
    if (!message.ok) continue;
    const result = talk.steps.decrypt(talk.bob.session, message.value, talk.bob.party.env);
    if (result.ok) throw new Error(`bit ${bit} was not noticed`);
    expect(talk.bob.session).toBe(session);
    if (!equalBytes(fingerprint(session, crypto), before)) throw new Error('a refusal left traces');
  }
  expect(talk.deliver(talk.bob, genuine)).toEqual(bytesOf('x'));
}

describe.each(versions)('a refused message, version $version,', (base) => {
  it.each(Object.entries(targets))('changes nothing where it is %s', (_title, target) => {
    refusalChangesNothing(target, base);
  });

  it('is noticed to change things where code is broken', () => {
    for (const target of Object.values(targets)) {
      for (const sabotage of ['moves-before-tag', 'wipes-before-commit'] as const) {
        expect(holds(() => refusalChangesNothing(target, { ...base, sabotage }))).toBe(false);
      }
    }
  });
});

function everyTurnHasItsKey(options: TalkOptions): void {
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

describe.each(versions)('every turn, version $version,', (base) => {
  it('has a ratchet key of its own', () => everyTurnHasItsKey(base));

  it('is noticed to repeat one', () => {
    expect(holds(() => everyTurnHasItsKey({ ...base, sabotage: 'reuses-ratchet-key' }))).toBe(
      false,
    );
  });
});

/** Each keeps skipped keys of its own. */
const ratchetsOf = ({ version }: TalkOptions): number => (version === 4 ? 2 : 1);

/** Each round loses one message, as a rejected round of a sender does. */
function holesDie(options: TalkOptions): void {
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
    // One key a message and ratchet, each alive for at most 20 messages.
    expect(keys.length).toBeLessThanOrEqual(21 * ratchetsOf(options));
    expect(directory.length).toBe(talk.bob.session.blocks.size);
  }
  const oldest = lost[0] ?? new Uint8Array();
  expect(talk.tryDeliver(talk.bob, oldest).ok).toBe(false);
  expect(talk.tryDeliver(talk.bob, lost.at(-1) ?? oldest).ok).toBe(true);
}

describe.each(versions)('holes of rejected rounds, version $version,', (base) => {
  it('die by count', () => holesDie(base));

  it('are noticed to stay for ever', () => {
    expect(holds(() => holesDie({ ...base, sabotage: 'never-expires' }))).toBe(false);
  });

  it('are bounded over many chains, the oldest going first', () => {
    const limits = { skippedKeysMax: 100, forwardJumpMax: 60 };
    const talk = new Conversation(crypto, { ...base, limits });
    talk.toBob(talk.send(talk.alice, bytesOf('first')));
    const lost: Uint8Array[] = [];
    for (let turn = 0; turn < 6; turn++) {
      for (let i = 0; i < 40; i++) lost.push(talk.send(talk.alice, bytesOf('lost')));
      talk.deliver(talk.bob, talk.send(talk.alice, bytesOf('carrier')));
      talk.deliver(talk.alice, talk.send(talk.bob, bytesOf('turn')));
      const counts = [...talk.bob.session.blocks.values()].map(({ seeds }) => seeds.length);
      const sum = counts.reduce((before, count) => before + count, 0);
      expect(sum).toBeLessThanOrEqual(100 * ratchetsOf(base));
      expect(Math.max(...counts)).toBeLessThanOrEqual(32);
    }
    expect(talk.tryDeliver(talk.bob, lost[0] ?? new Uint8Array()).ok).toBe(false);
    expect(talk.tryDeliver(talk.bob, lost.at(-1) ?? new Uint8Array()).ok).toBe(true);
  });
});

function initiationEnds(options: TalkOptions): void {
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

describe.each(versions)('the initiation, version $version,', (base) => {
  it('rides on every message until one decrypts, and never again', () => initiationEnds(base));

  it('is noticed to go on', () => {
    expect(holds(() => initiationEnds({ ...base, sabotage: 'never-ends-initiation' }))).toBe(false);
  });
});

function jumpIsBounded(options: TalkOptions): void {
  const talk = new Conversation(crypto, { ...options, limits: { forwardJumpMax: 10 } });
  talk.toBob(talk.send(talk.alice, bytesOf('first')));
  const ahead = Array.from({ length: 12 }, () => talk.send(talk.alice, bytesOf('x')));
  const start = talk.bob.session;
  const beyond = talk.tryDeliver(talk.bob, ahead[11] ?? new Uint8Array());
  expect(beyond).toEqual({ ok: false, error: { code: 'TOO_FAR_AHEAD' } });
  expect(talk.bob.session).toBe(start);
  expect(talk.tryDeliver(talk.bob, ahead[10] ?? new Uint8Array()).ok).toBe(true);
}

describe.each(versions)('the forward jump, version $version,', (base) => {
  it('goes to the limit and not one further', () => jumpIsBounded(base));

  it('is noticed to have none', () => {
    expect(holds(() => jumpIsBounded({ ...base, sabotage: 'jumps-without-limit' }))).toBe(false);
  });
});

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]),
  );
}
