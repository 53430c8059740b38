/** Reading a slice from a relay's file. */

import type {
  ClaimId,
  DeviceId,
  KemPreKey,
  PostId,
  SignedDeviceList,
  SignedPreKey,
  UserId,
} from '@simsim/relay-protocol';
import {
  decodeDeviceHead,
  decodeOutcome,
  decodeSignedDeviceList,
  envelopeIdFromBytes,
  findDevice,
  identityKeyOf,
  idToBytes,
} from '@simsim/relay-protocol';
import type {
  AcceptedPost,
  Account,
  AccountDevice,
  AnsweredClaim,
  DeviceAddress,
  DeviceKeys,
  KeyCounters,
  MailPage,
  OwnKeys,
  Slice,
  SliceQuery,
  StoredMail,
} from '../core/slice.ts';
import { addressKey, keysWanted } from '../core/slice.ts';
import type { DeviceRow, Rows } from './rows.ts';
import { plainBytes, toDeviceId, toUserId } from './rows.ts';
import type { KemKeyRow } from './kem-statements.ts';
import type { KeyRow, LinkRow, MailRow } from './statements.ts';
import { RelayStoreError } from './store-error.ts';

/** Reads everything a query asks for. Throws: `RelayStoreError` for what cannot be read. */
export function readSlice(rows: Rows, query: SliceQuery): Slice {
  const { statements } = rows;
  const caller = query.tokenHash && rows.caller(query.tokenHash);
  const nonce = query.nonce && statements.nonce.get({ nonce: query.nonce });
  const link = query.link && statements.link.get({ address: query.link });
  return {
    accounts: readAccounts(rows, query.users ?? []),
    keysOf: readKeysOf(rows, keysWanted(query, caller?.address)),
    nonceCount: query.countsNonces ? (statements.nonceCount.get({})?.count ?? 0) : 0,
    ...(nonce && { nonceExpiresAtMs: nonce.expires_at_ms }),
    ...(link && { link: toLink(link) }),
    ...(query.succession && readSuccession(rows, query.succession)),
    ...(caller === undefined ? { posts: new Map() } : readOwn(rows, query, caller)),
  };
}

function toLink({ ciphertext, expires_at_ms, taker }: LinkRow): NonNullable<Slice['link']> {
  const link = { ciphertext: plainBytes(ciphertext), expiresAtMs: expires_at_ms };
  return taker === null ? link : { ...link, taker: plainBytes(taker) };
}

function readOwn(rows: Rows, query: SliceQuery, caller: DeviceRow): Omit<Slice, keyof Shared> {
  const claim = query.claim && readClaim(rows, query.claim, caller);
  return {
    caller: caller.address,
    posts: readPosts(rows, query.posts ?? [], caller),
    ...(claim && { claim }),
    ...(query.ownEntry && readOwnEntry(rows, caller)),
    ...(query.ownIdentity && readOwnIdentity(rows, caller)),
    ...(query.ownKeys && { ownKeys: readOwnKeys(rows, query.ownKeys, caller) }),
    ...(query.mail && { mail: readMail(rows, query.mail, caller) }),
  };
}

function readOwnEntry(rows: Rows, { row: device, address }: DeviceRow): Pick<Slice, 'ownEntry'> {
  const list = rows.account(address.userId)?.list.list;
  const entry = list && findDevice(list, address.deviceId);
  if (entry === undefined) return {};
  const stored = rows.statements.head.get({ device })?.head ?? undefined;
  if (stored === undefined) return { ownEntry: { entry } };
  const head = decodeDeviceHead(plainBytes(stored));
  if (!head.ok) throw new RelayStoreError('DAMAGED', 'a stored head cannot be read');
  return { ownEntry: { entry, head: head.value } };
}

function readOwnIdentity(rows: Rows, { address }: DeviceRow): Pick<Slice, 'ownIdentity'> {
  const list = rows.account(address.userId)?.list.list;
  const entry = list && findDevice(list, address.deviceId);
  const ownIdentity = list && entry && identityKeyOf(list, entry);
  return ownIdentity === undefined ? {} : { ownIdentity };
}

function readSuccession(
  rows: Rows,
  { userId, deviceId, since }: NonNullable<SliceQuery['succession']>,
): Pick<Slice, 'succession'> {
  const account = rows.account(userId);
  if (account === undefined) return {};
  const former = rows.statements.formerLists
    .all({ account: account.row, since })
    .map(({ list }) => readFormer(list));
  const device = rows.findDevice({ userId, deviceId });
  const found = device === undefined ? undefined : rows.statements.sealedIdentity.get({ device });
  const sealed = found?.sealed_identity ?? undefined;
  const lists = [...former, account.list];
  return { succession: { lists, ...(sealed && { sealed: plainBytes(sealed) }) } };
}

function readFormer(stored: Uint8Array): SignedDeviceList {
  const list = decodeSignedDeviceList(plainBytes(stored));
  if (!list.ok) throw new RelayStoreError('DAMAGED', 'a stored device list cannot be read');
  return list.value;
}

type Shared = Pick<Slice, 'accounts' | 'keysOf' | 'nonceCount'>;

function readAccounts(rows: Rows, users: readonly UserId[]): ReadonlyMap<UserId, Account> {
  const accounts = new Map<UserId, Account>();
  for (const userId of users) {
    const account = rows.account(userId);
    if (account === undefined) continue;
    const devices = new Map<DeviceId, AccountDevice>();
    for (const found of rows.statements.devices.all({ account: account.row })) {
      devices.set(toDeviceId(found.device_id), {
        tokenHash: plainBytes(found.token_hash),
        mailCount: found.mail_count,
        mailBytes: found.mail_bytes,
      });
    }
    accounts.set(userId, { list: account.list, devices });
  }
  return accounts;
}

