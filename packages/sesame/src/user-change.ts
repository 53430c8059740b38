/** What happens to a UserRecord, one elementary operation (Sesame §3.2) at a time, and its codec. */

import { bytesToHex, createReader, createWriter } from '@simsim/bytes';
import type { BinaryReader, BinaryWriter } from '@simsim/bytes';
import {
  idToBytes,
  readDeviceId,
  readDeviceVoucher,
  readRandomId,
  writeDeviceVoucher,
} from '@simsim/relay-protocol';
import type { DeviceEntry, DeviceId, DeviceVoucher, EnvelopeId } from '@simsim/relay-protocol';
import { readNaming, writeNaming } from './device-name.ts';
import type { DeviceNaming } from './device-name.ts';
import { DEVICE_RECORDS_MAX } from './limits.ts';
import type { HealAllowance, HeldMail, SessionId, TrustLevel } from './user-record.ts';

/** An identity key, and whose it is: a device's in the per-device model, otherwise the user's. */
export interface IdentityKey {
  readonly deviceId?: DeviceId;
  readonly key: Uint8Array;
  /** Of a device: who approved it. */
  readonly voucher?: DeviceVoucher;
}

/** One elementary operation on a UserRecord (Sesame §3.2), as it happened. */
export type UserChange =
  /** The user's key is now this one: every device record goes (SES-31); or one device's (SES-32). */
  | ({ readonly type: 'identity' } & IdentityKey)
  /** The own key is now this one: devices stay, their sessions were begun under the other and go. */
  | { readonly type: 'succession'; readonly key: Uint8Array }
  /** A verified list was accepted: absent devices become stale, new or re-installed ones empty. */
  | {
      readonly type: 'list';
      readonly version: number;
      readonly hash: Uint8Array;
      readonly at: number;
      readonly devices: readonly DeviceEntry[];
      /** In the per-device model: removed devices whose mail may be late. */
      readonly former?: readonly Pick<DeviceEntry, 'deviceId' | 'deviceKey'>[];
    }
  /** Another chain of lists begins: the application has accepted a key that this one did not bring. */
  | { readonly type: 'forgetList' }
  /** A device seen in a message before any list named it (SES-32). A stale one stays so (SES-61). */
  | { readonly type: 'device'; readonly deviceId: DeviceId; readonly registrationId: number }
  /** A new session became active; the former active one heads the inactive list (SES-29). */
  | {
      readonly type: 'insert';
      readonly deviceId: DeviceId;
      readonly session: SessionId;
      /** When it began, ms of device time (SES-80); absent in what earlier releases wrote. */
      readonly at?: number;
    }
  /** An inactive session became active (SES-30). */
  | { readonly type: 'activate'; readonly deviceId: DeviceId; readonly session: SessionId }
  /** The active session may not send any more; it heads the inactive list (SES-83). */
  | { readonly type: 'retire'; readonly deviceId: DeviceId }
  /** This device's state was put back: what sessions there are may decrypt and nothing else. */
  | { readonly type: 'freeze'; readonly at: number }
  /** Sessions of before are over: no mail for them can be on its way. */
  | { readonly type: 'thaw' }
  /** A session's keys are gone. */
  | { readonly type: 'end'; readonly deviceId: DeviceId; readonly session: SessionId }
  /** The relay says the user is gone (SES-44). */
  | { readonly type: 'gone'; readonly at: number }
  /** The relay says the device is gone (SES-45, SES-71). */
  | { readonly type: 'deviceGone'; readonly deviceId: DeviceId; readonly at: number }
  /** Records of removed devices are over: no mail of theirs can be on its way (SES-25). */
  | { readonly type: 'drop'; readonly devices: readonly DeviceId[] }
  /** A device caused a new session by asking for mail again. */
  | { readonly type: 'healSpent'; readonly deviceId: DeviceId; readonly allowance: HealAllowance }
  /** The relay or mail showed another key; nothing else changes by it (SES-89). */
  | { readonly type: 'offer'; readonly key: Uint8Array; readonly deviceId?: DeviceId }
  /** The other key is off the table: refused, or the pinned one was shown again. */
  | { readonly type: 'withdraw'; readonly deviceId?: DeviceId }
  /** The application said what stands behind the pinned key. */
  | { readonly type: 'trust'; readonly level: TrustLevel; readonly deviceId?: DeviceId }
  /** Mail under another key waits for word of the application. */
  | { readonly type: 'holdMail'; readonly mail: HeldMail }
  /** It waits no more. */
  | { readonly type: 'releaseMail' }
  /** An own device has this name now. */
  | { readonly type: 'name'; readonly naming: DeviceNaming };

