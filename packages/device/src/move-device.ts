/**
 * Moving a device to another machine: out into two files under a transfer passphrase, then in from them.
 * It is the only way: a copied device shares its keys with the one it was copied from.
 */

import type { Result } from '@simsim/bytes';
import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import type { StoreRefusal } from '@simsim/event-log';
import { moveLogIn, moveLogOut } from '@simsim/event-log-sqlite';
import type { LogPlace } from '@simsim/event-log-sqlite';
import { storeError } from './session-error.ts';
import { vaultKey, vaultPathOf } from './store-spec.ts';
import type { VaultChoice } from './store-spec.ts';

/** A device's log, with its vault beside it, and what opens that. */
export interface DevicePlace {
  readonly path: string;
  readonly vault: VaultChoice;
}

/** From where to where. */
export interface MoveDevice {
  readonly from: DevicePlace;
  readonly to: DevicePlace;
}

/**
 * Ends a closed device at `from`, where nothing is left, and puts it at `to` for the journey: choose a
 * passphrase for that vault. Only {@link moveDeviceIn} opens it there. Where it was cut off, do it again.
 *
 * Throws: {@link SessionError}: what opening the device is refused for, `STORE_EXISTS`, `VAULT_EXISTS`.
 */
export function moveDeviceOut({ from, to }: MoveDevice): void {
  orThrow(moveLogOut({ from: placeOf(from), to: placeOf(to), crypto, entropy }));
}

/**
 * Brings a device that was moved out to its new place, where it opens as ever, and leaves nothing at
 * `from`. Where it was cut off, do it again.
 *
 * Throws: {@link SessionError}: `STORE_MOVED` where it was not moved out; otherwise as above.
 */
export function moveDeviceIn({ from, to }: MoveDevice): void {
  orThrow(moveLogIn({ from: placeOf(from), to: placeOf(to), crypto, entropy }));
}

function placeOf({ path, vault }: DevicePlace): LogPlace {
  return { path, vaultPath: vaultPathOf(path), key: vaultKey(vault) };
}

function orThrow(result: Result<undefined, StoreRefusal>): void {
  if (result.ok) return;
  throw storeError(result.error);
}
