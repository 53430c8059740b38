/** Rows that are in no chain, damaged or gone: verify names them, opening says so, and nothing hangs. */

import { betterSqlite3, verifySqliteLog } from '@simsim/event-log-sqlite';
import { nodeCrypto as crypto } from '@simsim/crypto/node';
import { recordFold, SessionError, vaultPathOf } from '@simsim/device';
import { describe, expect, it } from 'vitest';
import { houseForEach, next } from './house.ts';

const house = houseForEach();
const { device } = house;
const messageId = '00112233445566778899aabbccddeeff';

/** Changes a closed device's database behind its back. */
function change(user: string, sql: string): void {
  const db = betterSqlite3.open(house.pathOf(user), 'write');
  expect(db.prepare(sql).run([])).toBe(1);
  db.close();
}

/** The tables in which verify finds something. */
function found(user: string): string[] {
  const path = house.pathOf(user);
  const key = { kind: 'none', unsafePlaintextVault: true } as const;
  const vault = { path: vaultPathOf(path), key };
  const report = verifySqliteLog({ path, crypto, vault, fold: recordFold });
  if (!report.ok) throw new Error(report.error.detail);
  const { rebuilt, lostRows } = report.value;
  return [...(rebuilt?.differences ?? []), ...lostRows].map(({ table }) => table);
}

/** Alice wrote to bob, who has not read it; then once more, which waits for the relay. */
async function waitingMail(): Promise<void> {
  const alice = await device('alice');
  const bob = await device('bob');
  await alice.send('bob', 'first');
  await expect.poll(() => bob.doctor().inbox).toBe(1);
  await bob.close();
  await house.relay.stop();
  await alice.sendLater('bob', 'second', { messageId });
  await alice.close();
  await house.startRelay();
}

describe('a post that is gone from the outbox', () => {
  it('is named by verify, and its message is encrypted anew and comes once', async () => {
    await waitingMail();
    expect(found('alice')).toEqual([]);
    change('alice', 'DELETE FROM outbox WHERE post != zeroblob(16)');
    // Its row, and the post that its message waits for.
    expect(found('alice')).toEqual(['outbox', 'outbox']);
    const alice = await device('alice');
    const report = await alice.send('bob', 'second', { messageId });
    expect(report.recipients.map(({ user, failure }) => [user, failure])).toEqual([
      ['alice', undefined],
      ['bob', undefined],
    ]);
    await alice.send('bob', 'third');
    const bob = await device('bob');
    const texts: string[] = [];
    for (let i = 0; i < 3; i++) {
      texts.push((await next(bob)).text);
    }
    expect(texts).toEqual(['first', 'second', 'third']);
  });
});

describe('a queue row that does not open', () => {
  it.each([
    [
      'alice',
      'outbox',
      'UPDATE outbox SET body = zeroblob(length(body)) WHERE post != zeroblob(16)',
    ],
    ['alice', 'outbox', 'UPDATE outbox SET post = randomblob(16) WHERE post != zeroblob(16)'],
    ['bob', 'inbox', 'UPDATE inbox SET body = zeroblob(length(body)) WHERE id != zeroblob(16)'],
    ['bob', 'inbox', 'UPDATE inbox SET id = randomblob(16) WHERE id != zeroblob(16)'],
    ['bob', 'inbox', 'UPDATE inbox SET epoch = epoch + 1 WHERE id != zeroblob(16)'],
  ])(
    'of %s is named by verify and by opening, with the next step: %s, %s',
    async (user, table, sql) => {
      await waitingMail();
      change(user, sql);
      expect(found(user)).toContain(table);
      const refusal: unknown = await device(user).catch((cause: unknown) => cause);
      expect(refusal).toBeInstanceOf(SessionError);
      expect(refusal).toMatchObject({ code: 'STORE_CORRUPT', blame: 'store' });
      expect(String(refusal)).toContain(`row 1 of the ${table} does not open`);
      expect(String(refusal)).toContain('link a new device');
      // Nothing was changed: verify finds the same.
      expect(found(user)).toContain(table);
    },
  );

  it('of unread mail that is gone is missed by verify', async () => {
    await waitingMail();
    change('bob', 'DELETE FROM inbox WHERE id != zeroblob(16)');
    expect(found('bob')).toEqual(['inbox']);
  });
});
