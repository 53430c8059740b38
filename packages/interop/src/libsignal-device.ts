/**
 * npm `libsignal`: version 3 in plain JavaScript. Typed from its declarations and its behaviour.
 *
 * It changes a session before it has checked a tag and relies on the store to hand out fresh copies,
 * so this store keeps copies.
 */

import { invariant } from '@simsim/bytes';
import { withType, withoutType } from './key-form.ts';
import type { Bundle, Device, Party, Peer, PublishOptions } from './peer.ts';
import { NAMELESS, attempt, hasMembers } from './peer.ts';

interface KeyPair {
  readonly pubKey: Buffer;
  readonly privKey: Buffer;
}

interface Record {
  serialize(): unknown;
}

interface Cipher {
  encrypt(data: Uint8Array): Promise<{ readonly type: number; readonly body: string }>;
  decryptPreKeyWhisperMessage(bytes: Uint8Array): Promise<Uint8Array>;
  decryptWhisperMessage(bytes: Uint8Array): Promise<Uint8Array>;
}

/** What is used of the package. */
interface Libsignal {
  readonly ProtocolAddress: new (name: string, deviceId: number) => object;
  readonly SessionRecord: { deserialize(saved: unknown): Record };
  readonly SessionBuilder: new (
    store: object,
    remote: object,
  ) => { initOutgoing(bundle: object): Promise<void> };
  readonly SessionCipher: new (store: object, remote: object) => Cipher;
  readonly keyhelper: {
    generateIdentityKeyPair(): KeyPair;
    generateRegistrationId(): number;
    generatePreKey(id: number): { readonly keyPair: KeyPair };
    generateSignedPreKey(
      identity: KeyPair,
      id: number,
    ): { readonly keyPair: KeyPair; readonly signature: Uint8Array };
  };
}

/** The type number of a message that begins a session. */
const INITIATION = 3;

/** The package as a peer. */
export function libsignalPeer(name: string, module: unknown): Peer {
  invariant(isLibsignal(module), 'the pinned package has the members that its adapter uses');
  return {
    name,
    createDevice: (_entropy, { peer } = NAMELESS) => Promise.resolve(createDevice(module, peer)),
  };
}

function isLibsignal(module: unknown): module is Libsignal {
  return hasMembers(module, ['SessionRecord', 'SessionBuilder', 'SessionCipher', 'keyhelper']);
}

function createDevice(module: Libsignal, peer: Party): Device {
  const identity = module.keyhelper.generateIdentityKeyPair();
  const registrationId = module.keyhelper.generateRegistrationId();
  const signedPreKeys = new Map<number, KeyPair>();
  const preKeys = new Map<number, KeyPair>();
  const sessions = new Map<string, unknown>();
  const store = {
    loadSession: (id: string): Promise<Record | undefined> => {
      const saved = sessions.get(id);
      const copy = saved === undefined ? undefined : structuredClone(saved);
      return Promise.resolve(copy === undefined ? copy : module.SessionRecord.deserialize(copy));
    },
    storeSession: (id: string, record: Record): Promise<void> => {
      sessions.set(id, structuredClone(record.serialize()));
      return Promise.resolve();
    },
    isTrustedIdentity: () => true,
    loadPreKey: (id: number | string) => Promise.resolve(preKeys.get(Number(id))),
    removePreKey: (id: number) => void preKeys.delete(id),
    loadSignedPreKey: (id: number | string) => signedPreKeys.get(Number(id)),
    getOurRegistrationId: () => registrationId,
    getOurIdentity: () => identity,
  };
  const remote = new module.ProtocolAddress(peer.name, peer.deviceId);
  const cipher = new module.SessionCipher(store, remote);
  const publish = ({ withOneTimePreKey }: PublishOptions): Bundle => {
    const id = signedPreKeys.size + 1;
    const signed = module.keyhelper.generateSignedPreKey(identity, id);
    signedPreKeys.set(id, signed.keyPair);
    const publicKey = withoutType('curve', signed.keyPair.pubKey);
    const signedPreKey = { id, publicKey, signature: Uint8Array.from(signed.signature) };
    const identityKey = withoutType('curve', identity.pubKey);
    if (!withOneTimePreKey) return { identityKey, registrationId, signedPreKey };
    const { keyPair } = module.keyhelper.generatePreKey(id + 100);
    preKeys.set(id + 100, keyPair);
    const oneTimePreKey = { id: id + 100, publicKey: withoutType('curve', keyPair.pubKey) };
    return { identityKey, registrationId, signedPreKey, oneTimePreKey };
  };
  return {
    publish: (what) => attempt(() => Promise.resolve(publish(what))),
    initiate: (bundle) =>
      attempt(async () => {
        await new module.SessionBuilder(store, remote).initOutgoing(bundleOf(bundle));
        return undefined;
      }),
    encrypt: (plaintext) =>
      attempt(async () => {
        const { type, body } = await cipher.encrypt(Buffer.from(plaintext));
        return { bytes: binaryOf(body), isInitiation: type === INITIATION };
      }),
    decrypt: ({ bytes, isInitiation }) =>
      attempt(async () => {
        const call = isInitiation ? 'decryptPreKeyWhisperMessage' : 'decryptWhisperMessage';
        return Uint8Array.from(await cipher[call](Buffer.from(bytes)));
      }),
  };
}

function bundleOf({ identityKey, registrationId, signedPreKey, oneTimePreKey }: Bundle): object {
  return {
    registrationId,
    identityKey: withType('curve', identityKey),
    signedPreKey: {
      keyId: signedPreKey.id,
      publicKey: withType('curve', signedPreKey.publicKey),
      signature: Buffer.from(signedPreKey.signature),
    },
    ...(oneTimePreKey && {
      preKey: { keyId: oneTimePreKey.id, publicKey: withType('curve', oneTimePreKey.publicKey) },
    }),
  };
}

/** A body comes as a string with one character a byte, or as bytes. */
function binaryOf(body: string): Uint8Array {
  return Uint8Array.from(Buffer.from(body, 'latin1'));
}
