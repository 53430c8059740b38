/** Telling the user's other devices where this log stands, and taking what they tell back. */

import type { DeviceHead, DeviceId } from '@simsim/relay-protocol';
import { isDeviceHeadOf, isSameHead } from '@simsim/relay-protocol';
import type { DecideResult } from './decision.ts';
import { quarantine } from './decide-quarantine.ts';
import { judgeHead, signedHead } from './heads.ts';
import type { Input } from './input.ts';
import { noticeStreams, postNotice } from './notice.ts';
import { sendingSession } from './peer-session.ts';
import { DEVICE_STREAM, HEADS_STREAM, userStream } from './streams.ts';
import { currentDevices } from './user-record.ts';
import { needMore, refused } from './workspace.ts';
import type { Workspace } from './workspace.ts';

type In<T extends Input['type']> = Extract<Input, { type: T }>;

/**
 * Judges a head of this device that the relay or an own device gave back. Evidence of a log that was
 * put back leads to a quarantine in the same commit, or to a refusal where the owner wants that.
 */
export function decideHeadSeen(input: In<'headSeen'>, work: Workspace): DecideResult {
  const first = work.missing([DEVICE_STREAM]);
  if (first.length > 0) return needMore(first);
  const own = work.value('device', DEVICE_STREAM);
  if (own === undefined) return refused('NOT_REGISTERED');
  const { source, head } = input;
  const chain = work.chain();
  const verdict = judgeHead(head, { own, chain }, work.env.crypto);
  if (verdict === 'foreign') work.effect({ type: 'headIgnored', source });
  if (verdict !== 'ahead' && verdict !== 'beside') return work.decided();
  if (work.isSabotaged('ignore-heads')) return work.decided();
  const { seq, hash } = head;
  return quarantine(work, { source, seen: { seq, hash }, found: chain.tip, lost: [] });
}

/** Sends own devices this log's head, each with the newest of its own heads that was seen here. */
export function decideShareHeads(input: In<'shareHeads'>, work: Workspace): DecideResult {
  const first = work.missing([DEVICE_STREAM, HEADS_STREAM]);
  if (first.length > 0) return needMore(first);
  const own = work.value('device', DEVICE_STREAM);
  const chain = work.chain();
  if (own?.status !== 'registered' || chain.tip.seq === 0) return work.decided();
  const { userId } = own;
  const missing = work.missing([userStream(userId)]);
  if (missing.length > 0) return needMore(missing);
  const record = work.user(userId);
  const devices = currentDevices(record).filter(
    ({ deviceId, registrationId }) =>
      registrationId !== 0 && (input.to === undefined || input.to === deviceId),
  );
  const reached = devices.filter(({ deviceId }) => sendingSession(work, record, deviceId));
  const streams = reached.flatMap(({ deviceId }) => noticeStreams(work, record, deviceId));
  if (streams.length > 0) return needMore(streams);
  if (reached.length === 0) return work.decided();
  const head = signedHead({ own, chain }, work.env.clock.wallMs, work.env.crypto);
  const known = work.value('heads', HEADS_STREAM);
  for (const { deviceId } of reached) {
    const echo = known?.get(deviceId);
    postNotice(work, { userId, deviceId }, { type: 'head', head, ...(echo && { echo }) });
  }
  return work.decided();
}

/**
 * Takes what an own device told: its head, and an echo of ours. A head that is not further on than the
 * newest known is answered at once: the device may be one whose log was put back.
 */
export function decideHeadsTold(input: In<'headsTold'>, work: Workspace): DecideResult {
  const first = work.missing([DEVICE_STREAM, HEADS_STREAM]);
  if (first.length > 0) return needMore(first);
  const { userId } = work.self();
  const missing = work.missing([userStream(userId)]);
  if (missing.length > 0) return needMore(missing);
  const { deviceId, head, echo } = input;
  if (echo !== undefined) work.andThen({ type: 'headSeen', source: 'device', head: echo });
  const teller = work.user(userId).devices.get(deviceId);
  if (teller === undefined || !isDeviceHeadOf(head, teller, work.env.crypto)) {
    work.effect({ type: 'headIgnored', source: 'device' });
    return work.decided();
  }
  const known = work.value('heads', HEADS_STREAM) ?? new Map<DeviceId, DeviceHead>();
  const newest = known.get(deviceId);
  const isNews =
    newest === undefined || newest.incarnation !== head.incarnation || newest.seq < head.seq;
  if (isNews) {
    const event = { name: 'HeadTold', fields: { deviceId, headSeq: head.seq } } as const;
    work.write(HEADS_STREAM, event, new Map(known).set(deviceId, head));
  } else if (!isSameHead(newest, head)) {
    work.andThen({ type: 'shareHeads', to: deviceId });
  }
  return work.decided();
}
