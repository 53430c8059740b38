/**
 * Makes golden logs: what real devices leave behind after a short conversation. It runs once for each
 * collection; see golden-logs.test.ts.
 */

import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import { keepAll, openDevice, sqlite, vaultPathOf } from '@simsim/device';
import type { Device, Message, Retention } from '@simsim/device';
import { openSqliteLog } from '@simsim/event-log-sqlite';
import { startRelay } from '@simsim/relay';

/** The raw key of every golden vault. */
export const GOLDEN_KEY: Uint8Array = new Uint8Array(32).fill(0x5e);

/** Who took part, and how their logs differ. */
export const GOLDEN_USERS = {
  /** Facts in the clear, no key ever erased. */
  ali: {
    metadata: 'clear',
    retention: keepAll({ iKnowThisDisablesForwardSecrecy: true }),
  },
  /** The defaults; pruned, with a user forgotten, mail unread and a post unanswered. */
  bo: { metadata: 'sealed' },
} as const;

interface Party {
  readonly device: Device;
  readonly received: Message[];
}

async function enter(
  user: string,
  how: { readonly metadata: 'clear' | 'sealed'; readonly retention?: Retention },
  at: { readonly folder: string; readonly relay: string },
): Promise<Party> {
  const { metadata, retention } = how;
  const device = await openDevice({
    user,
    store: sqlite(join(at.folder, user, 'log.db'), { key: GOLDEN_KEY }, { metadata }),
    relay: at.relay,
    ifMissing: 'create',
    oneTimeKeys: 3,
    ...(retention === undefined ? {} : { retention }),
  });
  const received: Message[] = [];
  device.messages$.subscribe((message) => void received.push(message));
  return { device, received };
}

/** Acknowledges what has come, once so much has, each with a row of the application. */
async function readAll({ device, received }: Party, count: number): Promise<void> {
  while (received.length < count) await wait(2);
  for (const message of received.splice(0)) {
    await message.ack({ put: [[`chat/${message.text}`, message.body]] });
  }
  while (!device.idle()) await wait(2);
}

/** Writes `<target>/<user>/log.db` and its vault for each of {@link GOLDEN_USERS}. */
export async function writeGoldenLogs(target: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'simsim-golden-'));
  const relay = await startRelay({ file: join(folder, 'relay.db') });
  try {
    const at = { folder, relay: relay.url };
    const ali = await enter('ali', GOLDEN_USERS.ali, at);
    const bo = await enter('bo', GOLDEN_USERS.bo, at);
    const zoe = await enter('zoe', { metadata: 'sealed' }, at);
    for (const round of ['one', 'two']) {
      await ali.device.send('bo', `ali ${round}`, { conversation: 'forty' });
      await ali.device.send('bo', `ali ${round} again`);
      await readAll(bo, 2);
      await bo.device.send('ali', `bo ${round}`);
      await readAll(ali, 1);
    }
    await bo.device.send('zoe', 'bo to zoe');
    await readAll(zoe, 1);
    await zoe.device.send(['ali', 'bo'], 'zoe to both');
    await Promise.all([readAll(ali, 1), readAll(bo, 1)]);
    while (![ali, bo, zoe].every(({ device }) => device.idle())) await wait(2);
    await bo.device.forget('zoe');
    await zoe.device.close();
    await ali.device.send('bo', 'nobody reads this');
    while (bo.received.length === 0) await wait(2);
    await relay.stop();
    const commits = bo.device.stats().commits;
    void bo.device.send('ali', 'the relay is gone').catch(() => undefined);
    while (bo.device.stats().commits === commits) await wait(2);
    await Promise.all([ali.device.close(), bo.device.close()]);
    for (const user of Object.keys(GOLDEN_USERS)) take(join(folder, user), join(target, user));
  } finally {
    await relay.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Prunes what can be, so that the log is small and has pruned parts, and takes it over. */
function take(from: string, target: string): void {
  const path = join(from, 'log.db');
  const key = { kind: 'raw', key: GOLDEN_KEY } as const;
  const parts = {
    path,
    vaultPath: vaultPathOf(path),
    crypto: nodeCrypto,
    entropy: nodeEntropy,
    key,
  };
  const opened = openSqliteLog(parts);
  if (!opened.ok) throw new Error(opened.error.detail);
  const { log } = opened.value;
  log.flush();
  while (!log.prune(Number.MAX_SAFE_INTEGER).isDone);
  log.close();
  const copy = join(target, 'log.db');
  mkdirSync(dirname(copy), { recursive: true });
  copyFileSync(path, copy);
  copyFileSync(vaultPathOf(path), vaultPathOf(copy));
}
