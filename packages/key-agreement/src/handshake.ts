/**
 * X3DH and PQXDH, one handshake in two versions: how two devices agree on first secrets while one of
 * them is offline.
 *
 * Knows nothing of ratchets, wire formats, ids or stores: raw keys in, secrets out.
 */

import type { Result } from '@simsim/bytes';
import { err, invariant, ok, wipe } from '@simsim/bytes';
import { drawKeyPair } from '@simsim/crypto';
import type {
  Crypto,
  Encapsulated,
  Entropy,
  KemKeyPair,
  KeyPair,
  PublicKey,
  Role,
  Secret,
  Secrets,
} from '@simsim/crypto';
import { isKemPreKeySigned, isPreKeySigned } from './prekey-signature.ts';
import type { AgreementSuite } from './suite.ts';
import { checkParameters } from './suite.ts';

/** Why an agreement was refused. Nothing was kept. */
export type AgreementRejection =
  /** A prekey does not carry a signature of the identity key. */
  | { readonly code: 'BAD_SIGNATURE' }
  /** A public key is malformed, of low order, or gives a zero shared secret. */
  | {
      readonly code: 'BAD_KEY';
      readonly key: 'identity' | 'signedPreKey' | 'oneTimePreKey' | 'kemPreKey' | 'base';
    }
  /** PQXDH without a KEM prekey, or a message without its ciphertext. */
  | { readonly code: 'NO_KEM_PREKEY' }
  /** The KEM ciphertext has not the length of one. Any other forgery gives a secret nobody knows. */
  | { readonly code: 'BAD_KEM_CIPHERTEXT' };

/** The peer's published keys, raw bytes each, as a relay answered them: nothing is trusted. */
export interface PeerPreKeys {
  readonly identityKey: Uint8Array;
  readonly signedPreKey: Uint8Array;
  /** 64 bytes by the identity key over the encoded signed prekey. */
  readonly signature: Uint8Array;
  readonly oneTimePreKey?: Uint8Array | undefined;
  /** PQXDH needs it; X3DH does not look at it. */
  readonly kemPreKey?:
    | { readonly publicKey: Uint8Array; readonly signature: Uint8Array }
    | undefined;
}

/** What {@link agreeAsInitiator} needs. */
export interface InitiatorInput<R extends readonly Role[]> {
  readonly suite: AgreementSuite<R>;
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly identity: KeyPair;
  readonly peer: PeerPreKeys;
  /** Appended to the KDF's input where both ends hold one. Absent on Signal's wire. */
  readonly preShared?: Secret<'shared'> | undefined;
}

/** What the initiator has afterwards. */
export interface InitiatorAgreement<R extends readonly Role[]> {
  readonly secrets: Secrets<R>;
  /** The public half of the ephemeral key; its private half is gone already. */
  readonly baseKey: PublicKey;
  readonly peerIdentity: PublicKey;
  /** The checked signed prekey: the peer's first ratchet key. */
  readonly peerSignedPreKey: PublicKey;
  /** 1568 bytes for the peer, in PQXDH. */
  readonly kemCiphertext: Uint8Array | undefined;
}

/**
 * The initiator's side. Every signature is verified before anything secret is touched; the ephemeral
 * private key, all Diffie-Hellman results and the KEM's secret are wiped before this returns.
 *
 * Entropy: the curve's key length (32) for the ephemeral key, then 32 for the encapsulation, drawn
 * after the checks.
 * Rejects: `BAD_KEY`, `BAD_SIGNATURE`, `NO_KEM_PREKEY`.
 * Spec: X3DH §3.3, PQXDH §3.3.
 */
