/** What a core's own device has to say to a relay. */

import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import type { DeviceCore } from '@simsim/device-core';
import type { RelayRequest } from '@simsim/relay-protocol';
import {
  DEVICE_STREAM,
  oneTimeKemStream,
  oneTimeStream,
  PRE_KEYS_STREAM,
  registrationRequest,
  uploadOf,
} from '@simsim/sesame';

/** The bearer token; `undefined` before the device was made. */
export function tokenOf(core: DeviceCore): Uint8Array | undefined {
  const own = core.reader().value('device', DEVICE_STREAM);
  return own && crypto.exportSecret(own.token);
}

/** The request that gets the device listed; `undefined` once it is. */
export function registrationOf(core: DeviceCore, nonce: Uint8Array): RelayRequest | undefined {
  const reader = core.reader();
  const own = reader.value('device', DEVICE_STREAM);
  const preKeys = reader.value('prekeys', PRE_KEYS_STREAM);
  if (own === undefined || preKeys === undefined) return undefined;
  const oneTime = preKeys.batches.flatMap((id) => reader.value('opk', oneTimeStream(id)) ?? []);
  const kem = preKeys.kemBatches.flatMap((id) => reader.value('kpk', oneTimeKemStream(id)) ?? []);
  const keys = uploadOf(preKeys, { oneTime, kem }, crypto);
  return registrationRequest(own, { nonce, keys }, { crypto, entropy });
}
