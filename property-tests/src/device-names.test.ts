/** Names of own devices, given by several of them at once, over mail that is lost, late and repeated. */

import fc from 'fast-check';
import { invariant } from '@simsim/bytes';
import { envelopeIdFromBytes, messageIdFromBytes, parseDeviceId } from '@simsim/relay-protocol';
import type { DeviceId, IncomingEnvelope } from '@simsim/relay-protocol';
import {
  answerOffer,
  createLinkOffer,
  DEVICE_NAMES_MAX,
  encodeContent,
  namingKey,
  openProvision,
  parseDeviceName,
  signedHead,
} from '@simsim/sesame';
import type { ChainView, ContentKind, DeviceName, Sabotage } from '@simsim/sesame';
import { encrypt } from '@simsim/session';
import { describe, expect, it } from 'vitest';
import { testLaw } from './law.ts';
import { endsOf, sessionOf, spoilt, twoUsers } from './scene.ts';
import { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';

/** What a step does; `by` picks the device, `n` the rest. */
const DEEDS = [
  'rename',
  'work',
  'lose',
  'fetch',
  'again',
  'spoil',
  'restart',
  'link',
  'remove',
] as const;

interface Step {
  readonly deed: (typeof DEEDS)[number];
  readonly by: number;
  readonly n: number;
}

interface Case {
  readonly seed: number;
  readonly steps: readonly Step[];
}

const DEVICES_MAX = 4;
const NAMES = ['desk', 'Küche', 'phone', 'old', ''].map(nameOf);

function nameOf(text: string): DeviceName {
  const parsed = parseDeviceName(text);
  invariant(parsed.ok, 'tests name devices well');
  return parsed.value;
}

/** What a device calls each of the given ones. */
function namesAt(device: TestDevice, of: readonly TestDevice[]): string[] {
  const { names } = device.record(device.userId);
  return of.map((each) => names?.get(namingKey(each.own().deviceKey.publicKey))?.name ?? '');
}

function rename(by: TestDevice, of: TestDevice, name: DeviceName): void {
  by.learnOwnList();
  by.run({ type: 'renameDevice', deviceId: of.own().deviceId, name });
}

function pick<T>(items: readonly T[], n: number): T | undefined {
  return items[n % Math.max(1, items.length)];
}

/** Fetches a part of the mail, from anywhere in it and in either direction. */
function fetchSome(device: TestDevice, n: number): void {
  const mail = device.fetch();
  const start = n % Math.max(1, mail.length);
  const turned = [...mail.slice(start), ...mail.slice(0, start)];
  const ordered = n & 1 ? turned.reverse() : turned;
  for (const envelope of ordered.slice(0, 1 + (n % 3))) device.takeIn([envelope]);
}

function play(world: World, { deed, by, n }: Step): void {
  const device = pick(world.devices, by);
  invariant(device !== undefined, 'somebody is there');
  switch (deed) {
    case 'rename':
      rename(
        device,
        pick(world.devices, n) ?? device,
        NAMES[(n >> 3) % NAMES.length] ?? nameOf(''),
      );
      break;
    case 'work':
      device.work();
      break;
    case 'lose': {
      const item = pick(device.posts, n);
      if (item !== undefined) device.handOver(item);
      break;
    }
    case 'fetch':
      fetchSome(device, n);
      break;
    case 'again': {
      const mail = pick(device.history, n);
      if (mail !== undefined) device.takeIn([mail]);
      break;
    }
    case 'spoil': {
      const mail = pick(device.fetch(), n);
      if (mail?.kind === 'message') device.takeIn([{ ...spoilt(mail), seq: mail.seq }]);
      break;
    }
    case 'restart':
      device.restart();
      break;
    case 'link':
      if (world.devices.length < DEVICES_MAX) world.link(device);
      break;
    case 'remove': {
      const other = pick(world.devices, n);
      if (world.devices.length > 2 && other !== undefined && other !== device)
        world.remove(device, other);
      break;
    }
  }
}

function check({ seed, steps }: Case, sabotage: readonly Sabotage[]): void {
  const world = new World({ seed, sabotage });
  const first = world.create('ada');
  world.link(first);
  for (const step of steps) play(world, step);
  world.settle();
  const views = world.devices.map((device) => namesAt(device, world.devices));
  expect(views).toEqual(views.map(() => views[0]));
  // Whoever has heard all has the last word, whoever it is.
  const [by, of] = [pick(world.devices, seed), pick(world.devices, seed >> 3)];
  invariant(by !== undefined && of !== undefined, 'somebody is there');
  rename(by, of, nameOf('the last word'));
  world.settle();
  for (const device of world.devices) expect(namesAt(device, [of])).toEqual(['the last word']);
}

testLaw<Case>({
  name: 'device-names',
  cases: fc.record({
    seed: fc.nat(1 << 20),
    steps: fc.array(
      fc.record({
        deed: fc.oneof(
          { arbitrary: fc.constantFrom('rename', 'work', 'fetch'), weight: 3 },
          { arbitrary: fc.constantFrom(...DEEDS), weight: 1 },
        ) as fc.Arbitrary<Step['deed']>,
        by: fc.nat(5),
        n: fc.nat(127),
      }),
      { minLength: 8, maxLength: 40, size: 'max' },
    ),
  }),
  check,
  saboteurs: ['last-told-name', 'untold-name', 'never-answer-names'],
  share: 0.5,
});

describe('names of own devices', () => {
  it('are told to nobody else', () => {
    const { world, a, b } = twoUsers();
    const tablet = world.link(a);
    rename(a, tablet, nameOf('Küchentablett'));
    b.send([a.userId], 'hello');
    world.settle();
    expect(namesAt(tablet, [a, tablet])).toEqual(['', 'Küchentablett']);
    expect(b.record(a.userId).names).toBeUndefined();
    expect(b.record(b.userId).names).toBeUndefined();
  });

  it('and all else that own devices tell each other, is taken from them alone', () => {
    const { world, a, b } = twoUsers();
    for (const device of [a, b]) {
      device.send([user('ada'), user('bo')], 'hello');
      world.settle();
    }
    const { publicKey: deviceKey } = a.own().deviceKey;
    const naming = { deviceKey, name: nameOf('forged'), counter: 99, by: a.own().deviceId };
    const kinds: readonly ContentKind[] = [
      { type: 'deviceNames', names: [naming] },
      { type: 'syncSent', to: [a.userId], body: new Uint8Array(3) },
      { type: 'head', head: signedHead({ own: b.own(), chain: chainOf(b) }, 1, world.crypto) },
    ];
    const forge = forger(b, a);
    for (const kind of kinds) {
      const inbox = a.core.inbox().length;
      a.takeIn([forge(kind)]);
      expect(endsOf(a).at(-1)).toEqual({ state: 'dead', reason: 'FORGED_SYNC' });
      expect(a.core.inbox().length).toBe(inbox);
    }
    expect(a.record(a.userId).names).toBeUndefined();
  });

  it('reach a device that was put back', () => {
    const world = new World({ seed: 4 });
    const desk = world.create('ada');
    const phone = world.link(desk);
    rename(desk, desk, nameOf('desk'));
    world.settle();
    const before = phone.image();
    rename(desk, phone, nameOf('phone'));
    world.settle();
    expect(namesAt(phone, [desk, phone])).toEqual(['desk', 'phone']);
    phone.restore(before, 'both');
    expect(namesAt(phone, [desk, phone])).toEqual(['desk', '']);
    world.settle();
    expect(phone.rollbacks().length).toBe(1);
    // It learned what befell it when it fetched; what it tells then moves the others.
    world.settle();
    expect(namesAt(phone, [desk, phone])).toEqual(['desk', 'phone']);
  });

  it('reach a device that was approved before there were any', () => {
    const world = new World({ seed: 4 });
    const desk = world.create('ada');
    const { keys, offer } = createLinkOffer(world);
    const answer = answerOffer(desk.ownListInput(), { offer, contacts: [] }, world);
    invariant(answer.ok, 'an honest offer is answered');
    rename(desk, desk, nameOf('desk'));
    world.settle();
    const { ciphertext } = answer.value;
    const provision = openProvision({ keys, offer, ciphertext }, world.crypto);
    invariant(provision.ok, 'an honest answer opens');
    expect(provision.value.names).toEqual([]);
    const phone = new TestDevice(world);
    const { registrationId } = offer;
    phone.run({ type: 'linked', provision: provision.value, keys, registrationId });
    phone.register();
    world.devices.push(phone);
    world.settle();
    expect(namesAt(phone, [desk, phone])).toEqual(['desk', '']);
  });

  it('that a new device is given go to all', () => {
    const world = new World({ seed: 4 });
    const desk = world.create('ada');
    const phone = world.link(desk);
    const tablet = world.link(desk, nameOf('tablet'));
    world.settle();
    for (const device of [desk, phone, tablet])
      expect(namesAt(device, [desk, phone, tablet])).toEqual(['', '', 'tablet']);
    // The desk alone knew it before; its name is one of all that are told from now on.
    world.remove(desk, tablet);
    rename(phone, desk, nameOf('desk'));
    world.settle();
    expect(namesAt(phone, [desk, phone])).toEqual(['desk', '']);
  });

  it('are given as before where a device that made up as many as it could was removed', () => {
    const world = new World({ seed: 4 });
    const desk = world.create('ada');
    const [phone, thief] = [world.link(desk), world.link(desk)];
    rename(thief, desk, nameOf('desk'));
    world.settle();
    thief.send([user('ada')], 'hello');
    world.settle();
    const by = thief.own().deviceId;
    const names = Array.from({ length: DEVICE_NAMES_MAX }, (_, i) => ({
      deviceKey: world.entropy(32),
      name: nameOf(`ghost ${i}`),
      by,
      counter: 2 ** 48,
    }));
    for (const device of [desk, phone])
      device.takeIn([forger(thief, device)({ type: 'deviceNames', names })]);
    world.remove(desk, thief);
    const tablet = world.link(desk, nameOf('tablet'));
    world.settle();
    phone.learnOwnList();
    for (const name of ['one', 'two']) {
      for (const each of [desk, tablet]) rename(phone, each, nameOf(name));
      world.settle();
      for (const device of [desk, phone, tablet])
        expect(namesAt(device, [desk, tablet])).toEqual([name, name]);
    }
  });

  it('are refused for a device that is not listed', () => {
    const { a } = twoUsers();
    const result = a.run({ type: 'renameDevice', deviceId: other(a), name: nameOf('ghost') });
    expect(result?.outcomes).toMatchObject([
      { kind: 'refused', rejection: { code: 'UNKNOWN_DEVICE' } },
    ]);
    expect(a.record(a.userId).names).toBeUndefined();
  });
});

function chainOf({ log }: TestDevice): ChainView {
  return { logId: log.logId, tip: log.tip(), link: () => undefined };
}

/** Makes mail of one device that says what only an own device may say. */
function forger(from: TestDevice, to: TestDevice): (kind: ContentKind) => IncomingEnvelope {
  const { world } = from;
  const template = to.history.at(-1);
  let session = sessionOf(from, to);
  return (kind) => {
    const messageId = messageIdFromBytes(world.entropy(16));
    const step = encrypt(session, encodeContent({ messageId, sentAt: 0, kind }), world);
    invariant(step.ok && template !== undefined, 'they have talked');
    session = step.value.session;
    return {
      ...template,
      seq: 1_000_000,
      envelopeId: envelopeIdFromBytes(world.entropy(16)),
      sender: from.userId,
      senderDevice: from.own().deviceId,
      kind: 'message',
      content: step.value.message,
    };
  };
}

/** An id that a device has not. */
function other(device: TestDevice): DeviceId {
  const id = parseDeviceId((device.own().deviceId % 127) + 1);
  invariant(id.ok, 'it is an id');
  return id.value;
}