const CHANGE_CODES = {
  identity: 1,
  list: 2,
  device: 3,
  insert: 4,
  activate: 5,
  gone: 6,
  deviceGone: 7,
  retire: 8,
  freeze: 9,
  thaw: 10,
  end: 11,
  insertAt: 12,
  drop: 13,
  healSpent: 14,
  offer: 15,
  withdraw: 16,
  trust: 17,
  holdMail: 18,
  releaseMail: 19,
  deviceIdentity: 20,
  deviceOffer: 21,
  deviceWithdraw: 22,
  deviceTrust: 23,
  name: 24,
  listWithFormer: 30,
  forgetList: 31,
  succession: 32,
} as const;

/** What has another code where it is about one device's key. */
const DEVICE_CODES: Partial<Record<UserChange['type'], number>> = {
  identity: CHANGE_CODES.deviceIdentity,
  offer: CHANGE_CODES.deviceOffer,
  withdraw: CHANGE_CODES.deviceWithdraw,
  trust: CHANGE_CODES.deviceTrust,
};

/** In encoding order. */
const TRUST_LEVELS: readonly TrustLevel[] = ['accepted', 'verified'];

/** Encodes the changes of one event. */
export function encodeUserChanges(changes: readonly UserChange[]): Uint8Array {
  const writer = createWriter().varint(changes.length);
  for (const change of changes) {
    const code = codeOf(change);
    writer.u8(code);
    if (isDeviceCode(code) && 'deviceId' in change) writer.u8(change.deviceId ?? 0);
    encodeChange(writer, change);
  }
  return writer.finish();
}

function isDeviceCode(code: number): boolean {
  return code >= CHANGE_CODES.deviceIdentity && code <= CHANGE_CODES.deviceTrust;
}

function codeOf(change: UserChange): number {
  if (change.type === 'insert' && change.at !== undefined) return CHANGE_CODES.insertAt;
  if (change.type === 'list' && change.former !== undefined) return CHANGE_CODES.listWithFormer;
  const isDevices = 'deviceId' in change && change.deviceId !== undefined;
  return (isDevices ? DEVICE_CODES[change.type] : undefined) ?? CHANGE_CODES[change.type];
}

