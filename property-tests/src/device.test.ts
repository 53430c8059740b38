/** The front door over a real relay and real files: what an application sees. */

import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ok } from '@simsim/bytes';
import { linkDevice, memory, openDevice, SessionError, sqlite } from '@simsim/device';
import type { Device, StoreSpec } from '@simsim/device';
import { StoreFailure } from '@simsim/event-log';
import { houseForEach, next } from './house.ts';

const house = houseForEach();
const { device, linked, store } = house;

const code = async (run: Promise<unknown>): Promise<string> => {
  const outcome = await run.then(
    () => 'no error',
    (cause: unknown) => cause,
  );
  return outcome instanceof SessionError ? outcome.code : String(outcome);
};

describe('sending', () => {
  it('reaches all devices of the user and the sender’s other devices', async () => {
    const alice = await device('alice');
    const bob = await device('bob');
    const tablet = await linked(alice, 'tablet');
    const report = await alice.send('bob', 'open sesame', { conversation: 'cave' });
    expect(report.recipients.map(({ user, listVersion }) => [user, listVersion])).toEqual([
      ['alice', 2],
      ['bob', 1],
    ]);
    const atBob = await next(bob);
    const atTablet = await next(tablet);
    expect([atBob.text, atBob.from.user, atBob.conversation]).toEqual([
      'open sesame',
      'alice',
      'cave',
    ]);
    expect([atTablet.text, atTablet.sync?.to]).toEqual(['open sesame', ['bob']]);
    expect(atBob.id).toBe(report.messageId);
  });

  it('under a repeated message id sends once and reports the same', async () => {
    const alice = await device('alice');
    const bob = await device('bob');
    const messageId = '00112233445566778899aabbccddeeff';
    const first = await alice.send('bob', 'once', { messageId });
    const again = await alice.send('bob', 'once', { messageId });
    expect(again).toEqual(first);
    expect((await next(bob)).text).toBe('once');
    await alice.send('bob', 'twice');
    expect((await next(bob)).text).toBe('twice');
  });

  it('names what is wrong with bad input and changes nothing', async () => {
    const alice = await device('alice');
    expect(await code(alice.send('nobody', 'x'))).toBe('UNKNOWN_USER');
    expect(await code(alice.send('', 'x'))).toBe('BAD_USER_ID');
    expect(await code(alice.send([], 'x'))).toBe('NO_RECIPIENT');
    expect(await code(alice.send('bob', new Uint8Array(96 * 1024)))).toBe('MESSAGE_TOO_LARGE');
    expect(await code(alice.send('bob', 'x', { messageId: 'short' }))).toBe('BAD_MESSAGE_ID');
    expect(await code(alice.send('bob', 'x', { conversation: 'c'.repeat(300) }))).toBe(
      'CONVERSATION_TOO_LONG',
    );
    expect(await code(alice.approveLink('garbage'))).toBe('BAD_LINK_CODE');
    expect(await code(alice.remove(alice.deviceId))).toBe('LAST_DEVICE');
    expect(await code(alice.remove(200))).toBe('BAD_DEVICE_ID');
    const tried = await alice.trySend('nobody', 'x');
    expect(tried.ok ? undefined : [tried.error.code, tried.error.blame]).toEqual([
      'UNKNOWN_USER',
      'caller',
    ]);
  });
});

describe('receiving', () => {
  it('gives a message again until it is acknowledged, also after a restart', async () => {
    const alice = await device('alice');
    let bob = await device('bob');
    await alice.send('bob', 'do not lose me');
    // Whoever takes it and goes gives it back.
    for (let taker = 0; taker < 2; taker++)
      expect((await firstValueFrom(bob.messages$)).text).toBe('do not lose me');
    await bob.close();
    bob = await device('bob');
    const again = await firstValueFrom(bob.messages$);
    expect(again.text).toBe('do not lose me');
    await again.ack({ put: [['chat/1', again.body]] });
    expect(await code(again.ack())).toBe('UNKNOWN_MESSAGE');
    await bob.close();
    bob = await device('bob');
    expect(bob.data('chat/1')).toEqual(again.body);
    await alice.send('bob', 'next');
    expect((await firstValueFrom(bob.messages$)).text).toBe('next');
  });

  it('tells of a failing handler and gives the message again', async () => {
    const alice = await device('alice');
    const bob = await device('bob');
    const failures: string[] = [];
    bob.health$.subscribe((event) => {
      if (event.type === 'handlerFailed') failures.push(event.messageId);
    });
    let tries = 0;
    const done = new Promise<string>((resolve) => {
      bob.handle((message) => {
        tries++;
        if (tries === 1) throw new Error('not now');
        resolve(message.text);
      });
    });
    await alice.send('bob', 'again');
    expect(await done).toBe('again');
    expect(failures).toHaveLength(1);
  });
});

