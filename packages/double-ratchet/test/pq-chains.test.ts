/** The symmetric chains of the post-quantum ratchet: same keys at both ends, bounds, no key twice. */

import type { Secret } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import { describe, expect, it } from 'vitest';
import type { PqChains, RatchetOptions, RatchetState } from '../src/index.ts';
import {
  defaultRatchetOptions,
  pqBlocksToLoad,
  pqReceive,
  pqSend,
  ratchetReceive,
  startPqChains,
  startResponder,
} from '../src/index.ts';
import { must } from './variants.ts';

const crypto = nodeCrypto;

function shown(secret: Secret): string {
  return crypto.exportSecret(secret).join();
}

interface Ends {
  readonly alice: PqChains;
  readonly bob: PqChains;
  readonly state: RatchetState;
}

function start(): Ends {
  const auth = (): Secret<'pqAuth'> => crypto.importSecret('pqAuth', new Uint8Array(32).fill(6));
  const root = crypto.importSecret('root', new Uint8Array(32));
  return {
    alice: startPqChains(auth(), 'initiator', crypto),
    bob: startPqChains(auth(), 'responder', crypto),
    state: startResponder(root, crypto.keyPair(new Uint8Array(32).fill(1))),
  };
}

/** The first keys of a sending chain, as text; index 1 stands first. */
function sent(chains: PqChains, count: number): readonly string[] {
  const keys: string[] = [];
  let at = chains;
  for (let i = 0; i < count; i++) {
    const step = must(pqSend(at, { crypto, options: defaultRatchetOptions }));
    expect(step.index).toBe(i + 1);
    keys.push(shown(step.salt));
    at = step.chains;
  }
  return keys;
}

function limited(limits: Partial<RatchetOptions['limits']>): RatchetOptions {
  return { ...defaultRatchetOptions, limits: { ...defaultRatchetOptions.limits, ...limits } };
}

describe('the chains of the post-quantum ratchet', () => {
  const options = defaultRatchetOptions;

  it('give each end the keys of the other, one chain for each direction', () => {
    const { alice, bob, state } = start();
    const [fromAlice, fromBob] = [sent(alice, 3), sent(bob, 3)];
    expect(new Set([...fromAlice, ...fromBob]).size).toBe(6);
    for (const [keys, chains] of [
      [fromAlice, bob],
      [fromBob, alice],
    ] as const) {
      let at = { chains, state };
      for (const [i, key] of keys.entries()) {
        const step = must(pqReceive(at.state, { ...at, index: i + 1 }, { crypto, options }));
        expect(shown(step.salt)).toBe(key);
        expect(step.isSaltFresh).toBe(true);
        at = step;
      }
    }
  });

  it('keep skipped keys, each for one use', () => {
    const { alice, bob, state } = start();
    const keys = sent(alice, 4);
    const ahead = must(pqReceive(state, { chains: bob, index: 4 }, { crypto, options }));
    expect(shown(ahead.salt)).toBe(keys[3]);
    const late = must(pqReceive(ahead.state, { ...ahead, index: 2 }, { crypto, options }));
    expect(shown(late.salt)).toBe(keys[1]);
    expect(late.isSaltFresh).toBe(false);
    for (const index of [2, 4, 0]) {
      const again = pqReceive(late.state, { ...late, index }, { crypto, options });
      expect(again).toEqual({ ok: false, error: { code: 'DUPLICATE' } });
    }
    const bare = { ...late.state, blocks: new Map() };
    expect(pqBlocksToLoad(bare, { chains: late.chains, index: 1 }, options)).toEqual([0]);
    expect(pqReceive(bare, { ...late, index: 1 }, { crypto, options })).toEqual({
      ok: false,
      error: { code: 'BLOCKS_NEEDED', blocks: [0] },
    });
  });

  it('cannot be reached by a ratchet key that looks like their name', () => {
    const { bob, state } = start();
    const ahead = must(pqReceive(state, { chains: bob, index: 4 }, { crypto, options }));
    const ratchetKey = ahead.state.cold.directory[0]?.ratchetKey;
    if (ratchetKey === undefined) throw new Error('keys were skipped');
    const header = { ratchetKey, counter: 2, previousCount: 0 };
    expect(ratchetReceive(ahead.state, header, { crypto, options })).toEqual({
      ok: false,
      error: { code: 'BAD_KEY', key: 'ratchet' },
    });
  });

  it('skip as far as the limit and not one further, and end at their last index', () => {
    const { alice, bob, state } = start();
    const few = limited({ pqForwardJumpMax: 5, chainMessagesMax: 9 });
    const receive = (index: number): string => {
      const step = pqReceive(state, { chains: bob, index }, { crypto, options: few });
      return step.ok ? 'ok' : step.error.code;
    };
    expect([6, 7, 9, 10].map(receive)).toEqual([
      'ok',
      'TOO_FAR_AHEAD',
      'TOO_FAR_AHEAD',
      'CHAIN_EXHAUSTED',
    ]);
    const worn = { ...alice, sending: { ...alice.sending, counter: 9 } };
    const result = pqSend(worn, { crypto, options: few });
    expect(result).toEqual({ ok: false, error: { code: 'CHAIN_EXHAUSTED' } });
  });

  it('let skipped keys die by time where asked', () => {
    const { bob, state } = start();
    const timed = limited({ blockLifeMs: 10 });
    const env = { crypto, options: timed };
    const ahead = must(pqReceive(state, { chains: bob, index: 3 }, { ...env, elapsedMs: 100 }));
    const late = (elapsedMs: number): boolean =>
      pqReceive(ahead.state, { ...ahead, index: 1 }, { ...env, elapsedMs }).ok;
    expect([99, 100, 110, 111].map(late)).toEqual([false, true, true, false]);
  });
});
