/** One device's log in the hands of two processes: no key is used twice, and nothing is lost. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesToHex, encodeUtf8 } from '@simsim/bytes';
import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import { openDevice, sqlite, vaultPathOf } from '@simsim/device';
import type { Device } from '@simsim/device';
import { DeviceCore } from '@simsim/device-core';
import type { CoreInput, OutboxItem } from '@simsim/device-core';
import { openSqliteLog, verifySqliteLog } from '@simsim/event-log-sqlite';
import { messageIdFromBytes, parseUserId } from '@simsim/relay-protocol';
import type { UserId } from '@simsim/relay-protocol';
import { startRelay } from '@simsim/relay';
import type { Clock } from '@simsim/sesame';
import { parseMessage } from '@simsim/session';

const KEY = { kind: 'none', unsafePlaintextVault: true } as const;
const SENDS = 40;

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'simsim-shared-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Alice and bob have talked; then both are closed. Answers the path of alice's log. */
async function talked(): Promise<string> {
  const relay = await startRelay({ file: join(folder, 'relay.db'), host: '127.0.0.1', port: 0 });
  const open = (user: string): Promise<Device> =>
    openDevice({
      user,
      store: sqlite(join(folder, user, 'log.db'), { unsafePlaintextVault: true }),
      relay: relay.url,
      ifMissing: 'create',
    });
  const [alice, bob] = [await open('alice'), await open('bob')];
  for (const device of [alice, bob]) device.handle(() => undefined);
  await alice.send('bob', 'ping');
  await bob.send('alice', 'pong');
  while (!alice.idle() || !bob.idle()) await wait(5);
  await Promise.all([alice.close(), bob.close()]);
  await relay.stop();
  return join(folder, 'alice', 'log.db');
}

function coreOn(path: string): DeviceCore {
  const opened = openSqliteLog({
    path,
    vaultPath: vaultPathOf(path),
    key: KEY,
    crypto: nodeCrypto,
    entropy: nodeEntropy,
    shared: true,
  });
  if (!opened.ok) throw new Error(opened.error.code);
  const clock = (): Clock => ({ wallMs: Date.now(), elapsedMs: 0, bootId: 'test' });
  return new DeviceCore({
    log: opened.value.log,
    crypto: nodeCrypto,
    entropy: nodeEntropy,
    clock,
  });
}

/** Which message key an envelope was made with, as its header says. */
function keysOf({ post }: OutboxItem): string[] {
  return post.envelopes.map(({ content }) => {
    const parsed = parseMessage(content);
    if (!parsed.ok) throw new Error(parsed.error.code);
    const { header } = parsed.value.kind === 'initiation' ? parsed.value.inner : parsed.value;
    return `${bytesToHex(header.ratchetKey)} ${header.counter}`;
  });
}

describe('two processes with one device', () => {
  it('send in turns without ever using a key twice', async () => {
    const path = await talked();
    const cores = [coreOn(path), coreOn(path)];
    const bob = parseUserId('bob');
    if (!bob.ok) throw new Error('bob is a user');
    const keys: string[] = [];
    for (let i = 0; i < SENDS; i++) {
      const core = cores[(i >> 1) % 2];
      if (core === undefined) continue;
      // It takes over what the other one sent, and must not go on from what it remembers.
      if (i % 4 === 0) core.log.flush();
      core.run([sending(bob.value, i)]);
      const own = core.outbox().at(-1);
      if (own !== undefined) keys.push(...keysOf(own));
      if (i % 7 === 0) core.log.flush();
    }
    expect(keys).toHaveLength(SENDS);
    expect(new Set(keys).size).toBe(SENDS);

    // Either sees what both put, once it has looked.
    for (const [i, core] of cores.entries()) {
      const answers = core.outbox().map(({ post, origin }): CoreInput => {
        return {
          type: 'posted',
          postId: post.postId,
          origin,
          result: { kind: 'accepted', listVersion: 1 },
        };
      });
      core.run(answers.slice(i, i + 1));
    }
    const left = cores.map((core) => core.outbox().length);
    expect(left[1]).toBe(SENDS - 2);
    for (const core of cores) core.log.close();
    const vault = { path: vaultPathOf(path), key: KEY };
    const report = verifySqliteLog({ path, crypto: nodeCrypto, vault });
    if (!report.ok) throw new Error(report.error.code);
    expect(report.value.chain.ok).toBe(true);
    expect(report.value.rebuilt?.differences).toEqual([]);
  });
});

function sending(to: UserId, number: number): CoreInput {
  const messageId = messageIdFromBytes(nodeEntropy(16));
  return { type: 'send', messageId, to: [to], body: encodeUtf8(`message ${number}`) };
}
