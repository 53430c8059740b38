/** The stores `@signalapp/libsignal-client` calls back, in memory; records are kept as bytes. */

import { invariant } from '@simsim/bytes';
import type {
  ClientRelease,
  LibsignalClient,
  PrivateKey,
  Serializable,
} from './libsignal-client-module.ts';

/** One store of each kind. A miss among prekeys is an error, as the package demands. */
export interface ClientStores {
  readonly sessions: object;
  readonly identities: object;
  readonly preKeys: object;
  readonly signedPreKeys: object;
  /** Passed only to releases that know KEM prekeys. */
  readonly kemPreKeys: object;
  addPreKey(id: number, record: Serializable): void;
  addSignedPreKey(id: number, record: Serializable): void;
  addKemPreKey(id: number, record: Serializable): void;
}

/** Makes empty stores for one device. */
export function createClientStores(
  client: LibsignalClient,
  {
    identity,
    registrationId,
    release,
  }: {
    readonly identity: PrivateKey;
    readonly registrationId: number;
    readonly release: ClientRelease;
  },
): ClientStores {
  const preKeys = createRecords(client.PreKeyRecord);
  const signedPreKeys = createRecords(client.SignedPreKeyRecord);
  const kemPreKeys = createRecords(client.KyberPreKeyRecord);
  return {
    sessions: descend(client.SessionStore, sessionStore(client)),
    identities: descend(client.IdentityKeyStore, {
      getIdentityKey: () => Promise.resolve(identity),
      getLocalRegistrationId: () => Promise.resolve(registrationId),
      saveIdentity: () => Promise.resolve(release.identityUnchanged),
      isTrustedIdentity: () => Promise.resolve(true),
      getIdentity: () => Promise.resolve(null),
    }),
    preKeys: descend(client.PreKeyStore, {
      getPreKey: preKeys.get,
      removePreKey: preKeys.remove,
    }),
    signedPreKeys: descend(client.SignedPreKeyStore, { getSignedPreKey: signedPreKeys.get }),
    kemPreKeys: descend(client.KyberPreKeyStore, {
      getKyberPreKey: kemPreKeys.get,
      markKyberPreKeyUsed: kemPreKeys.remove,
    }),
    addPreKey: preKeys.add,
    addSignedPreKey: signedPreKeys.add,
    addKemPreKey: kemPreKeys.add,
  };
}

/** The package calls its own methods on a store, so a store has to descend from its class. */
function descend(parent: { readonly prototype: object } | undefined, store: object): object {
  if (parent !== undefined) Object.setPrototypeOf(store, parent.prototype);
  return store;
}

/** A conversation has one remote address, so there is one session record at most. */
function sessionStore({ SessionRecord }: LibsignalClient): object {
  let saved: Uint8Array | undefined;
  return {
    saveSession: (_address: unknown, record: Serializable) => {
      saved = record.serialize();
      return Promise.resolve();
    },
    getSession: () =>
      Promise.resolve(saved === undefined ? null : SessionRecord.deserialize(Buffer.from(saved))),
    getExistingSessions: () => Promise.resolve([]),
  };
}

interface Records {
  readonly add: (id: number, record: Serializable) => void;
  readonly get: (id: number) => Promise<Serializable>;
  readonly remove: (id: number) => Promise<void>;
}

function createRecords(
  type: { deserialize(bytes: Uint8Array): Serializable } | undefined,
): Records {
  const saved = new Map<number, Uint8Array>();
  return {
    add: (id, record) => void saved.set(id, record.serialize()),
    get: async (id) => {
      const bytes = saved.get(id);
      if (bytes === undefined) throw new Error(`no prekey ${id}`);
      invariant(type !== undefined, 'a release without KEM prekeys asks for none');
      return type.deserialize(Buffer.from(bytes));
    },
    remove: async (id) => void saved.delete(id),
  };
}
