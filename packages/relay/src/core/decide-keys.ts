/** Uploading and handing out prekeys: ids only go up, each one-time key leaves once (X3-12). */

import { equalBytes } from '@simsim/bytes';
import type {
  ClaimKeysRequest,
  ClaimResult,
  OneTimePreKey,
  PreKeyBundle,
  SignedPreKey,
  UploadKeysRequest,
} from '@simsim/relay-protocol';
import { encodeRequest, findDevice, PRE_KEYS_LOW } from '@simsim/relay-protocol';
import type { Change } from './change.ts';
import type { CallerInput, Decision, Reads, Wakeup } from './decision.ts';
import { answer, refuse } from './decision.ts';
import type { Account, DeviceKeys } from './slice.ts';
import { addressKey } from './slice.ts';

/** Reads the caller's keys and which of the uploaded ids are known. */
export const readsForUploadKeys = (request: UploadKeysRequest): Reads => ({
  ownKeys: request.keys.oneTimePreKeys.map((key) => key.id),
});

/** Takes new keys, takes known ones again, refuses the others one by one. */
export function decideUploadKeys(input: CallerInput<'uploadKeys'>): Decision {
  const { request, slice, caller: device } = input;
  const own = slice.ownKeys;
  if (own === undefined) return refuse('UNAUTHORIZED');
  const { signedPreKey, oneTimePreKeys } = request.keys;
  const changes: Change[] = [];
  const keys: OneTimePreKey[] = [];
  const refusedIds: number[] = [];
  for (const key of oneTimePreKeys) {
    const known = own.known.get(key.id);
    if (known !== undefined) {
      if (!equalBytes(known, key.publicKey)) refusedIds.push(key.id);
    } else if (key.id > own.highestSeenId) keys.push(key);
    else refusedIds.push(key.id);
  }
  const isNewer = signedPreKey.id > own.signedPreKey.id;
  if (isNewer) changes.push({ kind: 'signedPreKeyStored', device, key: signedPreKey });
  const counters = {
    count: own.count + keys.length,
    lastIssuedId: own.lastIssuedId,
    highestSeenId: keys.at(-1)?.id ?? own.highestSeenId,
  };
  if (keys.length > 0) {
    changes.push(
      { kind: 'preKeysStored', device, keys },
      { kind: 'keysCounted', device, counters },
    );
  }
  const isSignedPreKeyTaken = isNewer || isSameSigned(signedPreKey, own.signedPreKey);
  return answer({ kind: 'uploadKeys', ...counters, refusedIds, isSignedPreKeyTaken }, changes);
}

/** Reads the user, its devices' next keys, and whether this claim was answered before. */
export const readsForClaimKeys = (request: ClaimKeysRequest): Reads => ({
  users: [request.userId],
  claim: request.claimId,
  keysOf: request.devices.map((deviceId) => ({ userId: request.userId, deviceId })),
});

/**
 * Hands out one bundle per device, with its oldest one-time key if any is left.
 *
 * Refuses: `UNKNOWN_USER`, `ID_REUSED`.
 */
export function decideClaimKeys(input: CallerInput<'claimKeys'>): Decision {
  const { request, slice, env, caller } = input;
  const bodyHash = env.crypto.digest([encodeRequest(request)]);
  if (slice.claim !== undefined) {
    const isSame = equalBytes(slice.claim.bodyHash, bodyHash);
    return isSame
      ? answer({ kind: 'claimKeys', results: slice.claim.results })
      : refuse('ID_REUSED');
  }
  const account = slice.accounts.get(request.userId);
  if (account === undefined) return refuse('UNKNOWN_USER');
  const results: ClaimResult[] = [];
  const changes: Change[] = [];
  const wakeups: Wakeup[] = [];
  for (const deviceId of request.devices) {
    const device = { userId: request.userId, deviceId };
    const keys = slice.keysOf.get(addressKey(device));
    const bundle = keys && bundleOf(account, { ...keys, deviceId });
    if (keys === undefined || bundle === undefined) {
      results.push({ deviceId, gone: true });
      continue;
    }
    results.push({ deviceId, bundle });
    const taken = keys.nextOneTimePreKey;
    if (taken === undefined) continue;
    const count = keys.count - 1;
    const { highestSeenId } = keys;
    const counters = { count, lastIssuedId: taken.id, highestSeenId };
    changes.push({ kind: 'preKeyIssued', device, id: taken.id, atMs: env.nowMs });
    changes.push({ kind: 'keysCounted', device, counters });
    if (count < PRE_KEYS_LOW) wakeups.push({ kind: 'keysLow', device, count });
  }
  const { claimId } = request;
  changes.push({
    kind: 'claimAnswered',
    device: caller,
    claimId,
    bodyHash,
    results,
    atMs: env.nowMs,
  });
  return answer({ kind: 'claimKeys', results }, changes, wakeups);
}

function bundleOf(
  account: Account,
  keys: DeviceKeys & Pick<PreKeyBundle, 'deviceId'>,
): PreKeyBundle | undefined {
  const { list } = account.list;
  const entry = findDevice(list, keys.deviceId);
  if (entry === undefined) return undefined;
  const bundle = {
    deviceId: keys.deviceId,
    registrationId: entry.registrationId,
    identityKey: list.identityKey,
    signedPreKey: keys.signedPreKey,
  };
  const oneTimePreKey = keys.nextOneTimePreKey;
  return oneTimePreKey === undefined ? bundle : { ...bundle, oneTimePreKey };
}

function isSameSigned(a: SignedPreKey, b: SignedPreKey): boolean {
  return (
    a.id === b.id && equalBytes(a.publicKey, b.publicKey) && equalBytes(a.signature, b.signature)
  );
}