function readKeysOf(
  rows: Rows,
  addresses: readonly DeviceAddress[],
): ReadonlyMap<string, DeviceKeys> {
  const keysOf = new Map<string, DeviceKeys>();
  for (const address of addresses) {
    const device = rows.findDevice(address);
    const found = device === undefined ? undefined : rows.statements.keys.get({ device });
    if (device === undefined || found === undefined) continue;
    // Ids only go up and leave in order, so the next one is above the last.
    const next = rows.statements.nextPreKey.get({ device, after: found.last_issued_id });
    const nextKem = rows.statements.nextKemPreKey.get({ device });
    const kem = { ...toKemState(found), ...(nextKem && { next: toKemPreKey(nextKem) }) };
    const keys = { ...toCounters(found), signedPreKey: toSignedPreKey(found), kem };
    const nextOneTimePreKey = next && { id: next.id, publicKey: plainBytes(next.public_key) };
    keysOf.set(addressKey(address), { ...keys, ...(nextOneTimePreKey && { nextOneTimePreKey }) });
  }
  return keysOf;
}

function readOwnKeys(
  rows: Rows,
  ids: NonNullable<SliceQuery['ownKeys']>,
  caller: DeviceRow,
): OwnKeys {
  const device = caller.row;
  const found = rows.statements.keys.get({ device });
  if (found === undefined) throw new RelayStoreError('DAMAGED', 'a device without keys');
  const { preKey, kemPreKey } = rows.statements;
  const known = knownKeys(ids.oneTime, (id) => preKey.get({ device, id }));
  const kemKnown = knownKeys(ids.kem, (id) => kemPreKey.get({ device, id }));
  const kem = { ...toKemState(found), known: kemKnown };
  return { ...toCounters(found), signedPreKey: toSignedPreKey(found), known, kem };
}

function knownKeys(
  ids: readonly number[],
  find: (id: number) => { readonly public_key: Uint8Array } | undefined,
): ReadonlyMap<number, Uint8Array> {
  const known = new Map<number, Uint8Array>();
  for (const id of ids) {
    const key = find(id);
    if (key !== undefined) known.set(id, plainBytes(key.public_key));
  }
  return known;
}

function readPosts(
  rows: Rows,
  posts: readonly PostId[],
  caller: DeviceRow,
): ReadonlyMap<PostId, AcceptedPost> {
  const accepted = new Map<PostId, AcceptedPost>();
  for (const postId of posts) {
    const found = rows.statements.post.get({ device: caller.row, post: idToBytes(postId) });
    if (found === undefined) continue;
    const bodyHash = plainBytes(found.body_hash);
    accepted.set(postId, { bodyHash, listVersion: found.list_version });
  }
  return accepted;
}

function readClaim(rows: Rows, claimId: ClaimId, caller: DeviceRow): AnsweredClaim | undefined {
  const found = rows.statements.claim.get({ device: caller.row, claim: idToBytes(claimId) });
  if (found === undefined) return undefined;
  const decoded = decodeOutcome(plainBytes(found.answer));
  const answer = decoded.ok && decoded.value.ok ? decoded.value.value : undefined;
  if (answer?.kind !== 'claimKeys') {
    throw new RelayStoreError('DAMAGED', 'a stored claim cannot be read');
  }
  return { bodyHash: plainBytes(found.body_hash), results: answer.results };
}

function readMail(rows: Rows, range: NonNullable<SliceQuery['mail']>, caller: DeviceRow): MailPage {
  const mail: StoredMail[] = [];
  let bytes = 0;
  const limit = range.limit + 1;
  const found = rows.statements.mailAfter.iterate({
    device: caller.row,
    after: range.after,
    limit,
  });
  for (const row of found) {
    bytes += row.content.length;
    if (mail.length === range.limit || (mail.length > 0 && bytes > range.bytesMax)) {
      return { mail, isEmpty: false };
    }
    mail.push(toMail(row));
  }
  return { mail, isEmpty: true };
}

function toMail(row: MailRow): StoredMail {
  return {
    seq: row.seq,
    sender: { userId: toUserId(row.sender), deviceId: toDeviceId(row.sender_device) },
    envelopeId: envelopeIdFromBytes(plainBytes(row.envelope_id)),
    kind: row.is_retry === 1 ? 'retry' : 'message',
    content: plainBytes(row.content),
    storedAtMs: row.stored_at_ms,
  };
}

function toSignedPreKey(row: KeyRow): SignedPreKey {
  return {
    id: row.signed_pre_key_id,
    publicKey: plainBytes(row.signed_pre_key),
    signature: plainBytes(row.signed_pre_key_signature),
  };
}

function toCounters(row: KeyRow): KeyCounters {
  return {
    count: row.key_count,
    lastIssuedId: row.last_issued_id,
    highestSeenId: row.highest_seen_id,
  };
}

/** A device of before PQXDH has no last resort until it uploads one. */
function toKemState(row: KeyRow): KeyCounters & { readonly lastResort?: KemPreKey } {
  const counters = {
    count: row.kem_count,
    lastIssuedId: row.kem_last_issued_id,
    highestSeenId: row.kem_highest_seen_id,
  };
  const { last_resort_id: id, last_resort_key: key, last_resort_signature: signature } = row;
  if (id === null || key === null || signature === null) return counters;
  return { ...counters, lastResort: toKemPreKey({ id, public_key: key, signature }) };
}

function toKemPreKey(row: KemKeyRow): KemPreKey {
  return {
    id: row.id,
    publicKey: plainBytes(row.public_key),
    signature: plainBytes(row.signature),
  };
}
