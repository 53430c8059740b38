/** Registering peer users at a relay, with all their devices, as their devices would. */

import { invariant } from '@simsim/bytes';
import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import {
  accountProofBytes,
  CONTENT_TYPE,
  decodeOutcome,
  deviceProofBytes,
  encodeRequest,
  requestPath,
  signDeviceApproval,
} from '@simsim/relay-protocol';
import type {
  PreKeyUpload,
  ProofFields,
  RelayAnswer,
  RelayRequest,
  SignedDeviceList,
} from '@simsim/relay-protocol';
import { listOf } from './peer-users.ts';
import type { PeerDevice, PeerUser } from './peer-users.ts';

/** Makes the account, then joins one device after the other, each approved by the first. */
export async function registerUser(relayUrl: string, user: PeerUser): Promise<void> {
  let list: SignedDeviceList | undefined;
  for (const [i, device] of user.devices.entries()) {
    list = listOf(user, { count: i + 1, previous: list });
    await registerDevice(relayUrl, user, { device, list });
  }
}

async function registerDevice(
  relayUrl: string,
  user: PeerUser,
  { device, list }: { device: PeerDevice; list: SignedDeviceList },
): Promise<void> {
  const { userId, identity, devices } = user;
  const { deviceId } = device.entry;
  const answer = await ask(relayUrl, { kind: 'nonce' });
  invariant(answer.kind === 'nonce', 'a relay gives nonces');
  const { nonce } = answer;
  const keys = uploadOf(user);
  const tokenHash = crypto.digest([entropy(32)]);
  const fields: ProofFields = { userId, deviceId, nonce, list: list.list, tokenHash, keys };
  const [first] = devices;
  invariant(first !== undefined, 'a user has a device');
  if (device === first) {
    const proof = [accountProofBytes(fields)];
    const identityProof = crypto.sign(identity, proof, entropy(64));
    const deviceProof = crypto.signWithDeviceKey(device.deviceKey, proof);
    const rest = { userId, nonce, list, identityProof, deviceProof, tokenHash, keys };
    await ask(relayUrl, { kind: 'createAccount', ...rest });
    return;
  }
  const listVersion = list.list.version;
  const approver = first.entry.deviceId;
  const claim = { userId, ...device.entry, listVersion, approver };
  const approval = signDeviceApproval(claim, first.deviceKey, crypto);
  const deviceProof = crypto.signWithDeviceKey(device.deviceKey, [deviceProofBytes(fields)]);
  const rest = { userId, nonce, deviceId, approval, list, deviceProof, tokenHash, keys };
  await ask(relayUrl, { kind: 'addDevice', ...rest });
}

/** One one-time prekey, as one initiator gets it, and the last resort. */
function uploadOf({ signedPreKey, kemPreKey }: PeerUser): PreKeyUpload {
  const { publicKey } = crypto.keyPair(entropy(32));
  return {
    signedPreKey,
    oneTimePreKeys: [{ id: 1, publicKey: publicKey.bytes }],
    lastResortKemPreKey: kemPreKey,
    oneTimeKemPreKeys: [],
  };
}

async function ask(relayUrl: string, request: RelayRequest): Promise<RelayAnswer> {
  const response = await fetch(new URL(requestPath(request.kind), relayUrl), {
    method: 'POST',
    headers: { 'content-type': CONTENT_TYPE },
    body: encodeRequest(request),
  });
  const outcome = decodeOutcome(new Uint8Array(await response.arrayBuffer()));
  invariant(outcome.ok && outcome.value.ok, `a relay takes a ${request.kind}`);
  return outcome.value.value;
}