export function agreeAsInitiator<const R extends readonly Role[]>(
  input: InitiatorInput<R>,
): Result<InitiatorAgreement<R>, AgreementRejection> {
  const { crypto, suite, identity } = input;
  checkParameters(crypto, suite);
  const checked = checkPeer(input.peer, { crypto, suite });
  if (!checked.ok) return checked;
  const { identityKey, preKey, oneTimeKey, kemKey } = checked.value;
  const base = drawKeyPair(input);
  const encapsulated = encapsulateFor(kemKey, input);
  if (!encapsulated.ok) {
    crypto.wipe(base.privateKey);
    return encapsulated;
  }
  const agreements: Agreement[] = [
    { own: identity.privateKey, peer: preKey, key: 'signedPreKey' },
    { own: base.privateKey, peer: identityKey, key: 'identity' },
    { own: base.privateKey, peer: preKey, key: 'signedPreKey' },
  ];
  if (oneTimeKey) {
    agreements.push({ own: base.privateKey, peer: oneTimeKey, key: 'oneTimePreKey' });
  }
  const kemShared = encapsulated.value?.shared;
  const { preShared } = input;
  const derived = deriveSecrets({ agreements, kemShared, preShared }, crypto, suite);
  crypto.wipe(base.privateKey);
  if (kemShared) crypto.wipe(kemShared);
  if (!derived.ok) return derived;
  return ok({
    secrets: derived.value,
    baseKey: base.publicKey,
    peerIdentity: identityKey,
    peerSignedPreKey: preKey,
    kemCiphertext: encapsulated.value?.ciphertext,
  });
}

interface CheckedPeer {
  readonly identityKey: PublicKey;
  readonly preKey: PublicKey;
  readonly oneTimeKey: PublicKey | undefined;
  /** In PQXDH: signed, its form still unchecked. */
  readonly kemKey: Uint8Array | undefined;
}

function checkPeer(
  peer: PeerPreKeys,
  env: { readonly crypto: Crypto; readonly suite: AgreementSuite },
): Result<CheckedPeer, AgreementRejection> {
  const { crypto, suite } = env;
  const identityKey = crypto.publicKey(peer.identityKey);
  if (identityKey === undefined) return err({ code: 'BAD_KEY', key: 'identity' });
  const preKey = crypto.publicKey(peer.signedPreKey);
  if (preKey === undefined) return err({ code: 'BAD_KEY', key: 'signedPreKey' });
  const isSigned = isPreKeySigned({ identityKey, preKey, signature: peer.signature }, env);
  if (!isSigned) return err({ code: 'BAD_SIGNATURE' });
  const oneTimeKey = peer.oneTimePreKey && crypto.publicKey(peer.oneTimePreKey);
  if (peer.oneTimePreKey !== undefined && oneTimeKey === undefined) {
    return err({ code: 'BAD_KEY', key: 'oneTimePreKey' });
  }
  if (suite.kem === undefined) return ok({ identityKey, preKey, oneTimeKey, kemKey: undefined });
  if (peer.kemPreKey === undefined) return err({ code: 'NO_KEM_PREKEY' });
  const { publicKey: kemPreKey, signature } = peer.kemPreKey;
  const isKemSigned = isKemPreKeySigned({ identityKey, kemPreKey, signature }, env);
  if (!isKemSigned) return err({ code: 'BAD_SIGNATURE' });
  return ok({ identityKey, preKey, oneTimeKey, kemKey: kemPreKey });
}

/** Nothing in X3DH. */
function encapsulateFor(
  kemKey: Uint8Array | undefined,
  { crypto, suite, entropy }: Omit<InitiatorInput<readonly Role[]>, 'peer'>,
): Result<Encapsulated | undefined, AgreementRejection> {
  if (suite.kem === undefined || kemKey === undefined) return ok(undefined);
  const drawn = entropy(32);
  const encapsulated = crypto.encapsulate(suite.kem.kind, kemKey, drawn);
  wipe(drawn);
  if (encapsulated === undefined) return err({ code: 'BAD_KEY', key: 'kemPreKey' });
  return ok(encapsulated);
}