function encodeChange(writer: BinaryWriter, change: UserChange): void {
  switch (change.type) {
    case 'succession':
      writer.bytes(change.key);
      break;
    case 'identity':
      writer.bytes(change.key);
      if (change.deviceId !== undefined) writeDeviceVoucher(writer, change.voucher);
      break;
    case 'list':
      writer
        .varint(change.version)
        .raw(change.hash)
        .varint(change.at)
        .varint(change.devices.length);
      for (const entry of change.devices)
        writer.u8(entry.deviceId).varint(entry.registrationId).bytes(entry.deviceKey);
      if (change.former !== undefined) writeFormer(writer, change.former);
      break;
    case 'device':
      writer.u8(change.deviceId).varint(change.registrationId);
      break;
    case 'insert':
      writer.u8(change.deviceId).text(change.session);
      if (change.at !== undefined) writer.varint(change.at);
      break;
    case 'activate':
    case 'end':
      writer.u8(change.deviceId).text(change.session);
      break;
    case 'drop':
      writeIds(writer, change.devices);
      break;
    case 'healSpent':
      writer.u8(change.deviceId).u8(change.allowance.left).varint(change.allowance.refillAt);
      break;
    case 'offer':
      writer.bytes(change.key);
      break;
    case 'trust':
      writer.u8(TRUST_LEVELS.indexOf(change.level));
      break;
    case 'holdMail':
      writer.u8(change.mail.deviceId).raw(idToBytes(change.mail.envelopeId));
      break;
    case 'name':
      writeNaming(writer, change.naming);
      break;
    case 'freeze':
      writer.varint(change.at);
      break;
    case 'forgetList':
    case 'thaw':
    case 'withdraw':
    case 'releaseMail':
      break;
    case 'retire':
      writer.u8(change.deviceId);
      break;
    case 'gone':
      writer.varint(change.at);
      break;
    case 'deviceGone':
      writer.u8(change.deviceId).varint(change.at);
      break;
  }
}

/** Reads the changes of one event; `undefined` where they are malformed. */
export function decodeUserChanges(bytes: Uint8Array): UserChange[] | undefined {
  const reader = createReader(bytes);
  const count = reader.varint();
  const changes: UserChange[] = [];
  for (let i = 0; i < count && reader.isIntact(); i++) {
    const change = readChange(reader);
    if (change === undefined) return undefined;
    changes.push(change);
  }
  return reader.isDone() ? changes : undefined;
}

function readChange(reader: BinaryReader): UserChange | undefined {
  const code = reader.u8();
  if (code === CHANGE_CODES.identity) return { type: 'identity', key: reader.bytes(32) };
  if (code === CHANGE_CODES.succession) return { type: 'succession', key: reader.bytes(32) };
  if (code === CHANGE_CODES.gone) return { type: 'gone', at: reader.varint() };
  if (code === CHANGE_CODES.freeze) return { type: 'freeze', at: reader.varint() };
  if (code === CHANGE_CODES.thaw) return { type: 'thaw' };
  if (code === CHANGE_CODES.forgetList) return { type: 'forgetList' };
  if (code === CHANGE_CODES.list) return readList(reader);
  if (code === CHANGE_CODES.listWithFormer) return readListWithFormer(reader);
  if (code === CHANGE_CODES.offer) return { type: 'offer', key: reader.bytes(32) };
  if (code === CHANGE_CODES.withdraw) return { type: 'withdraw' };
  if (code === CHANGE_CODES.releaseMail) return { type: 'releaseMail' };
  if (code === CHANGE_CODES.trust) return readTrust(reader);
  if (code === CHANGE_CODES.drop) return readDrop(reader);
  if (code === CHANGE_CODES.name) return { type: 'name', naming: readNaming(reader) };
  const deviceId = readDeviceId(reader);
  switch (code) {
    case CHANGE_CODES.deviceIdentity: {
      const key = reader.bytes(32);
      const voucher = readDeviceVoucher(reader);
      return { type: 'identity', deviceId, key, ...(voucher && { voucher }) };
    }
    case CHANGE_CODES.deviceOffer:
      return { type: 'offer', deviceId, key: reader.bytes(32) };
    case CHANGE_CODES.deviceWithdraw:
      return { type: 'withdraw', deviceId };
    case CHANGE_CODES.deviceTrust: {
      const trust = readTrust(reader);
      return trust && { ...trust, deviceId };
    }
    case CHANGE_CODES.device:
      return { type: 'device', deviceId, registrationId: reader.varint() };
    case CHANGE_CODES.insert:
      return { type: 'insert', deviceId, session: reader.text(64) };
    case CHANGE_CODES.insertAt:
      return { type: 'insert', deviceId, session: reader.text(64), at: reader.varint() };
    case CHANGE_CODES.healSpent:
      return {
        type: 'healSpent',
        deviceId,
        allowance: { left: reader.u8(), refillAt: reader.varint() },
      };
    case CHANGE_CODES.holdMail:
      return {
        type: 'holdMail',
        mail: { deviceId, envelopeId: readRandomId<EnvelopeId>(reader) },
      };
    case CHANGE_CODES.activate:
      return { type: 'activate', deviceId, session: reader.text(64) };
    case CHANGE_CODES.end:
      return { type: 'end', deviceId, session: reader.text(64) };
    case CHANGE_CODES.retire:
      return { type: 'retire', deviceId };
    case CHANGE_CODES.deviceGone:
      return { type: 'deviceGone', deviceId, at: reader.varint() };
    default:
      return undefined;
  }
}

