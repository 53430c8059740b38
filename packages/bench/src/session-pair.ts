/** Two sessions that know each other, made by the handshake that the house makes: PQXDH. */

import { invariant } from '@simsim/bytes';
import type { KemKeyPair, KeyPair } from '@simsim/crypto';
import { signKemPreKey, signPreKey, signalPqxdh } from '@simsim/key-agreement';
import { accept, decrypt, encrypt, initiate, parseMessage } from '@simsim/session';
import type { Session, SessionEnv } from '@simsim/session';

/** One side's long-term keys. */
export interface Party {
  readonly identity: KeyPair;
  readonly signedPreKey: KeyPair;
  readonly signature: Uint8Array;
  readonly kemPreKey: KemKeyPair;
  readonly kemSignature: Uint8Array;
}

/** Makes the long-term keys of one side. */
export function createParty({ crypto, entropy }: SessionEnv): Party {
  const identity = crypto.keyPair(entropy(32));
  const signedPreKey = crypto.keyPair(entropy(32));
  const kemPreKey = crypto.kemKeyPair('kyber1024', entropy(64));
  const env = { suite: signalPqxdh, crypto, entropy };
  return {
    identity,
    signedPreKey,
    signature: signPreKey(signedPreKey.publicKey, identity, env),
    kemPreKey,
    kemSignature: signKemPreKey(kemPreKey.publicKey, identity, env),
  };
}

/** A session at both ends: the initiator's, and the responder's after its first message. */
export interface SessionPair {
  readonly alice: Session;
  readonly bob: Session;
}

/**
 * PQXDH with a one-time prekey, and the first message delivered. The KEM prekey is the party's one
 * for all its sessions: making more of them is the house's cost alone.
 */
export function initiated(from: Party, to: Party, env: SessionEnv): SessionPair {
  const { crypto, entropy } = env;
  const oneTimePreKey = crypto.keyPair(entropy(32));
  const bundle = {
    identityKey: to.identity.publicKey.bytes,
    registrationId: 1,
    signedPreKey: { id: 1, publicKey: to.signedPreKey.publicKey.bytes, signature: to.signature },
    oneTimePreKey: { id: 1, publicKey: oneTimePreKey.publicKey.bytes },
    kemPreKey: { id: 1, publicKey: to.kemPreKey.publicKey, signature: to.kemSignature },
  };
  const started = initiate({ bundle, identity: from.identity, registrationId: 1 }, env);
  invariant(started.ok, 'an honest bundle starts a session');
  const first = encrypt(started.value.session, new Uint8Array(160), env);
  invariant(first.ok, 'a new session encrypts');
  const message = parseMessage(first.value.message);
  invariant(message.ok && message.value.kind === 'initiation', 'the first message initiates');
  const { identity, signedPreKey } = to;
  const accepted = accept(
    {
      message: message.value,
      identity,
      registrationId: 1,
      signedPreKey,
      oneTimePreKey,
      kemPreKey: { pair: to.kemPreKey, use: 'oneTime' },
    },
    env,
  );
  invariant(accepted.ok, 'an honest initiation is accepted');
  return { alice: first.value.session, bob: accepted.value.session };
}

/** A pair that has talked both ways, so that no initiation header rides along any more. */
export function establish(env: SessionEnv): SessionPair {
  const { alice, bob } = initiated(createParty(env), createParty(env), env);
  const answer = encrypt(bob, new Uint8Array(160), env);
  invariant(answer.ok, 'a responder answers');
  const parsed = parseMessage(answer.value.message);
  invariant(parsed.ok, 'an answer parses');
  const opened = decrypt(alice, parsed.value, env);
  invariant(opened.ok, 'an answer opens');
  return { alice: opened.value.session, bob: answer.value.session };
}
