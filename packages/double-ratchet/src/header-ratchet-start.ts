/** How a ratchet with encrypted headers begins (Double Ratchet §4.3). */

import type { Result } from '@simsim/bytes';
import { err, ok } from '@simsim/bytes';
import { drawKeyPair } from '@simsim/crypto';
import type { Crypto, KeyPair, PublicKey, Secret } from '@simsim/crypto';
import type { HeaderRatchetState, HeaderRejection } from './header-ratchet-state.ts';
import { checkLimits } from './limits.ts';
import type { MessageOptions } from './message-seal.ts';
import type { EncryptEnv } from './ratchet-message.ts';
import type { MessageSuite } from './ratchet-suite.ts';

/** What both ends share before the first message; the state takes its own copies of none of it. */
export interface StartSecrets {
  readonly root: Secret<'root'>;
  /** shared_hka: for the initiator's first chain. */
  readonly initiatorHeaderKey: Secret<'header'>;
  /** shared_nhkb: for the responder's first chain. */
  readonly responderHeaderKey: Secret<'header'>;
}

/**
 * Root key and both header keys from one agreed secret (SK of X3DH or PQXDH). `agreed` stays the
 * caller's.
 */
export function deriveStartSecrets(
  agreed: Secret<'root'>,
  { crypto, suite }: { readonly crypto: Crypto; readonly suite: MessageSuite },
): StartSecrets {
  const roles = ['root', 'header', 'header'] as const;
  const [root, initiatorHeaderKey, responderHeaderKey] = crypto.hkdf(
    [agreed],
    undefined,
    suite.startInfo,
    roles,
  );
  return { root, initiatorHeaderKey, responderHeaderKey };
}

/**
 * The initiator's state: a fresh pair and a sending chain towards the peer's signed prekey. Its
 * first header is under the peer's *next* key, which makes the peer turn.
 *
 * Entropy: 32 bytes.   Consumes: the root; the state owns the header keys from here.
 * Rejects: `BAD_KEY`; all secrets stay the caller's then.   Spec: RatchetInitAliceHE.
 */
export function startHeaderInitiator(
  { secrets, peer }: { readonly secrets: StartSecrets; readonly peer: PublicKey },
  { crypto, entropy, options }: EncryptEnv,
): Result<HeaderRatchetState, HeaderRejection> {
  checkLimits(options.limits);
  const own = drawKeyPair({ crypto, entropy });
  const shared = crypto.dh(own.privateKey, peer);
  if (shared === undefined) {
    crypto.wipe(own.privateKey);
    return err({ code: 'BAD_KEY', key: 'ratchet' });
  }
  const { root: agreed, initiatorHeaderKey, responderHeaderKey } = secrets;
  const stepped = headerRootStep({ root: agreed, shared }, { crypto, options });
  const [root, chain, nextHeaderKey] = stepped;
  crypto.wipe(agreed);
  return ok({
    root,
    sending: {
      kind: 'ready',
      own,
      chain: { chain, counter: 0 },
      headerKey: initiatorHeaderKey,
      nextHeaderKey,
    },
    receiving: undefined,
    nextReceivingKey: responderHeaderKey,
    peer,
    previousCount: 0,
    receivedCount: 0,
    closed: [],
  });
}

/**
 * The responder's state before its first message. It can only receive. The state owns all three
 * secrets from here; `own` is the signed prekey, never a one-time key (DR-17).
 *
 * Spec: RatchetInitBobHE.
 */
export function startHeaderResponder(secrets: StartSecrets, own: KeyPair): HeaderRatchetState {
  const { root, initiatorHeaderKey, responderHeaderKey } = secrets;
  return {
    root,
    sending: { kind: 'borrowed', own, nextHeaderKey: responderHeaderKey },
    receiving: undefined,
    nextReceivingKey: initiatorHeaderKey,
    peer: undefined,
    previousCount: 0,
    receivedCount: 0,
    closed: [],
  };
}

/** KDF_RK_HE: root, chain and next header key, in this order at both ends. Wipes `shared` only. */
export function headerRootStep(
  { root, shared }: { readonly root: Secret<'root'>; readonly shared: Secret<'shared'> },
  { crypto, options }: { readonly crypto: Crypto; readonly options: MessageOptions },
): readonly [root: Secret<'root'>, chain: Secret<'chain'>, nextHeaderKey: Secret<'header'>] {
  const { rootInfo } = options.suite;
  const step = crypto.hkdf([shared], root, rootInfo, ['root', 'chain', 'header']);
  crypto.wipe(shared);
  return step;
}
