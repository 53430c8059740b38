/** `@signalapp/libsignal-client` with a session store of ours to choose: what is used of it here. */

import { invariant } from '@simsim/bytes';
import { hasMembers, installPeer, loadPeer, PEERS } from '@simsim/interop';

/** The release that the log is held against. */
export const RELEASE = 'libsignal-client@0.103.0';

/** Something of the package that can be kept as bytes. */
interface Serializable {
  serialize(): Uint8Array;
}

interface PrivateKey extends Serializable {
  getPublicKey(): Serializable;
  sign(message: Uint8Array): Uint8Array;
}

interface KemPair {
  getPublicKey(): Serializable;
}

/** The package's own session records by the address they belong to, kept as they are. */
export interface LiveRecords {
  readonly live: Map<string, object>;
}

interface Deserializer {
  deserialize(bytes: Uint8Array): Serializable;
}

interface Maker {
  new: (...parts: readonly unknown[]) => Serializable;
}

interface AbstractStore {
  readonly prototype: object;
}

/** The members that are used. Calls take their arguments by position. */
export interface Client {
  readonly PrivateKey: { generate(): PrivateKey };
  readonly KEMKeyPair: { generate(): KemPair };
  readonly PreKeyBundle: { new: (...parts: readonly unknown[]) => object };
  readonly SignedPreKeyRecord: Maker;
  readonly KyberPreKeyRecord: Maker;
  readonly SessionRecord: Deserializer;
  readonly SignalMessage: Deserializer;
  readonly PreKeySignalMessage: Deserializer;
  readonly ProtocolAddress: { new: (name: string, deviceId: number) => object };
  readonly SessionStore: AbstractStore;
  readonly IdentityKeyStore: AbstractStore;
  readonly PreKeyStore: AbstractStore;
  readonly SignedPreKeyStore: AbstractStore;
  readonly KyberPreKeyStore: AbstractStore;
  processPreKeyBundle(...parts: readonly unknown[]): Promise<void>;
  signalEncrypt(...parts: readonly unknown[]): Promise<Serializable>;
  signalDecrypt(...parts: readonly unknown[]): Promise<Uint8Array>;
  signalDecryptPreKey(...parts: readonly unknown[]): Promise<Uint8Array>;
}

const MEMBERS = [
  'PrivateKey',
  'KEMKeyPair',
  'PreKeyBundle',
  'SignedPreKeyRecord',
  'KyberPreKeyRecord',
  'SessionRecord',
  'SignalMessage',
  'PreKeySignalMessage',
  'ProtocolAddress',
  'SessionStore',
  'IdentityKeyStore',
  'PreKeyStore',
  'SignedPreKeyStore',
  'KyberPreKeyStore',
  'processPreKeyBundle',
  'signalEncrypt',
  'signalDecrypt',
  'signalDecryptPreKey',
];

function isClient(module: unknown): module is Client {
  return hasMembers(module, MEMBERS);
}

/** Loads the package, installing it where it is not there. `undefined` where it cannot be had. */
export async function loadClient(): Promise<Client | undefined> {
  const peer = PEERS.find((each) => each.id === RELEASE);
  invariant(peer !== undefined, 'the catalogue has the release');
  const failure = await installPeer(peer);
  if (failure !== undefined) return undefined;
  let client: Client | undefined;
  loadPeer({
    ...peer,
    adapt(module) {
      invariant(isClient(module), 'the pinned package has the members that are used');
      client = module;
      return peer.adapt(module);
    },
  });
  return client;
}

/** Where session records are kept, by the address they belong to. */
export interface SessionRecords {
  get(address: string): Uint8Array | undefined;
  put(address: string, record: Uint8Array): void;
}

/** A device: its identity, one set of prekeys for everybody, and its sessions. */
export interface ClientDevice {
  /** Begins a session with the device a bundle is of. */
  initiate(to: string, bundle: object): Promise<void>;
  bundle(): object;
  encrypt(to: string, text: Uint8Array): Promise<Uint8Array>;
  decrypt(from: string, message: Uint8Array): Promise<Uint8Array>;
  /** Decrypts the message that begins a session. */
  accept(from: string, message: Uint8Array): Promise<Uint8Array>;
}

