/** Removing a device that somebody else has, over a real relay and real files (SES-92). */

import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { filter, firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { openDevice, SessionError } from '@simsim/device';
import type { Device, HealthEvent, Message } from '@simsim/device';
import { houseForEach } from './house.ts';

const house = houseForEach();
const { open, store } = house;
const texts = new WeakMap<Device, string[]>();

function listen(device: Device): Device {
  open.add(device);
  const heard = texts.get(device) ?? [];
  texts.set(device, heard);
  device.messages$.subscribe((message: Message) => {
    heard.push(message.text);
    void message.ack();
  });
  return device;
}

async function opened(name: string, user: string = name): Promise<Device> {
  return listen(await house.device(user, { store: store(name) }));
}

async function linked(existing: Device, name: string): Promise<Device> {
  return listen(await house.linked(existing, name));
}

async function close(device: Device): Promise<void> {
  open.delete(device);
  await device.close();
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await wait(2);
}

const heard = (device: Device, ...lines: string[]): Promise<void> =>
  until(() => lines.every((line) => texts.get(device)?.includes(line)));

function told<T extends HealthEvent['type']>(device: Device, type: T): Promise<HealthEvent> {
  return firstValueFrom(device.health$.pipe(filter((event) => event.type === type)));
}

const keyOf = (device: Device): Uint8Array =>
  device.identityOf(device.user)?.key ?? new Uint8Array(0);

async function code(of: Promise<unknown>): Promise<string> {
  try {
    await of;
    return 'ok';
  } catch (cause) {
    return cause instanceof SessionError ? cause.code : String(cause);
  }
}

/** Alice with three devices, one of which is not hers any more; and Bob, who knows her. */
async function people(): Promise<{ phone: Device; tablet: Device; stolen: Device; bob: Device }> {
  const phone = await opened('alice');
  const [tablet, stolen] = [await linked(phone, 'tablet'), await linked(phone, 'stolen')];
  const bob = await opened('bob');
  await bob.send('alice', 'hello');
  await Promise.all([phone, tablet, stolen].map((device) => heard(device, 'hello')));
  return { phone, tablet, stolen, bob };
}

describe('a device that somebody else has', () => {
  it('is removed with the identity key: the others go on under another one by themselves', async () => {
    const { phone, tablet, stolen, bob } = await people();
    const former = keyOf(phone);
    const reached = told(tablet, 'identitySucceeded');
    await phone.remove(stolen.deviceId, { compromised: true });
    expect(await stolen.closed).toBe('revoked');
    const next = keyOf(phone);
    expect(next).not.toEqual(former);
    expect(await reached).toEqual({ type: 'identitySucceeded', identityKey: next });
    expect(keyOf(tablet)).toEqual(next);
    const ids = (await phone.devices()).map(({ deviceId }) => deviceId);
    expect(new Set(ids)).toEqual(new Set([phone.deviceId, tablet.deviceId]));

    // Copies flow between own devices; conversations of before go on.
    await phone.send('bob', 'from the phone');
    await tablet.send('bob', 'from the tablet');
    await Promise.all([
      heard(tablet, 'from the phone'),
      heard(phone, 'from the tablet'),
      heard(bob, 'from the phone', 'from the tablet'),
    ]);

    // Nothing reaches the other key before Bob has accepted it; then nothing is lost.
    const report = await bob.send('alice', 'is it you');
    expect(report.recipients.find(({ user }) => user === 'alice')?.held).toBe('IDENTITY_CHANGED');
    expect(bob.identityOf('alice')).toMatchObject({ key: former, offered: next });
    await bob.trustIdentity('alice', next);
    await Promise.all([phone, tablet].map((device) => heard(device, 'is it you')));
    await tablet.send('bob', 'it is me');
    await Promise.all([heard(bob, 'it is me'), heard(phone, 'it is me')]);
    expect(texts.get(phone)).toEqual(['hello', 'from the tablet', 'is it you', 'it is me']);
    const again = await linked(tablet, 'again');
    expect(again.deviceId).not.toBe(stolen.deviceId);
    expect(keyOf(again)).toEqual(next);
  });

  it('holds up nobody who is away: what is sent meanwhile waits for them, and is read', async () => {
    const { phone, tablet, stolen, bob } = await people();
    await close(tablet);
    await phone.remove(stolen.deviceId, { compromised: true });
    await phone.send('bob', 'a copy for the tablet');
    await bob.trustIdentity('alice', keyOf(phone));
    await bob.send('alice', 'under the other key');
    await heard(phone, 'under the other key');
    const back = await opened('tablet', 'alice');
    await heard(back, 'a copy for the tablet', 'under the other key');
    expect(keyOf(back)).toEqual(keyOf(phone));
    await until(() => back.doctor().findings.length === 0);
  });

  it('also takes no harm of a device whose files were put back to before', async () => {
    const { phone, tablet, stolen, bob } = await people();
    await close(tablet);
    cpSync(join(house.folder, 'tablet'), join(house.folder, 'copy'), { recursive: true });
    const now = await opened('tablet', 'alice');
    const reached = told(now, 'identitySucceeded');
    await phone.remove(stolen.deviceId, { compromised: true });
    await reached;
    await now.send('bob', 'of later');
    await heard(bob, 'of later');
    await close(now);
    rmSync(join(house.folder, 'tablet'), { recursive: true });
    cpSync(join(house.folder, 'copy'), join(house.folder, 'tablet'), { recursive: true });
    const back = await opened('tablet', 'alice');
    await told(back, 'renewed');
    expect(keyOf(back)).toEqual(keyOf(phone));
    await bob.trustIdentity('alice', keyOf(phone));
    await bob.send('alice', 'once more');
    await Promise.all([heard(back, 'once more'), heard(phone, 'once more')]);
    await back.send('bob', 'and back');
    await Promise.all([heard(bob, 'and back'), heard(phone, 'and back')]);
  });

  it('is removed by one of two that do it at once; the other is told so by name', async () => {
    const { phone, tablet, stolen } = await people();
    const { deviceId } = stolen;
    const results = await Promise.all(
      [phone, tablet].map((device) => code(device.remove(deviceId, { compromised: true }))),
    );
    expect(results).toContain('ok');
    const other = results.find((result) => result !== 'ok') ?? '';
    expect(['LIST_MOVED', 'UNKNOWN_DEVICE']).toContain(other);
    await until(() => Buffer.from(keyOf(phone)).equals(keyOf(tablet)));
    expect(phone.listVersion()).toBe(tablet.listVersion());
    await phone.send('alice', 'are you there');
    await heard(tablet, 'are you there');
  });

  it('takes its own key with it where each device has one: the others keep theirs', async () => {
    const options = { store: store('phone'), relay: house.relay.url, oneTimeKeys: 5 } as const;
    const model = { ifMissing: 'create', identityModel: 'per-device' } as const;
    const phone = listen(await openDevice({ ...options, user: 'alice', ...model }));
    const [tablet, stolen] = [await linked(phone, 'tablet'), await linked(phone, 'stolen')];
    const bob = await opened('bob');
    await bob.send('alice', 'hello');
    await Promise.all([phone, tablet, stolen].map((device) => heard(device, 'hello')));
    const before = phone.identitiesOf('alice');
    await phone.remove(stolen.deviceId, { compromised: true });
    expect(await stolen.closed).toBe('revoked');
    const ofOthers = before.filter(({ deviceId }) => deviceId !== stolen.deviceId);
    expect(phone.identitiesOf('alice')).toEqual(expect.arrayContaining(ofOthers));
    await bob.send('alice', 'after');
    await Promise.all([phone, tablet].map((device) => heard(device, 'after')));
    await tablet.send('bob', 'and back');
    await Promise.all([heard(bob, 'and back'), heard(phone, 'and back')]);
  });

  it('cannot be this one, or none of the user’s', async () => {
    const { phone, tablet, stolen } = await people();
    const removing = (id: number): Promise<string> => code(phone.remove(id, { compromised: true }));
    expect(await removing(phone.deviceId)).toBe('SIGNER_LEAVES');
    const stranger = [1, 2, 3, 4].find(
      (id) => ![phone, tablet, stolen].some(({ deviceId }) => deviceId === id),
    );
    expect(await removing(stranger ?? 0)).toBe('UNKNOWN_DEVICE');
    expect(keyOf(phone)).toEqual(keyOf(tablet));
  });

  it('stays where the relay is away, and nothing was begun', async () => {
    const { phone, tablet, stolen } = await people();
    const before = keyOf(phone);
    await house.relay.stop();
    expect(await code(phone.remove(stolen.deviceId, { compromised: true }))).toBe(
      'RELAY_UNAVAILABLE',
    );
    expect(keyOf(phone)).toEqual(before);
    expect(phone.doctor().findings.map((finding) => finding.code)).not.toContain('REMOVAL_PENDING');
    expect(keyOf(tablet)).toEqual(before);
  });
});
