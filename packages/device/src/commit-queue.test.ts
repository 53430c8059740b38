import { encodeUtf8, invariant } from '@simsim/bytes';
import { seededEntropy } from '@simsim/crypto';
import { nodeCrypto as crypto } from '@simsim/crypto/node';
import { DeviceCore } from '@simsim/device-core';
import type { CoreInput } from '@simsim/device-core';
import { createEventLog, createMemoryStore, createMemoryVault } from '@simsim/event-log';
import { messageIdFromBytes, parseUserId } from '@simsim/relay-protocol';
import type { Effect } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import { CommitQueue } from './commit-queue.ts';
import { SessionError } from './session-error.ts';

const entropy = seededEntropy(encodeUtf8('commit queue'), crypto);

/** A queue over a device whose clock goes on by `stepMs` whenever it is looked at. */
function createQueue(stepMs: number): { queue: CommitQueue; released: (readonly Effect[])[] } {
  const vault = createMemoryVault({ crypto, entropy });
  const log = createEventLog({ store: createMemoryStore(), vault, crypto, entropy });
  const ali = parseUserId('ali');
  invariant(log.ok && ali.ok, 'an empty store takes a log, and ali is a user id');
  let elapsedMs = 0;
  const clock = (): { wallMs: number; elapsedMs: number; bootId: string } => {
    elapsedMs += stepMs;
    return { wallMs: 1_700_000_000_000, elapsedMs, bootId: 'test' };
  };
  const core = new DeviceCore({ log: log.value, crypto, entropy, clock });
  core.run([{ type: 'create', userId: ali.value, oneTimeKeys: 0, oneTimeKemKeys: 0 }]);
  core.run([{ type: 'registered' }]);
  const released: (readonly Effect[])[] = [];
  const queue = new CommitQueue(core, {
    release: (effects) => void released.push(effects),
    fail: () => undefined,
  });
  return { queue, released };
}

function send(): CoreInput {
  const bo = parseUserId('bo');
  invariant(bo.ok, 'bo is a user id');
  const messageId = messageIdFromBytes(entropy(16));
  return { type: 'send', messageId, to: [bo.value], body: encodeUtf8('open') };
}

describe('the commit queue', () => {
  it('commits at once what comes in one turn', async () => {
    const { queue, released } = createQueue(0);
    const outcomes = await Promise.all([send(), send(), send()].map((input) => queue.put(input)));
    expect(outcomes).toEqual([{ kind: 'done' }, { kind: 'done' }, { kind: 'done' }]);
    expect(released).toHaveLength(1);
  });

  it('leaves what takes long to the next turns, in order', async () => {
    const { queue, released } = createQueue(1000);
    const inputs = [send(), send(), send()];
    const done: CoreInput[] = [];
    await Promise.all(
      inputs.map(async (input) => {
        expect(await queue.put(input)).toEqual({ kind: 'done' });
        done.push(input);
      }),
    );
    expect(done).toEqual(inputs);
    expect(released).toHaveLength(3);
    expect(queue.size()).toBe(0);
  });

  it('takes all of it when it is drained', async () => {
    const { queue, released } = createQueue(1000);
    const all = Promise.all([queue.put(send()), queue.put(send())]);
    queue.drain();
    expect(released).toHaveLength(2);
    expect(queue.size()).toBe(0);
    await all;
  });

  it('refuses what is left when it is closed', async () => {
    const { queue } = createQueue(1000);
    const left = queue.put(send());
    queue.close(new SessionError('CLOSED'));
    await expect(left).rejects.toThrow('CLOSED');
    await expect(queue.put(send())).rejects.toThrow('CLOSED');
  });
});
