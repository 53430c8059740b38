/** Users and devices with real keys, as whoever asks a relay needs them. Equal seeds, equal people. */

import { encodeUtf8 } from '@simsim/bytes';
import type { Entropy, KeyPair, SigningKeyPair } from '@simsim/crypto';
import { seededEntropy } from '@simsim/crypto';
import { crypto } from '@simsim/crypto/auto';
import type {
  AddDeviceRequest,
  CreateAccountRequest,
  DeviceHead,
  DeviceEntry,
  DeviceId,
  DeviceList,
  EnvelopeId,
  GetSuccessionRequest,
  Heir,
  KemPreKey,
  OutgoingEnvelope,
  Post,
  PostId,
  PreKeyUpload,
  RemoveDeviceRequest,
  RenewDeviceRequest,
  SignedDeviceList,
  UserId,
} from '@simsim/relay-protocol';
import {
  accountProofBytes,
  deviceListHash,
  deviceProofBytes,
  envelopeIdFromBytes,
  KEM_PUBLIC_KEY_BYTES,
  parseDeviceId,
  parseUserId,
  postIdFromBytes,
  renewalProofBytes,
  signDeviceHead,
  signDeviceApproval,
  signDeviceList,
  successionAskBytes,
} from '@simsim/relay-protocol';

/** A device with its secrets. */
export interface TestDevice {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly entry: DeviceEntry;
  readonly deviceKey: SigningKeyPair;
  readonly token: Uint8Array;
  readonly tokenHash: Uint8Array;
  readonly keys: PreKeyUpload;
}

/** A user id that is known to be good. */
export function userIdOf(name: string): UserId {
  const parsed = parseUserId(name);
  if (!parsed.ok) throw new Error('a test user has a good name');
  return parsed.value;
}

/** A device id that is known to be good. */
export function deviceIdOf(value: number): DeviceId {
  const parsed = parseDeviceId(value);
  if (!parsed.ok) throw new Error('a test device has a good id');
  return parsed.value;
}

/** A user with its identity, its current list and the devices that are or were on it. */
export class TestUser {
  readonly userId: UserId;
  readonly entropy: Entropy;
  identity: KeyPair;
  readonly devices: Map<number, TestDevice> = new Map();
  list: SignedDeviceList | undefined;

  constructor(name: string, seed: string = name) {
    this.userId = userIdOf(name);
    this.entropy = seededEntropy(encodeUtf8(`relay test ${seed}`), crypto);
    this.identity = crypto.keyPair(this.entropy(32));
  }

  /** Makes a device without listing it. */
  makeDevice(id: number, oneTimeCount = 3): TestDevice {
    const deviceId = deviceIdOf(id);
    const deviceKey = crypto.signingKeyPair(this.entropy(32));
    const registrationId = 1 + (((this.entropy(1)[0] ?? 0) * 64) % 16_383);
    const token = this.entropy(32);
    const device: TestDevice = {
      userId: this.userId,
      deviceId,
      entry: { deviceId, registrationId, deviceKey: deviceKey.publicKey },
      deviceKey,
      token,
      tokenHash: crypto.digest([token]),
      keys: this.makeKeys(1, oneTimeCount),
    };
    this.devices.set(id, device);
    return device;
  }

  /**
   * Prekeys of both kinds with ids `from` … `from + count - 1`, signed prekey `from`, and a last
   * resort of id 1000 + `from`.
   */
  makeKeys(from: number, count: number): PreKeyUpload {
    return {
      signedPreKey: { id: from, publicKey: this.entropy(32), signature: this.entropy(64) },
      oneTimePreKeys: Array.from({ length: count }, (_, i) => ({
        id: from + i,
        publicKey: this.entropy(32),
      })),
      lastResortKemPreKey: this.makeKemKey(1000 + from),
      oneTimeKemPreKeys: Array.from({ length: count }, (_, i) => this.makeKemKey(from + i)),
    };
  }

  /** Of a KEM key's form; nobody here opens anything with it. */
  makeKemKey(id: number): KemPreKey {
    const publicKey = new Uint8Array(KEM_PUBLIC_KEY_BYTES).fill(id & 0xff);
    publicKey.set(this.entropy(32));
    return { id, publicKey, signature: this.entropy(64) };
  }

  device(id: number): TestDevice {
    const device = this.devices.get(id);
    if (device === undefined) throw new Error('a test names a device that was made');
    return device;
  }

  current(): DeviceList {
    if (this.list === undefined) throw new Error('the user has a list');
    return this.list.list;
  }

  /** Signs a list with a device's key and the identity. */
  sign(list: DeviceList, signer: TestDevice): SignedDeviceList {
    const entropy64 = this.entropy(64);
    return signDeviceList(
      list,
      { deviceKey: signer.deviceKey, identity: this.identity, entropy64 },
      crypto,
    );
  }

  /** The next list with these devices, signed. */
  nextList(devices: readonly DeviceEntry[], signer: TestDevice): SignedDeviceList {
    const current = this.current();
    const previous = deviceListHash(current, crypto);
    const version = current.version + 1;
    return this.sign({ ...current, version, previous, devices, signer: signer.deviceId }, signer);
  }

  createAccount(device: TestDevice, nonce: Uint8Array): CreateAccountRequest {
    const { userId } = this;
    const list = this.sign(
      {
        userId,
        version: 1,
        previous: new Uint8Array(32),
        identityKey: this.identity.publicKey.bytes,
        devices: [device.entry],
        signer: device.deviceId,
      },
      device,
    );
    this.list = list;
    const { tokenHash, keys, deviceId } = device;
    const proof = [
      accountProofBytes({ userId, deviceId, nonce, list: list.list, tokenHash, keys }),
    ];
    return {
      kind: 'createAccount',
      userId,
      nonce,
      list,
      identityProof: crypto.sign(this.identity, proof, this.entropy(64)),
      deviceProof: crypto.signWithDeviceKey(device.deviceKey, proof),
      tokenHash,
      keys,
    };
  }

