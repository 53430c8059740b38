/** How the responder's session begins: from an initiation message, which it also decrypts. */

import type { Result } from '@simsim/bytes';
import { err, ok } from '@simsim/bytes';
import type { KemKeyPair, KeyPair, Secret } from '@simsim/crypto';
import type { PqChains } from '@simsim/double-ratchet';
import { startPqChains, startResponder } from '@simsim/double-ratchet';
import type { Remembered, ReplayRecord, ResponderInput } from '@simsim/key-agreement';
import {
  agreeAsResponder,
  agreementFingerprint,
  emptyReplayRecord,
  rememberAgreement,
  signalPqxdh,
  signalX3dh,
} from '@simsim/key-agreement';
import { checkVersion } from './bundle.ts';
import { decryptWith } from './decrypt.ts';
import type { SessionRejection } from './rejection.ts';
import type { ResolvedOptions } from './session-options.ts';
import type { Session, SessionCold, SessionEnv } from './session-state.ts';
import { sessionIdOf } from './session-state.ts';
import type { InitiationMessage, WireVersion } from './wire.ts';

/** What {@link accept} is given. The prekeys are those the message names. */
export interface AcceptInput {
  readonly message: InitiationMessage;
  readonly identity: KeyPair;
  readonly signedPreKey: KeyPair;
  readonly oneTimePreKey?: KeyPair;
  /** Given exactly when the message is of version 4. */
  readonly kemPreKey?: OwnKemPreKey;
  /** Our own. */
  readonly registrationId: number;
  /** The version our own published bundle offers; a message below it is a downgrade. 3 if absent. */
  readonly offeredVersion?: WireVersion;
  /**
   * What was accepted before with the same signed prekey (version 3) or last-resort KEM prekey
   * (version 4). Looked at only where the message used up no one-time prekey of either kind. If
   * absent, repeats are the caller's to find.
   */
  readonly replays?: ReplayRecord;
}

/** One of our KEM prekeys. */
export interface OwnKemPreKey {
  readonly pair: KemKeyPair;
  /** A one-time prekey goes with its first use, a last-resort one stays until it is replaced. */
  readonly use: 'oneTime' | 'lastResort';
}

/** A new session with the plaintext of its first message. */
export interface Accepted {
  readonly session: Session;
  readonly plaintext: Uint8Array;
  /** Private halves of the one-time prekeys used: wipe and delete them with the commit. */
  readonly consumed: readonly Secret[];
  /** The record to commit with the session; absent where the given one did not change. */
  readonly replays?: ReplayRecord;
  /**
   * Whether the record is nearly full: publish a new signed prekey, in version 4 a new last-resort
   * KEM prekey, at once, for a full record refuses every stranger.
   */
  readonly mustReplacePreKey: boolean;
}

/**
 * Makes the matching session from an initiation message and decrypts that message. Any of the
 * session's initiation messages will do, not only the first.
 *
 * The caller looks for a session with this base key first (SES-54).
 * Rejects: `VERSION_TOO_LOW`, `DOWNGRADE`, `ONE_TIME_KEY_MISMATCH`, `KEM_KEY_MISMATCH`, `BAD_KEY`,
 * `BAD_KEM_CIPHERTEXT`, `REPLAYED`, `REPLAY_RECORD_FULL`, and what `decrypt` does; no prekey is used
 * up then and no record changed.
 * Spec: X3DH §3.4, PQXDH §3.4, SES-16, SES-63, PQ-12, signal-wire b.4.
 */
export function acceptWith(
  input: AcceptInput,
  env: SessionEnv,
  options: ResolvedOptions,
): Result<Accepted, SessionRejection> {
  const { message, identity, signedPreKey, registrationId } = input;
  const { crypto } = env;
  const checked = checkInput(input, options);
  if (!checked.ok) return checked;
  const agreed = agree(input, env);
  if (!agreed.ok) return agreed;
  const { root, pq } = agreed.value;
  const remembered = remember(input, { root, env, options });
  if (!remembered.ok) {
    crypto.wipe(root);
    wipeChains(pq, env);
    return remembered;
  }
  const ratchet = startResponder(root, signedPreKey);
  const cold: SessionCold = {
    id: sessionIdOf(message.baseKey, crypto),
    version: message.version,
    localIdentity: identity.publicKey.bytes,
    remoteIdentity: message.identityKey,
    localRegistrationId: registrationId,
    remoteRegistrationId: message.registrationId,
    pending: undefined,
    ratchet: ratchet.cold,
  };
  const hot = pq === undefined ? ratchet.hot : { ...ratchet.hot, pq };
  const start: Session = { hot, cold, blocks: ratchet.blocks };
  const decrypted = decryptWith({ session: start, message: message.inner }, env, options);
  crypto.wipe(root); // the session moved past it, or there is none
  if (!decrypted.ok) {
    wipeChains(pq, env);
    return decrypted;
  }
  const { session, plaintext } = decrypted.value;
  if (pq && session.hot.pq !== pq) crypto.wipe(pq.receiving.chain); // the first key was taken
  return ok({
    session,
    plaintext,
    consumed: usedUp(input),
    ...(remembered.value === undefined ? {} : { replays: remembered.value.record }),
    mustReplacePreKey: remembered.value?.isNearlyFull ?? false,
  });
}

