/** A listed device's word that another device may join its user. */

import type { BinaryReader, BinaryWriter, Result } from '@simsim/bytes';
import { createWriter, err, ok } from '@simsim/bytes';
import type { Crypto, SigningKeyPair } from '@simsim/crypto';
import type { DecodeRejection } from './codec.ts';
import { decodeWhole, FORMAT, readBetween, writeFixed } from './codec.ts';
import type { DeviceId } from './device-id-brand.ts';
import { readDeviceId } from './device-id-brand.ts';
import type { DeviceList } from './device-list.ts';
import { findDevice, readRegistrationId } from './device-list.ts';
import { LIST_VERSION_MAX } from './limits.ts';
import type { UserId } from './user-id-brand.ts';
import { readUserId } from './user-id-brand.ts';

/** What a listed device says about a new one. */
export interface DeviceApprovalFields {
  readonly userId: UserId;
  /** The new device. */
  readonly deviceId: DeviceId;
  readonly registrationId: number;
  /** The new device's Ed25519 key [32]. */
  readonly deviceKey: Uint8Array;
  /** The version of the list that will name the new device. */
  readonly listVersion: number;
  /** The listed device that approves. */
  readonly approver: DeviceId;
}

/** An approval with the approver's Ed25519 signature [64] over {@link approvalBytes}. */
export interface DeviceApproval extends DeviceApprovalFields {
  readonly signature: Uint8Array;
}

/** Why an approval was refused. */
export interface DeviceApprovalRejection {
  readonly code: 'OTHER_USER' | 'WRONG_VERSION' | 'APPROVER_NOT_LISTED' | 'BAD_SIGNATURE';
}

/** The bytes an approver signs: a label, then the fields. */
export function approvalBytes(approval: DeviceApprovalFields): Uint8Array {
  const writer = createWriter(192).text('Simsim device approval 1');
  writeFields(writer, approval);
  return writer.finish();
}

/** Approves a new device. */
export function signDeviceApproval(
  fields: DeviceApprovalFields,
  approverKey: SigningKeyPair,
  crypto: Pick<Crypto, 'signWithDeviceKey'>,
): DeviceApproval {
  return { ...fields, signature: crypto.signWithDeviceKey(approverKey, [approvalBytes(fields)]) };
}

/** Verifies an approval against the list that is current now, which must name the approver. */
export function verifyDeviceApproval(
  approval: DeviceApproval,
  current: DeviceList,
  crypto: Pick<Crypto, 'verifyDeviceKey'>,
): Result<DeviceApproval, DeviceApprovalRejection> {
  if (approval.userId !== current.userId) return err({ code: 'OTHER_USER' });
  if (approval.listVersion !== current.version + 1) return err({ code: 'WRONG_VERSION' });
  const approver = findDevice(current, approval.approver);
  if (approver === undefined) return err({ code: 'APPROVER_NOT_LISTED' });
  const isApprovers = crypto.verifyDeviceKey(
    approver.deviceKey,
    [approvalBytes(approval)],
    approval.signature,
  );
  return isApprovers ? ok(approval) : err({ code: 'BAD_SIGNATURE' });
}

/** Encodes an approval, for the link message. */
export function encodeDeviceApproval(approval: DeviceApproval): Uint8Array {
  const writer = createWriter(256).u8(FORMAT);
  writeDeviceApproval(writer, approval);
  return writer.finish();
}

/** Decodes {@link encodeDeviceApproval}; verifies nothing. */
export function decodeDeviceApproval(bytes: Uint8Array): Result<DeviceApproval, DecodeRejection> {
  return decodeWhole(bytes, 512, readDeviceApproval);
}

/** Writes an approval inside something larger. */
export function writeDeviceApproval(writer: BinaryWriter, approval: DeviceApproval): void {
  writeFields(writer, approval);
  writeFixed(writer, approval.signature, 64);
}

/** Reads {@link writeDeviceApproval}. */
export function readDeviceApproval(reader: BinaryReader): DeviceApproval {
  return {
    userId: readUserId(reader),
    deviceId: readDeviceId(reader),
    registrationId: readRegistrationId(reader),
    deviceKey: reader.raw(32),
    listVersion: readBetween(reader, 1, LIST_VERSION_MAX),
    approver: readDeviceId(reader),
    signature: reader.raw(64),
  };
}

function writeFields(writer: BinaryWriter, fields: DeviceApprovalFields): void {
  writer.text(fields.userId).u8(fields.deviceId).u16(fields.registrationId);
  writeFixed(writer, fields.deviceKey, 32);
  writer.varint(fields.listVersion).u8(fields.approver);
}
