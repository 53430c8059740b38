/**
 * `@signalapp/libsignal-client`: Signal's own library. Typed from its declarations; its calls take
 * their arguments by position, and which ones there are differs from release to release.
 */

import { invariant } from '@simsim/bytes';
import { withType, withoutType } from './key-form.ts';
import type { ClientStores } from './libsignal-client-stores.ts';
import { createClientStores } from './libsignal-client-stores.ts';
import type { ClientRelease, LibsignalClient, PrivateKey } from './libsignal-client-module.ts';
import { isLibsignalClient } from './libsignal-client-module.ts';
import type { Bundle, Device, Parties, Party, Peer, PublishOptions, SignedKey } from './peer.ts';
import { NAMELESS, attempt } from './peer.ts';

/** The type number of a message that begins a session. */
const INITIATION = 3;

/** Registration ids have 14 bits. */
const REGISTRATION_ID = 0x2bad;

/** Signed prekeys carry a time of their making that nobody looks at here. */
const MADE_AT_MS = 1_700_000_000_000;

/** A release of the package as a peer. */
export function libsignalClientPeer(name: string, module: unknown, release: ClientRelease): Peer {
  invariant(isLibsignalClient(module), 'the pinned package has the members its adapter uses');
  return {
    name,
    createDevice: (_entropy, parties = NAMELESS) =>
      Promise.resolve(createDevice({ client: module, release, parties })),
  };
}

interface DeviceEnv {
  readonly client: LibsignalClient;
  readonly release: ClientRelease;
  readonly parties: Parties;
}

/** A device and what its calls need. */
interface Held extends DeviceEnv {
  readonly identity: PrivateKey;
  readonly stores: ClientStores;
  prekeysMade: number;
}

function createDevice(env: DeviceEnv): Device {
  const { client, release, parties } = env;
  const identity = client.PrivateKey.generate();
  const settings = { identity, registrationId: REGISTRATION_ID, release };
  const stores = createClientStores(client, settings);
  const held: Held = { ...env, identity, stores, prekeysMade: 0 };
  const addressOf = ({ name, deviceId }: Party): object =>
    client.ProtocolAddress.new(name, deviceId);
  const addresses = release.takesLocalAddress
    ? [addressOf(parties.peer), addressOf(parties.own)]
    : [addressOf(parties.peer)];
  const { sessions, identities, preKeys, signedPreKeys, kemPreKeys } = stores;
  const session = [...addresses, sessions, identities] as const;
  const prekeys = release.hasKem ? [preKeys, signedPreKeys, kemPreKeys] : [preKeys, signedPreKeys];
  return {
    publish: (what) => attempt(() => Promise.resolve(publish(held, what))),
    initiate: (bundle) =>
      attempt(async () => {
        await client.processPreKeyBundle(clientBundle(held, bundle), ...session);
        return undefined;
      }),
    encrypt: (plaintext) =>
      attempt(async () => {
        const sent = await client.signalEncrypt(Buffer.from(plaintext), ...session);
        return {
          bytes: Uint8Array.from(sent.serialize()),
          isInitiation: sent.type() === INITIATION,
        };
      }),
    decrypt: ({ bytes, isInitiation }) =>
      attempt(async () => {
        const buffer = Buffer.from(bytes);
        const opened = isInitiation
          ? client.signalDecryptPreKey(
              client.PreKeySignalMessage.deserialize(buffer),
              ...session,
              ...prekeys,
            )
          : client.signalDecrypt(client.SignalMessage.deserialize(buffer), ...session);
        return Uint8Array.from(await opened);
      }),
  };
}

function publish(held: Held, { version, withOneTimePreKey }: PublishOptions): Bundle {
  const { client, identity, stores } = held;
  const signed = makeKey(held);
  const signature = identity.sign(signed.pair.getPublicKey().serialize());
  stores.addSignedPreKey(
    signed.id,
    client.SignedPreKeyRecord.new(
      signed.id,
      MADE_AT_MS,
      signed.pair.getPublicKey(),
      signed.pair,
      signature,
    ),
  );
  const bundle = {
    identityKey: rawOf(identity),
    registrationId: REGISTRATION_ID,
    signedPreKey: {
      id: signed.id,
      publicKey: rawOf(signed.pair),
      signature: Uint8Array.from(signature),
    },
    ...(version === 4 && { kemPreKey: publishKemKey(held) }),
  };
  if (!withOneTimePreKey) return bundle;
  const { id, pair } = makeKey(held);
  stores.addPreKey(id, client.PreKeyRecord.new(id, pair.getPublicKey(), pair));
  return { ...bundle, oneTimePreKey: { id, publicKey: rawOf(pair) } };
}

function publishKemKey({ client, identity, stores, ...held }: Held): SignedKey {
  const id = 9000 + held.prekeysMade;
  const pair = client.KEMKeyPair?.generate();
  invariant(pair !== undefined, 'a release that speaks version 4 has KEM keys');
  const publicKey = pair.getPublicKey().serialize();
  const signature = identity.sign(publicKey);
  const record = client.KyberPreKeyRecord?.new(id, MADE_AT_MS, pair, signature);
  invariant(record !== undefined, 'a release that speaks version 4 has KEM records');
  stores.addKemPreKey(id, record);
  return { id, publicKey: withoutType('kem', publicKey), signature: Uint8Array.from(signature) };
}

function makeKey(held: Held): { readonly id: number; readonly pair: PrivateKey } {
  held.prekeysMade += 1;
  return { id: held.prekeysMade, pair: held.client.PrivateKey.generate() };
}

function rawOf(pair: PrivateKey): Uint8Array {
  return withoutType('curve', pair.getPublicKey().serialize());
}

function clientBundle({ client, parties }: Held, bundle: Bundle): object {
  const { identityKey, registrationId, signedPreKey, oneTimePreKey, kemPreKey } = bundle;
  const keyOf = (raw: Uint8Array): object => client.PublicKey.deserialize(withType('curve', raw));
  return client.PreKeyBundle.new(
    registrationId,
    parties.peer.deviceId,
    oneTimePreKey?.id ?? null,
    oneTimePreKey === undefined ? null : keyOf(oneTimePreKey.publicKey),
    signedPreKey.id,
    keyOf(signedPreKey.publicKey),
    Buffer.from(signedPreKey.signature),
    keyOf(identityKey),
    ...(kemPreKey === undefined
      ? []
      : [
          kemPreKey.id,
          client.KEMPublicKey?.deserialize(withType('kem', kemPreKey.publicKey)),
          Buffer.from(kemPreKey.signature),
        ]),
  );
}