/** What needs no cryptography. */
function checkInput(
  { message, oneTimePreKey, kemPreKey, offeredVersion = 3 }: AcceptInput,
  options: ResolvedOptions,
): Result<undefined, SessionRejection> {
  const { version, oneTimePreKeyId, kem, inner } = message;
  const allowed = checkVersion({ version, offered: offeredVersion }, options);
  if (!allowed.ok) return allowed;
  if ((oneTimePreKeyId === undefined) !== (oneTimePreKey === undefined)) {
    return err({ code: 'ONE_TIME_KEY_MISMATCH' });
  }
  if ((kem === undefined) !== (kemPreKey === undefined)) return err({ code: 'KEM_KEY_MISMATCH' });
  const { pqRatchet } = options.policy;
  const hasPq = inner.pq !== undefined;
  const isRefused = hasPq ? pqRatchet === 'off' : version === 4 && pqRatchet === 'required';
  return isRefused ? err({ code: 'PQ_RATCHET_MISMATCH' }) : ok(undefined);
}

interface Agreed {
  readonly root: Secret<'root'>;
  readonly pq: PqChains | undefined;
}

function agree(input: AcceptInput, { crypto }: SessionEnv): Result<Agreed, SessionRejection> {
  const { message, identity, signedPreKey, oneTimePreKey } = input;
  const peerIdentity = crypto.publicKey(message.identityKey);
  if (peerIdentity === undefined) return err({ code: 'BAD_KEY', key: 'identity' });
  const peerBaseKey = crypto.publicKey(message.baseKey);
  if (peerBaseKey === undefined) return err({ code: 'BAD_KEY', key: 'base' });
  const keys = { crypto, identity, signedPreKey, oneTimePreKey, peerIdentity, peerBaseKey };
  return message.version === 3 ? agreeX3dh(keys) : agreePqxdh(keys, input);
}

type AgreementKeys = Omit<ResponderInput<readonly never[]>, 'suite'>;

function agreeX3dh(keys: AgreementKeys): Result<Agreed, SessionRejection> {
  const secrets = agreeAsResponder({ ...keys, suite: signalX3dh });
  if (!secrets.ok) return secrets;
  const [root, firstChain] = secrets.value;
  keys.crypto.wipe(firstChain);
  return ok({ root, pq: undefined });
}

function agreePqxdh(
  keys: AgreementKeys,
  { message, kemPreKey }: AcceptInput,
): Result<Agreed, SessionRejection> {
  const { crypto } = keys;
  const secrets = agreeAsResponder({
    ...keys,
    suite: signalPqxdh,
    kemPreKey: kemPreKey?.pair,
    kemCiphertext: message.kem?.ciphertext,
  });
  if (!secrets.ok) return secrets;
  const [root, firstChain, pqAuth] = secrets.value;
  crypto.wipe(firstChain);
  const hasRatchet = message.inner.pq !== undefined;
  const pq = hasRatchet ? startPqChains(pqAuth, 'responder', crypto) : undefined;
  crypto.wipe(pqAuth);
  return ok({ root, pq });
}

interface RememberContext {
  readonly root: Secret<'root'>;
  readonly env: SessionEnv;
  readonly options: ResolvedOptions;
}

/** Nothing where a one-time prekey is used up: its absence refuses every repeat (X3-23). */
function remember(
  { message, oneTimePreKey, kemPreKey, replays }: AcceptInput,
  context: RememberContext,
): Result<Remembered | undefined, SessionRejection> {
  const usesOneTimeKey = oneTimePreKey !== undefined || kemPreKey?.use === 'oneTime';
  if (usesOneTimeKey || replays === undefined) return ok(undefined);
  const fingerprint = fingerprintOf(message, context);
  const { defect } = context.options;
  const remembered = rememberAgreement(replays, fingerprint);
  const isFull = !remembered.ok && remembered.error.code === 'REPLAY_RECORD_FULL';
  if (isFull && defect === 'forgets-replays') {
    return rememberAgreement(emptyReplayRecord(replays.capacity), fingerprint);
  }
  return remembered;
}

function fingerprintOf(
  { baseKey }: InitiationMessage,
  { root, env: { crypto }, options: { defect } }: RememberContext,
): Uint8Array {
  if (defect === 'replays-by-base-key') return crypto.digest([baseKey]);
  return agreementFingerprint(root, crypto);
}

function usedUp({ oneTimePreKey, kemPreKey }: AcceptInput): Secret[] {
  const used: Secret[] = [];
  if (oneTimePreKey !== undefined) used.push(oneTimePreKey.privateKey);
  if (kemPreKey?.use === 'oneTime') used.push(kemPreKey.pair.privateKey);
  return used;
}

function wipeChains(pq: PqChains | undefined, { crypto }: SessionEnv): void {
  for (const { chain } of pq ? [pq.sending, pq.receiving] : []) crypto.wipe(chain);
}