  /** Does not adopt the list; the caller does once the relay took it. */
  addDevice(device: TestDevice, approver: TestDevice, nonce: Uint8Array): AddDeviceRequest {
    const { userId } = this;
    const list = this.nextList([...this.current().devices, device.entry], approver);
    const listVersion = list.list.version;
    const { tokenHash, keys, deviceId } = device;
    const approval = signDeviceApproval(
      { userId, ...device.entry, listVersion, approver: approver.deviceId },
      approver.deviceKey,
      crypto,
    );
    const proof = [deviceProofBytes({ userId, deviceId, nonce, list: list.list, tokenHash, keys })];
    const deviceProof = crypto.signWithDeviceKey(device.deviceKey, proof);
    return {
      kind: 'addDevice',
      userId,
      nonce,
      deviceId,
      approval,
      list,
      deviceProof,
      tokenHash,
      keys,
    };
  }

  /** Does not adopt the list. The device as it will be, and what it asks. */
  renewDevice(
    device: TestDevice,
    nonce: Uint8Array,
    token: Uint8Array = this.entropy(32),
  ): { renewed: TestDevice; request: RenewDeviceRequest } {
    const registrationId = (device.entry.registrationId % 16_383) + 1;
    const renewed: TestDevice = {
      ...device,
      entry: { ...device.entry, registrationId },
      token,
      tokenHash: crypto.digest([token]),
      keys: this.makeKeys(500, 2),
    };
    const { userId } = this;
    const { deviceId, tokenHash, keys } = renewed;
    const others = this.current().devices.filter((each) => each.deviceId !== deviceId);
    const list = this.nextList([...others, renewed.entry], device);
    const fields = { userId, deviceId, nonce, list: list.list, tokenHash, keys };
    const proof = [renewalProofBytes(fields)];
    const deviceProof = crypto.signWithDeviceKey(device.deviceKey, proof);
    return { renewed, request: { kind: 'renewDevice', ...fields, list, deviceProof } };
  }

  /** A device's head at an event; which log it is shows in the hash. */
  head(device: TestDevice, seq: number, fill = 1): DeviceHead {
    return signDeviceHead(
      {
        logId: new Uint8Array(16).fill(fill),
        incarnation: device.entry.registrationId,
        seq,
        hash: new Uint8Array(32).fill(fill),
        at: 1,
      },
      device.deviceKey,
      crypto,
    );
  }

  removeDevice(id: number, signer: TestDevice): RemoveDeviceRequest {
    const left = this.current().devices.filter((device) => device.deviceId !== deviceIdOf(id));
    return { kind: 'removeDevice', list: this.nextList(left, signer) };
  }

  /**
   * Removes a device and takes another identity key; what is sealed and signed for the others is noise
   * here. The list and the key count from the answer on: {@link adopt}.
   */
  succeed(id: number, signer: TestDevice): { request: RemoveDeviceRequest; identity: KeyPair } {
    const identity = crypto.keyPair(this.entropy(32));
    const left = this.current().devices.filter((device) => device.deviceId !== deviceIdOf(id));
    const unsigned = { ...this.nextList(left, signer).list, identityKey: identity.publicKey.bytes };
    const list = signDeviceList(
      unsigned,
      { deviceKey: signer.deviceKey, identity, entropy64: this.entropy(64) },
      crypto,
    );
    const heirs = left.map(({ deviceId }): Heir => {
      const { signedPreKey, lastResortKemPreKey } = this.device(deviceId).keys;
      return {
        deviceId,
        sealed: this.entropy(90),
        signedPreKey: { id: signedPreKey.id, signature: this.entropy(64) },
        lastResort: { id: lastResortKemPreKey.id, signature: this.entropy(64) },
      };
    });
    return { request: { kind: 'removeDevice', list, heirs }, identity };
  }

  /** Asks how the list went on, signed by the device, or by another one in its name. */
  askSuccession(
    { userId, deviceId, deviceKey }: TestDevice,
    since: number,
    by: SigningKeyPair = deviceKey,
  ): GetSuccessionRequest {
    const ask = { userId, deviceId, since };
    const signature = crypto.signWithDeviceKey(by, [successionAskBytes(ask)]);
    return { kind: 'getSuccession', ...ask, signature };
  }

  /** The relay took it. */
  adopt({ request, identity }: ReturnType<TestUser['succeed']>): void {
    this.identity = identity;
    this.list = request.list;
  }

  postId(): PostId {
    return postIdFromBytes(this.entropy(16));
  }

  envelopeId(): EnvelopeId {
    return envelopeIdFromBytes(this.entropy(16));
  }

  /** An envelope for a device as its entry says. */
  envelope(to: DeviceEntry, content: Uint8Array = this.entropy(24)): OutgoingEnvelope {
    const { deviceId, registrationId } = to;
    return { deviceId, registrationId, envelopeId: this.envelopeId(), kind: 'message', content };
  }

  /** A post to exactly these devices. */
  postTo(recipient: UserId, devices: readonly DeviceEntry[], content?: Uint8Array): Post {
    const envelopes = devices.map((device) => this.envelope(device, content));
    return { postId: this.postId(), recipient, scope: 'all', envelopes };
  }
}
