/**
 * The identity key that follows the one that a removed device had too: how it is made, sealed for each
 * device that stays, and opened there. Its private half goes to device keys only: the former identity
 * key, and every session that it began, is worth nothing for it.
 */

import { createWriter, encodeUtf8, equalBytes, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import { drawKeyPair } from '@simsim/crypto';
import type { Crypto, Entropy, KeyPair } from '@simsim/crypto';
import { deviceListHash, successionAskBytes, verifyDeviceList } from '@simsim/relay-protocol';
import type {
  DeviceId,
  DeviceList,
  GetSuccessionRequest,
  Heir,
  PreKeySignature,
  RemoveDeviceRequest,
  SignedDeviceList,
  SignedKeys,
  SignedPreKey,
} from '@simsim/relay-protocol';
import { encodeWireKemKey, encodeWireKey } from '@simsim/session';
import type { OwnDevice, Successor } from './own-device.ts';
import { listWithout } from './own-list.ts';
import type { OwnListInput, OwnListRejection } from './own-list.ts';
import { openWithKey, sealToKey } from './seal-to-key.ts';
import type { SealPurpose } from './seal-to-key.ts';
import { createStateReader, createStateWriter } from './sealed-state.ts';
import type { UserRecord } from './user-record.ts';

interface SealEnv {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  /** A planted fault: the former identity key opens it. Never in production. */
  readonly sealsToFormer?: boolean;
}

const INFO = encodeUtf8('simsim/succession/v1');
const SEALED_VERSION = 1;

/**
 * Makes the next identity key and the list that names it and lacks a device, and seals the key for every
 * device of that list, this one included: it may lose its state.
 */
export function makeSuccessor(
  { own, record }: OwnListInput,
  removes: DeviceId,
  env: SealEnv,
): Result<Successor, OwnListRejection> {
  const identity = drawKeyPair(env);
  const signed = listWithout({ own: { ...own, identity }, record }, { deviceId: removes }, env);
  if (!signed.ok) {
    env.crypto.wipe(identity.privateKey);
    return signed;
  }
  const { list } = signed.value;
  const sealed = new Map<DeviceId, Uint8Array>();
  for (const { deviceId, deviceKey } of list.devices) {
    const agreement = env.crypto.agreementKeyOf(deviceKey);
    const key = env.sealsToFormer === true ? own.identity.publicKey : agreement;
    const parts = createStateWriter(SEALED_VERSION).pair(identity).finish();
    const to = key && { key, ...purposeOf(list, deviceId, env.crypto) };
    // A device whose key cannot be sealed to gets nothing that opens, and has to be linked anew.
    sealed.set(deviceId, (to && sealToKey(to, parts, env)) ?? new Uint8Array(0));
  }
  return ok({ identity, list: signed.value, removes, sealed });
}

/** Opens what was sealed for this device; `undefined` unless it is the very key of the list. */
export function openSuccessor(
  own: OwnDevice,
  { list, sealed }: { list: DeviceList; sealed: Uint8Array },
  { crypto, sealsToFormer }: Pick<SealEnv, 'crypto' | 'sealsToFormer'>,
): KeyPair | undefined {
  const pair = sealsToFormer === true ? undefined : crypto.agreementPairOf(own.deviceKey);
  const key = (pair ?? own.identity).privateKey;
  const opened = openWithKey({ key, ...purposeOf(list, own.deviceId, crypto) }, sealed, crypto);
  if (pair !== undefined) crypto.wipe(pair.privateKey);
  if (opened === undefined) return undefined;
  const reader = createStateReader(opened, SEALED_VERSION, crypto);
  const identity = reader.pair();
  const isWhole = reader.fields.isDone();
  opened.fill(0);
  if (identity === undefined) return undefined;
  const made = crypto.keyPairOf(identity.privateKey).publicKey.bytes;
  if (isWhole && isSame(list.identityKey, made)) return identity;
  crypto.wipe(identity.privateKey);
  return undefined;
}

/** Everything public that says whose key this is, of which list, and for whom. */
function purposeOf(
  list: DeviceList,
  deviceId: DeviceId,
  crypto: Pick<Crypto, 'digest'>,
): SealPurpose {
  const ad = createWriter(192)
    .text('Simsim identity succession 1')
    .text(list.userId)
    .varint(list.version)
    .raw(deviceListHash(list, crypto))
    .u8(deviceId)
    .finish();
  return { info: INFO, ad: [ad] };
}

/**
 * The request that has the relay take a successor, with new signatures over the prekeys that it has of
 * the devices that stay: whoever was away is still written to. `undefined` where the relay did not name
 * the keys of each. What the former key has not signed gets no signature: a relay that shows keys of its
 * own does not have them vouched for.
 */
export function successionRequest(
  own: OwnDevice,
  keys: readonly SignedKeys[],
  env: { crypto: Crypto; entropy: Entropy },
): RemoveDeviceRequest | undefined {
  const { successor } = own;
  if (successor === undefined) return undefined;
  const { list, sealed } = successor;
  const heirs: Heir[] = [];
  for (const { deviceId } of list.list.devices) {
    const held = keys.find((each) => each.deviceId === deviceId);
    const blob = sealed.get(deviceId);
    if (held === undefined || blob === undefined) return undefined;
    const { signedPreKey, lastResort } = held;
    const by = { former: own.identity, next: successor.identity };
    const signed = signedAnew(signedPreKey, { ...by, encode: encodeWireKey }, env);
    const last = lastResort && signedAnew(lastResort, { ...by, encode: encodeWireKemKey }, env);
    heirs.push({ deviceId, sealed: blob, signedPreKey: signed, ...(last && { lastResort: last }) });
  }
  return { kind: 'removeDevice', list, heirs };
}

/** The next key's signature over a prekey that the former one signed; of any other, none that holds. */
function signedAnew(
  { id, publicKey, signature }: SignedPreKey,
  by: { former: KeyPair; next: KeyPair; encode: (key: Uint8Array) => Uint8Array },
  { crypto, entropy }: { crypto: Crypto; entropy: Entropy },
): PreKeySignature {
  const parts = [by.encode(publicKey)];
  const isOurs = crypto.verify(by.former.publicKey, parts, signature);
  return { id, signature: isOurs ? crypto.sign(by.next, parts, entropy(64)) : new Uint8Array(64) };
}

/** The request that asks how the own list went on from the version that is known. */
export function successionAsk(
  { own, record }: OwnListInput,
  crypto: Pick<Crypto, 'signWithDeviceKey'>,
): GetSuccessionRequest {
  const { userId, deviceId, deviceKey } = own;
  const ask = { userId, deviceId, since: record.listVersion };
  const signature = crypto.signWithDeviceKey(deviceKey, [successionAskBytes(ask)]);
  return { kind: 'getSuccession', ...ask, signature };
}

/** How the own list went on from the version that is known. */
export interface FollowedList {
  readonly newest: DeviceList;
  /** The list that brought its identity key, where it was among these. */
  readonly heirloom?: DeviceList;
}

/**
 * Follows lists one by one from the one that is known, each signed by a device of the one before it.
 * `undefined` where they do not begin with that one, or one does not verify.
 */
export function followLists(
  record: UserRecord,
  lists: readonly SignedDeviceList[],
  { crypto, takesAny }: { crypto: Crypto; takesAny?: boolean },
): FollowedList | undefined {
  const [first, ...rest] = lists;
  if (first === undefined) return undefined;
  const isKnown =
    first.list.userId === record.userId &&
    first.list.version === record.listVersion &&
    equalBytes(deviceListHash(first.list, crypto), record.listHash);
  if (!isKnown) return undefined;
  let followed: FollowedList = { newest: first.list };
  for (const signed of rest) {
    const previous = followed.newest;
    const isNext =
      takesAny === true
        ? verifyDeviceList({ signed }, crypto).ok
        : verifyDeviceList({ signed, previous }, crypto).ok;
    if (!isNext) return undefined;
    const newest = signed.list;
    const isOther = !isSame(previous.identityKey, newest.identityKey);
    followed = isOther ? { newest, heirloom: newest } : { ...followed, newest };
  }
  return followed;
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && equalBytes(a, b);
}
