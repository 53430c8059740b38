import type { EnvelopeId, MessageId, UserId } from '@simsim/relay-protocol';
import { describe, expect, it } from 'vitest';
import { deviceNumbered, userNamed } from '../test/arbitraries.ts';
import { MemorySlice } from '../test/memory-slice.ts';
import type { Decision } from './decision.ts';
import { SEND_RECORD_MS, SWEPT_USERS_MAX } from './limits.ts';
import type { Recipient, SentCopy } from './send-state.ts';
import { DEFAULT_EXPIRY } from './session-expiry.ts';
import { valueOfKind } from './stream-codec.ts';
import { DEVICE_STREAM, sendStream, userStream } from './streams.ts';
import { allSessionsOf, emptyUserRecord } from './user-record.ts';
import type { DeviceRecord } from './user-record.ts';

const { latencyMs, receiveMs } = DEFAULT_EXPIRY;
const bo = userNamed('bo');
const phone = deviceNumbered(5);
const [older, newer] = ['11'.repeat(16), '22'.repeat(16)];

/** A registered device, and when that was. */
function device(): { slice: MemorySlice; startMs: number } {
  const slice = new MemorySlice();
  slice.take({ type: 'create', userId: userNamed('ada'), oneTimeKeys: 1 });
  slice.take({ type: 'registered' });
  return { slice, startMs: slice.env.clock.wallMs };
}

function knows(slice: MemorySlice, userId: UserId, more: Partial<DeviceRecord>): void {
  const entry = { deviceId: phone, registrationId: 1, deviceKey: new Uint8Array(32) };
  const devices = new Map([[phone, { ...entry, inactive: [], ...more }]]);
  slice.values.set(userStream(userId), { ...emptyUserRecord(userId), listVersion: 1, devices });
}

/** So much time after the device was made. */
function after(slice: MemorySlice, ms: number): MemorySlice {
  const { clock } = slice.env;
  slice.env = { ...slice.env, clock: { ...clock, elapsedMs: 5 + ms } };
  return slice;
}

const drains = ({ effects }: Decision): readonly (readonly UserId[])[] =>
  effects.flatMap((effect) => (effect.type === 'drain' ? [effect.users] : []));

const boAt = (slice: MemorySlice): DeviceRecord | undefined =>
  valueOfKind('user', slice.value(userStream(bo)))?.devices.get(phone);

describe('a sweep', () => {
  it('looks at some users at a time, and goes on behind the last one until it has seen all', () => {
    const { slice, startMs } = device();
    const names = Array.from({ length: 2 * SWEPT_USERS_MAX + 5 }, (_, i) =>
      userNamed(`contact ${String(i).padStart(4, '0')}`),
    );
    // In no order: what comes next is a matter of names.
    for (const name of names.toReversed()) knows(slice, name, { staleAt: startMs });
    after(slice, latencyMs + 1);
    const seen: UserId[] = [];
    const sizes: number[] = [];
    for (let next: string | undefined = ''; next !== undefined;) {
      const decision: Decision = slice.take({ type: 'swept', ...(next !== '' && { after: next }) });
      const users = drains(decision).flat();
      seen.push(...users);
      sizes.push(users.length);
      const on = decision.effects.find((effect) => effect.type === 'sweepOn');
      next = on?.after;
    }
    // The own user is one of those that were looked at.
    expect(sizes).toEqual([SWEPT_USERS_MAX - 1, SWEPT_USERS_MAX, 6]);
    expect(seen).toEqual(names);
  });

  it('asks for a fetch once something is over, and not a moment before (SES-25, SES-84)', () => {
    const { slice, startMs } = device();
    knows(slice, bo, { staleAt: startMs });
    expect(drains(after(slice, latencyMs).take({ type: 'swept' }))).toEqual([]);
    expect(drains(after(slice, latencyMs + 1).take({ type: 'swept' }))).toEqual([[bo]]);
    knows(slice, bo, { active: older, began: new Map([[older, startMs]]) });
    expect(drains(after(slice, receiveMs - 1).take({ type: 'swept' }))).toEqual([]);
    expect(drains(after(slice, receiveMs).take({ type: 'swept' }))).toEqual([[bo]]);
  });
});

