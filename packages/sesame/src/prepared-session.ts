/**
 * Sessions made ahead of the decision that inserts them. To agree with a device takes a millisecond, a few
 * where the code is cold, and a user may have many; a shell that makes them one at a time, with turns
 * of its event loop in between, holds nobody up. The decision then checks what it always checks.
 */

import { equalBytes } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import type { PreKeyBundle } from '@simsim/relay-protocol';
import { initiate } from '@simsim/session';
import type { Initiated, SessionRejection } from '@simsim/session';
import type { OwnDevice } from './own-device.ts';

/** What came of a bundle: a session, or why it makes none. Used once. */
export interface PreparedSession {
  readonly bundle: PreKeyBundle;
  readonly made: Result<Initiated, SessionRejection>;
}

type Own = Pick<OwnDevice, 'identity' | 'registrationId'>;

interface Env {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
}

/** Begins a session with the device of a bundle. Nothing is changed by it. */
export function prepareSession(bundle: PreKeyBundle, own: Own, env: Env): PreparedSession {
  const { identity, registrationId } = own;
  return { bundle, made: initiate({ bundle, identity, registrationId }, env) };
}

/** The session that was prepared, if it is of this bundle and of this device as it is now; else another. */
export function sessionOf(
  { bundle, prepared }: { readonly bundle: PreKeyBundle; readonly prepared?: PreparedSession },
  own: Own,
  env: Env,
): Result<Initiated, SessionRejection> {
  const isUsable = prepared?.bundle === bundle && isOf(prepared.made, own);
  return (isUsable ? prepared : prepareSession(bundle, own, env)).made;
}

function isOf(made: PreparedSession['made'], { identity, registrationId }: Own): boolean {
  if (!made.ok) return true;
  const { localIdentity, localRegistrationId } = made.value.session.cold;
  const isSameKey = equalBytes(localIdentity, identity.publicKey.bytes);
  return isSameKey && localRegistrationId === registrationId;
}
