/** Uploading and handing out prekeys: ids only go up, each one-time key leaves once (X3-12, PQ-6). */

import { equalBytes } from '@simsim/bytes';
import type {
  ClaimKeysRequest,
  ClaimResult,
  OneTimePreKey,
  PreKeyBundle,
  PreKeyUpload,
  SignedPreKey,
  UploadKeysRequest,
} from '@simsim/relay-protocol';
import {
  encodeRequest,
  findDevice,
  identityKeyOf,
  KEM_PRE_KEYS_LOW,
  PRE_KEYS_LOW,
  preKeyDigest,
} from '@simsim/relay-protocol';
import type { Change } from './change.ts';
import type { CallerInput, Decision, Reads, Wakeup } from './decision.ts';
import { answer, refuse } from './decision.ts';
import type { Account, DeviceAddress, DeviceKeys, KeyCounters, OwnKeys } from './slice.ts';
import { ONE_TIME_KEM_KEPT_MAX, ONE_TIME_KEPT_MAX } from './limits.ts';
import { addressKey } from './slice.ts';

/** Reads the caller's keys and which of the uploaded ids are known. */
export const readsForUploadKeys = ({ keys }: UploadKeysRequest): Reads => ({
  ownKeys: {
    oneTime: keys.oneTimePreKeys.map((key) => key.id),
    kem: [...keys.oneTimeKemPreKeys, keys.lastResortKemPreKey].map((key) => key.id),
  },
  ownIdentity: true,
});

/**
 * Takes new keys, takes known ones again, refuses the others one by one.
 *
 * Refuses: `IDENTITY_CHANGED` for keys that another identity key signed than the list names: whoever got
 * them would take them for forged.
 */
export function decideUploadKeys(input: CallerInput<'uploadKeys'>): Decision {
  const { request, slice, caller: device } = input;
  const found = slice.ownKeys;
  if (found === undefined) return refuse('UNAUTHORIZED');
  if (isOfAnother(request, slice.ownIdentity)) return refuse('IDENTITY_CHANGED');
  const { signedPreKey, oneTimePreKeys, lastResortKemPreKey } = request.keys;
  const changes: Change[] = [];
  const isAnew = request.replacesOneTime === true && !isTaken(request.keys, found);
  if (isAnew) changes.push(...forgetting(found, device));
  const own = isAnew ? withoutKeys(found) : found;
  const isNewer = signedPreKey.id > own.signedPreKey.id;
  if (isNewer) changes.push({ kind: 'signedPreKeyStored', device, key: signedPreKey });
  const isSignedPreKeyTaken = isNewer || isSameKey(signedPreKey, own.signedPreKey);

  const classical = sortOut(oneTimePreKeys, own, { keptMax: ONE_TIME_KEPT_MAX });
  if (classical.keys.length > 0) {
    const { keys, counters } = classical;
    changes.push({ kind: 'preKeysStored', device, keys });
    changes.push({ kind: 'keysCounted', device, counters });
  }

  const last = own.kem.lastResort;
  const isLastNewer =
    lastResortKemPreKey.id > (last?.id ?? 0) && !own.kem.known.has(lastResortKemPreKey.id);
  if (isLastNewer) changes.push({ kind: 'lastResortStored', device, key: lastResortKemPreKey });
  const isLastResortTaken =
    isLastNewer || (last !== undefined && isSameKey(lastResortKemPreKey, last));

  // No two KEM prekeys share an id, whatever their kind (PQ-4).
  const kem = sortOut(request.keys.oneTimeKemPreKeys, own.kem, {
    keptMax: ONE_TIME_KEM_KEPT_MAX,
    ...(last && { taboo: last.id }),
  });
  if (kem.keys.length > 0) {
    const { keys, counters } = kem;
    changes.push({ kind: 'kemPreKeysStored', device, keys });
    changes.push({ kind: 'kemKeysCounted', device, counters });
  }
  const taken = { ...classical.counters, refusedIds: classical.refusedIds, isSignedPreKeyTaken };
  const kemTaken = { ...kem.counters, refusedIds: kem.refusedIds };
  return answer({ kind: 'uploadKeys', ...taken, kem: kemTaken, isLastResortTaken }, changes);
}

/** Whether these very one-time keys came before: what they were to replace is gone, and they are not. */
function isTaken({ oneTimePreKeys, oneTimeKemPreKeys }: PreKeyUpload, own: OwnKeys): boolean {
  const last = oneTimePreKeys.at(-1) ?? oneTimeKemPreKeys.at(-1);
  const known = oneTimePreKeys.length > 0 ? own.known : own.kem.known;
  const before = last && known.get(last.id);
  return last !== undefined && before !== undefined && equalBytes(before, last.publicKey);
}

/** A device that does not say who signed its keys is of a release that knew one identity only. */
function isOfAnother({ identityKey }: UploadKeysRequest, listed: Uint8Array | undefined): boolean {
  return identityKey !== undefined && listed !== undefined && !equalBytes(identityKey, listed);
}

/** Nobody gets what was uploaded before and is not handed out; its ids stay used. */
export function forgetting(
  own: KeyCounters & { readonly kem: KeyCounters },
  device: DeviceAddress,
): Change[] {
  const { kem } = own;
  return [
    { kind: 'oneTimeKeysForgotten', device },
    { kind: 'keysCounted', device, counters: { ...countersOf(own), count: 0 } },
    { kind: 'kemKeysCounted', device, counters: { ...countersOf(kem), count: 0 } },
  ];
}