const DEVICE_ID = 1;
const REGISTRATION_ID = 7;
const KEY_ID = 1;
const MADE_AT_MS = 1_700_000_000_000;

/** Makes a device whose sessions are kept in `records`, as bytes or alive. */
export function createClientDevice(
  client: Client,
  name: string,
  records: SessionRecords | LiveRecords,
): ClientDevice {
  const identity = client.PrivateKey.generate();
  const signed = client.PrivateKey.generate();
  const signature = identity.sign(signed.getPublicKey().serialize());
  const kem = client.KEMKeyPair.generate();
  const kemSignature = identity.sign(kem.getPublicKey().serialize());
  const addressOf = (user: string): object => client.ProtocolAddress.new(user, DEVICE_ID);
  const own = addressOf(name);
  const sessionsWith = (user: string): object =>
    'live' in records
      ? liveSessionStore(client, user, records)
      : sessionStore(client, user, records);
  const identities = identityStore(client, identity);
  const prekeys = [
    storeOf(client.PreKeyStore, {}),
    storeOf(client.SignedPreKeyStore, {
      getSignedPreKey: () =>
        Promise.resolve(
          client.SignedPreKeyRecord.new(
            KEY_ID,
            MADE_AT_MS,
            signed.getPublicKey(),
            signed,
            signature,
          ),
        ),
    }),
    storeOf(client.KyberPreKeyStore, {
      getKyberPreKey: () =>
        Promise.resolve(client.KyberPreKeyRecord.new(KEY_ID, MADE_AT_MS, kem, kemSignature)),
      markKyberPreKeyUsed: () => Promise.resolve(),
    }),
  ];
  const around = (user: string): readonly object[] => [
    addressOf(user),
    own,
    sessionsWith(user),
    identities,
  ];
  return {
    bundle: () =>
      client.PreKeyBundle.new(
        REGISTRATION_ID,
        DEVICE_ID,
        null,
        null,
        KEY_ID,
        signed.getPublicKey(),
        signature,
        identity.getPublicKey(),
        KEY_ID,
        kem.getPublicKey(),
        kemSignature,
      ),
    initiate: (to, bundle) => client.processPreKeyBundle(bundle, ...around(to)),
    encrypt: async (to, text) => (await client.signalEncrypt(text, ...around(to))).serialize(),
    decrypt: (from, message) =>
      client.signalDecrypt(client.SignalMessage.deserialize(message), ...around(from)),
    accept: (from, message) =>
      client.signalDecryptPreKey(
        client.PreKeySignalMessage.deserialize(message),
        ...around(from),
        ...prekeys,
      ),
  };
}

/** The package calls its own methods on a store, so a store has to descend from its class. */
function storeOf({ prototype }: AbstractStore, store: object): object {
  Object.setPrototypeOf(store, prototype);
  return store;
}

function sessionStore(client: Client, user: string, records: SessionRecords): object {
  return storeOf(client.SessionStore, {
    saveSession(_address: unknown, record: Serializable) {
      records.put(user, record.serialize());
      return Promise.resolve();
    },
    getSession() {
      const record = records.get(user);
      return Promise.resolve(record && client.SessionRecord.deserialize(record));
    },
    getExistingSessions: () => Promise.resolve([]),
  });
}

function liveSessionStore(client: Client, user: string, { live }: LiveRecords): object {
  return storeOf(client.SessionStore, {
    saveSession(_address: unknown, record: object) {
      live.set(user, record);
      return Promise.resolve();
    },
    getSession: () => Promise.resolve(live.get(user) ?? null),
    getExistingSessions: () => Promise.resolve([]),
  });
}

function identityStore(client: Client, identity: PrivateKey): object {
  return storeOf(client.IdentityKeyStore, {
    getIdentityKey: () => Promise.resolve(identity),
    getLocalRegistrationId: () => Promise.resolve(REGISTRATION_ID),
    saveIdentity: () => Promise.resolve(0),
    isTrustedIdentity: () => Promise.resolve(true),
    getIdentity: () => Promise.resolve(null),
  });
}
