/** A relay store in memory, for tests and simulations. Undoes by a journal of inverse steps. */

import { bytesToHex, invariant } from '@simsim/bytes';
import type {
  DeviceHead,
  DeviceId,
  KemPreKey,
  OneTimePreKey,
  PostId,
  SignedDeviceList,
  SignedPreKey,
  UserId,
} from '@simsim/relay-protocol';
import { findDevice, identityKeyOf, LISTS_KEPT_MAX } from '@simsim/relay-protocol';
import type { Change } from '../core/change.ts';
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
import { CLAIMS_KEPT_MAX } from '../core/limits.ts';
import { addressKey, keysWanted, NO_KEYS } from '../core/slice.ts';
import type { Expiry, RelayStore } from '../core/store.ts';

interface StoredKey extends OneTimePreKey {
  readonly issuedAtMs?: number;
}

interface Dated {
  readonly atMs: number;
}

/** Everything of one device. What changes with every envelope is in maps; the rest is replaced. */
interface Device {
  readonly address: DeviceAddress;
  readonly tokenHash: Uint8Array;
  readonly signedPreKey: SignedPreKey;
  readonly counters: KeyCounters;
  readonly keys: Map<number, StoredKey>;
  readonly lastResort?: KemPreKey;
  readonly kemCounters: KeyCounters;
  readonly kemKeys: Map<number, KemPreKey>;
  readonly head?: DeviceHead;
  readonly sealedIdentity?: Uint8Array;
  readonly mailbox: Mailbox;
  readonly posts: Map<PostId, AcceptedPost & Dated>;
  readonly claims: Map<string, AnsweredClaim & Dated>;
}

/** Mail in order of its numbers, which are never used twice. */
interface Mailbox {
  readonly mail: Map<number, StoredMail>;
  lastSeq: number;
  bytes: number;
}

interface Expiring {
  readonly expiresAtMs: number;
}

interface Link extends Expiring {
  readonly ciphertext: Uint8Array;
  readonly taker?: Uint8Array;
}

type DeviceChange = Exclude<Extract<Change, { device: DeviceAddress }>, { kind: 'deviceAdded' }>;

/** Makes an empty store. */
export function createMemoryStore(): RelayStore {
  const tables = new Tables();
  return {
    transact(work) {
      invariant(tables.journal.length === 0, 'transactions do not nest');
      try {
        return work({
          read: (query) => tables.read(query),
          apply: (changes) => changes.forEach((change) => tables.apply(change)),
        });
      } catch (error) {
        for (const undo of tables.journal.toReversed()) undo();
        throw error;
      } finally {
        tables.journal.length = 0;
      }
    },
    read: (query) => tables.read(query),
    prune: (expiry) => tables.prune(expiry),
    forgetOneTimeKeys: () => tables.forgetOneTimeKeys(),
    close: () => undefined,
  };
}

class Tables {
  readonly journal: (() => void)[] = [];
  readonly #lists = new Map<UserId, SignedDeviceList>();
  /** Those before, oldest first. */
  readonly #formerLists = new Map<UserId, readonly SignedDeviceList[]>();
  readonly #devices = new Map<string, Device>();
  readonly #addressByToken = new Map<string, DeviceAddress>();
  readonly #nonces = new Map<string, Expiring>();
  readonly #links = new Map<string, Link>();

  apply(change: Change): void {
    switch (change.kind) {
      case 'nonceIssued':
        return this.#set(this.#nonces, bytesToHex(change.nonce), change);
      case 'nonceSpent':
        return this.#delete(this.#nonces, bytesToHex(change.nonce));
      case 'listChanged':
        return this.#changeList(change.list);
      case 'linkPut':
        return this.#set(this.#links, bytesToHex(change.address), change);
      case 'linkTaken':
        return this.#takeLink(change);
      case 'deviceAdded':
        return this.#addDevice(change);
      case 'deviceRemoved':
      case 'deviceRenewed':
      case 'headStored':
      case 'identitySealed':
      case 'signedPreKeyStored':
      case 'preKeysStored':
      case 'preKeyIssued':
      case 'keysCounted':
      case 'lastResortStored':
      case 'kemPreKeysStored':
      case 'oneTimeKeysForgotten':
      case 'kemPreKeyIssued':
      case 'kemKeysCounted':
      case 'mailStored':
      case 'mailAcknowledged':
      case 'postAccepted':
      case 'claimAnswered':
        return this.#applyToDevice(change);
    }
  }

