import { describe, expect, it } from 'vitest';
import {
  decodeCase,
  drawCase,
  encodeCase,
  runCase,
  simulate,
  UnknownActionError,
} from '../src/index.ts';
import { withOwnActions } from '../src/actions/draw-own-actions.ts';
import type { Case, Invariant, OwnAction } from '../src/index.ts';

/** A device says something to everybody, twice, the second time a while later. */
const gossip: OwnAction = {
  name: 'gossip',
  weight: 10,
  draw: (dice, { labels, users }) => ({ by: dice.pick(labels) ?? 'ada-1', to: [...users] }),
  act(world, data) {
    if (typeof data !== 'object' || data === null || !('by' in data)) return;
    const { by, to } = data;
    if (typeof by !== 'string' || !Array.isArray(to)) return;
    const line = { to: to.map(String), text: `psst ${world.dice.below(100)}` };
    world.send(by, line);
    world.situations.met('somebody gossiped');
    world.agenda.after(5000, () => world.send(by, line));
  },
};

const actions = [gossip];
const noGossip: Invariant = {
  id: 'mine',
  statement: 'nobody gossips',
  watch: (world) => ({
    *kept({ machine }, { messageId }) {
      const text = world.ledger.sent.get(messageId)?.text ?? '';
      if (text.startsWith('psst')) yield `${machine.label} has heard it`;
    },
  }),
};

const own = (one: Case): Case['actions'] => one.actions.filter((each) => each.do === 'own');

describe('own actions', () => {
  const report = simulate({ seed: 1, seeds: 8, actions, invariants: [noGossip] });

  it('come up, break what they break, and shrink like ours', () => {
    const { failure } = report;
    expect(failure?.failure.invariant).toBe('mine');
    if (failure === undefined) return;
    expect(failure.actions).toHaveLength(1);
    expect(failure.actions[0]).toMatchObject({ do: 'own', name: 'gossip' });
    const read = decodeCase(encodeCase(failure));
    expect(read.ok && read.value).toEqual(failure);
    const again = runCase(failure, { actions, invariants: [noGossip] });
    expect(again.failure?.invariant).toBe('mine');
    expect(again.trace).toBe(failure.failure.trace);
  });

  it('leave the other actions of a seed as they are, and hold what ours hold', () => {
    const situations = ['somebody gossiped'];
    const held = simulate({ seed: 1, seeds: 3, actions, actionsMax: 30, situations });
    expect(held.failure).toBeUndefined();
    expect(held.missing).not.toContain('somebody gossiped');
    const one = drawCase(5, { crypto: 'symbolic' });
    const more = [5, 6, 7].map((seed) => withOwnActions({ ...one, seed }, actions));
    expect(more.some((each) => own(each).length > 0)).toBe(true);
    for (const each of more) {
      expect(each.actions.filter(({ do: deed }) => deed !== 'own')).toEqual(one.actions);
      expect(each.actions.every(({ atMs }, i) => atMs >= (each.actions[i - 1]?.atMs ?? 0))).toBe(
        true,
      );
    }
  });

  it('are named where nobody knows them', () => {
    const { failure } = report;
    if (failure === undefined) throw new Error('gossip is heard');
    const run = (): unknown => runCase(failure, { invariants: [noGossip] });
    expect(run).toThrow(UnknownActionError);
    expect(run).toThrow('"gossip"');
    expect(decodeCase(encodeCase(failure).replace('"name":"gossip"', '"name":3'))).toEqual({
      ok: false,
      error: {
        code: 'NOT_A_CASE',
        field: 'actions[0].name',
        takes: 'text of at most 100 characters',
      },
    });
  });

  it('may do deeds of the house, and die under them', () => {
    const kill: OwnAction = {
      name: 'kill',
      weight: 20,
      draw: (dice, { labels }) => dice.pick(labels),
      act(world, who) {
        if (typeof who !== 'string') return;
        world.act({ do: 'crash', who, after: 0 });
        world.as(who, () => world.situations.met('a dead one acts'));
      },
    };
    const killed = simulate({ seed: 1, seeds: 4, actions: [kill], actionsMax: 30 });
    expect(killed.failure).toBeUndefined();
    expect(killed.situations.get('a dead one acts')).toBeUndefined();
  });
});
