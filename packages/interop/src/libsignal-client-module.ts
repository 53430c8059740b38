/** What is used of `@signalapp/libsignal-client`, in every release that we talk to. */

import { hasMembers } from './peer.ts';

/** What differs between releases in a way that our calls can tell. */
export interface ClientRelease {
  /** Whether it knows KEM prekeys, hence version 4. */
  readonly hasKem: boolean;
  /** Whether calls take our own address after the peer's. */
  readonly takesLocalAddress: boolean;
  /** What `saveIdentity` answers for an identity that is no replacement. */
  readonly identityUnchanged: boolean | number;
}

/** Something that can be kept as bytes. */
export interface Serializable {
  serialize(): Uint8Array;
}

/** A Curve25519 private key. */
export interface PrivateKey extends Serializable {
  getPublicKey(): Serializable;
  sign(message: Uint8Array): Uint8Array;
}

/** A class whose instances are made from bytes. */
interface Deserializer {
  deserialize(bytes: Uint8Array): Serializable;
}

/** A class whose instances are made from parts. */
interface Maker {
  new: (...parts: readonly unknown[]) => Serializable;
}

/** An abstract class that a store has to descend from. */
interface AbstractStore {
  readonly prototype: object;
}

/** The members of the package that are used. */
export interface LibsignalClient {
  readonly PrivateKey: { generate(): PrivateKey };
  readonly PublicKey: Deserializer;
  readonly KEMPublicKey?: Deserializer;
  readonly KEMKeyPair?: { generate(): { getPublicKey(): Serializable } };
  readonly PreKeyBundle: { new: (...parts: readonly unknown[]) => object };
  readonly PreKeyRecord: Maker & Deserializer;
  readonly SignedPreKeyRecord: Maker & Deserializer;
  readonly KyberPreKeyRecord?: Maker & Deserializer;
  readonly SessionRecord: Deserializer;
  readonly SignalMessage: Deserializer;
  readonly PreKeySignalMessage: Deserializer;
  readonly ProtocolAddress: { new: (name: string, deviceId: number) => object };
  readonly SessionStore: AbstractStore;
  readonly IdentityKeyStore: AbstractStore;
  readonly PreKeyStore: AbstractStore;
  readonly SignedPreKeyStore: AbstractStore;
  readonly KyberPreKeyStore?: AbstractStore;
  processPreKeyBundle(...parts: readonly unknown[]): Promise<void>;
  signalEncrypt(...parts: readonly unknown[]): Promise<Serializable & { type(): number }>;
  signalDecrypt(...parts: readonly unknown[]): Promise<Uint8Array>;
  signalDecryptPreKey(...parts: readonly unknown[]): Promise<Uint8Array>;
}

/** Whether a loaded module is the package. */
export function isLibsignalClient(module: unknown): module is LibsignalClient {
  return hasMembers(module, [
    'PrivateKey',
    'PublicKey',
    'PreKeyBundle',
    'PreKeyRecord',
    'SignedPreKeyRecord',
    'SessionRecord',
    'SignalMessage',
    'PreKeySignalMessage',
    'ProtocolAddress',
    'SessionStore',
    'IdentityKeyStore',
    'PreKeyStore',
    'SignedPreKeyStore',
    'processPreKeyBundle',
    'signalEncrypt',
    'signalDecrypt',
    'signalDecryptPreKey',
  ]);
}
