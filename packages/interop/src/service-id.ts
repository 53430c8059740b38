/** Signal's service ids: who a device belongs to, as text and as the bytes that messages carry. */

import { concatBytes, hexToBytes } from '@simsim/bytes';
import type { Addresses } from '@simsim/session';
import type { Dice } from './dice.ts';
import type { Parties, Party } from './peer.ts';

const PNI_PREFIX = 'PNI:';

/** A random service id: an account's (ACI), or that of its phone number (PNI). */
export function rollServiceId(dice: Dice): string {
  const digits = Array.from({ length: 32 }, () => dice(16).toString(16)).join('');
  const uuid = digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  return dice(2) === 0 ? uuid : `${PNI_PREFIX}${uuid}`;
}

/** What sessions are told of the two ends; nothing unless both have service ids. */
export function addressesOf({ own, peer }: Parties): Addresses | undefined {
  const [ownBytes, peerBytes] = [addressBytes(own), addressBytes(peer)];
  if (ownBytes === undefined || peerBytes === undefined) return undefined;
  return { own: ownBytes, peer: peerBytes };
}

/** Kind, uuid and device id: 18 bytes. */
function addressBytes({ name, deviceId }: Party): Uint8Array | undefined {
  const isPni = name.startsWith(PNI_PREFIX);
  const uuid = hexToBytes((isPni ? name.slice(PNI_PREFIX.length) : name).replaceAll('-', ''));
  if (uuid?.length !== 16) return undefined;
  return concatBytes([Uint8Array.of(isPni ? 1 : 0), uuid, Uint8Array.of(deviceId)]);
}
