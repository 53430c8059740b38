/** Signing and verifying device lists. The relay and every peer make the same checks. */

import type { Result } from '@simsim/bytes';
import { encodeUtf8, equalBytes, err, ok } from '@simsim/bytes';
import type { Crypto, KeyPair, SigningKeyPair } from '@simsim/crypto';
import type { DeviceList, SignedDeviceList } from './device-list.ts';
import {
  deviceListHash,
  encodeDeviceList,
  findDevice,
  hasSameKeys,
  isSameKey,
} from './device-list.ts';
import { isSuccession } from './succession.ts';

/** Keeps a list's signatures from ever standing for anything else. */
const LABEL = encodeUtf8('Simsim device list 1');
const ZEROS = new Uint8Array(32);

/** What signs a list: the signer's device key, its identity key pair, 64 bytes of entropy. */
export interface DeviceListSigners {
  readonly deviceKey: SigningKeyPair;
  readonly identity: KeyPair;
  readonly entropy64: Uint8Array;
}

/** What a verifier already knows about the user. */
export interface DeviceListPin {
  /** The identity key [32] that was seen first or confirmed by hand; absent in the per-device model. */
  readonly identityKey?: Uint8Array;
  /** The highest version seen. */
  readonly version: number;
}

/** What is to be verified, and against what: the version before, or a pin, or nothing yet. */
export interface DeviceListClaim {
  readonly signed: SignedDeviceList;
  readonly previous?: DeviceList;
  readonly pin?: DeviceListPin;
}

/** Why a device list was refused. */
export interface DeviceListRejection {
  readonly code:
    /** Not the version after the one before, or older than the pin. */
    | 'WRONG_VERSION'
    /** Its `previous` is not the hash of the version before. */
    | 'BROKEN_CHAIN'
    | 'OTHER_USER'
    /** Another key than the pinned one; or than the one before, in a list that is no succession. */
    | 'IDENTITY_CHANGED'
    /** The signer was not listed in the version before; in the per-device model, or is not in this one. */
    | 'SIGNER_NOT_LISTED'
    /** A device that stays has another device key (SES-5) or another identity key of its own. */
    | 'DEVICE_KEY_CHANGED'
    | 'BAD_IDENTITY_KEY'
    | 'BAD_DEVICE_SIGNATURE'
    | 'BAD_IDENTITY_SIGNATURE';
}

/** Signs a list, its devices sorted first. */
export function signDeviceList(
  list: DeviceList,
  signers: DeviceListSigners,
  crypto: Pick<Crypto, 'sign' | 'signWithDeviceKey'>,
): SignedDeviceList {
  const sorted = { ...list, devices: list.devices.toSorted((a, b) => a.deviceId - b.deviceId) };
  const parts = [LABEL, encodeDeviceList(sorted)];
  return {
    list: sorted,
    deviceSignature: crypto.signWithDeviceKey(signers.deviceKey, parts),
    identitySignature: crypto.sign(signers.identity, parts, signers.entropy64),
  };
}

/**
 * Verifies a list. With `previous` everything is checked: chain, version, signer, device keys, both
 * signatures; another identity key only in a succession, which the signer's device key vouches for. With
 * a pin, or with neither, versions between may be missing, so the chain cannot be
 * checked and the device signature only where the signer is still listed; the identity signature
 * always is.
 *
 * Rejects: see {@link DeviceListRejection}.   Throws: never (bug aside).
 */
export function verifyDeviceList(
  claim: DeviceListClaim,
  crypto: Pick<Crypto, 'digest' | 'publicKey' | 'verify' | 'verifyDeviceKey'>,
): Result<DeviceList, DeviceListRejection> {
  const { signed, previous, pin } = claim;
  const { list } = signed;
  const history = previous === undefined ? pinCode(list, pin) : chainCode(list, previous, crypto);
  if (history !== undefined) return err({ code: history });
  const isFirst = list.version === 1;
  if (isFirst && !equalBytes(list.previous, ZEROS)) return err({ code: 'BROKEN_CHAIN' });
  const signer = findDevice(previous ?? list, list.signer);
  const signing = findDevice(list, list.signer)?.identityKey ?? list.identityKey;
  if (signing === undefined || (signer === undefined && (isFirst || previous !== undefined)))
    return err({ code: 'SIGNER_NOT_LISTED' });
  const identityKey = crypto.publicKey(signing);
  if (identityKey === undefined) return err({ code: 'BAD_IDENTITY_KEY' });
  const parts = [LABEL, encodeDeviceList(list)];
  if (
    signer !== undefined &&
    !crypto.verifyDeviceKey(signer.deviceKey, parts, signed.deviceSignature)
  ) {
    return err({ code: 'BAD_DEVICE_SIGNATURE' });
  }
  const isIdentitys = crypto.verify(identityKey, parts, signed.identitySignature);
  return isIdentitys ? ok(list) : err({ code: 'BAD_IDENTITY_SIGNATURE' });
}

function pinCode(
  list: DeviceList,
  pin: DeviceListPin | undefined,
): DeviceListRejection['code'] | undefined {
  if (pin === undefined) return undefined;
  if (!isSameKey(list.identityKey, pin.identityKey)) return 'IDENTITY_CHANGED';
  return list.version < pin.version ? 'WRONG_VERSION' : undefined;
}

function chainCode(
  list: DeviceList,
  previous: DeviceList,
  crypto: Pick<Crypto, 'digest'>,
): DeviceListRejection['code'] | undefined {
  if (list.userId !== previous.userId) return 'OTHER_USER';
  if (list.version !== previous.version + 1) return 'WRONG_VERSION';
  if (!equalBytes(list.previous, deviceListHash(previous, crypto))) return 'BROKEN_CHAIN';
  const isSameIdentity = isSameKey(list.identityKey, previous.identityKey);
  if (!isSameIdentity && !isSuccession(list, previous)) return 'IDENTITY_CHANGED';
  const changed = list.devices.some((device) => {
    const before = findDevice(previous, device.deviceId);
    return before !== undefined && !hasSameKeys(before, device);
  });
  return changed ? 'DEVICE_KEY_CHANGED' : undefined;
}
