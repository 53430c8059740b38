/** How a device fares as a whole, and what somebody should do about it. No key is in it. */

import { bytesToHex } from '@simsim/bytes';
import type { DeviceCore } from '@simsim/device-core';
import {
  currentDevices,
  PRE_KEY_LIFE_MS,
  PRE_KEYS_STREAM,
  SEND_PREFIX,
  pendingBatches,
  USER_PREFIX,
} from '@simsim/sesame';
import type { OwnDevice, SendState, UserRecord } from '@simsim/sesame';
import type { IdentityDoubt } from './health.ts';

/** Something that somebody should know or do. Codes are API. */
export interface Finding {
  readonly code:
    | 'NOT_REGISTERED'
    | 'POSTS_WAIT'
    | 'MAIL_HELD'
    | 'RESENDS_WAIT'
    | 'PRE_KEYS_NOT_TAKEN'
    | 'PRE_KEYS_OLD'
    | 'QUARANTINED'
    | 'REMOVAL_PENDING'
    | 'IDENTITY_UNPROVEN'
    | 'INBOX_WAITS';
  /** What it means and what to do. */
  readonly text: string;
}

/** A device at one moment. */
export interface DoctorReport {
  readonly user: string;
  readonly deviceId: number;
  readonly registrationId: number;
  readonly status: OwnDevice['status'];
  /** Where the log ends: events, and the first eight bytes of the last one's hash in hex. */
  readonly head: { readonly seq: number; readonly hash: string };
  /** When the relay last said that it knows no newer state, wall ms. */
  readonly provenAt: number | undefined;
  readonly users: number;
  /** Devices that messages would go to, and sessions of any use. */
  readonly peerDevices: number;
  readonly sessions: number;
  /** Posts that the relay has not answered, and mail that the application has not acknowledged. */
  readonly outbox: number;
  readonly inbox: number;
  /** Messages whose plaintext is still kept, those that wait for a key, resends that wait. */
  readonly sends: { readonly open: number; readonly held: number; readonly resendsWaiting: number };
  readonly preKeys: {
    /** One-time batches of either kind kept here, and those the relay has not acknowledged. */
    readonly batches: number;
    readonly notTaken: number;
    /** ms since the signed prekey was made. */
    readonly signedAgeMs: number;
  };
  readonly findings: readonly Finding[];
}

/** Unacknowledged mail above which somebody should look at the application. */
const INBOX_MANY = 256;

/** Looks at everything. Reads every record, so it takes a while where there are thousands. */
export function examine(
  core: DeviceCore,
  own: OwnDevice,
  { provenAt, doubt }: { provenAt: number | undefined; doubt: IdentityDoubt | undefined },
): DoctorReport {
  const reader = core.reader();
  const records = core.log
    .streamsWithPrefix(USER_PREFIX)
    .flatMap((stream) => reader.value('user', stream) ?? []);
  const sends = core.log
    .streamsWithPrefix(SEND_PREFIX)
    .flatMap((stream) => reader.value('send', stream) ?? []);
  const { seq, hash } = core.log.tip();
  const report = {
    user: own.userId,
    deviceId: own.deviceId,
    registrationId: own.registrationId,
    status: own.status,
    head: { seq, hash: bytesToHex(hash.subarray(0, 8)) },
    provenAt,
    users: records.filter(({ userId }) => userId !== own.userId).length,
    peerDevices: records.reduce((sum, record) => sum + currentDevices(record).length, 0),
    sessions: records.reduce((sum, record) => sum + sessionCount(record), 0),
    outbox: core.outbox().length,
    inbox: core.inbox().length,
    sends: sendCounts(sends),
    preKeys: preKeyCounts(core),
  };
  return { ...report, findings: [...findingsOf(report, own), ...identityFindings(own, doubt)] };
}

function sessionCount({ devices }: UserRecord): number {
  let count = 0;
  for (const { active, inactive, frozen = [] } of devices.values())
    count += (active === undefined ? 0 : 1) + inactive.length + frozen.length;
  return count;
}

function sendCounts(sends: readonly SendState[]): DoctorReport['sends'] {
  const recipients = sends.flatMap((send) => [...send.recipients.values()]);
  const stages = recipients.flatMap(({ copies }) => [...copies.values()].map(({ stage }) => stage));
  return {
    open: sends.length,
    held: recipients.filter(({ status }) => status === 'held').length,
    resendsWaiting: stages.filter((stage) => stage === 'asked' || stage === 'healing').length,
  };
}

function preKeyCounts(core: DeviceCore): DoctorReport['preKeys'] {
  const preKeys = core.reader().value('prekeys', PRE_KEYS_STREAM);
  if (preKeys === undefined) return { batches: 0, notTaken: 0, signedAgeMs: 0 };
  const { oneTime, kem } = pendingBatches(preKeys);
  return {
    batches: preKeys.batches.length + preKeys.kemBatches.length,
    notTaken: oneTime.length + kem.length,
    signedAgeMs: core.nowMs() - (preKeys.signed[0]?.madeAt ?? 0),
  };
}

function findingsOf(report: Omit<DoctorReport, 'findings'>, own: OwnDevice): readonly Finding[] {
  const { status, provenAt, outbox, inbox, sends, preKeys } = report;
  const found: Finding[] = [];
  const find = (isSo: boolean, finding: Finding): void => {
    if (isSo) found.push(finding);
  };
  find(status !== 'registered', {
    code: 'NOT_REGISTERED',
    text: `The relay has not taken this device, or not any more (${status}): see that it can be reached.`,
  });
  find(provenAt === undefined && outbox > 0, {
    code: 'POSTS_WAIT',
    text: `${outbox} posts wait: the relay has not said yet that it knows no newer state of this device.`,
  });
  find(sends.held > 0, {
    code: 'MAIL_HELD',
    text: `${sends.held} messages wait for a key: compare it, then trustIdentity or refuseIdentity.`,
  });
  find(sends.resendsWaiting > 0, {
    code: 'RESENDS_WAIT',
    text: `${sends.resendsWaiting} messages could not be read and go out again when they may; nothing is to be done.`,
  });
  find(preKeys.notTaken > 0, {
    code: 'PRE_KEYS_NOT_TAKEN',
    text: `${preKeys.notTaken} batches of prekeys wait to be taken by the relay; they go up at the next start.`,
  });
  find(preKeys.signedAgeMs > 2 * PRE_KEY_LIFE_MS, {
    code: 'PRE_KEYS_OLD',
    text: 'The signed prekey is older than two weeks: this device was away, or its clock stands still.',
  });
  find(own.quarantinedAt !== undefined, {
    code: 'QUARANTINED',
    text: 'The state was put back: sessions of before only open late mail. See rollback() for what is missing.',
  });
  find(inbox > INBOX_MANY, {
    code: 'INBOX_WAITS',
    text: `${inbox} messages wait to be acknowledged: the application does not keep up.`,
  });
  return found;
}

/** What is to be known of the own identity key. */
function identityFindings(own: OwnDevice, doubt: IdentityDoubt | undefined): readonly Finding[] {
  const found: Finding[] = [];
  if (own.successor !== undefined)
    found.push({
      code: 'REMOVAL_PENDING',
      text: `The relay has not taken the removal of device ${own.successor.removes} yet: it goes on by itself.`,
    });
  if (doubt !== undefined)
    found.push({
      code: 'IDENTITY_UNPROVEN',
      text: `The list names an identity key that this device cannot have (${doubt}): if devices() of another device is right, link this one anew.`,
    });
  return found;
}
