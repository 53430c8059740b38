/** What every implementation looks like to a conversation: ours, and those nobody here wrote. */

import type { Result } from '@simsim/bytes';
import { err, ok } from '@simsim/bytes';
import type { Entropy } from '@simsim/crypto';
import type { WireVersion } from '@simsim/session';

/** What a device publishes so that others can begin a session while it is offline. Raw bytes. */
export interface Bundle {
  /** 32 bytes. */
  readonly identityKey: Uint8Array;
  readonly registrationId: number;
  /** 32 bytes, and a signature of 64 bytes over them behind their type byte. */
  readonly signedPreKey: SignedKey;
  /** 32 bytes. */
  readonly oneTimePreKey?: { readonly id: number; readonly publicKey: Uint8Array };
  /** 1568 bytes, and a signature of 64 bytes over them behind their type byte; version 4 only. */
  readonly kemPreKey?: SignedKey;
}

/** A published key that the identity key vouches for. */
export interface SignedKey {
  readonly id: number;
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
}

/** A message on its way. */
export interface Letter {
  readonly bytes: Uint8Array;
  /** Whether it carries what the receiver needs to begin the session. */
  readonly isInitiation: boolean;
}

/** Why an implementation did not do as asked, in its own words, on one line. */
export interface Refusal {
  readonly code: string;
}

/** One device with an identity of its own, which talks to exactly one other device. */
export interface Device {
  /** Makes fresh prekeys, keeps their private halves and answers the public ones. */
  publish(what: PublishOptions): Promise<Result<Bundle, Refusal>>;
  /** Begins a session: in version 4 if the bundle holds a KEM prekey, else in version 3. */
  initiate(bundle: Bundle): Promise<Result<undefined, Refusal>>;
  /** Encrypts on the session that this implementation would use. */
  encrypt(plaintext: Uint8Array): Promise<Result<Letter, Refusal>>;
  /** Decrypts, beginning a session where the letter asks for it. */
  decrypt(letter: Letter): Promise<Result<Uint8Array, Refusal>>;
}

/** What a bundle is to hold. */
export interface PublishOptions {
  readonly version: WireVersion;
  readonly withOneTimePreKey: boolean;
}

/** An implementation under test. */
export interface Peer {
  readonly name: string;
  /**
   * A new device. `entropy` decides all it draws, if the implementation takes randomness at all;
   * {@link NAMELESS} if it does not matter who talks to whom.
   */
  createDevice(entropy: Entropy, parties?: Parties): Promise<Device>;
}

/** A device as others address it. */
export interface Party {
  /** A Signal service id (`uuid` or `PNI:uuid`), or any other name, which is never written down. */
  readonly name: string;
  /** 1 to 127. */
  readonly deviceId: number;
}

/** A device's own address and that of the device it talks to. */
export interface Parties {
  readonly own: Party;
  readonly peer: Party;
}

/** Two devices without service ids. */
export const NAMELESS: Parties = {
  own: { name: 'self', deviceId: 1 },
  peer: { name: 'other', deviceId: 1 },
};

/** Runs a call of an implementation that says no by throwing. */
export async function attempt<T>(call: () => Promise<T>): Promise<Result<T, Refusal>> {
  try {
    return ok(await call());
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    return err({ code: text.replaceAll(/\s+/g, ' ').slice(0, 120) });
  }
}

/** Whether a loaded module has all these members: what an adapter relies on, looked at once. */
export function hasMembers(module: unknown, names: readonly string[]): boolean {
  return (
    typeof module === 'object' &&
    module !== null &&
    names.every((name) => Reflect.has(module, name))
  );
}
