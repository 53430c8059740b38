import { hexToBytes, invariant } from '@simsim/bytes';
import type { DeviceId, EnvelopeId, MessageId, PostId } from '@simsim/relay-protocol';
import { describe, expect, it } from 'vitest';
import { deviceNumbered, userNamed } from '../test/arbitraries.ts';
import { MemorySlice } from '../test/memory-slice.ts';
import type { Decision, Effect } from './decision.ts';
import { RESENDS_MAX } from './limits.ts';
import type { Recipient, SentCopy } from './send-state.ts';
import { valueOfKind } from './stream-codec.ts';
import { sendStream, userStream } from './streams.ts';
import { emptyUserRecord } from './user-record.ts';
import type { DeviceRecord, UserRecord } from './user-record.ts';

const bo = userNamed('bo');
const [phone, tablet] = [deviceNumbered(5), deviceNumbered(6)];
const messageId = 'ab'.repeat(16) as MessageId;
const envelopeId = 'ef'.repeat(16) as EnvelopeId;
const stream = sendStream(messageId);

const entry = (deviceId: DeviceId, more: Partial<DeviceRecord> = {}): DeviceRecord => ({
  deviceId,
  registrationId: deviceId,
  deviceKey: new Uint8Array(32).fill(deviceId),
  inactive: [],
  // It has caused all the new sessions that it may for now.
  heals: { left: 0, refillAt: 2 ** 50 },
  ...more,
});

interface Past {
  readonly copy?: Partial<SentCopy>;
  readonly status?: Recipient['status'];
  readonly devices?: readonly DeviceRecord[];
  readonly record?: Partial<UserRecord>;
}

/** A device that has sent Bo's phone a copy, and still keeps it. */
function sender({
  copy,
  status = 'accepted',
  devices = [entry(phone)],
  record,
}: Past): MemorySlice {
  const slice = new MemorySlice();
  slice.take({ type: 'create', userId: userNamed('ada'), oneTimeKeys: 1 });
  slice.take({ type: 'registered' });
  slice.values.set(userStream(bo), {
    ...emptyUserRecord(bo),
    identityKey: new Uint8Array(32).fill(1),
    listVersion: 1,
    devices: new Map(devices.map((device) => [device.deviceId, device])),
    ...record,
  });
  const sent: SentCopy = {
    envelopeId,
    session: '12'.repeat(16),
    resends: 0,
    stage: 'sent',
    ...copy,
  };
  const recipient: Recipient = {
    userId: bo,
    status,
    round: 1,
    listVersion: 1,
    copies: new Map([[phone, sent]]),
  };
  slice.values.set(stream, {
    messageId,
    sentAt: 1,
    openedAt: slice.env.clock.wallMs,
    to: [bo],
    body: new Uint8Array(3),
    recipients: new Map([[bo, recipient]]),
  });
  return slice;
}

const copiesOf = (slice: MemorySlice): [DeviceId, SentCopy['stage'], number][] =>
  [...(valueOfKind('send', slice.value(stream))?.recipients.get(bo)?.copies ?? [])].map(
    ([deviceId, { stage, resends }]) => [deviceId, stage, resends],
  );

const of = <T extends Effect['type']>({ effects }: Decision, type: T): Effect[] =>
  effects.filter((effect) => effect.type === type);

/** Somebody asks for the copy again. */
function ask(slice: MemorySlice, senderDevice: DeviceId): Decision {
  const content = hexToBytes(envelopeId);
  invariant(content !== undefined, 'ids are hexadecimal');
  const name = { seq: 9, envelopeId: '01'.repeat(16) as EnvelopeId, sender: bo, senderDevice };
  const envelope = { ...name, kind: 'retry', content, waitedMs: 0 } as const;
  return slice.take({ type: 'envelope', envelope });
}

const endOf = (decision: Decision): unknown =>
  decision.effects.flatMap((effect) => (effect.type === 'acknowledge' ? [effect.end] : []));

