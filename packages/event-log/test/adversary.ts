/** Somebody who has the whole store and the vault's own keys, and tries what is said to be gone. */

import type { Crypto, Secret } from '@simsim/crypto';
import { encodeHeader, genesisHash } from '../src/chain.ts';
import { epochKey, openMail } from '../src/inbox-epochs.ts';
import { openPart, sealedIndex } from '../src/sealed-part.ts';
import { createSlotVaultReader } from '../src/slot-vault.ts';
import type { EventReader, InboxRow, VaultImage, VaultReader } from '../src/index.ts';

/** A vault as somebody who took its image reads it. */
export function stolenVault(crypto: Crypto, logId: Uint8Array, image: VaultImage): VaultReader {
  const pages = image.pages.map((page) => page.slice());
  const vault = createSlotVaultReader(crypto, logId, { ...image, pages });
  if (vault === undefined) throw new Error('the image is sound');
  return vault;
}

/** The events whose sealed part opens under some key of the vault, hashed forward as need be. */
export function openableParts(crypto: Crypto, store: EventReader, vault: VaultReader): number[] {
  const rows = [...store.events(1, store.tip().seq)];
  const slots = new Set([...store.streams()].flatMap(({ slot }) => slot ?? []));
  for (const { slot } of vault.liveSlots()) slots.add(slot);
  const opened: number[] = [];
  for (const [i, row] of rows.entries()) {
    const { sealed } = row;
    const header = encodeHeader(row);
    const index = sealed && sealedIndex(sealed);
    if (sealed === undefined || header === undefined || index === undefined) continue;
    const previous = rows[i - 1]?.hash ?? genesisHash(crypto, vault.logId);
    const place = { logId: vault.logId, header, previous };
    // A free slot may be filled for any part of a stream that takes it later.
    const isOpen = [...slots].some((slot) => {
      const held = vault.slot(slot);
      if (held === undefined) return false;
      const froms = held.use === 'free' ? [...Array(index + 1).keys()] : [held.index, 0];
      return froms.some((from) => {
        const key = stepped(crypto, vault.key(slot), index - from);
        return key !== undefined && openPart(crypto, { key, place, sealed }) !== undefined;
      });
    });
    if (isOpen) opened.push(row.seq);
  }
  return opened;
}

/** Of the given rows, those whose body opens under some key of the vault. */
export function openableMail(
  crypto: Crypto,
  vault: VaultReader,
  rows: readonly InboxRow[],
): InboxRow[] {
  return rows.filter(({ epoch, seq, id, body }) => {
    if (vault.slot(epoch) === undefined) return false;
    const key = epochKey(crypto, vault, epoch);
    const place = { logId: vault.logId, epoch, seq, id };
    return openMail(crypto, { key, place, box: body }) !== undefined;
  });
}

function stepped(crypto: Crypto, key: Secret<'stream'>, steps: number): Secret<'seal'> | undefined {
  if (steps < 0) return undefined;
  let [next, seal] = crypto.sealStep(key);
  for (let step = 0; step < steps; step++) [next, seal] = crypto.sealStep(next);
  return seal;
}
