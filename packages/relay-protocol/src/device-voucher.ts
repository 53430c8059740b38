/**
 * In the per-device identity model, the word of the device that approved another one: its identity key
 * signs the new one's. The list carries it on, so that whoever knows the approver alone, and missed the
 * list of that day, still knows whom the new device belongs to.
 */

import type { BinaryReader, BinaryWriter } from '@simsim/bytes';
import { createWriter } from '@simsim/bytes';
import type { Crypto, KeyPair } from '@simsim/crypto';
import { readBetween, writeFixed } from './codec.ts';
import type { DeviceId } from './device-id-brand.ts';
import { readDeviceId } from './device-id-brand.ts';
import { LIST_VERSION_MAX } from './limits.ts';
import type { UserId } from './user-id-brand.ts';

/** A voucher, as the entry of the device carries it. */
export interface DeviceVoucher {
  readonly approver: DeviceId;
  /** Of the first list that names the device: to whoever knows that one it says nothing any more. */
  readonly listVersion: number;
  /** XEdDSA [64] by the approver's identity key over its label and what it is about. */
  readonly signature: Uint8Array;
}

/** What a voucher is about. */
export interface VouchedDevice {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  /** Ed25519 [32]. */
  readonly deviceKey: Uint8Array;
  /** X25519 [32]. */
  readonly identityKey: Uint8Array;
}

/** The bytes an approver signs: a label, then the fields. */
function voucherBytes(
  device: VouchedDevice,
  { approver, listVersion }: Pick<DeviceVoucher, 'approver' | 'listVersion'>,
): Uint8Array {
  const writer = createWriter(256).text('Simsim device voucher 1').text(device.userId);
  writer.u8(device.deviceId);
  writeFixed(writer, device.deviceKey, 32);
  writeFixed(writer, device.identityKey, 32);
  return writer.u8(approver).varint(listVersion).finish();
}

/** Vouches for a new device. */
export function signDeviceVoucher(
  device: VouchedDevice,
  by: { approver: DeviceId; listVersion: number; identity: KeyPair; entropy64: Uint8Array },
  crypto: Pick<Crypto, 'sign'>,
): DeviceVoucher {
  const { approver, listVersion, identity, entropy64 } = by;
  const bytes = voucherBytes(device, { approver, listVersion });
  return { approver, listVersion, signature: crypto.sign(identity, [bytes], entropy64) };
}

/** Whether the owner of an identity key [32] vouched for a device. */
export function verifyDeviceVoucher(
  device: VouchedDevice,
  { voucher, identityKey }: { voucher: DeviceVoucher; identityKey: Uint8Array },
  crypto: Pick<Crypto, 'publicKey' | 'verify'>,
): boolean {
  const key = crypto.publicKey(identityKey);
  return (
    key !== undefined && crypto.verify(key, [voucherBytes(device, voucher)], voucher.signature)
  );
}

/** Writes a voucher, or that there is none, inside something larger. */
export function writeDeviceVoucher(writer: BinaryWriter, voucher: DeviceVoucher | undefined): void {
  writer.u8(voucher === undefined ? 0 : 1);
  if (voucher === undefined) return;
  writer.u8(voucher.approver).varint(voucher.listVersion);
  writeFixed(writer, voucher.signature, 64);
}

/** Reads {@link writeDeviceVoucher}. */
export function readDeviceVoucher(reader: BinaryReader): DeviceVoucher | undefined {
  const flag = reader.u8();
  if (flag > 1) reader.fail();
  if (flag !== 1) return undefined;
  return {
    approver: readDeviceId(reader),
    listVersion: readBetween(reader, 1, LIST_VERSION_MAX),
    signature: reader.raw(64),
  };
}
