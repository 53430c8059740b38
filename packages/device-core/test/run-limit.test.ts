/** A run under a limit of time: what it takes, what it leaves, and that both are whole. */

import { encodeUtf8, invariant } from '@simsim/bytes';
import { seededEntropy } from '@simsim/crypto';
import { nodeCrypto as crypto } from '@simsim/crypto/node';
import { createEventLog, createMemoryStore, createMemoryVault } from '@simsim/event-log';
import { messageIdFromBytes, parseUserId } from '@simsim/relay-protocol';
import { SEND_PREFIX } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import { DeviceCore } from '../src/index.ts';
import type { CoreInput } from '../src/index.ts';

const entropy = seededEntropy(encodeUtf8('run limit'), crypto);

/** A registered device whose clock goes on by `stepMs` whenever it is looked at. */
function createCore(stepMs: number): DeviceCore {
  const vault = createMemoryVault({ crypto, entropy });
  const log = createEventLog({ store: createMemoryStore(), vault, crypto, entropy });
  invariant(log.ok, 'an empty store takes a log');
  let elapsedMs = 0;
  const clock = (): { wallMs: number; elapsedMs: number; bootId: string } => {
    elapsedMs += stepMs;
    return { wallMs: 1_700_000_000_000, elapsedMs, bootId: 'test' };
  };
  const core = new DeviceCore({ log: log.value, crypto, entropy, clock });
  const ali = parseUserId('ali');
  invariant(ali.ok, 'ali is a user id');
  core.run([{ type: 'create', userId: ali.value, oneTimeKeys: 0, oneTimeKemKeys: 0 }]);
  core.run([{ type: 'registered' }]);
  return core;
}

function sends(count: number): readonly CoreInput[] {
  const bo = parseUserId('bo');
  invariant(bo.ok, 'bo is a user id');
  return Array.from({ length: count }, (): CoreInput => {
    const messageId = messageIdFromBytes(entropy(16));
    return { type: 'send', messageId, to: [bo.value], body: encodeUtf8('open') };
  });
}

const liveSends = (core: DeviceCore): number => core.log.streamsWithPrefix(SEND_PREFIX).length;

describe('a run under a limit', () => {
  it('takes all inputs where there is none', () => {
    const core = createCore(1000);
    expect(core.run(sends(3)).outcomes).toHaveLength(3);
  });

  it('takes one input however long that takes, and commits it alone', () => {
    const core = createCore(1000);
    const inputs = sends(3);
    const { outcomes, effects } = core.run(inputs, { holdMs: 10 });
    expect(outcomes).toEqual([{ kind: 'done' }]);
    expect(effects.filter(({ type }) => type === 'post')).toHaveLength(2);
    expect(liveSends(core)).toBe(1);
    expect(core.run(inputs.slice(1)).outcomes).toHaveLength(2);
    expect(liveSends(core)).toBe(3);
  });

  it('takes further ones while there is time', () => {
    const core = createCore(1);
    const { outcomes } = core.run(sends(64), { holdMs: 10 });
    expect(outcomes.length).toBeGreaterThan(1);
    expect(outcomes.length).toBeLessThan(64);
    expect(liveSends(core)).toBe(outcomes.length);
  });

  it('has nothing to do without inputs', () => {
    expect(createCore(1000).run([], { holdMs: 0 })).toEqual({ outcomes: [], effects: [] });
  });
});
