/**
 * A page copy in a vault file: `generation u48 │ nonce 12 │ 80 slots, sealed under the master key`.
 */

import { createReader, createWriter, encodeUtf8 } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import { SLOT_PAGE_BYTES } from '@simsim/event-log';
import { FILE_PAGE_BYTES } from './vault-header.ts';

const LABEL = encodeUtf8('simsim/vault/page/1');
const NONCE_BYTES = 12;
const FRONT_BYTES = 6 + NONCE_BYTES;
const TAG_BYTES = 16;

/** What a page copy is bound to. */
export interface PagePlace {
  readonly logId: Uint8Array;
  readonly page: number;
  readonly generation: number;
}

/** Where a page copy lies in the file: after both headers, the two copies side by side. */
export function pageOffset(page: number, copy: 0 | 1): number {
  return (2 + 2 * page + copy) * FILE_PAGE_BYTES;
}

/** Seals a page of slots. */
export function encodePageCopy(
  crypto: Crypto,
  master: Secret<'seal'>,
  copy: { readonly place: PagePlace; readonly nonce: Uint8Array; readonly slots: Uint8Array },
): Uint8Array {
  const { place, nonce, slots } = copy;
  const page = new Uint8Array(FILE_PAGE_BYTES);
  page.set(generationBytes(place.generation));
  page.set(nonce, 6);
  page.set(crypto.seal(master, nonce, associatedData(place), [slots]), FRONT_BYTES);
  return page;
}

/** Opens a page copy into slots of its own; `undefined` where it is torn or of another flush. */
export function openPageCopy(
  crypto: Crypto,
  master: Secret<'seal'>,
  copy: { readonly place: PagePlace; readonly bytes: Uint8Array },
): Uint8Array | undefined {
  const { place, bytes } = copy;
  if (bytes.length !== FILE_PAGE_BYTES) return undefined;
  const reader = createReader(bytes);
  const generation = reader.u16() * 0x1_0000_0000 + reader.u32();
  if (generation !== place.generation) return undefined;
  const nonce = reader.raw(NONCE_BYTES);
  const box = bytes.slice(FRONT_BYTES, FRONT_BYTES + SLOT_PAGE_BYTES + TAG_BYTES);
  return crypto.open(master, nonce, associatedData(place), box);
}

function associatedData({ logId, page, generation }: PagePlace): readonly Uint8Array[] {
  return [LABEL, logId, createWriter(4).u32(page).finish(), generationBytes(generation)];
}

function generationBytes(generation: number): Uint8Array {
  return createWriter(6)
    .u16(Math.floor(generation / 0x1_0000_0000))
    .u32(generation % 0x1_0000_0000)
    .finish();
}
