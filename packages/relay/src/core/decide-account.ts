/** Making accounts: the first device proves possession of the identity key (SES-96). */

import type { CreateAccountRequest } from '@simsim/relay-protocol';
import {
  accountProofBytes,
  identityKeyOf,
  NONCE_LIFE_MS,
  verifyDeviceList,
} from '@simsim/relay-protocol';
import { isRepeat, joinChanges } from './decide-devices.ts';
import type { Decision, DecisionInput, Reads } from './decision.ts';
import { answer, refuse, refuseForNow } from './decision.ts';
import { NONCE_RETRY_MS, NONCES_MAX } from './limits.ts';

/** Gives out a nonce. Refuses: `RATE_LIMITED` while too many are out. */
export function decideNonce({ slice, env }: DecisionInput<'nonce'>): Decision {
  if (slice.nonceCount >= NONCES_MAX) return refuseForNow(NONCE_RETRY_MS);
  const nonce = env.entropy(32);
  const expiresAtMs = env.nowMs + NONCE_LIFE_MS;
  return answer({ kind: 'nonce', nonce }, [{ kind: 'nonceIssued', nonce, expiresAtMs }]);
}

/** Reads the user and the nonce. */
export const readsForCreateAccount = (request: CreateAccountRequest): Reads => ({
  users: [request.userId],
  nonce: request.nonce,
});

/**
 * Makes an account with its first device, or says again that it was made.
 *
 * Refuses: `FORBIDDEN`, `USER_EXISTS`, `NONCE_UNKNOWN`, `BAD_LIST`, `BAD_PROOF`.
 */
export function decideCreateAccount(input: DecisionInput<'createAccount'>): Decision {
  const { request, slice, env } = input;
  const { list } = request.list;
  const [first, ...others] = list.devices;
  const account = slice.accounts.get(request.userId);
  if (account !== undefined) {
    const isSame = first !== undefined && isRepeat(account, first, request.tokenHash);
    return isSame ? answer({ kind: 'createAccount' }) : refuse('USER_EXISTS');
  }
  if (env.policy.registration === 'closed') return refuse('FORBIDDEN');
  const isFirst = list.userId === request.userId && list.version === 1 && others.length === 0;
  if (first === undefined || !isFirst) return refuse('BAD_LIST');
  if ((slice.nonceExpiresAtMs ?? 0) <= env.nowMs) return refuse('NONCE_UNKNOWN');
  if (!verifyDeviceList({ signed: request.list }, env.crypto).ok) return refuse('BAD_LIST');

  const proof = [accountProofBytes({ ...request, deviceId: first.deviceId, list })];
  const identityKey = env.crypto.publicKey(identityKeyOf(list, first) ?? new Uint8Array(0));
  const isProven =
    identityKey !== undefined &&
    env.crypto.verify(identityKey, proof, request.identityProof) &&
    env.crypto.verifyDeviceKey(first.deviceKey, proof, request.deviceProof);
  if (!isProven) return refuse('BAD_PROOF');
  return answer({ kind: 'createAccount' }, joinChanges(request, first.deviceId));
}
