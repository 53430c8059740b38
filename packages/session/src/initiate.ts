/** How the initiator's session begins: X3DH or PQXDH, then the ratchets on top of it. */

import type { Result } from '@simsim/bytes';
import { err, ok } from '@simsim/bytes';
import type { KeyPair, PublicKey, Secret } from '@simsim/crypto';
import type { PqChains } from '@simsim/double-ratchet';
import { startInitiator, startPqChains } from '@simsim/double-ratchet';
import { agreeAsInitiator, signalPqxdh, signalX3dh } from '@simsim/key-agreement';
import type { PreKeyBundle } from './bundle.ts';
import { checkVersion, preKeysOf } from './bundle.ts';
import type { SessionRejection } from './rejection.ts';
import type { ResolvedOptions } from './session-options.ts';
import type { Session, SessionCold, SessionEnv } from './session-state.ts';
import { sessionIdOf } from './session-state.ts';
import type { KemInitiation, WireVersion } from './wire.ts';

/** What {@link initiate} is given. */
export interface InitiateInput {
  readonly bundle: PreKeyBundle;
  readonly identity: KeyPair;
  /** Our own. */
  readonly registrationId: number;
  /** The version wanted; if absent the best that the bundle offers. */
  readonly version?: WireVersion;
}

/** A new session; `consumed` is empty, as nothing was held before. */
export interface Initiated {
  readonly session: Session;
  readonly consumed: readonly Secret[];
}

/**
 * Begins a session towards a device that need not be online.
 *
 * Entropy: 32 bytes for the base key, in version 4 then 32 for the encapsulation, then 32 for the
 * first ratchet key.
 * Rejects: `VERSION_TOO_LOW`, `DOWNGRADE`, `NO_KEM_PREKEY`, `BAD_KEY`, `BAD_SIGNATURE`.
 * Spec: X3DH §3.3, PQXDH §3.3, Double Ratchet §3.3, SES-14, signal-wire b.1, b.2 and b.4.
 */
export function initiateWith(
  input: InitiateInput,
  env: SessionEnv,
  options: ResolvedOptions,
): Result<Initiated, SessionRejection> {
  const { bundle, identity, registrationId } = input;
  const { crypto } = env;
  const offered = bundle.kemPreKey === undefined ? 3 : 4;
  const version = checkVersion({ version: input.version ?? offered, offered }, options);
  if (!version.ok) return version;
  const agreed = agree(input, { env, options, version: version.value });
  if (!agreed.ok) return agreed;
  const { root, pq, baseKey, peerIdentity, peerSignedPreKey, kem } = agreed.value;
  const ratchet = startInitiator({ root, peer: peerSignedPreKey }, env, options);
  crypto.wipe(root);
  if (!ratchet.ok) {
    for (const { chain } of pq ? [pq.sending, pq.receiving] : []) crypto.wipe(chain);
    return ratchet;
  }
  const { hot, cold, blocks } = ratchet.value;
  const sessionCold: SessionCold = {
    id: sessionIdOf(baseKey.bytes, crypto),
    version: version.value,
    localIdentity: identity.publicKey.bytes,
    remoteIdentity: peerIdentity.bytes,
    localRegistrationId: registrationId,
    remoteRegistrationId: bundle.registrationId,
    pending: {
      baseKey: baseKey.bytes,
      signedPreKeyId: bundle.signedPreKey.id,
      oneTimePreKeyId: bundle.oneTimePreKey?.id,
      kem,
    },
    ratchet: cold,
  };
  const session = { hot: pq === undefined ? hot : { ...hot, pq }, cold: sessionCold, blocks };
  return ok({ session, consumed: [] });
}

interface Agreed {
  readonly root: Secret<'root'>;
  readonly pq: PqChains | undefined;
  readonly baseKey: PublicKey;
  readonly peerIdentity: PublicKey;
  readonly peerSignedPreKey: PublicKey;
  readonly kem: KemInitiation | undefined;
}

interface AgreeContext {
  readonly env: SessionEnv;
  readonly options: ResolvedOptions;
  readonly version: WireVersion;
}

/**
 * The first chain key goes: the responder could send on that chain before it receives, nobody does,
 * so nobody needs it.
 */
function agree(
  { bundle, identity }: InitiateInput,
  { env, options, version }: AgreeContext,
): Result<Agreed, SessionRejection> {
  const { crypto } = env;
  const input = { crypto, entropy: env.entropy, identity, peer: preKeysOf(bundle) };
  if (version === 3) {
    const agreed = agreeAsInitiator({ ...input, suite: signalX3dh });
    if (!agreed.ok) return agreed;
    const [root, firstChain] = agreed.value.secrets;
    crypto.wipe(firstChain);
    return ok({ ...agreed.value, root, pq: undefined, kem: undefined });
  }
  if (bundle.kemPreKey === undefined) return err({ code: 'NO_KEM_PREKEY' });
  const agreed = agreeAsInitiator({ ...input, suite: signalPqxdh });
  if (!agreed.ok) return agreed;
  const { secrets, kemCiphertext } = agreed.value;
  if (kemCiphertext === undefined) return err({ code: 'NO_KEM_PREKEY' });
  const [root, firstChain, pqAuth] = secrets;
  crypto.wipe(firstChain);
  const hasRatchet = options.policy.pqRatchet !== 'off';
  const pq = hasRatchet ? startPqChains(pqAuth, 'initiator', crypto) : undefined;
  crypto.wipe(pqAuth);
  const kem = { preKeyId: bundle.kemPreKey.id, ciphertext: kemCiphertext };
  return ok({ ...agreed.value, root, pq, kem });
}