function withoutKeys(own: OwnKeys): OwnKeys {
  const none = { count: 0, known: new Map<number, Uint8Array>() };
  return { ...own, ...none, kem: { ...own.kem, ...none } };
}

/** Reads the caller's keys and counters. */
export const readsForCheckKeys = (): Reads => ({ ownKeys: { oneTime: [], kem: [] } });

/** Says whether the caller's keys are the ones it believes; how many are left either way. */
export function decideCheckKeys({ request, slice, env }: CallerInput<'checkKeys'>): Decision {
  const own = slice.ownKeys;
  if (own === undefined) return refuse('UNAUTHORIZED');
  const { signedPreKey, kem } = own;
  const { lastResort } = kem;
  const isSame =
    lastResort !== undefined &&
    equalBytes(
      preKeyDigest({ signedPreKey, lastResortKemPreKey: lastResort }, env.crypto),
      request.digest,
    );
  const ids = { signedPreKeyId: signedPreKey.id, lastResortId: lastResort?.id ?? 0 };
  const counters = { oneTime: countersOf(own), kem: countersOf(kem) };
  return answer({ kind: 'checkKeys', isSame, ...ids, ...counters });
}

/**
 * Which uploaded one-time keys are new, and which are refused: also those for which there is no room.
 * `taboo` is an id in other use.
 */
function sortOut<T extends OneTimePreKey>(
  uploaded: readonly T[],
  own: KeyCounters & { readonly known: ReadonlyMap<number, Uint8Array> },
  { keptMax, taboo }: { readonly keptMax: number; readonly taboo?: number },
): { readonly keys: T[]; readonly refusedIds: number[]; readonly counters: KeyCounters } {
  const keys: T[] = [];
  const refusedIds: number[] = [];
  for (const key of uploaded) {
    const known = own.known.get(key.id);
    const isNew = key.id > own.highestSeenId && key.id !== taboo;
    if (known !== undefined) {
      if (!equalBytes(known, key.publicKey)) refusedIds.push(key.id);
    } else if (isNew && own.count + keys.length < keptMax) keys.push(key);
    else refusedIds.push(key.id);
  }
  const counters = {
    count: own.count + keys.length,
    lastIssuedId: own.lastIssuedId,
    highestSeenId: keys.at(-1)?.id ?? own.highestSeenId,
  };
  return { keys, refusedIds, counters };
}

/** Reads the user, its devices' next keys, and whether this claim was answered before. */
export const readsForClaimKeys = (request: ClaimKeysRequest): Reads => ({
  users: [request.userId],
  claim: request.claimId,
  keysOf: request.devices.map((deviceId) => ({ userId: request.userId, deviceId })),
});

/**
 * Hands out one bundle per device, with its oldest one-time key of each kind; the last-resort KEM
 * prekey only where no one-time one is left.
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
    changes.push(...issued(keys, device, env.nowMs));
    const { nextOneTimePreKey, kem } = keys;
    if (nextOneTimePreKey === undefined && kem.next === undefined) continue;
    const count = keys.count - (nextOneTimePreKey === undefined ? 0 : 1);
    const kemCount = kem.count - (kem.next === undefined ? 0 : 1);
    const isLow = count < PRE_KEYS_LOW || kemCount < KEM_PRE_KEYS_LOW;
    if (isLow) wakeups.push({ kind: 'keysLow', device, count, kemCount });
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

/** The one-time keys of a bundle leave: nobody gets them a second time (X3-12, PQ-6). */
function issued(keys: DeviceKeys, device: DeviceAddress, atMs: number): Change[] {
  const changes: Change[] = [];
  const { nextOneTimePreKey, kem } = keys;
  if (nextOneTimePreKey !== undefined) {
    const { id } = nextOneTimePreKey;
    const counters = { ...countersOf(keys), count: keys.count - 1, lastIssuedId: id };
    changes.push({ kind: 'preKeyIssued', device, id, atMs });
    changes.push({ kind: 'keysCounted', device, counters });
  }
  if (kem.next !== undefined) {
    const { id } = kem.next;
    const counters = { ...countersOf(kem), count: kem.count - 1, lastIssuedId: id };
    changes.push({ kind: 'kemPreKeyIssued', device, id });
    changes.push({ kind: 'kemKeysCounted', device, counters });
  }
  return changes;
}

function countersOf({ count, lastIssuedId, highestSeenId }: KeyCounters): KeyCounters {
  return { count, lastIssuedId, highestSeenId };
}

function bundleOf(
  account: Account,
  keys: DeviceKeys & Pick<PreKeyBundle, 'deviceId'>,
): PreKeyBundle | undefined {
  const { list } = account.list;
  const entry = findDevice(list, keys.deviceId);
  const identityKey = entry && identityKeyOf(list, entry);
  if (entry === undefined || identityKey === undefined) return undefined;
  const bundle = {
    deviceId: keys.deviceId,
    registrationId: entry.registrationId,
    identityKey,
    signedPreKey: keys.signedPreKey,
  };
  const oneTimePreKey = keys.nextOneTimePreKey;
  const kemPreKey = keys.kem.next ?? keys.kem.lastResort;
  return {
    ...bundle,
    ...(oneTimePreKey === undefined ? {} : { oneTimePreKey }),
    ...(kemPreKey === undefined ? {} : { kemPreKey }),
  };
}

function isSameKey(a: SignedPreKey, b: SignedPreKey): boolean {
  return (
    a.id === b.id && equalBytes(a.publicKey, b.publicKey) && equalBytes(a.signature, b.signature)
  );
}