/** What {@link agreeAsResponder} needs. */
export interface ResponderInput<R extends readonly Role[]> {
  readonly suite: AgreementSuite<R>;
  readonly crypto: Crypto;
  readonly identity: KeyPair;
  readonly signedPreKey: KeyPair;
  /** Given exactly when the initiator named one. */
  readonly oneTimePreKey?: KeyPair | undefined;
  /** The pair the initiator named and what it sent for it: both in PQXDH, neither in X3DH. */
  readonly kemPreKey?: KemKeyPair | undefined;
  readonly kemCiphertext?: Uint8Array | undefined;
  readonly peerIdentity: PublicKey;
  readonly peerBaseKey: PublicKey;
  /** As at the initiator. */
  readonly preShared?: Secret<'shared'> | undefined;
}

/**
 * The responder's side. The given keys stay the caller's: one-time keys are deleted only once the
 * first message has decrypted (X3-23, PQ-10). A forged KEM ciphertext is no refusal here: it gives
 * secrets nobody knows, so that message fails.
 *
 * Rejects: `BAD_KEY`, `NO_KEM_PREKEY`, `BAD_KEM_CIPHERTEXT`.   Spec: X3DH §3.4, PQXDH §3.4.
 */
export function agreeAsResponder<const R extends readonly Role[]>(
  input: ResponderInput<R>,
): Result<Secrets<R>, AgreementRejection> {
  const { crypto, suite, identity, signedPreKey, oneTimePreKey, peerIdentity, peerBaseKey } = input;
  checkParameters(crypto, suite);
  const decapsulated = decapsulateWith(input);
  if (!decapsulated.ok) return decapsulated;
  const agreements: Agreement[] = [
    { own: signedPreKey.privateKey, peer: peerIdentity, key: 'identity' },
    { own: identity.privateKey, peer: peerBaseKey, key: 'base' },
    { own: signedPreKey.privateKey, peer: peerBaseKey, key: 'base' },
  ];
  if (oneTimePreKey) {
    agreements.push({ own: oneTimePreKey.privateKey, peer: peerBaseKey, key: 'base' });
  }
  const kemShared = decapsulated.value;
  const { preShared } = input;
  const derived = deriveSecrets({ agreements, kemShared, preShared }, crypto, suite);
  if (kemShared) crypto.wipe(kemShared);
  return derived;
}

/** Nothing in X3DH. */
function decapsulateWith({
  crypto,
  suite: { kem },
  kemPreKey,
  kemCiphertext,
}: ResponderInput<readonly Role[]>): Result<Secret<'kemShared'> | undefined, AgreementRejection> {
  if (kem === undefined) return ok(undefined);
  if (kemPreKey === undefined || kemCiphertext === undefined) return err({ code: 'NO_KEM_PREKEY' });
  invariant(kemPreKey.kind === kem.kind, 'a KEM prekey of the suite');
  const shared = crypto.decapsulate(kemPreKey, kemCiphertext);
  return shared === undefined ? err({ code: 'BAD_KEM_CIPHERTEXT' }) : ok(shared);
}

interface Agreement {
  readonly own: Secret<'dh'>;
  readonly peer: PublicKey;
  readonly key: 'identity' | 'signedPreKey' | 'oneTimePreKey' | 'base';
}

/** What goes into KM, in this order. */
interface KeyMaterial {
  readonly agreements: readonly Agreement[];
  readonly kemShared: Secret<'kemShared'> | undefined;
  readonly preShared: Secret<'shared'> | undefined;
}

/** Separates the KDF's input from anything XEdDSA could be made to sign (X3DH §2.2, F). */
const DOMAIN_PREFIXES: { readonly [C in AgreementSuite['curve']]: Uint8Array } = {
  x25519: new Uint8Array(32).fill(0xff),
  x448: new Uint8Array(57).fill(0xff),
};

function deriveSecrets<const R extends readonly Role[]>(
  { agreements, kemShared, preShared }: KeyMaterial,
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
    const material = [DOMAIN_PREFIXES[suite.curve], ...shared, kemShared, preShared];
    const parts = material.filter((part) => part !== undefined);
    return ok(crypto.hkdf(parts, undefined, suite.info, suite.outputs));
  } finally {
    for (const secret of shared) crypto.wipe(secret);
  }
}