  read(query: SliceQuery): Slice {
    const caller = query.tokenHash && this.#addressByToken.get(bytesToHex(query.tokenHash));
    const own = caller && this.#devices.get(addressKey(caller));
    const accounts = new Map<UserId, Account>();
    for (const userId of query.users ?? []) {
      const list = this.#lists.get(userId);
      if (list !== undefined) accounts.set(userId, this.#account(list));
    }
    const keysOf = new Map<string, DeviceKeys>();
    for (const address of keysWanted(query, caller)) {
      const device = this.#devices.get(addressKey(address));
      if (device !== undefined) keysOf.set(addressKey(address), deviceKeys(device));
    }
    const posts = new Map<PostId, AcceptedPost>();
    for (const postId of query.posts ?? []) {
      const post = own?.posts.get(postId);
      if (post !== undefined) posts.set(postId, post);
    }
    const nonce = query.nonce && this.#nonces.get(bytesToHex(query.nonce));
    const claim = query.claim && own?.claims.get(query.claim);
    const link = query.link && this.#links.get(bytesToHex(query.link));
    return {
      accounts,
      posts,
      keysOf,
      nonceCount: query.countsNonces ? this.#nonces.size : 0,
      ...(caller && { caller }),
      ...(nonce && { nonceExpiresAtMs: nonce.expiresAtMs }),
      ...(claim && { claim }),
      ...(link && { link }),
      ...(query.succession && this.#succession(query.succession)),
      ...(own && query.ownEntry && this.#ownEntry(own)),
      ...(own && query.ownIdentity && this.#ownIdentity(own)),
      ...(own && query.ownKeys && { ownKeys: ownKeys(own, query.ownKeys) }),
      ...(own && query.mail && { mail: mailPage(own.mailbox, query.mail) }),
    };
  }

  prune({ nowMs, beforeMs }: Expiry): void {
    for (const table of [this.#nonces, this.#links]) {
      for (const [key, row] of table) if (row.expiresAtMs <= nowMs) table.delete(key);
    }
    if (beforeMs === undefined) return;
    for (const { keys, mailbox, posts, claims } of this.#devices.values()) {
      for (const [id, key] of keys) {
        if (key.issuedAtMs !== undefined && key.issuedAtMs < beforeMs) keys.delete(id);
      }
      for (const [seq, mail] of mailbox.mail) {
        if (mail.storedAtMs >= beforeMs) continue;
        mailbox.mail.delete(seq);
        mailbox.bytes -= mail.content.length;
      }
      for (const [id, post] of posts) if (post.atMs < beforeMs) posts.delete(id);
      for (const [id, claim] of claims) if (claim.atMs < beforeMs) claims.delete(id);
    }
  }

  forgetOneTimeKeys(): void {
    for (const [key, device] of this.#devices) {
      for (const [id, { issuedAtMs }] of device.keys)
        if (issuedAtMs === undefined) device.keys.delete(id);
      device.kemKeys.clear();
      const counters = { ...device.counters, count: 0 };
      const kemCounters = { ...device.kemCounters, count: 0 };
      this.#devices.set(key, { ...device, counters, kemCounters });
    }
  }

  #takeLink({ address, taker }: Extract<Change, { kind: 'linkTaken' }>): void {
    const key = bytesToHex(address);
    const link = this.#links.get(key);
    if (link === undefined || taker === undefined) return this.#delete(this.#links, key);
    return this.#set(this.#links, key, { ...link, taker });
  }

  #addDevice(change: Extract<Change, { kind: 'deviceAdded' }>): void {
    const { device: address, tokenHash, signedPreKey } = change;
    this.#set(this.#addressByToken, bytesToHex(tokenHash), address);
    this.#set(this.#devices, addressKey(address), {
      address,
      tokenHash,
      signedPreKey,
      counters: NO_KEYS,
      keys: new Map(),
      kemCounters: NO_KEYS,
      kemKeys: new Map(),
      mailbox: { mail: new Map(), lastSeq: 0, bytes: 0 },
      posts: new Map(),
      claims: new Map(),
    });
  }

  #applyToDevice(change: DeviceChange): void {
    const key = addressKey(change.device);
    const device = this.#devices.get(key);
    invariant(device !== undefined, 'a changed device exists');
    switch (change.kind) {
      case 'deviceRemoved':
        this.#delete(this.#addressByToken, bytesToHex(device.tokenHash));
        return this.#delete(this.#devices, key);
      case 'deviceRenewed':
        return this.#renewDevice(device, change);
      case 'headStored':
        return this.#set(this.#devices, key, { ...device, head: change.head });
      case 'identitySealed':
        return this.#set(this.#devices, key, { ...device, sealedIdentity: change.sealed });
      case 'signedPreKeyStored':
        return this.#set(this.#devices, key, { ...device, signedPreKey: change.key });
      case 'preKeysStored':
        return change.keys.forEach((one) => this.#set(device.keys, one.id, one));
      case 'preKeyIssued': {
        const issued = device.keys.get(change.id);
        invariant(issued !== undefined, 'an issued key is stored');
        return this.#set(device.keys, change.id, { ...issued, issuedAtMs: change.atMs });
      }
      case 'keysCounted':
        return this.#set(this.#devices, key, { ...device, counters: change.counters });
      case 'lastResortStored':
        return this.#set(this.#devices, key, { ...device, lastResort: change.key });
      case 'kemPreKeysStored':
        return change.keys.forEach((one) => this.#set(device.kemKeys, one.id, one));
      case 'oneTimeKeysForgotten':
        for (const [id, { issuedAtMs }] of device.keys)
          if (issuedAtMs === undefined) this.#delete(device.keys, id);
        for (const id of device.kemKeys.keys()) this.#delete(device.kemKeys, id);
        return undefined;
      case 'kemPreKeyIssued':
        invariant(device.kemKeys.has(change.id), 'an issued key is stored');
        return this.#delete(device.kemKeys, change.id);
      case 'kemKeysCounted':
        return this.#set(this.#devices, key, { ...device, kemCounters: change.counters });
      case 'mailStored':
        return this.#storeMail(device.mailbox, change);
      case 'mailAcknowledged':
        return change.seqs.forEach((seq) => this.#forgetMail(device.mailbox, seq));
      case 'postAccepted':
        return this.#set(device.posts, change.postId, change);
      case 'claimAnswered': {
        const [oldest] = device.claims.keys();
        const isFull = device.claims.size >= CLAIMS_KEPT_MAX;
        if (isFull && oldest !== undefined) this.#delete(device.claims, oldest);
        return this.#set(device.claims, change.claimId, change);
      }
    }
  }

  #renewDevice(
    former: Device,
    { tokenHash, signedPreKey }: Extract<Change, { kind: 'deviceRenewed' }>,
  ): void {
    const { head: _, lastResort: __, ...device } = former;
    this.#delete(this.#addressByToken, bytesToHex(device.tokenHash));
    this.#set(this.#addressByToken, bytesToHex(tokenHash), device.address);
    this.#set(this.#devices, addressKey(device.address), {
      ...device,
      tokenHash,
      signedPreKey,
      counters: NO_KEYS,
      keys: new Map(),
      kemCounters: NO_KEYS,
      kemKeys: new Map(),
    });
  }

