/** Asking the relay to take a device's next incarnation. */

import type { Crypto, Entropy } from '@simsim/crypto';
import { renewalProofBytes } from '@simsim/relay-protocol';
import type { PreKeyUpload, RenewDeviceRequest } from '@simsim/relay-protocol';
import { listRenewed } from './own-list.ts';
import type { OwnListInput } from './own-list.ts';

/**
 * The request that renews a device, over a nonce of the relay and on the own list as last seen. The
 * same device gives the same token however often it asks, so a lost answer is harmless.
 */
export function renewalRequest(
  { own, record }: OwnListInput,
  { nonce, keys }: { nonce: Uint8Array; keys: PreKeyUpload },
  env: { crypto: Crypto; entropy: Entropy },
): RenewDeviceRequest {
  const { crypto } = env;
  const { userId, deviceId, deviceKey } = own;
  const token = crypto.exportSecret(own.token);
  const tokenHash = crypto.digest([token]);
  token.fill(0);
  const list = listRenewed({ own, record }, env);
  const proof = [renewalProofBytes({ userId, deviceId, nonce, list: list.list, tokenHash, keys })];
  const deviceProof = crypto.signWithDeviceKey(deviceKey, proof);
  return { kind: 'renewDevice', userId, nonce, deviceId, list, deviceProof, tokenHash, keys };
}
