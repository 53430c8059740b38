/**
 * Users with many devices, each of which takes the message that begins a session and answers it once.
 * Of a device no more is kept than its keys: what is measured is the other side.
 */

import { invariant } from '@simsim/bytes';
import type { KemKeyPair, KeyPair, SigningKeyPair } from '@simsim/crypto';
import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import { signalPqxdh, signKemPreKey, signPreKey } from '@simsim/key-agreement';
import {
  deviceListHash,
  envelopeIdFromBytes,
  messageIdFromBytes,
  parseDeviceId,
  parseUserId,
  signDeviceList,
} from '@simsim/relay-protocol';
import type {
  DeviceEntry,
  DeviceId,
  IncomingEnvelope,
  KemPreKey,
  OutgoingEnvelope,
  PreKeyBundle,
  SignedDeviceList,
  SignedPreKey,
  UserId,
} from '@simsim/relay-protocol';
import { decodeContent, encodeContent } from '@simsim/sesame';
import { accept, encrypt, parseMessage } from '@simsim/session';

const ENV = { crypto, entropy };

/** One device of a peer user: what others see of it, and the key it signs with. */
export interface PeerDevice {
  readonly entry: DeviceEntry;
  readonly deviceKey: SigningKeyPair;
}

/** A user of several devices. They share the identity key, as all devices of a user do. */
export interface PeerUser {
  readonly userId: UserId;
  readonly identity: KeyPair;
  readonly devices: readonly PeerDevice[];
  /** Names all devices. */
  readonly list: SignedDeviceList;
  readonly signedPreKey: SignedPreKey;
  /** The last resort: no device here has one-time prekeys. */
  readonly kemPreKey: KemPreKey;
}

/** Prekeys of all peer devices: making thousands of them is nothing that is measured. */
interface SharedPreKeys {
  readonly signed: KeyPair;
  readonly kem: KemKeyPair;
}

const PRE_KEYS: SharedPreKeys = {
  signed: crypto.keyPair(entropy(32)),
  kem: crypto.kemKeyPair('kyber1024', entropy(64)),
};

/** Makes a user with devices 1 to `deviceCount`. */
export function createPeerUser(name: string, deviceCount: number): PeerUser {
  const parsed = parseUserId(name);
  invariant(parsed.ok, 'users of a bench have good names');
  const identity = crypto.keyPair(entropy(32));
  const devices = Array.from({ length: deviceCount }, (_, i) => createPeerDevice(i + 1));
  const env = { suite: signalPqxdh, ...ENV };
  const { signed, kem } = PRE_KEYS;
  const user = {
    userId: parsed.value,
    identity,
    devices,
    signedPreKey: {
      id: 1,
      publicKey: signed.publicKey.bytes,
      signature: signPreKey(signed.publicKey, identity, env),
    },
    kemPreKey: {
      id: 1,
      publicKey: kem.publicKey,
      signature: signKemPreKey(kem.publicKey, identity, env),
    },
  };
  return { ...user, list: listOf(user, { count: deviceCount, previous: undefined }) };
}

/** The list of a user's first devices, signed by the first of all. */
export function listOf(
  { userId, identity, devices }: Pick<PeerUser, 'userId' | 'identity' | 'devices'>,
  { count, previous }: { count: number; previous: SignedDeviceList | undefined },
): SignedDeviceList {
  const [signer] = devices;
  invariant(signer !== undefined, 'a user has a device');
  const list = {
    userId,
    version: (previous?.list.version ?? 0) + 1,
    previous: previous === undefined ? new Uint8Array(32) : deviceListHash(previous.list, crypto),
    identityKey: identity.publicKey.bytes,
    devices: devices.slice(0, count).map(({ entry }) => entry),
    signer: signer.entry.deviceId,
  };
  const { deviceKey } = signer;
  return signDeviceList(list, { deviceKey, identity, entropy64: entropy(64) }, crypto);
}

function createPeerDevice(id: number): PeerDevice {
  const deviceId = parseDeviceId(id);
  invariant(deviceId.ok, 'ids of devices count from 1');
  const deviceKey = crypto.signingKeyPair(entropy(32));
  const entry = { deviceId: deviceId.value, registrationId: id, deviceKey: deviceKey.publicKey };
  return { entry, deviceKey };
}

/** What a claim gives of one device. */
export function bundleOf(user: PeerUser, deviceId: DeviceId): PreKeyBundle {
  const device = user.devices.find(({ entry }) => entry.deviceId === deviceId);
  invariant(device !== undefined, 'only listed devices are claimed');
  const { signedPreKey, kemPreKey } = user;
  const identityKey = user.identity.publicKey.bytes;
  return { ...device.entry, identityKey, signedPreKey, kemPreKey };
}

let seq = 0;

/** Opens the message that begins a session and answers it with a receipt. */
export function answerInitiation(user: PeerUser, envelope: OutgoingEnvelope): IncomingEnvelope {
  const { deviceId, registrationId } = envelope;
  const message = parseMessage(envelope.content);
  invariant(message.ok && message.value.kind === 'initiation', 'a first message initiates');
  const { signed, kem } = PRE_KEYS;
  const accepted = accept(
    {
      message: message.value,
      identity: user.identity,
      registrationId,
      signedPreKey: signed,
      kemPreKey: { pair: kem, use: 'lastResort' },
      offeredVersion: 4,
    },
    ENV,
  );
  invariant(accepted.ok, 'an honest initiation is accepted');
  const content = decodeContent(accepted.value.plaintext);
  invariant(content.ok, 'the engine writes content');
  const receipt = encodeContent({
    messageId: messageIdFromBytes(entropy(16)),
    sentAt: content.value.sentAt,
    kind: { type: 'receipt', messageIds: [content.value.messageId] },
  });
  const answer = encrypt(accepted.value.session, receipt, ENV);
  invariant(answer.ok, 'a responder answers');
  seq++;
  return {
    seq,
    sender: user.userId,
    senderDevice: deviceId,
    envelopeId: envelopeIdFromBytes(entropy(16)),
    kind: 'message',
    content: answer.value.message,
    waitedMs: 0,
  };
}
