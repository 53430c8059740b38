/** What a device knows of one user, for people who look for a fault. No key and no plaintext is in it. */

import { bytesToHex } from '@simsim/bytes';
import type { DeviceCore } from '@simsim/device-core';
import type { IdentityModel, UserId } from '@simsim/relay-protocol';
import {
  allSessionsOf,
  chainsStream,
  healsLeft,
  modelOf,
  pinAt,
  SEND_PREFIX,
  sessionStream,
  userStream,
} from '@simsim/sesame';
import { heardAt } from './heard-at.ts';
import { nameEntry } from './own-devices.ts';
import type { DeviceRecord, KeyPin, SessionAddress, TrustLevel, UserRecord } from '@simsim/sesame';

/** One session. */
export interface SessionReport {
  /** 32 hex characters, the same at both ends. */
  readonly id: string;
  /** `sends`: the active one. `before`: of a state that was put back since; it opens late mail only. */
  readonly use: 'sends' | 'receives' | 'before';
  /** ms since it began; unknown of one that an earlier release began. */
  readonly ageMs: number | undefined;
  /** Version of its messages: 3 is X3DH, 4 PQXDH. */
  readonly version: number | undefined;
  /** Whether the peer has not answered on it yet. */
  readonly isInitiating: boolean;
  /** Messages in the sending chain and in the receiving chain of now. */
  readonly sent: number;
  readonly received: number;
  /** Keys kept for messages that are late. */
  readonly skippedKeys: number;
}

/** An identity key. */
export interface KeyReport {
  readonly trust: TrustLevel | 'seen' | 'unknown';
  /** Public key in hex, to be compared; and the one that waits for an answer. */
  readonly identityKey: string | undefined;
  readonly offeredKey: string | undefined;
}

/** One device of the user. */
export interface PeerDeviceReport {
  readonly deviceId: number;
  readonly registrationId: number;
  /** Of its own identity key, in the per-device model. */
  readonly identity: KeyReport | undefined;
  /** Of an own device: its name. Contacts' devices have none here. */
  readonly name?: string;
  /** Whether a list names it, or only its own mail did. */
  readonly isListed: boolean;
  /** When something of it last came here, wall ms. */
  readonly heardAt: number | undefined;
  /** ms since it was removed; its sessions open late mail until MAXLATENCY is over. */
  readonly staleMs: number | undefined;
  /** The one that sends first, then newest first. */
  readonly sessions: readonly SessionReport[];
  /** New sessions it may still cause at once by asking for mail again. */
  readonly healsLeft: number;
  /** Messages it has asked for again and waits for: `resend-requested`. */
  readonly resendsWaiting: number;
}

/** What is known of a user. The key is the one that all devices share; see them where each has its own. */
export interface PeerReport extends KeyReport {
  readonly user: string;
  /** `unknown` until a key was seen. */
  readonly identityModel: IdentityModel | 'unknown';
  /** Of the newest device list that was accepted; 0 for none. */
  readonly listVersion: number;
  /** Whether the relay says that there is no such user any more. */
  readonly isGone: boolean;
  readonly devices: readonly PeerDeviceReport[];
  /** Messages to the user that wait for its key to be trusted, and mail of theirs that does. */
  readonly sendsHeld: number;
  readonly mailHeld: number;
}

/** Looks at a user. One of whom nothing is known gives an empty report. */
export function inspectPeer(core: DeviceCore, userId: UserId): PeerReport {
  const record = core.reader().value('user', userStream(userId));
  const sends = sendsTo(core, userId);
  return {
    user: userId,
    identityModel: (record && modelOf(record)) ?? 'unknown',
    ...keyReport(record ?? {}),
    listVersion: record?.listVersion ?? 0,
    isGone: record?.staleAt !== undefined,
    devices: record === undefined ? [] : devicesOf(core, record, sends),
    sendsHeld: sends.filter(({ status }) => status === 'held').length,
    mailHeld: record?.held?.length ?? 0,
  };
}

function keyReport({ identityKey, offered, trust }: KeyPin): KeyReport {
  return {
    trust: identityKey === undefined ? 'unknown' : (trust ?? 'seen'),
    identityKey: identityKey && bytesToHex(identityKey),
    offeredKey: offered && bytesToHex(offered),
  };
}

type Recipient = NonNullable<ReturnType<typeof recipientOf>>;

function recipientOf(core: DeviceCore, stream: string, userId: UserId) {
  return core.reader().value('send', stream)?.recipients.get(userId);
}

function sendsTo(core: DeviceCore, userId: UserId): readonly Recipient[] {
  return core.log.streamsWithPrefix(SEND_PREFIX).flatMap((stream) => {
    const recipient = recipientOf(core, stream, userId);
    return recipient === undefined ? [] : [recipient];
  });
}

function devicesOf(
  core: DeviceCore,
  record: UserRecord,
  sends: readonly Recipient[],
): PeerDeviceReport[] {
  const nowMs = core.nowMs();
  return [...record.devices.values()].map((device) => {
    const { deviceId, registrationId, deviceKey, heals } = device;
    const staleAt = device.staleAt ?? record.staleAt;
    const stages = sends.map(({ copies }) => copies.get(deviceId)?.stage);
    return {
      deviceId,
      registrationId,
      identity:
        modelOf(record) === 'per-device' ? keyReport(pinAt(record, { deviceId })) : undefined,
      ...nameEntry(record, deviceKey),
      isListed: deviceKey.length > 0,
      heardAt: heardAt(core, record.userId, device),
      staleMs: staleAt === undefined ? undefined : nowMs - staleAt,
      sessions: sessionsOf(core, { record, device, nowMs }),
      healsLeft: healsLeft(heals, nowMs),
      resendsWaiting: stages.filter((stage) => stage === 'asked' || stage === 'healing').length,
    };
  });
}

function sessionsOf(
  core: DeviceCore,
  { record, device, nowMs }: { record: UserRecord; device: DeviceRecord; nowMs: number },
): SessionReport[] {
  const { userId } = record;
  const { deviceId, active, frozen, began } = device;
  return allSessionsOf(device).map((session) => {
    const beganAt = began?.get(session);
    const isBefore = frozen?.includes(session) === true;
    const unused = isBefore ? 'before' : 'receives';
    return {
      id: session,
      use: session === active ? 'sends' : unused,
      ageMs: beganAt === undefined ? undefined : nowMs - beganAt,
      ...countersOf(core, { userId, deviceId, session }),
    };
  });
}

function countersOf(
  core: DeviceCore,
  at: SessionAddress,
): Pick<SessionReport, 'version' | 'isInitiating' | 'sent' | 'received' | 'skippedKeys'> {
  const hot = core.reader().value('session', sessionStream(at));
  const cold = core.reader().value('chains', chainsStream(at));
  const sending = hot?.sending;
  return {
    version: cold?.version,
    isInitiating: cold?.pending !== undefined,
    sent: sending?.kind === 'ready' ? sending.chain.counter : 0,
    received: hot?.receiving?.counter ?? 0,
    skippedKeys: cold?.ratchet.directory.reduce((sum, { count }) => sum + count, 0) ?? 0,
  };
}