describe('opening', () => {
  it('never makes an identity unasked, and never a second one', async () => {
    expect(await code(openDevice({ store: store('none'), relay: house.relay.url }))).toBe(
      'STORE_MISSING',
    );
    expect(existsSync(house.pathOf('none'))).toBe(false);
    const alice = await device('alice');
    expect(await code(device('alice', { store: store('other') }))).toBe('USER_EXISTS');
    expect(await code(device('alice'))).toBe('STORE_IN_USE');
    await alice.close();
    expect(await code(device('bob', { store: store('alice') }))).toBe('USER_MISMATCH');
    expect((await device('alice')).deviceId).toBe(alice.deviceId);
  });

  it('refuses a wrong vault key and an http relay on another machine', async () => {
    mkdirSync(join(house.folder, 'keyed'));
    const path = join(house.folder, 'keyed', 'log.db');
    const first = await device('alice', {
      store: sqlite(path, { key: new Uint8Array(32).fill(1) }),
    });
    await first.close();
    const wrong = sqlite(path, { key: new Uint8Array(32).fill(2) });
    const refusal = await openDevice({ store: wrong, relay: house.relay.url }).catch(
      (cause: unknown) => cause,
    );
    expect(String(refusal)).toContain('VAULT_WRONG_KEY');
    expect(await code(device('eve', { relay: 'http://192.0.2.1:1', store: memory() }))).toBe(
      'RELAY_INSECURE',
    );
  });
});

describe('closing', () => {
  it('is told and ends what waits for it, also where the last flush fails', async () => {
    const failing: StoreSpec = {
      open(parts, ifMissing) {
        const opened = memory().open(parts, ifMissing);
        if (!opened.ok) return opened;
        const log = opened.value;
        const close = (): never => {
          log.close();
          throw new StoreFailure('VAULT_FAILED', 'the disk is full');
        };
        return ok({ ...log, close });
      },
    };
    const relay = house.relay.url;
    const alice = await openDevice({ user: 'alice', store: failing, relay, ifMissing: 'create' });
    expect(await code(alice.close())).toBe('VAULT_FAILED');
    expect(await alice.closed).toBe('storeFailed');
  });
});

