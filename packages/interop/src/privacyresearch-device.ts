/**
 * `@privacyresearch/libsignal-protocol-typescript`: version 3 in plain JavaScript. Typed from its
 * declarations and its behaviour.
 */

import { invariant } from '@simsim/bytes';
import { withType, withoutType } from './key-form.ts';
import type { Bundle, Device, Party, Peer, PublishOptions } from './peer.ts';
import { NAMELESS, attempt, hasMembers } from './peer.ts';

interface KeyPair {
  readonly pubKey: ArrayBuffer;
  readonly privKey: ArrayBuffer;
}

interface Cipher {
  encrypt(data: ArrayBuffer): Promise<{ readonly type: number; readonly body?: string }>;
  decryptPreKeyWhisperMessage(bytes: ArrayBuffer): Promise<ArrayBuffer>;
  decryptWhisperMessage(bytes: ArrayBuffer): Promise<ArrayBuffer>;
}

/** What is used of the package. */
interface PrivacyResearch {
  readonly SignalProtocolAddress: new (name: string, deviceId: number) => object;
  readonly SessionBuilder: new (
    store: object,
    remote: object,
  ) => { processPreKey(bundle: object): Promise<unknown> };
  readonly SessionCipher: new (store: object, remote: object) => Cipher;
  readonly KeyHelper: {
    generateIdentityKeyPair(): Promise<KeyPair>;
    generateRegistrationId(): number;
    generatePreKey(id: number): Promise<{ readonly keyPair: KeyPair }>;
    generateSignedPreKey(
      identity: KeyPair,
      id: number,
    ): Promise<{ readonly keyPair: KeyPair; readonly signature: ArrayBuffer }>;
  };
}

/** The type number of a message that begins a session. */
const INITIATION = 3;

/** The package as a peer. */
export function privacyResearchPeer(name: string, module: unknown): Peer {
  invariant(isPrivacyResearch(module), 'the pinned package has the members that its adapter uses');
  return { name, createDevice: (_entropy, { peer } = NAMELESS) => createDevice(module, peer) };
}

function isPrivacyResearch(module: unknown): module is PrivacyResearch {
  return hasMembers(module, ['SessionBuilder', 'SessionCipher', 'KeyHelper']);
}

/** Private halves by id, and sessions by address. */
interface Kept {
  readonly identity: KeyPair;
  readonly registrationId: number;
  readonly signedPreKeys: Map<number, KeyPair>;
  readonly preKeys: Map<number, KeyPair>;
}

async function createDevice(module: PrivacyResearch, peer: Party): Promise<Device> {
  const kept: Kept = {
    identity: await module.KeyHelper.generateIdentityKeyPair(),
    registrationId: module.KeyHelper.generateRegistrationId(),
    signedPreKeys: new Map(),
    preKeys: new Map(),
  };
  const store = createStore(kept);
  const remote = new module.SignalProtocolAddress(peer.name, peer.deviceId);
  const cipher = new module.SessionCipher(store, remote);
  return {
    publish: (what) => attempt(() => publish(module, kept, what)),
    initiate: (bundle) =>
      attempt(async () => {
        await new module.SessionBuilder(store, remote).processPreKey(bundleOf(bundle));
        return undefined;
      }),
    encrypt: (plaintext) =>
      attempt(async () => {
        const { type, body = '' } = await cipher.encrypt(bufferOf(plaintext));
        const bytes = Uint8Array.from(Buffer.from(body, 'latin1'));
        return { bytes, isInitiation: type === INITIATION };
      }),
    decrypt: ({ bytes, isInitiation }) =>
      attempt(async () => {
        const call = isInitiation ? 'decryptPreKeyWhisperMessage' : 'decryptWhisperMessage';
        return new Uint8Array(await cipher[call](bufferOf(bytes)));
      }),
  };
}

function createStore({ identity, registrationId, signedPreKeys, preKeys }: Kept): object {
  const sessions = new Map<string, string>();
  return {
    getIdentityKeyPair: () => Promise.resolve(identity),
    getLocalRegistrationId: () => Promise.resolve(registrationId),
    isTrustedIdentity: () => Promise.resolve(true),
    saveIdentity: () => Promise.resolve(false),
    loadPreKey: (id: number | string) => Promise.resolve(preKeys.get(Number(id))),
    removePreKey: (id: number | string) => Promise.resolve(void preKeys.delete(Number(id))),
    loadSession: (address: string) => Promise.resolve(sessions.get(address)),
    storeSession: (address: string, record: string) =>
      Promise.resolve(void sessions.set(address, record)),
    loadSignedPreKey: (id: number | string) => Promise.resolve(signedPreKeys.get(Number(id))),
  };
}

async function publish(
  { KeyHelper }: PrivacyResearch,
  { identity, registrationId, signedPreKeys, preKeys }: Kept,
  { withOneTimePreKey }: PublishOptions,
): Promise<Bundle> {
  const id = signedPreKeys.size + 1;
  const signed = await KeyHelper.generateSignedPreKey(identity, id);
  signedPreKeys.set(id, signed.keyPair);
  const bundle = {
    identityKey: rawOf(identity.pubKey),
    registrationId,
    signedPreKey: {
      id,
      publicKey: rawOf(signed.keyPair.pubKey),
      signature: new Uint8Array(signed.signature),
    },
  };
  if (!withOneTimePreKey) return bundle;
  const { keyPair } = await KeyHelper.generatePreKey(id + 100);
  preKeys.set(id + 100, keyPair);
  return { ...bundle, oneTimePreKey: { id: id + 100, publicKey: rawOf(keyPair.pubKey) } };
}

function bundleOf({ identityKey, registrationId, signedPreKey, oneTimePreKey }: Bundle): object {
  return {
    registrationId,
    identityKey: bufferOf(withType('curve', identityKey)),
    signedPreKey: {
      keyId: signedPreKey.id,
      publicKey: bufferOf(withType('curve', signedPreKey.publicKey)),
      signature: bufferOf(signedPreKey.signature),
    },
    ...(oneTimePreKey && {
      preKey: {
        keyId: oneTimePreKey.id,
        publicKey: bufferOf(withType('curve', oneTimePreKey.publicKey)),
      },
    }),
  };
}

/** A buffer of exactly these bytes, as this package takes nothing else. */
function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return Uint8Array.from(bytes).buffer;
}

function rawOf(publicKey: ArrayBuffer): Uint8Array {
  return withoutType('curve', new Uint8Array(publicKey));
}