  #ownEntry({ address, head }: Device): Pick<Slice, 'ownEntry'> {
    const list = this.#lists.get(address.userId);
    const entry = list && findDevice(list.list, address.deviceId);
    return entry === undefined ? {} : { ownEntry: { entry, ...(head && { head }) } };
  }

  #ownIdentity({ address }: Device): Pick<Slice, 'ownIdentity'> {
    const list = this.#lists.get(address.userId)?.list;
    const entry = list && findDevice(list, address.deviceId);
    const ownIdentity = list && entry && identityKeyOf(list, entry);
    return ownIdentity === undefined ? {} : { ownIdentity };
  }

  #changeList(list: SignedDeviceList): void {
    const { userId } = list.list;
    const before = this.#lists.get(userId);
    this.#set(this.#lists, userId, list);
    // Where devices have keys of their own nothing follows, and nobody needs to.
    if (before?.list.identityKey === undefined) return;
    const former = this.#formerLists.get(userId) ?? [];
    this.#set(this.#formerLists, userId, [...former, before].slice(1 - LISTS_KEPT_MAX));
  }

  #succession({
    userId,
    deviceId,
    since,
  }: NonNullable<SliceQuery['succession']>): Pick<Slice, 'succession'> {
    const current = this.#lists.get(userId);
    if (current === undefined) return {};
    const former = this.#formerLists.get(userId) ?? [];
    const lists = [...former.filter(({ list }) => list.version >= since), current];
    const sealed = this.#devices.get(addressKey({ userId, deviceId }))?.sealedIdentity;
    return { succession: { lists, ...(sealed && { sealed }) } };
  }

  #account(list: SignedDeviceList): Account {
    const devices = new Map<DeviceId, AccountDevice>();
    for (const { deviceId } of list.list.devices) {
      const device = this.#devices.get(addressKey({ userId: list.list.userId, deviceId }));
      if (device === undefined) continue;
      const { mailbox, tokenHash } = device;
      devices.set(deviceId, { tokenHash, mailCount: mailbox.mail.size, mailBytes: mailbox.bytes });
    }
    return { list, devices };
  }

  #storeMail(mailbox: Mailbox, change: Extract<Change, { kind: 'mailStored' }>): void {
    const seq = mailbox.lastSeq + 1;
    const { length } = change.mail.content;
    mailbox.lastSeq = seq;
    mailbox.bytes += length;
    mailbox.mail.set(seq, { ...change.mail, seq });
    this.journal.push(() => {
      mailbox.mail.delete(seq);
      mailbox.bytes -= length;
      mailbox.lastSeq = seq - 1;
    });
  }

  #forgetMail(mailbox: Mailbox, seq: number): void {
    const { mail } = mailbox;
    const found = mail.get(seq);
    if (found === undefined) return;
    mail.delete(seq);
    mailbox.bytes -= found.content.length;
    this.journal.push(() => {
      const sorted = [...mail, [seq, found] as const].toSorted((a, b) => a[0] - b[0]);
      mail.clear();
      for (const [key, value] of sorted) mail.set(key, value);
      mailbox.bytes += found.content.length;
    });
  }

  #set<K, V>(table: Map<K, V>, key: K, value: V): void {
    const before = table.get(key);
    table.set(key, value);
    this.journal.push(() => (before === undefined ? table.delete(key) : table.set(key, before)));
  }

  #delete<K, V>(table: Map<K, V>, key: K): void {
    const before = table.get(key);
    if (before === undefined) return;
    table.delete(key);
    this.journal.push(() => table.set(key, before));
  }
}