function readTrust(reader: BinaryReader): Extract<UserChange, { type: 'trust' }> | undefined {
  const level = TRUST_LEVELS[reader.u8()];
  return level && { type: 'trust', level };
}

function readDrop(reader: BinaryReader): UserChange | undefined {
  const devices = readIds(reader);
  return devices && { type: 'drop', devices };
}

function writeIds(writer: BinaryWriter, ids: readonly DeviceId[]): void {
  writer.varint(ids.length);
  for (const id of ids) writer.u8(id);
}

function readIds(reader: BinaryReader): readonly DeviceId[] | undefined {
  const count = reader.varint();
  if (count > DEVICE_RECORDS_MAX) return undefined;
  return Array.from({ length: count }, () => readDeviceId(reader));
}

type FormerDevices = NonNullable<Extract<UserChange, { type: 'list' }>['former']>;

function writeFormer(writer: BinaryWriter, former: FormerDevices): void {
  writer.varint(former.length);
  for (const { deviceId, deviceKey } of former) writer.u8(deviceId).bytes(deviceKey);
}

function readListWithFormer(reader: BinaryReader): UserChange | undefined {
  const list = readList(reader);
  const count = reader.varint();
  if (list === undefined || count > DEVICE_RECORDS_MAX) return undefined;
  const former = Array.from({ length: count }, () => ({
    deviceId: readDeviceId(reader),
    deviceKey: reader.bytes(32),
  }));
  return { ...list, former };
}

function readList(reader: BinaryReader): Extract<UserChange, { type: 'list' }> | undefined {
  const version = reader.varint();
  const hash = reader.raw(32);
  const at = reader.varint();
  const count = reader.varint();
  if (count > DEVICE_RECORDS_MAX) return undefined;
  const devices: DeviceEntry[] = [];
  for (let i = 0; i < count; i++) {
    devices.push({
      deviceId: readDeviceId(reader),
      registrationId: reader.varint(),
      deviceKey: reader.bytes(32),
    });
  }
  return { type: 'list', version, hash, at, devices };
}

/** Describes a change for people: hashes and ids. No secrets exist here; a name is its owner's alone. */
export function describeUserChange(change: UserChange): Record<string, unknown> {
  switch (change.type) {
    case 'identity':
    case 'succession':
      return { type: change.type, key: bytesToHex(change.key) };
    case 'offer': {
      const { type, key, deviceId } = change;
      return { type, key: bytesToHex(key), ...(deviceId && { deviceId }) };
    }
    case 'list':
      return {
        type: change.type,
        version: change.version,
        devices: change.devices.map((entry) => entry.deviceId),
      };
    case 'name': {
      const { deviceKey, counter, by } = change.naming;
      return { type: change.type, deviceKey: bytesToHex(deviceKey), counter, by };
    }
    case 'forgetList':
    case 'device':
    case 'insert':
    case 'activate':
    case 'retire':
    case 'freeze':
    case 'thaw':
    case 'end':
    case 'gone':
    case 'deviceGone':
    case 'drop':
    case 'healSpent':
    case 'withdraw':
    case 'trust':
    case 'holdMail':
    case 'releaseMail':
      return { ...change };
  }
}
