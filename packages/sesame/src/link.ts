/**
 * Linking a further device: what an existing device sends to the new one, encrypted to an ephemeral
 * key that travels out of band in the link code. The relay carries the ciphertext and learns nothing.
 *
 * offer (the link code) = format u8 ‖ address 16 ‖ ephemeral 32 ‖ device key 32 ‖ identity key 32
 *   ‖ registration id u16
 * ciphertext = the provision, sealed to the ephemeral key with the offer as AD; see seal-to-key.ts
 */

import {
  base64urlToBytes,
  bytesToBase64url,
  createReader,
  createWriter,
  encodeUtf8,
  err,
  ok,
} from '@simsim/bytes';
import type { BinaryReader, BinaryWriter, Result } from '@simsim/bytes';
import { drawKeyPair, drawSigningKeyPair } from '@simsim/crypto';
import type { Crypto, Entropy, KeyPair, SigningKeyPair } from '@simsim/crypto';
import {
  decodeDeviceApproval,
  DEVICE_ID_MAX,
  decodeSignedDeviceList,
  encodeDeviceApproval,
  encodeSignedDeviceList,
  parseDeviceId,
  readUserId,
} from '@simsim/relay-protocol';
import type { DeviceApproval, SignedDeviceList, UserId } from '@simsim/relay-protocol';
import { pinnedKeys } from './key-pin.ts';
import type { IdentityKey } from './user-change.ts';
import type { UserRecord } from './user-record.ts';
import { readNamings, writeNamings } from './device-name.ts';
import type { DeviceNaming } from './device-name.ts';
import { LINKED_CONTACTS_BYTES_MAX } from './limits.ts';
import { registrationIdFrom } from './own-device.ts';
import { openWithKey, sealToKey } from './seal-to-key.ts';
import type { SealPurpose } from './seal-to-key.ts';
import { createStateReader, createStateWriter } from './sealed-state.ts';

/** A key pair of a device that is being linked; lives in memory only. */
export interface LinkKeys {
  readonly ephemeral: KeyPair;
  readonly deviceKey: SigningKeyPair;
  /** Used where the user turns out to be of the per-device model. */
  readonly identity: KeyPair;
}

/** What a new device shows to an existing one. */
export interface LinkOffer {
  /** Where at the relay the answer is left, 16 random bytes. */
  readonly address: Uint8Array;
  /** X25519 public key made for this link only. */
  readonly ephemeral: Uint8Array;
  /** The new device's Ed25519 public key. */
  readonly deviceKey: Uint8Array;
  /** The identity key [32] it has of its own. */
  readonly identityKey: Uint8Array;
  readonly registrationId: number;
}

/** What the existing device knows of a contact. */
export interface Contact {
  readonly userId: UserId;
  readonly keys: readonly IdentityKey[];
  /** The newest device list that it has seen, 0 for none, and that list's hash [32]. */
  readonly listVersion: number;
  readonly listHash: Uint8Array;
}

/** What a new device is told of a user. */
export function contactOf(record: UserRecord): Contact {
  const { userId, listVersion, listHash } = record;
  return { userId, keys: pinnedKeys(record), listVersion, listHash };
}

/** What the new device gets. */
export interface Provision {
  /** The key pair that all devices share; in the per-device model there is none. */
  readonly identity?: KeyPair;
  readonly approval: DeviceApproval;
  /** The list that will name the new device, signed by the approver. */
  readonly list: SignedDeviceList;
  /** Those that matter most come first: there is room for some thousands. */
  readonly contacts: readonly Contact[];
  /** Names of the user's devices, the new one's too. */
  readonly names: readonly DeviceNaming[];
}

/** Why a link code or its answer is refused. */
export interface LinkRejection {
  readonly code: 'MALFORMED_LINK_CODE' | 'LINK_NOT_FOR_US' | 'MALFORMED_PROVISION';
}

const FORMAT = 2;
const PROVISION_VERSION = 2;
const INFO = encodeUtf8('simsim/link/v1');

/** Makes the keys of a new device and the offer that shows their public halves. */
export function createLinkOffer(env: { crypto: Crypto; entropy: Entropy }): {
  keys: LinkKeys;
  offer: LinkOffer;
} {
  const ephemeral = drawKeyPair(env);
  const deviceKey = drawSigningKeyPair(env);
  const identity = drawKeyPair(env);
  const offer: LinkOffer = {
    address: env.entropy(16),
    ephemeral: ephemeral.publicKey.bytes,
    deviceKey: deviceKey.publicKey,
    identityKey: identity.publicKey.bytes,
    registrationId: registrationIdFrom(env.entropy(2)),
  };
  return { keys: { ephemeral, deviceKey, identity }, offer };
}

/** The link code as text, for a screen or a clipboard. */
export function encodeLinkCode(offer: LinkOffer): string {
  return bytesToBase64url(offerBytes(offer));
}

