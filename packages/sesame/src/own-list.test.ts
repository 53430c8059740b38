import { deviceListHash, verifyDeviceApproval, verifyDeviceList } from '@simsim/relay-protocol';
import type { DeviceId, SignedDeviceList } from '@simsim/relay-protocol';
import { describe, expect, it } from 'vitest';
import { crypto, deviceNumbered, entropyOf, userNamed } from '../test/arbitraries.ts';
import { MemorySlice } from '../test/memory-slice.ts';
import { DEVICES_PER_USER_MAX } from './limits.ts';
import { createLinkOffer, openProvision } from './link.ts';
import { answerOffer, drawDeviceId, listWithout } from './own-list.ts';
import type { OwnListInput } from './own-list.ts';
import { decodeRegistration } from './registration.ts';
import { valueOfKind } from './stream-codec.ts';
import { DEVICE_STREAM, userStream } from './streams.ts';

const env = { crypto, entropy: entropyOf(1) };
const ada = userNamed('ada');

/** A registered device, its list, and the means to let others into it. */
class Owner {
  readonly slice = new MemorySlice();
  list: SignedDeviceList;

  constructor() {
    this.slice.take({ type: 'create', userId: ada, oneTimeKeys: 0 });
    const registration = decodeRegistration(this.input().own.registration);
    if (registration === undefined) throw new Error('a registration was kept');
    this.list = registration.list;
    this.slice.take({ type: 'registered' });
  }

  input(): OwnListInput {
    const own = valueOfKind('device', this.slice.value(DEVICE_STREAM));
    const record = valueOfKind('user', this.slice.value(userStream(ada)));
    if (own === undefined || record === undefined) throw new Error('the device was made');
    return { own, record };
  }

  approve(replaces?: DeviceId) {
    const { keys, offer } = createLinkOffer(env);
    const wanted = { offer, contacts: [], ...(replaces && { replaces }) };
    const answer = answerOffer(this.input(), wanted, env);
    if (!answer.ok) return answer;
    const { ciphertext } = answer.value;
    const opened = openProvision({ keys, offer, ciphertext }, crypto);
    if (!opened.ok) throw new Error('an honest answer opens');
    return { ok: true, value: { ...opened.value, deviceId: answer.value.deviceId } } as const;
  }

  learn(list: SignedDeviceList): void {
    this.slice.take({ type: 'listLearned', list });
    this.list = list;
  }
}

describe('approving a device', () => {
  it('signs the next list, chained to this one, and an approval that stands in it', () => {
    const owner = new Owner();
    const approved = owner.approve();
    if (!approved.ok) throw new Error('the first further device is approved');
    const { list, approval, deviceId } = approved.value;
    expect(list.list.version).toBe(2);
    expect(list.list.previous).toEqual(deviceListHash(owner.list.list, crypto));
    expect(verifyDeviceList({ signed: list, previous: owner.list.list }, crypto).ok).toBe(true);
    expect(verifyDeviceApproval(approval, owner.list.list, crypto).ok).toBe(true);
    expect(list.list.devices.map((device) => device.deviceId)).toContain(deviceId);
    // This very device is listed, though it has no record of itself (SES-19).
    const { own, record } = owner.input();
    expect(list.list.devices.map((device) => device.deviceId)).toContain(own.deviceId);
    expect(record.devices.has(own.deviceId)).toBe(false);
  });

  it('in the place of another one signs one list that names the one and not the other', () => {
    const owner = new Owner();
    const lost = owner.approve();
    if (!lost.ok) throw new Error('the first further device is approved');
    owner.learn(lost.value.list);
    const approved = owner.approve(lost.value.deviceId);
    if (!approved.ok) throw new Error('a listed device can be replaced');
    const ids = approved.value.list.list.devices.map(({ deviceId }) => deviceId);
    const { own } = owner.input();
    expect(new Set(ids)).toEqual(new Set([own.deviceId, approved.value.deviceId]));
    // Mail for the lost one may be in flight: its id is nobody's yet.
    expect(approved.value.deviceId).not.toBe(lost.value.deviceId);
    const unknown = { ok: false, error: { code: 'UNKNOWN_DEVICE' } };
    expect(owner.approve(approved.value.deviceId)).toEqual(unknown);
    expect(owner.approve(own.deviceId)).toEqual(unknown);
  });

  it('never gives it the id of one that was removed, whatever is drawn', () => {
    const owner = new Owner();
    const lost = owner.approve();
    if (!lost.ok) throw new Error('the first further device is approved');
    owner.learn(lost.value.list);
    const without = listWithout(owner.input(), { deviceId: lost.value.deviceId }, env);
    if (!without.ok) throw new Error('a listed device can be removed');
    owner.learn(without.value);
    const drawn = [lost.value.deviceId, owner.input().own.deviceId, 99];
    const entropy: typeof env.entropy = (count) => {
      const id = count === 1 ? drawn.shift() : undefined;
      return id === undefined ? env.entropy(count) : Uint8Array.of(id);
    };
    const { offer } = createLinkOffer(env);
    const answer = answerOffer(owner.input(), { offer, contacts: [] }, { crypto, entropy });
    expect(answer).toMatchObject({ ok: true, value: { deviceId: 99 } });
  });

  it('ends at the limit', () => {
    const owner = new Owner();
    for (let count = 1; count < DEVICES_PER_USER_MAX; count++) {
      const approved = owner.approve();
      if (!approved.ok) throw new Error('there is room');
      owner.learn(approved.value.list);
    }
    expect(owner.approve()).toEqual({ ok: false, error: { code: 'TOO_MANY_DEVICES' } });
  });
});

describe('removing a device', () => {
  it('signs the next list without it', () => {
    const owner = new Owner();
    const approved = owner.approve();
    if (!approved.ok) throw new Error('the first further device is approved');
    owner.learn(approved.value.list);
    const { deviceId } = approved.value;
    const without = listWithout(owner.input(), { deviceId }, env);
    if (!without.ok) throw new Error('a listed device can be removed');
    expect(without.value.list.version).toBe(3);
    expect(without.value.list.devices.length).toBe(1);
    const claim = { signed: without.value, previous: approved.value.list.list };
    expect(verifyDeviceList(claim, crypto).ok).toBe(true);
  });

  it('that is not listed, or the last one, is refused', () => {
    const { own, record } = new Owner().input();
    const other = deviceNumbered(own.deviceId === 5 ? 6 : 5);
    const refused = (code: string): unknown => ({ ok: false, error: { code } });
    expect(listWithout({ own, record }, { deviceId: other }, env)).toEqual(
      refused('UNKNOWN_DEVICE'),
    );
    expect(listWithout({ own, record }, own, env)).toEqual(refused('LAST_DEVICE'));
  });
});

describe('a device id', () => {
  it('is one of 127 that is not taken', () => {
    const taken = new Set<number>();
    for (let i = 0; i < 127; i++) {
      const id = drawDeviceId(env.entropy, (each) => taken.has(each));
      expect(id).toBeGreaterThanOrEqual(1);
      expect(id).toBeLessThanOrEqual(127);
      expect(taken.has(id)).toBe(false);
      taken.add(id);
    }
  });
});
