/** A user who is forgotten: nothing tells of them any more, and everybody else goes on. */

import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { nodeCrypto } from '@simsim/crypto/node';
import { recordFold, SessionError, vaultPathOf } from '@simsim/device';
import type { Device } from '@simsim/device';
import { createLogReader } from '@simsim/event-log';
import type { LogEvent } from '@simsim/event-log';
import { openSqliteReader, openVaultReader, verifySqliteLog } from '@simsim/event-log-sqlite';
import { describeFact } from '@simsim/sesame';
import { houseForEach } from './house.ts';

const house = houseForEach();
const { pathOf } = house;

const KEY = { kind: 'none', unsafePlaintextVault: true } as const;

async function device(user: string): Promise<Device> {
  const opened = await house.device(user);
  opened.handle(() => undefined);
  return opened;
}

async function settled(...devices: Device[]): Promise<void> {
  while (devices.some((one) => !one.idle())) await wait(5);
}

/** Everything the log's owner could read of it. */
function history(user: string): LogEvent[] {
  const reader = openSqliteReader(pathOf(user));
  const vault = openVaultReader(vaultPathOf(pathOf(user)), { crypto: nodeCrypto, key: KEY });
  if (!reader.ok || !vault.ok) throw new Error('the log is there');
  const log = createLogReader({ reader: reader.value, vault: vault.value, crypto: nodeCrypto });
  if (!log.ok) throw new Error(log.error.code);
  const events = [...log.value.events()];
  reader.value.close();
  vault.value.close();
  return events;
}

/** How many events tell of a user. */
function tellingOf(user: string, of: string): number {
  const told = history(of).map((event) =>
    event.isForgotten ? event.stream : `${event.stream} ${JSON.stringify(describeFact(event))}`,
  );
  return told.filter((line) => line.includes(user)).length;
}

/** The chain holds, and every record is what the events say. */
function expectWhole(user: string): void {
  const report = verifySqliteLog({
    path: pathOf(user),
    crypto: nodeCrypto,
    vault: { path: vaultPathOf(pathOf(user)), key: KEY },
    fold: recordFold,
  });
  if (!report.ok) throw new Error(report.error.code);
  expect(report.value.chain.ok).toBe(true);
  expect(report.value.rebuilt?.differences).toEqual([]);
}

/** Two who have written so much that it is not forgotten at once. */
async function longHistory(): Promise<{ alice: Device; bob: Device }> {
  const [alice, bob] = [await device('alice'), await device('bobby')];
  const texts = Array.from({ length: 300 }, (_, i) => `to bobby ${i}`);
  for (let i = 0; i < texts.length; i += 50)
    await Promise.all(texts.slice(i, i + 50).map((each) => alice.send('bobby', each)));
  await settled(alice, bob);
  return { alice, bob };
}

describe('forgetting a user', () => {
  it('leaves nothing of them in the log, and the chain whole', async () => {
    const [alice, bob, carol] = [
      await device('alice'),
      await device('bobby'),
      await device('carol'),
    ];
    for (let i = 0; i < 3; i++) {
      await alice.send('bobby', `to bobby ${i}`);
      await bob.send('alice', `to alice ${i}`);
      await alice.send('carol', `to carol ${i}`);
    }
    await settled(alice, bob, carol);
    expect(tellingOf('bobby', 'alice')).toBeGreaterThan(10);
    const forCarol = tellingOf('carol', 'alice');

    const { events, sends } = await alice.forget('bobby');
    expect(events).toBeGreaterThan(10);
    expect(sends).toBe(0);
    expect(tellingOf('bobby', 'alice')).toBe(0);
    expect(tellingOf('carol', 'alice')).toBe(forCarol);

    expectWhole('alice');
  });

  it('lets both begin anew', async () => {
    const [alice, bob] = [await device('alice'), await device('bobby')];
    await alice.send('bobby', 'before');
    await bob.send('alice', 'hello');
    await settled(alice, bob);
    await alice.forget('bobby');
    await alice.send('bobby', 'after');
    await bob.send('alice', 'hello again');
    await settled(alice, bob);
    expect(bob.stats().delivered + alice.stats().delivered).toBe(4);
  });

  it('touches nobody whose id begins with the same letters', async () => {
    const [alice, bob] = [await device('alice'), await device('bobby')];
    const junior = await device('bobby.jr');
    for (const to of ['bobby', 'bobby.jr']) await alice.send(to, `to ${to}`);
    await bob.send('alice', 'hello');
    await junior.send('alice', 'hello');
    await settled(alice, bob, junior);
    const ofJunior = tellingOf('bobby.jr', 'alice');

    expect((await alice.forget('bobby')).events).toBeGreaterThan(0);
    expect(tellingOf('bobby', 'alice')).toBe(ofJunior);
    expect(tellingOf('bobby.jr', 'alice')).toBe(ofJunior);
    await alice.send('bobby.jr', 'again');
    await settled(alice, junior);
    expect(junior.stats().delivered).toBe(2);
  });

  it('waits for what others still owe', async () => {
    const alice = await device('alice');
    const bob = await device('bobby');
    const carol = await device('carol');
    await carol.close();
    await alice.send(['bobby', 'carol'], 'to both');
    await settled(bob);
    expect((await alice.forget('bobby')).sends).toBe(1);
    expect(tellingOf('bobby', 'alice')).toBeGreaterThan(0);
    const again = await device('carol');
    await settled(alice, again);
    expect((await alice.forget('bobby')).sends).toBe(0);
    expect(tellingOf('bobby', 'alice')).toBe(0);
  });

  it('goes on in parts, and what is left of it in between is whole', async () => {
    const { alice } = await longHistory();
    const told = tellingOf('bobby', 'alice');
    expect(told).toBeGreaterThan(1000);

    const cut = alice.forget('bobby').catch((failure: unknown) => failure);
    for (let turn = 0; turn < 2; turn++) await nextTurn();
    await alice.close();
    expect(await cut).toMatchObject({ code: 'CLOSED' });
    const left = tellingOf('bobby', 'alice');
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(told);
    expectWhole('alice');

    const again = await device('alice');
    await again.forget('bobby');
    expect(tellingOf('bobby', 'alice')).toBe(0);
    expectWhole('alice');
  });

  it('ends what begins with them meanwhile, and then begins anew', async () => {
    const { alice, bob } = await longHistory();
    const forgetting = alice.forget('bobby');
    await nextTurn();
    const sent = bob.send('alice', 'are you there?');
    await forgetting;
    await sent;
    await settled(alice, bob);
    expectWhole('alice');
    await alice.forget('bobby');
    expect(tellingOf('bobby', 'alice')).toBe(0);
    await bob.send('alice', 'and now?');
    // Their session is over: they are asked to write it again, on another one.
    const came = (): number => alice.stats().delivered + alice.stats().healed;
    await expect.poll(came).toBe(2);
  });

  it('is refused for the own user, and harmless for an unknown one', async () => {
    const alice = await device('alice');
    await expect(alice.forget('alice')).rejects.toThrow(new SessionError('OWN_USER').message);
    expect(await alice.forget('nobody')).toEqual({ events: 0, sends: 0 });
  });
});
