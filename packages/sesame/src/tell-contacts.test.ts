import { describe, expect, it } from 'vitest';
import { crypto, deviceNumbered, entropyOf, userNamed } from '../test/arbitraries.ts';
import { MemorySlice } from '../test/memory-slice.ts';
import { TOLD_USERS_MAX } from './limits.ts';
import type { OwnDevice } from './own-device.ts';
import { DEVICE_STREAM, userStream } from './streams.ts';
import { emptyUserRecord } from './user-record.ts';

const entropy = entropyOf(5);
const ada = userNamed('ada');
const own: OwnDevice = {
  userId: ada,
  deviceId: deviceNumbered(1),
  registrationId: 1,
  identity: crypto.keyPair(entropy(32)),
  deviceKey: crypto.signingKeyPair(entropy(32)),
  token: crypto.importSecret('name', entropy(32)),
  status: 'registered',
  registration: new Uint8Array(0),
};

function withContacts(count: number, device: OwnDevice): MemorySlice {
  const slice = new MemorySlice();
  slice.values.set(DEVICE_STREAM, device);
  slice.values.set(userStream(ada), { ...emptyUserRecord(ada), listVersion: 4 });
  for (let i = 0; i < count; i++) {
    const userId = userNamed(`contact ${String(i).padStart(3, '0')}`);
    slice.values.set(userStream(userId), emptyUserRecord(userId));
  }
  return slice;
}

const upTo = (slice: MemorySlice): string | undefined => {
  const device = slice.values.get(DEVICE_STREAM);
  return device !== undefined && 'toldUpTo' in device ? device.toldUpTo : undefined;
};

const effectsOf = (slice: MemorySlice, type: 'tellContacts' | 'started'): string[] =>
  slice.take({ type }).effects.map((effect) => effect.type);

describe('contacts', () => {
  it('are told some at a time, each once, and the log knows how far', () => {
    const slice = withContacts(2 * TOLD_USERS_MAX + 5, { ...own, toldUpTo: '' });
    expect(effectsOf(slice, 'tellContacts')).toEqual(['tellContacts']);
    expect(upTo(slice)).toBe(userStream(userNamed(`contact 0${TOLD_USERS_MAX - 1}`)));
    expect(effectsOf(slice, 'started')).toContain('tellContacts');
    expect(effectsOf(slice, 'tellContacts')).toEqual(['tellContacts']);
    expect(upTo(slice)).toBe(userStream(userNamed(`contact 0${2 * TOLD_USERS_MAX - 1}`)));
    expect(effectsOf(slice, 'tellContacts')).toEqual([]);
    expect(upTo(slice)).toBeUndefined();
    expect(effectsOf(slice, 'started')).not.toContain('tellContacts');
  });

  it('are told nothing where there is nothing to tell, or nobody to tell it', () => {
    const slice = withContacts(3, own);
    expect(effectsOf(slice, 'tellContacts')).toEqual([]);
    const removed = withContacts(3, { ...own, status: 'removed', toldUpTo: '' });
    expect(effectsOf(removed, 'tellContacts')).toEqual([]);
    expect(upTo(removed)).toBe('');
  });
});