describe('a request for a copy', () => {
  it('that was resent as often as it may be is refused, and the copy is dead at once (SES-75)', () => {
    const slice = sender({ copy: { resends: RESENDS_MAX } });
    const decision = ask(slice, phone);
    expect(endOf(decision)).toEqual([{ state: 'dead', reason: 'RESEND_REFUSED' }]);
    expect(of(decision, 'copyDead')).toMatchObject([{ reason: 'RESENDS_SPENT', deviceId: phone }]);
    const names = decision.changes.map(({ fact }) => fact.name);
    expect(names).toEqual(['CopyGivenUp', 'SendClosed']);
  });

  it('is noted once, however often it comes, and is taken each time', () => {
    const slice = sender({ copy: { resends: 1 } });
    const taken = [{ state: 'taken' }];
    const first = ask(slice, phone);
    expect(first.changes.map(({ fact }) => fact.name)).toEqual(['ResendAsked']);
    const again = ask(slice, phone);
    expect([first, again].map(endOf)).toEqual([taken, taken]);
    expect(again.changes).toEqual([]);
  });

  it('by another device that has none is noted beside that of the device it went to', () => {
    const slice = sender({
      copy: { stage: 'asked', resends: 1 },
      devices: [phone, tablet].map((id) => entry(id)),
    });
    ask(slice, tablet);
    expect(copiesOf(slice)).toEqual([
      [phone, 'asked', 1],
      [tablet, 'asked', 1],
    ]);
  });

  it('by a device that took another’s place takes its copy over: nobody else will receipt it', () => {
    const gone = entry(phone, { staleAt: 5 });
    const slice = sender({ copy: { resends: 1 }, devices: [gone, entry(tablet)] });
    ask(slice, tablet);
    expect(copiesOf(slice)).toEqual([[tablet, 'asked', 1]]);
  });

  it('by a device that only mail told of waits for the list (SES-68)', () => {
    const unlisted = entry(tablet, { deviceKey: new Uint8Array(0) });
    const decision = ask(sender({ devices: [entry(phone), unlisted] }), tablet);
    expect(decision.changes).toEqual([]);
    expect(decision.effects.map(({ type }) => type)).toEqual(['fetchList']);
  });
});

describe('a resend that found nobody', () => {
  const found = (slice: MemorySlice): Decision =>
    slice.take({
      type: 'posted',
      postId: 'cd'.repeat(16) as PostId,
      origin: { type: 'resend', messageId, userId: bo, deviceId: phone },
      result: { kind: 'gone' },
    });

  it('is wanted again of whoever the list has by now, also where that device is gone', () => {
    const slice = sender({ copy: { resends: 1 }, devices: [entry(phone, { staleAt: 5 })] });
    expect(of(found(slice), 'fetchList')).toHaveLength(1);
    expect(copiesOf(slice)).toEqual([[phone, 'asked', 1]]);
  });

  it.each([
    ['that was receipted meanwhile', { copy: { stage: 'receipted' } }],
    ['that is given up', { copy: { stage: 'dead' } }],
    ['in a round that is under way', { status: 'posting' }],
  ] as const)('of a copy %s is wanted by nobody', (_, past) => {
    const decision = found(sender(past));
    expect([decision.changes, decision.effects]).toEqual([[], []]);
  });

  it('the last that there may be ends the copy at once: the relay may say so of each', () => {
    const decision = found(sender({ copy: { resends: RESENDS_MAX } }));
    expect(decision.effects.map(({ type }) => type)).toEqual(['copyDead']);
  });
});

describe('a claim for a resend that brought no session', () => {
  const claimed = (slice: MemorySlice): MemorySlice => {
    const resends = [{ messageId, deviceId: phone }];
    slice.take({ type: 'claimed', userId: bo, results: [], sends: [], resends });
    return slice;
  };
  const healing = { stage: 'healing', resends: 1 } as const;

  it('counts as one resend, so that it comes to an end', () => {
    expect(copiesOf(claimed(sender({ copy: healing })))).toEqual([[phone, 'asked', 2]]);
    const last = claimed(sender({ copy: { ...healing, resends: RESENDS_MAX - 1 } }));
    const swept = last.take({ type: 'swept' });
    expect(of(swept, 'copyDead')).toMatchObject([{ reason: 'RESENDS_SPENT' }]);
  });

  it('does not where it waits for word on the key', () => {
    const record = { offered: new Uint8Array(32).fill(2) };
    expect(copiesOf(claimed(sender({ copy: healing, record })))).toEqual([[phone, 'asked', 1]]);
  });
});
