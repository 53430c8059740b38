/** What a device signs over the relay's nonce to join: possession of its keys (SES-96). */

import { createWriter } from '@simsim/bytes';
import { writeFixed } from './codec.ts';
import type { DeviceId } from './device-id-brand.ts';
import type { DeviceList } from './device-list.ts';
import { encodeDeviceList } from './device-list.ts';
import type { PreKeyUpload } from './pre-keys.ts';
import { writePreKeyUpload } from './pre-keys.ts';
import type { UserId } from './user-id-brand.ts';

/** What a joining device binds together; nothing of it can be swapped on the way. */
export interface ProofFields {
  readonly userId: UserId;
  /** The joining device. */
  readonly deviceId: DeviceId;
  /** From the relay [32]. */
  readonly nonce: Uint8Array;
  /** The list that names the joining device. */
  readonly list: DeviceList;
  /** SHA-256 [32] of the bearer token. */
  readonly tokenHash: Uint8Array;
  readonly keys: PreKeyUpload;
}

/** What the first device of an account signs, by identity key and by device key. */
export function accountProofBytes(fields: ProofFields): Uint8Array {
  return proofBytes('Simsim account proof 1', fields);
}

/** What every later device signs, by device key. */
export function deviceProofBytes(fields: ProofFields): Uint8Array {
  return proofBytes('Simsim device proof 1', fields);
}

/** What a device signs that takes a new registration id, by device key. */
export function renewalProofBytes(fields: ProofFields): Uint8Array {
  return proofBytes('Simsim renewal proof 1', fields);
}

function proofBytes(label: string, fields: ProofFields): Uint8Array {
  const writer = createWriter(1024).text(label);
  writeFixed(writer, fields.nonce, 32);
  writer.text(fields.userId).u8(fields.deviceId).bytes(encodeDeviceList(fields.list));
  writeFixed(writer, fields.tokenHash, 32);
  writePreKeyUpload(writer, fields.keys);
  return writer.finish();
}
