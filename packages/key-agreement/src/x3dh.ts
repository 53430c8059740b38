/**
 * X3DH: how two devices agree on first secrets while one of them is offline.
 *
 * Knows nothing of ratchets, wire formats, ids or stores: raw keys in, secrets out.
 */

import type { Result } from '@simsim/bytes';
import { err, ok } from '@simsim/bytes';
import type { Crypto, Entropy, KeyPair, PublicKey, Role, Secret, Secrets } from '@simsim/crypto';
import { isPreKeySigned } from './prekey-signature.ts';
import type { AgreementSuite } from './suite.ts';

/** Why an agreement was refused. Nothing was kept. */
export type AgreementRejection =
  /** The signed prekey does not carry a signature of the identity key. */
  | { readonly code: 'BAD_SIGNATURE' }
  /** A public key is malformed, of low order, or gives a zero shared secret. */
  | {
      readonly code: 'BAD_KEY';
      readonly key: 'identity' | 'signedPreKey' | 'oneTimePreKey' | 'base';
    };

/** The peer's published keys, raw 32 bytes each, as a relay answered them: nothing is trusted. */
export interface PeerPreKeys {
  readonly identityKey: Uint8Array;
  readonly signedPreKey: Uint8Array;
  /** 64 bytes by the identity key over the encoded signed prekey. */
  readonly signature: Uint8Array;
  readonly oneTimePreKey?: Uint8Array | undefined;
}

/** What {@link agreeAsInitiator} needs. */
export interface InitiatorInput<R extends readonly Role[]> {
  readonly suite: AgreementSuite<R>;
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly identity: KeyPair;
  readonly peer: PeerPreKeys;
}

/** What the initiator has afterwards. */
export interface InitiatorAgreement<R extends readonly Role[]> {
  readonly secrets: Secrets<R>;
  /** The public half of the ephemeral key; its private half is gone already. */
  readonly baseKey: PublicKey;
  readonly peerIdentity: PublicKey;
  /** The checked signed prekey: the peer's first ratchet key. */
  readonly peerSignedPreKey: PublicKey;
}

/**
 * The initiator's side. The signature is verified before anything secret is touched; the ephemeral
 * private key and all Diffie-Hellman results are wiped before this returns.
 *
 * Entropy: 32 bytes for the ephemeral key, drawn after the checks.
 * Rejects: `BAD_KEY`, `BAD_SIGNATURE`.
 * Spec: X3DH §3.3.
 */
export function agreeAsInitiator<const R extends readonly Role[]>(
  input: InitiatorInput<R>,
): Result<InitiatorAgreement<R>, AgreementRejection> {
  const { crypto, suite, identity, peer } = input;
  const identityKey = crypto.publicKey(peer.identityKey);
  if (identityKey === undefined) return err({ code: 'BAD_KEY', key: 'identity' });
  const preKey = crypto.publicKey(peer.signedPreKey);
  if (preKey === undefined) return err({ code: 'BAD_KEY', key: 'signedPreKey' });
  if (!isPreKeySigned({ identityKey, preKey, signature: peer.signature }, { crypto, suite })) {
    return err({ code: 'BAD_SIGNATURE' });
  }
  const oneTimeKey = peer.oneTimePreKey && crypto.publicKey(peer.oneTimePreKey);
  if (peer.oneTimePreKey !== undefined && oneTimeKey === undefined) {
    return err({ code: 'BAD_KEY', key: 'oneTimePreKey' });
  }
  const base = crypto.keyPair(input.entropy(32));
  const agreements: Agreement[] = [
    { own: identity.privateKey, peer: preKey, key: 'signedPreKey' },
    { own: base.privateKey, peer: identityKey, key: 'identity' },
    { own: base.privateKey, peer: preKey, key: 'signedPreKey' },
  ];
  if (oneTimeKey) {
    agreements.push({ own: base.privateKey, peer: oneTimeKey, key: 'oneTimePreKey' });
  }
  const derived = deriveSecrets(agreements, crypto, suite);
  crypto.wipe(base.privateKey);
  if (!derived.ok) return derived;
  return ok({
    secrets: derived.value,
    baseKey: base.publicKey,
    peerIdentity: identityKey,
    peerSignedPreKey: preKey,
  });
}

/** What {@link agreeAsResponder} needs. */
export interface ResponderInput<R extends readonly Role[]> {
  readonly suite: AgreementSuite<R>;
  readonly crypto: Crypto;
  readonly identity: KeyPair;
  readonly signedPreKey: KeyPair;
  /** Given exactly when the initiator named one. */
  readonly oneTimePreKey?: KeyPair | undefined;
  readonly peerIdentity: PublicKey;
  readonly peerBaseKey: PublicKey;
}

/**
 * The responder's side. The given keys stay the caller's: the one-time key is deleted only once the
 * first message has decrypted (X3-23).
 *
 * Rejects: `BAD_KEY`.   Spec: X3DH §3.4.
 */
export function agreeAsResponder<const R extends readonly Role[]>(
  input: ResponderInput<R>,
): Result<Secrets<R>, AgreementRejection> {
  const { crypto, suite, identity, signedPreKey, oneTimePreKey, peerIdentity, peerBaseKey } = input;
  const agreements: Agreement[] = [
    { own: signedPreKey.privateKey, peer: peerIdentity, key: 'identity' },
    { own: identity.privateKey, peer: peerBaseKey, key: 'base' },
    { own: signedPreKey.privateKey, peer: peerBaseKey, key: 'base' },
  ];
  if (oneTimePreKey) {
    agreements.push({ own: oneTimePreKey.privateKey, peer: peerBaseKey, key: 'base' });
  }
  return deriveSecrets(agreements, crypto, suite);
}

interface Agreement {
  readonly own: Secret<'dh'>;
  readonly peer: PublicKey;
  readonly key: 'identity' | 'signedPreKey' | 'oneTimePreKey' | 'base';
}

/** Separates the KDF's input from anything XEdDSA could be made to sign (X3DH §2.2, F). */
const DOMAIN_PREFIX: Uint8Array = new Uint8Array(32).fill(0xff);

function deriveSecrets<const R extends readonly Role[]>(
  agreements: readonly Agreement[],
  crypto: Crypto,
  suite: AgreementSuite<R>,
): Result<Secrets<R>, AgreementRejection> {
  const shared: Secret<'shared'>[] = [];
  try {
    for (const { own, peer, key } of agreements) {
      const result = crypto.dh(own, peer);
      if (result === undefined) return err({ code: 'BAD_KEY', key });
      shared.push(result);
    }
    return ok(crypto.hkdf([DOMAIN_PREFIX, ...shared], undefined, suite.info, suite.outputs));
  } finally {
    for (const secret of shared) crypto.wipe(secret);
  }
}
