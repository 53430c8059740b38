/** How a session begins: X3DH on both sides, then the ratchet on top of it. */

import type { Result } from '@simsim/bytes';
import { err, ok } from '@simsim/bytes';
import type { KeyPair, Secret } from '@simsim/crypto';
import { startInitiator, startResponder } from '@simsim/double-ratchet';
import { agreeAsInitiator, agreeAsResponder, signalX3dh } from '@simsim/key-agreement';
import { decryptWith } from './decrypt.ts';
import type { SessionRejection } from './rejection.ts';
import type { ResolvedOptions } from './session-options.ts';
import type { Session, SessionCold, SessionEnv } from './session-state.ts';
import { sessionIdOf } from './session-state.ts';
import type { InitiationMessage } from './wire.ts';

/** A peer device's published keys as its relay answered them. Nothing in it is trusted. */
export interface PreKeyBundle {
  /** 32 bytes. */
  readonly identityKey: Uint8Array;
  readonly registrationId: number;
  readonly signedPreKey: {
    readonly id: number;
    readonly publicKey: Uint8Array;
    /** 64 bytes over the 33-byte encoded key. */
    readonly signature: Uint8Array;
  };
  readonly oneTimePreKey?: { readonly id: number; readonly publicKey: Uint8Array };
}

/** What {@link initiate} is given. */
export interface InitiateInput {
  readonly bundle: PreKeyBundle;
  readonly identity: KeyPair;
  /** Our own. */
  readonly registrationId: number;
}

/** A new session; `consumed` is empty, as nothing was held before. */
export interface Initiated {
  readonly session: Session;
  readonly consumed: readonly Secret[];
}

/** What {@link accept} is given. The prekeys are those the message names. */
export interface AcceptInput {
  readonly message: InitiationMessage;
  readonly identity: KeyPair;
  readonly signedPreKey: KeyPair;
  readonly oneTimePreKey?: KeyPair;
  /** Our own. */
  readonly registrationId: number;
}

/** A new session with the plaintext of its first message. */
export interface Accepted {
  readonly session: Session;
  readonly plaintext: Uint8Array;
  /** The one-time prekey's private half, if one was used: wipe and delete it with the commit. */
  readonly consumed: readonly Secret[];
}

/**
 * Begins a session towards a device that need not be online.
 *
 * Entropy: 32 bytes for the base key, then 32 for the first ratchet key.
 * Rejects: `BAD_KEY`, `BAD_SIGNATURE`.
 * Spec: X3DH §3.3, Double Ratchet §3.3, SES-14, signal-wire b.1 and b.4.
 */
export function initiateWith(
  { bundle, identity, registrationId }: InitiateInput,
  env: SessionEnv,
  options: ResolvedOptions,
): Result<Initiated, SessionRejection> {
  const { crypto } = env;
  const agreed = agreeAsInitiator({
    ...env,
    suite: signalX3dh,
    identity,
    peer: {
      identityKey: bundle.identityKey,
      signedPreKey: bundle.signedPreKey.publicKey,
      signature: bundle.signedPreKey.signature,
      oneTimePreKey: bundle.oneTimePreKey?.publicKey,
    },
  });
  if (!agreed.ok) return agreed;
  const { secrets, baseKey, peerIdentity, peerSignedPreKey } = agreed.value;
  const [root, responderChain] = secrets;
  // The responder could send on this chain before it receives; nobody does, so nobody needs it.
  crypto.wipe(responderChain);
  const ratchet = startInitiator({ root, peer: peerSignedPreKey }, env, options);
  crypto.wipe(root);
  if (!ratchet.ok) return ratchet;
  const { hot, cold, blocks } = ratchet.value;
  const sessionCold: SessionCold = {
    id: sessionIdOf(baseKey.bytes, crypto),
    baseKey: baseKey.bytes,
    localIdentity: identity.publicKey.bytes,
    remoteIdentity: peerIdentity.bytes,
    localRegistrationId: registrationId,
    remoteRegistrationId: bundle.registrationId,
    pending: {
      signedPreKeyId: bundle.signedPreKey.id,
      oneTimePreKeyId: bundle.oneTimePreKey?.id,
    },
    ratchet: cold,
  };
  return ok({ session: { hot, cold: sessionCold, blocks }, consumed: [] });
}

/**
 * Makes the matching session from an initiation message and decrypts that message. Any of the
 * session's initiation messages will do, not only the first.
 *
 * The caller looks for a session with this base key first (SES-54) and remembers base keys that used
 * no one-time prekey, because such a message can be replayed (SES-63).
 * Rejects: `BAD_KEY`, `ONE_TIME_KEY_MISMATCH`, `BAD_MAC`, `MALFORMED`, `TOO_FAR_AHEAD`,
 * `CHAIN_EXHAUSTED`; no prekey is used up then.
 * Spec: X3DH §3.4, SES-16, signal-wire b.4.
 */
export function acceptWith(
  input: AcceptInput,
  env: SessionEnv,
  options: ResolvedOptions,
): Result<Accepted, SessionRejection> {
  const { message, identity, signedPreKey, oneTimePreKey, registrationId } = input;
  const { crypto } = env;
  if ((message.oneTimePreKeyId === undefined) !== (oneTimePreKey === undefined)) {
    return err({ code: 'ONE_TIME_KEY_MISMATCH' });
  }
  const peerIdentity = crypto.publicKey(message.identityKey);
  if (peerIdentity === undefined) return err({ code: 'BAD_KEY', key: 'identity' });
  const peerBaseKey = crypto.publicKey(message.baseKey);
  if (peerBaseKey === undefined) return err({ code: 'BAD_KEY', key: 'base' });
  const keys = { identity, signedPreKey, oneTimePreKey, peerIdentity, peerBaseKey };
  const secrets = agreeAsResponder({ suite: signalX3dh, crypto, ...keys });
  if (!secrets.ok) return secrets;
  const [root, firstChain] = secrets.value;
  crypto.wipe(firstChain);
  const ratchet = startResponder(root, signedPreKey);
  const cold: SessionCold = {
    id: sessionIdOf(message.baseKey, crypto),
    baseKey: message.baseKey,
    localIdentity: identity.publicKey.bytes,
    remoteIdentity: message.identityKey,
    localRegistrationId: registrationId,
    remoteRegistrationId: message.registrationId,
    pending: undefined,
    ratchet: ratchet.cold,
  };
  const start: Session = { hot: ratchet.hot, cold, blocks: ratchet.blocks };
  const decrypted = decryptWith({ session: start, message: message.inner }, env, options);
  crypto.wipe(root); // the session moved past it, or there is none
  if (!decrypted.ok) return decrypted;
  const consumed = oneTimePreKey === undefined ? [] : [oneTimePreKey.privateKey];
  return ok({ session: decrypted.value.session, plaintext: decrypted.value.plaintext, consumed });
}
