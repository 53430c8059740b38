/** A user who is forgotten: nothing tells of them any more, and everybody else goes on. */

import { setTimeout as wait } from 'node:timers/promises';
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

    const report = verifySqliteLog({
      path: pathOf('alice'),
      crypto: nodeCrypto,
      vault: { path: vaultPathOf(pathOf('alice')), key: KEY },
      fold: recordFold,
    });
    if (!report.ok) throw new Error(report.error.code);
    expect(report.value.chain.ok).toBe(true);
    expect(report.value.rebuilt?.differences).toEqual([]);
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

  it('is refused for the own user, and harmless for an unknown one', async () => {
    const alice = await device('alice');
    await expect(alice.forget('alice')).rejects.toThrow(new SessionError('OWN_USER').message);
    expect(await alice.forget('nobody')).toEqual({ events: 0, sends: 0 });
  });
});
