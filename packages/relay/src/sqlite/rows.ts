/** Finding rows by the names decisions use, remembering what rarely changes. */

import { equalBytes, invariant } from '@simsim/bytes';
import type { DeviceId, SignedDeviceList, UserId } from '@simsim/relay-protocol';
import { decodeSignedDeviceList, parseDeviceId, parseUserId } from '@simsim/relay-protocol';
import type { DeviceAddress } from '../core/slice.ts';
import { addressKey } from '../core/slice.ts';
import type { Statements } from './statements.ts';
import { RelayStoreError } from './store-error.ts';

/** Remembered lists and row numbers; beyond this many the memory starts again. */
const REMEMBERED_MAX = 10_000;

/** How many leading bytes of a token's hash it is looked up by. */
const LOOKUP_BYTES = 8;

/** A device as its row. */
export interface DeviceRow {
  readonly row: number;
  readonly address: DeviceAddress;
}

/** A user as its row. */
export interface AccountRow {
  readonly row: number;
  readonly list: SignedDeviceList;
}

/** A connection's statements and what it remembers of committed or own uncommitted rows. */
export class Rows {
  readonly statements: Statements;
  readonly #accounts = new Map<UserId, AccountRow>();
  readonly #devices = new Map<string, number>();

  constructor(statements: Statements) {
    this.statements = statements;
  }

  /** Drops all that is remembered: a transaction was rolled back. */
  forget(): void {
    this.#accounts.clear();
    this.#devices.clear();
  }

  /** Drops what is remembered of a user whose list changes. */
  forgetAccount(userId: UserId): void {
    this.#accounts.delete(userId);
  }

  /** Drops what is remembered of a device that goes. */
  forgetDevice(address: DeviceAddress): void {
    this.#devices.delete(addressKey(address));
  }

  /** The user's row and list. */
  account(userId: UserId): AccountRow | undefined {
    const remembered = this.#accounts.get(userId);
    if (remembered !== undefined) return remembered;
    const found = this.statements.account.get({ user: userId });
    if (found === undefined) return undefined;
    const list = decodeSignedDeviceList(plainBytes(found.list));
    if (!list.ok) throw new RelayStoreError('DAMAGED', 'a stored device list cannot be read');
    const account = { row: found.id, list: list.value };
    remember(this.#accounts, userId, account);
    return account;
  }

  /** The row of a device, if it is there. */
  findDevice(address: DeviceAddress): number | undefined {
    const key = addressKey(address);
    const remembered = this.#devices.get(key);
    if (remembered !== undefined) return remembered;
    const { userId: user, deviceId } = address;
    const row = this.statements.deviceByAddress.get({ user, deviceId })?.id;
    if (row !== undefined) remember(this.#devices, key, row);
    return row;
  }

  /** The row of a device that a change names. */
  device(address: DeviceAddress): number {
    const row = this.findDevice(address);
    invariant(row !== undefined, 'a changed device exists');
    return row;
  }

  /** The device whose token has this hash. */
  caller(tokenHash: Uint8Array): DeviceRow | undefined {
    const lookup = lookupOf(tokenHash);
    for (const found of this.statements.deviceByToken.all({ lookup })) {
      if (!equalBytes(found.token_hash, tokenHash)) continue;
      const address = { userId: toUserId(found.user_id), deviceId: toDeviceId(found.device_id) };
      return { row: found.id, address };
    }
    return undefined;
  }
}

/** What a token's hash is looked up by: telling how much of it matched by time helps nobody. */
export const lookupOf = (tokenHash: Uint8Array): Uint8Array => tokenHash.slice(0, LOOKUP_BYTES);

/** A view without Buffer's own `slice`, which shares memory where a copy is expected. */
export const plainBytes = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A stored user id. */
export function toUserId(stored: string): UserId {
  const userId = parseUserId(stored);
  if (!userId.ok) throw new RelayStoreError('DAMAGED', 'a stored user id cannot be read');
  return userId.value;
}

/** A stored device id. */
export function toDeviceId(stored: number): DeviceId {
  const deviceId = parseDeviceId(stored);
  if (!deviceId.ok) throw new RelayStoreError('DAMAGED', 'a stored device id cannot be read');
  return deviceId.value;
}

function remember<K, V>(table: Map<K, V>, key: K, value: V): void {
  if (table.size >= REMEMBERED_MAX) table.clear();
  table.set(key, value);
}
