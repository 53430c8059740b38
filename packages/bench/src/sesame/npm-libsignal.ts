/** npm `libsignal` with its session records kept alive in memory: what is used of it here. */

import { invariant } from '@simsim/bytes';
import { hasMembers, installPeer, loadPeer, PEERS } from '@simsim/interop';

/** The release that a fan-out is held against. */
export const NPM_RELEASE = 'libsignal@6.0.0';

interface KeyPair {
  readonly pubKey: Buffer;
  readonly privKey: Buffer;
}

interface Letter {
  readonly type: number;
  readonly body: string;
}

interface Cipher {
  encrypt(data: Uint8Array): Promise<Letter>;
  decryptPreKeyWhisperMessage(bytes: Uint8Array): Promise<Uint8Array>;
  decryptWhisperMessage(bytes: Uint8Array): Promise<Uint8Array>;
}

interface SessionRecord {
  serialize(): unknown;
}

/** The members that are used. */
export interface NpmLibsignal {
  readonly ProtocolAddress: new (name: string, deviceId: number) => object;
  readonly SessionRecord: { deserialize(saved: unknown): SessionRecord };
  readonly SessionBuilder: new (
    store: object,
    remote: object,
  ) => { initOutgoing(bundle: object): Promise<void> };
  readonly SessionCipher: new (store: object, remote: object) => Cipher;
  readonly keyhelper: {
    generateIdentityKeyPair(): KeyPair;
    generateRegistrationId(): number;
    generateSignedPreKey(
      identity: KeyPair,
      id: number,
    ): { readonly keyPair: KeyPair; readonly signature: Uint8Array };
  };
}

function isNpmLibsignal(module: unknown): module is NpmLibsignal {
  return hasMembers(module, [
    'ProtocolAddress',
    'SessionRecord',
    'SessionBuilder',
    'SessionCipher',
    'keyhelper',
  ]);
}

/** Loads the package, installing it where it is not there. `undefined` where it cannot be had. */
export async function loadNpmLibsignal(): Promise<NpmLibsignal | undefined> {
  const peer = PEERS.find((each) => each.id === NPM_RELEASE);
  invariant(peer !== undefined, 'the catalogue has the release');
  const failure = await installPeer(peer);
  if (failure !== undefined) return undefined;
  let library: NpmLibsignal | undefined;
  loadPeer({
    ...peer,
    adapt(module) {
      invariant(isNpmLibsignal(module), 'the pinned package has the members that are used');
      library = module;
      return peer.adapt(module);
    },
  });
  return library;
}

/** A device: its identity, one signed prekey for everybody, and its sessions. */
export interface NpmDevice {
  bundle(): object;
  /** Begins a session with the device a bundle is of. */
  initiate(to: string, bundle: object): Promise<void>;
  encrypt(to: string, text: Uint8Array): Promise<Letter>;
  decrypt(from: string, message: Letter): Promise<Uint8Array>;
}

/** The type number of a message that begins a session. */
const INITIATION = 3;
const KEY_ID = 1;

/**
 * How a device keeps its records. `text`: as JSON, as applications do, so that each load is a fresh
 * copy. `live`: the very objects of the package; it changes them before it has checked a tag, so a
 * forged message destroys a session that is kept so.
 */
export type NpmKeeping = 'text' | 'live';

/** Makes a device. */
export function createNpmDevice(library: NpmLibsignal, keeping: NpmKeeping): NpmDevice {
  const { keyhelper, ProtocolAddress, SessionBuilder, SessionCipher } = library;
  const identity = keyhelper.generateIdentityKeyPair();
  const registrationId = keyhelper.generateRegistrationId();
  const signed = keyhelper.generateSignedPreKey(identity, KEY_ID);
  const store = {
    ...(keeping === 'live' ? liveSessions() : savedSessions(library)),
    isTrustedIdentity: () => true,
    loadPreKey: () => Promise.resolve(undefined),
    removePreKey: () => undefined,
    loadSignedPreKey: () => signed.keyPair,
    getOurRegistrationId: () => registrationId,
    getOurIdentity: () => identity,
  };
  const addressOf = (name: string): object => new ProtocolAddress(name, 1);
  return {
    bundle: () => ({
      registrationId,
      identityKey: identity.pubKey,
      signedPreKey: {
        keyId: KEY_ID,
        publicKey: signed.keyPair.pubKey,
        signature: signed.signature,
      },
    }),
    initiate: (to, bundle) => new SessionBuilder(store, addressOf(to)).initOutgoing(bundle),
    encrypt: (to, text) => new SessionCipher(store, addressOf(to)).encrypt(text),
    decrypt(from, { type, body }) {
      const cipher = new SessionCipher(store, addressOf(from));
      const bytes = Buffer.from(body, 'latin1');
      return type === INITIATION
        ? cipher.decryptPreKeyWhisperMessage(bytes)
        : cipher.decryptWhisperMessage(bytes);
    },
  };
}

interface Sessions {
  loadSession(id: string): Promise<SessionRecord | undefined>;
  storeSession(id: string, record: SessionRecord): Promise<void>;
}

function liveSessions(): Sessions {
  const records = new Map<string, SessionRecord>();
  return {
    loadSession: (id) => Promise.resolve(records.get(id)),
    storeSession(id, record) {
      records.set(id, record);
      return Promise.resolve();
    },
  };
}

function savedSessions({ SessionRecord }: NpmLibsignal): Sessions {
  const records = new Map<string, string>();
  return {
    loadSession(id) {
      const saved = records.get(id);
      return Promise.resolve(
        saved === undefined ? undefined : SessionRecord.deserialize(JSON.parse(saved)),
      );
    },
    storeSession(id, record) {
      records.set(id, JSON.stringify(record.serialize()));
      return Promise.resolve();
    },
  };
}