describe('the device list', () => {
  it('stops a removed device, and lets the rest go on', async () => {
    const alice = await device('alice');
    const bob = await device('bob');
    const tablet = await linked(alice, 'tablet');
    await bob.send('alice', 'to both');
    expect((await next(tablet)).text).toBe('to both');
    const { listVersion } = await alice.remove(tablet.deviceId);
    expect(listVersion).toBe(3);
    expect(await tablet.closed).toBe('revoked');
    const report = await bob.send('alice', 'to one');
    expect(report.recipients.find(({ user }) => user === 'alice')?.listVersion).toBe(3);
    expect(await code(openDevice({ store: store('tablet'), relay: house.relay.url }))).toBe(
      'DEVICE_REVOKED',
    );
    expect((await alice.devices()).map((each) => each.deviceId)).toEqual([alice.deviceId]);
  });

  it('has a new device in the place of a lost one', async () => {
    const alice = await device('alice');
    const bob = await device('bob');
    const lost = await linked(alice, 'lost');
    await bob.send('alice', 'to both');
    const onCode = async (code: string): Promise<void> =>
      void (await alice.approveLink(code, { replaces: lost.deviceId }));
    const spare = await linkDevice({ store: store('spare'), relay: house.relay.url, onCode });
    house.open.add(spare);
    expect(await lost.closed).toBe('revoked');
    await bob.send('alice', 'to the new one');
    expect((await next(spare)).text).toBe('to the new one');
    await alice.send('bob', 'the new one has a copy');
    const ids = (await alice.devices()).map((each) => each.deviceId);
    expect(new Set(ids)).toEqual(new Set([alice.deviceId, spare.deviceId]));
    expect(bob.inspect('alice').listVersion).toBe(3);
    await expect(alice.approveLink('x', { replaces: 0 })).rejects.toThrow('BAD_DEVICE_ID');
  });

  it('has names that only own devices see, after a restart and in a linked device too', async () => {
    let desk = await device('alice');
    const bob = await device('bob');
    await desk.rename(desk.deviceId, '  Desk ');
    const tablet = await linked(desk, 'tablet', 'Kitchen tablet');
    const namesAt = async (at: Device): Promise<(string | undefined)[]> => {
      const all = await at.devices();
      return [desk, tablet].map(
        ({ deviceId }) => all.find((each) => each.deviceId === deviceId)?.name,
      );
    };
    await expect.poll(() => namesAt(tablet)).toEqual(['Desk', 'Kitchen tablet']);
    await expect.poll(() => namesAt(desk)).toEqual(['Desk', 'Kitchen tablet']);
    await desk.close();
    await tablet.rename(desk.deviceId, 'Schreibtisch');
    desk = await device('alice');
    await expect.poll(() => namesAt(desk)).toEqual(['Schreibtisch', 'Kitchen tablet']);
    await bob.send('alice', 'hello');
    expect((await next(desk)).text).toBe('hello');
    expect(JSON.stringify([bob.inspect('alice'), bob.doctor(), desk.doctor()])).not.toMatch(
      /Schreibtisch|Kitchen/u,
    );
    expect(desk.inspect('alice').devices.map(({ name }) => name)).toEqual(['Kitchen tablet']);
    await desk.rename(tablet.deviceId, '');
    await expect.poll(() => namesAt(tablet)).toEqual(['Schreibtisch', undefined]);
    expect(await code(desk.rename(tablet.deviceId, 'two\nlines'))).toBe('BAD_DEVICE_NAME');
    expect(await code(desk.rename(tablet.deviceId, 'x'.repeat(65)))).toBe('BAD_DEVICE_NAME');
    expect(await code(desk.rename(300, 'x'))).toBe('BAD_DEVICE_ID');
    const free = [1, 2, 3].find((id) => ![desk.deviceId, tablet.deviceId].includes(id)) ?? 1;
    expect(await code(desk.rename(free, 'x'))).toBe('UNKNOWN_DEVICE');
    expect(await code(desk.approveLink('x', { name: 'a\tb' }))).toBe('BAD_DEVICE_NAME');
    expect(await namesAt(desk)).toEqual(['Schreibtisch', undefined]);
  });

  it('keeps back what was given up while the relay was away', async () => {
    const alice = await device('alice');
    const bob = await device('bob');
    await alice.send('bob', 'before');
    expect((await next(bob)).text).toBe('before');
    await house.relay.stop();
    const messageId = '00112233445566778899aabbccddeeff';
    const sent = alice.send('bob', 'regretted', { messageId });
    await alice.forgetMessage(messageId);
    await expect(sent).rejects.toThrow();
    await house.startRelay();
    await alice.send('bob', 'after');
    expect((await next(bob)).text).toBe('after');
  });

  it('survives a relay that goes away and comes back', async () => {
    const alice = await device('alice');
    const bob = await device('bob');
    await alice.send('bob', 'before');
    await house.relay.stop();
    const sent = alice.send('bob', 'meanwhile');
    await house.startRelay();
    await sent;
    const texts: string[] = [];
    const both = new Promise<void>((resolve) => {
      bob.handle((message) => {
        texts.push(message.text);
        if (texts.length === 2) resolve();
      });
    });
    await both;
    expect(texts.sort()).toEqual(['before', 'meanwhile']);
  });
});