function deviceKeys({ keys, counters, signedPreKey, ...device }: Device): DeviceKeys {
  let next: StoredKey | undefined;
  for (const key of keys.values()) {
    const isOlder = next === undefined || key.id < next.id;
    if (key.issuedAtMs === undefined && isOlder) next = key;
  }
  let nextKem: KemPreKey | undefined;
  for (const key of device.kemKeys.values()) {
    if (nextKem === undefined || key.id < nextKem.id) nextKem = key;
  }
  const kem = { ...kemState(device), ...(nextKem && { next: nextKem }) };
  if (next === undefined) return { ...counters, signedPreKey, kem };
  const { id, publicKey } = next;
  return { ...counters, signedPreKey, nextOneTimePreKey: { id, publicKey }, kem };
}

function ownKeys(
  { keys, counters, signedPreKey, ...device }: Device,
  ids: NonNullable<SliceQuery['ownKeys']>,
): OwnKeys {
  const known = publicKeysOf(keys, ids.oneTime);
  const kem = { ...kemState(device), known: publicKeysOf(device.kemKeys, ids.kem) };
  return { ...counters, signedPreKey, known, kem };
}

function kemState({
  kemCounters,
  lastResort,
}: Pick<Device, 'kemCounters' | 'lastResort'>): KeyCounters & { lastResort?: KemPreKey } {
  return { ...kemCounters, ...(lastResort && { lastResort }) };
}

function publicKeysOf(
  keys: ReadonlyMap<number, OneTimePreKey>,
  ids: readonly number[],
): ReadonlyMap<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (const id of ids) {
    const key = keys.get(id);
    if (key !== undefined) found.set(id, key.publicKey);
  }
  return found;
}

function mailPage(mailbox: Mailbox, range: NonNullable<SliceQuery['mail']>): MailPage {
  const mail: StoredMail[] = [];
  let bytes = 0;
  for (const one of mailbox.mail.values()) {
    if (one.seq <= range.after) continue;
    bytes += one.content.length;
    if (mail.length === range.limit || (mail.length > 0 && bytes > range.bytesMax)) {
      return { mail, isEmpty: false };
    }
    mail.push(one);
  }
  return { mail, isEmpty: true };
}
