/**
 * Replacing a vault's master key. A rotation begins with a fresh master key beside the old one, both
 * under the same wrapping key in the header; pages written from then on are under the fresh one.
 * When no page is left under the old one, the header names the fresh one alone, under the wrapping
 * key that the provider says, and the provider forgets the key before.
 */

import type { Crypto, Entropy, Secret } from '@simsim/crypto';
import type { LogSabotage, StoreRefusal } from '@simsim/event-log';
import { NONCE_BYTES, wrapMaster } from './vault-header.ts';
import type { ClearHeader, NextMaster, PageEntry, WrappedMaster } from './vault-header.ts';
import type { OpenedVaultFile } from './vault-image.ts';
import { RAW_KEY_BYTES } from './vault-key.ts';
import type { Wrapping, WrappingKeys } from './vault-wrapping.ts';

/** The master keys of an open vault. */
export interface Rotation {
  /** Begins after flush `counter`; nothing where a rotation is going on. */
  begin(counter: number): void;
  /** Pages still under the old key; `undefined` where there is no rotation. */
  unrotated(entries: readonly PageEntry[]): readonly number[] | undefined;
  /** What new copies and headers are sealed under. */
  newest(): Secret<'seal'>;
  /** What the next header says of the keys; ends the rotation where all pages are under the new one. */
  wrapped(entries: readonly PageEntry[]): Pick<ClearHeader, 'descriptor' | 'master' | 'next'>;
  /** Makes the provider forget the key before, once a header that does without it lasts. */
  forgetReplaced(): void;
  hindrance(): StoreRefusal | undefined;
  wipe(): void;
}

/** What rotating needs. */
export interface RotationParts {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly keys: WrappingKeys;
  readonly sabotage?: LogSabotage;
}

interface Master {
  readonly secret: Secret<'seal'>;
  readonly wrapped: WrappedMaster;
}

interface NextOne {
  readonly secret: Secret<'seal'>;
  readonly wrapped: NextMaster;
}

/** Goes on with what an opened file says. */
export function createRotation(
  { clear, wrapping: unlocked, masters }: OpenedVaultFile,
  { crypto, entropy, keys, sabotage }: RotationParts,
): Rotation {
  let wrapping: Wrapping = unlocked;
  let current: Master = { secret: masters.current, wrapped: clear.master };
  let next: NextOne | undefined = masters.next &&
    clear.next && { secret: masters.next, wrapped: clear.next };
  let endHindrance: StoreRefusal | undefined;
  let forgetHindrance: StoreRefusal | undefined;
  // Whoever had the vault before may have been killed before its keychain forgot.
  let isForgotten = false;
  const wrap = (master: Secret<'seal'>, { key }: Wrapping): WrappedMaster =>
    wrapMaster(crypto, key, { logId: clear.logId, master, nonce: entropy(NONCE_BYTES) });
  const leftOf = (entries: readonly PageEntry[], { wrapped: { since } }: NextOne): number[] =>
    entries.flatMap(({ generation }, page) => (generation > since ? [] : [page]));

  return {
    begin(counter) {
      if (next !== undefined) return;
      const isStuck = sabotage?.keepsMaster === true;
      const bytes = isStuck ? crypto.exportSecret(current.secret) : entropy(RAW_KEY_BYTES);
      const secret = crypto.importSecret('seal', bytes);
      bytes.fill(0);
      next = { secret, wrapped: { since: counter, ...wrap(secret, wrapping) } };
    },
    unrotated: (entries) => next && leftOf(entries, next),
    newest: () => (next ?? current).secret,
    wrapped(entries) {
      if (next !== undefined && leftOf(entries, next).length === 0) {
        const following = keys.next(wrapping, entropy);
        endHindrance = following.ok ? undefined : following.error;
        if (following.ok) {
          wrapping = following.value;
          crypto.wipe(current.secret);
          current = { secret: next.secret, wrapped: wrap(next.secret, wrapping) };
          next = undefined;
          isForgotten = false;
        }
      }
      const { descriptor } = wrapping;
      return { descriptor, master: current.wrapped, next: next?.wrapped };
    },
    forgetReplaced() {
      if (isForgotten) return;
      forgetHindrance = keys.forgetOther(wrapping.descriptor);
      isForgotten = forgetHindrance === undefined;
    },
    hindrance: () => endHindrance ?? forgetHindrance,
    wipe() {
      crypto.wipe(current.secret);
      if (next !== undefined) crypto.wipe(next.secret);
    },
  };
}
