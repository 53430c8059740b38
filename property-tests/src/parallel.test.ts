/** Many calls at once on one device (SES-52, T-26): they are decided one after the other. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytesToHex, invariant } from '@simsim/bytes';
import { memory, openDevice } from '@simsim/device';
import type { Device } from '@simsim/device';
import { startRelay } from '@simsim/relay';
import type { RunningRelay } from '@simsim/relay';
import { parseMessage } from '@simsim/session';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tapRelay } from './tap.ts';
import type { Tap } from './tap.ts';

const LINES = 50;

let folder: string;
let relay: RunningRelay;
let tap: Tap;
let open: Device[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'simsim-parallel-'));
  relay = await startRelay({ file: join(folder, 'relay.db'), host: '127.0.0.1', port: 0 });
  tap = await tapRelay(relay.port);
  open = [];
});

afterEach(async () => {
  await Promise.all(open.map((device) => device.close()));
  await tap.stop();
  await relay.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function device(user: string): Promise<Device> {
  const opened = await openDevice({
    user,
    store: memory(),
    relay: tap.url,
    ifMissing: 'create',
    oneTimeKeys: 5,
  });
  open.push(opened);
  return opened;
}

/** Takes in so many lines; answers them in their order. */
async function read(of: Device, count: number): Promise<string[]> {
  const texts: string[] = [];
  for await (const message of of.messages()) {
    texts.push(message.text);
    await message.ack();
    if (texts.length === count) break;
  }
  return texts;
}

/** Where in which chain of whom to whom each posted message stands, posts counted once. */
function places(): string[] {
  const byPost = new Map(tap.posts.map((each) => [each.post.postId, each]));
  return [...byPost.values()].flatMap(({ token, post }) =>
    post.envelopes.flatMap(({ content, kind, deviceId }) => {
      if (kind !== 'message') return [];
      const parsed = parseMessage(content);
      invariant(parsed.ok, 'honest devices post well-formed messages');
      const { header } = parsed.value.kind === 'regular' ? parsed.value : parsed.value.inner;
      const chain = bytesToHex(header.ratchetKey);
      return [`${token}>${post.recipient}.${deviceId} ${chain} ${header.counter}`];
    }),
  );
}

describe('fifty lines each way at once', () => {
  it('arrive, and no place of any chain is used twice', async () => {
    const [alice, bob] = await Promise.all([device('alice'), device('bob')]);
    const names = Array.from({ length: LINES }, (_, i) => `line ${i}`);
    const sending = [alice, bob].flatMap((from) => {
      const to = from === alice ? 'bob' : 'alice';
      return names.map((name) => from.send(to, name));
    });
    const [atAlice, atBob] = await Promise.all([
      read(alice, LINES),
      read(bob, LINES),
      Promise.all(sending),
    ]);
    expect([...atAlice].sort()).toEqual([...names].sort());
    expect([...atBob].sort()).toEqual([...names].sort());
    const used = places();
    expect(used.length).toBeGreaterThanOrEqual(2 * LINES);
    expect(new Set(used).size).toBe(used.length);
  });
});