describe('a whole fetch', () => {
  it('ends the sessions that were over when it was asked for, and no others', () => {
    const { slice, startMs } = device();
    const began = new Map([
      [older, startMs],
      [newer, startMs + 10],
    ]);
    knows(slice, bo, { active: newer, inactive: [older], began });
    after(slice, receiveMs + 5).take({ type: 'drained', dueMs: startMs + receiveMs, users: [bo] });
    expect(allSessionsOf(boAt(slice) ?? { inactive: [] })).toEqual([newer]);
    // A time that has not come makes nothing old.
    slice.take({ type: 'drained', dueMs: Number.MAX_SAFE_INTEGER, users: [bo] });
    expect(allSessionsOf(boAt(slice) ?? { inactive: [] })).toEqual([newer]);
  });

  it('ends the sessions of before a quarantine, which it is asked for where nothing else is over', () => {
    const { slice, startMs } = device();
    const own = valueOfKind('device', slice.value(DEVICE_STREAM));
    if (own === undefined) throw new Error('there is a device');
    slice.values.set(DEVICE_STREAM, { ...own, quarantinedAt: startMs });
    knows(slice, bo, { frozen: [older] });
    expect(drains(after(slice, latencyMs).take({ type: 'swept' }))).toEqual([]);
    expect(drains(after(slice, latencyMs + 1).take({ type: 'swept' }))).toEqual([[]]);
    slice.take({ type: 'drained', dueMs: startMs + latencyMs, users: [] });
    expect(boAt(slice)?.frozen).toEqual([older]);
    slice.take({ type: 'drained', dueMs: startMs + latencyMs + 1, users: [] });
    expect(boAt(slice)?.frozen).toBeUndefined();
    expect(valueOfKind('device', slice.value(DEVICE_STREAM))?.quarantinedAt).toBeUndefined();
  });
});

describe('a send that is past its time', () => {
  const cy = userNamed('cy');
  const messageId = 'ab'.repeat(16) as MessageId;
  const stream = sendStream(messageId);
  const copy = (stage: SentCopy['stage']): SentCopy => {
    return { envelopeId: 'ef'.repeat(16) as EnvelopeId, session: older, resends: 1, stage };
  };

  /** A device whose send is a moment older than it may be. */
  function late(recipients: readonly Omit<Recipient, 'round' | 'listVersion'>[]): MemorySlice {
    const { slice, startMs } = device();
    const all = recipients.map((each) => ({ ...each, round: 1, listVersion: 1 }));
    slice.values.set(stream, {
      messageId,
      sentAt: 1,
      openedAt: startMs,
      to: all.map(({ userId }) => userId),
      body: new Uint8Array(3),
      recipients: new Map(all.map((each) => [each.userId, each])),
    });
    return after(slice, SEND_RECORD_MS + 1);
  }

  const statusOf = (slice: MemorySlice, userId: UserId): string | undefined =>
    valueOfKind('send', slice.value(stream))?.recipients.get(userId)?.status;
  const told = ({ effects }: Decision): string[] =>
    effects.flatMap(({ type }) => (/Done|Dead/.test(type) ? [type] : []));
  const inQuestion = (slice: MemorySlice, userId: UserId): void => {
    const record = { ...emptyUserRecord(userId), identityKey: new Uint8Array(32).fill(1) };
    slice.values.set(userStream(userId), { ...record, offered: new Uint8Array(32).fill(2) });
  };

  it('is over for whom the relay never answered, once, and waits on for whoever waits for a key', () => {
    const slice = late([
      { userId: bo, status: 'claiming', copies: new Map() },
      { userId: cy, status: 'held', copies: new Map() },
    ]);
    inQuestion(slice, cy);
    expect(told(slice.take({ type: 'swept' }))).toEqual(['recipientDone', 'sendDone']);
    expect([bo, cy].map((userId) => statusOf(slice, userId))).toEqual(['failed', 'held']);
    expect(told(slice.take({ type: 'swept' }))).toEqual([]);
    expect(statusOf(slice, cy)).toBe('held');
  });

  it('says of those copies alone that they are dead which were asked for again', () => {
    const [tablet, desk] = [deviceNumbered(6), deviceNumbered(7)];
    const copies = new Map([
      [phone, copy('asked')],
      [tablet, copy('receipted')],
      [desk, copy('sent')],
    ]);
    const slice = late([
      { userId: bo, status: 'accepted', copies },
      { userId: cy, status: 'held', copies: new Map() },
    ]);
    expect(told(slice.take({ type: 'swept' }))).toEqual(['copyDead']);
  });

  it('ends though its recipient’s key is in question, where nothing of it waits for that', () => {
    const slice = late([
      { userId: bo, status: 'accepted', copies: new Map([[phone, copy('sent')]]) },
    ]);
    inQuestion(slice, bo);
    const closed = slice.take({ type: 'swept' }).changes.find((change) => change.closes === true);
    expect(closed?.fact).toEqual({ name: 'SendClosed', fields: { reason: 'expired' } });
  });
});