/** Reads a link code. */
export function parseLinkCode(code: string): Result<LinkOffer, LinkRejection> {
  const reader = createReader(base64urlToBytes(code) ?? new Uint8Array(0));
  if (reader.u8() !== FORMAT) reader.fail();
  const offer = {
    address: reader.raw(16),
    ephemeral: reader.raw(32),
    deviceKey: reader.raw(32),
    identityKey: reader.raw(32),
    registrationId: reader.u16(),
  };
  return reader.isDone() ? ok(offer) : err({ code: 'MALFORMED_LINK_CODE' });
}

function offerBytes(offer: LinkOffer): Uint8Array {
  return createWriter(128)
    .u8(FORMAT)
    .raw(offer.address)
    .raw(offer.ephemeral)
    .raw(offer.deviceKey)
    .raw(offer.identityKey)
    .u16(offer.registrationId)
    .finish();
}

/** Encrypts a provision to an offer. */
export function sealProvision(
  offer: LinkOffer,
  provision: Provision,
  env: { crypto: Crypto; entropy: Entropy },
): Result<Uint8Array, LinkRejection> {
  const key = env.crypto.publicKey(offer.ephemeral);
  const { identity } = provision;
  const writer = createStateWriter(PROVISION_VERSION).fields((fields) =>
    fields.u8(identity === undefined ? 0 : 1),
  );
  const parts = (identity === undefined ? writer : writer.pair(identity))
    .fields((fields) => {
      fields
        .bytes(encodeDeviceApproval(provision.approval))
        .bytes(encodeSignedDeviceList(provision.list));
      const contacts = withinRoom(provision.contacts);
      fields.varint(contacts.length);
      for (const contact of contacts) fields.raw(contact);
      writeNamings(fields, provision.names);
    })
    .finish();
  const sealed = key && sealToKey({ key, ...purposeOf(offer) }, parts, env);
  return sealed === undefined ? err({ code: 'MALFORMED_LINK_CODE' }) : ok(sealed);
}

function purposeOf(offer: LinkOffer): SealPurpose {
  return { info: INFO, ad: [offerBytes(offer)] };
}

/** Opens what was left at the offer's address. */
export function openProvision(
  { keys, offer, ciphertext }: { keys: LinkKeys; offer: LinkOffer; ciphertext: Uint8Array },
  crypto: Crypto,
): Result<Provision, LinkRejection> {
  const key = keys.ephemeral.privateKey;
  const opened = openWithKey({ key, ...purposeOf(offer) }, ciphertext, crypto);
  if (opened === undefined) return err({ code: 'LINK_NOT_FOR_US' });
  const provision = decodeProvision(opened, crypto);
  opened.fill(0);
  return provision === undefined ? err({ code: 'MALFORMED_PROVISION' }) : ok(provision);
}

function decodeProvision(opened: Uint8Array, crypto: Crypto): Provision | undefined {
  const reader = createStateReader(opened, PROVISION_VERSION, crypto);
  const { fields } = reader;
  if (reader.version !== PROVISION_VERSION) return undefined;
  const hasIdentity = fields.u8() === 1;
  const identity = hasIdentity ? reader.pair() : undefined;
  const approval = decodeDeviceApproval(fields.bytes());
  const list = decodeSignedDeviceList(fields.bytes());
  const contacts: Contact[] = [];
  for (let left = fields.varint(); left > 0 && fields.isIntact(); left--) {
    contacts.push(readContact(fields));
  }
  const names = readNamings(fields);
  if (hasIdentity !== (identity !== undefined)) return undefined;
  if (!fields.isDone() || !approval.ok || !list.ok) return undefined;
  const shared = identity === undefined ? {} : { identity };
  return { ...shared, approval: approval.value, list: list.value, contacts, names };
}

/**
 * The first contacts, as many as there is room for. Of the others the new device learns as of strangers,
 * which is better than no new device.
 */
function withinRoom(contacts: readonly Contact[]): readonly Uint8Array[] {
  const written: Uint8Array[] = [];
  let left = LINKED_CONTACTS_BYTES_MAX;
  for (const contact of contacts) {
    const bytes = writeContact(createWriter(128), contact).finish();
    left -= bytes.length;
    if (left < 0) break;
    written.push(bytes);
  }
  return written;
}

function writeContact(writer: BinaryWriter, contact: Contact): BinaryWriter {
  writer.text(contact.userId).varint(contact.listVersion).raw(contact.listHash);
  writer.varint(contact.keys.length);
  for (const { deviceId, key } of contact.keys) writer.u8(deviceId ?? 0).raw(key);
  return writer;
}

function readContact(reader: BinaryReader): Contact {
  const userId = readUserId(reader);
  const listVersion = reader.varint();
  const listHash = reader.raw(32);
  const count = reader.varint();
  if (count > DEVICE_ID_MAX) reader.fail();
  const keys: IdentityKey[] = [];
  while (keys.length < count && reader.isIntact()) keys.push(readKey(reader));
  return { userId, keys, listVersion, listHash };
}

function readKey(reader: BinaryReader): IdentityKey {
  const id = reader.u8();
  const deviceId = id === 0 ? undefined : parseDeviceId(id);
  if (deviceId?.ok === false) reader.fail();
  const key = reader.raw(32);
  return { key, ...(deviceId?.ok && { deviceId: deviceId.value }) };
}
