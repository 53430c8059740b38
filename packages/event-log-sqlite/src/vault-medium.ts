/** Where the vault's pages last: the pages of one open file, each kept in two places. */

import type { Crypto, Entropy } from '@simsim/crypto';
import type { Anchor, Chaos, LogSabotage, VaultMedium, VaultPage } from '@simsim/event-log';
import type { OpenFile } from './file-system.ts';
import { encodeHeaderPage, FILE_PAGE_BYTES } from './vault-header.ts';
import type { PageEntry } from './vault-header.ts';
import type { OpenedVaultFile } from './vault-image.ts';
import { encodePageCopy, pageOffset } from './vault-page.ts';

/** How a vault's pages are written. */
export interface VaultMediumOptions {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  /**
   * `strict` (default): replaced copies are zeroed and synced within the flush. `lazy`: zeroed with
   * the next flush, which saves one sync and leaves one window of keys on the medium meanwhile.
   */
  readonly wipe?: 'strict' | 'lazy';
  /** Test-only. */
  readonly chaos?: Chaos;
  /** Test-only. */
  readonly sabotage?: LogSabotage;
}

/** Bytes of a nonce in the file. */
export const NONCE_BYTES = 12;

/** What an erased place holds. */
export const ZEROS: Uint8Array = new Uint8Array(FILE_PAGE_BYTES);

/** What changes while a medium is open. */
interface Places {
  /** Which copy of each page counts. */
  readonly entries: PageEntry[];
  /** Number of the last flush. */
  counter: number;
  headerPlace: 0 | 1;
  /** Offsets of copies that were replaced and are not zeroed yet. */
  stale: readonly number[];
}

/**
 * Takes over an opened file and settles what an interrupted flush left in it.
 *
 * Throws: errors of the file system.
 */
export function openMedium(
  file: OpenFile,
  opened: OpenedVaultFile,
  options: VaultMediumOptions,
): VaultMedium {
  const { crypto, chaos } = options;
  const { clear, headerPlace, stale } = opened;
  const places: Places = {
    entries: [...opened.entries],
    counter: clear.counter,
    headerPlace,
    stale,
  };
  const isLazy = options.wipe === 'lazy';
  const zero = (offsets: readonly number[]): void => {
    if (options.sabotage?.keepsOldCopies === true) return;
    for (const offset of offsets) file.write(ZEROS, offset);
  };
  const settle = (): void => {
    if (places.stale.length === 0) return;
    zero(places.stale);
    file.sync();
    places.stale = [];
  };
  const write = (anchor: Anchor, pages: readonly VaultPage[]): void => {
    chaos?.at('vault:before-copy');
    places.counter++;
    const copies = pages.map((page) => sealCopy(page, { opened, options, places }));
    for (const { bytes, offset } of copies) file.write(bytes, offset);
    const written = new Set(copies.map(({ offset }) => offset));
    zero(places.stale.filter((offset) => !written.has(offset)));
    const header = sealHeader(anchor, { opened, options, places });
    places.headerPlace = places.headerPlace === 0 ? 1 : 0;
    file.write(header, places.headerPlace * FILE_PAGE_BYTES);
    chaos?.at('vault:copy-written');
    file.sync();
    chaos?.at('vault:copy-synced');
    places.stale = copies.flatMap(({ replaced }) => replaced ?? []);
    if (isLazy) return;
    chaos?.at('vault:before-zero');
    zero(places.stale);
    file.write(header, (1 - places.headerPlace) * FILE_PAGE_BYTES);
    file.sync();
    places.stale = [];
  };
  rewrite(file, opened);
  // An interrupted flush may have left copies with the very generation the next one will use; they
  // must be gone before that.
  settle();
  return {
    write(anchor, pages) {
      write(anchor, pages);
      chaos?.at('vault:done');
    },
    settle,
    close() {
      crypto.wipe(opened.master);
      file.close();
    },
  };
}

/**
 * Writes the newest state once more where an older one is still whole: the sync of that flush may
 * have failed, and then the system shows what never reached the medium. Only after this may the
 * older state go. A crash meanwhile may cost the newest state; the older one will do, because a log
 * goes on only after a flush that succeeded.
 */
function rewrite(file: OpenFile, { inDoubt }: OpenedVaultFile): void {
  if (inDoubt.length === 0) return;
  for (const { bytes, offset } of inDoubt) file.write(bytes, offset);
  file.sync();
}

interface Sealing {
  readonly opened: OpenedVaultFile;
  readonly options: VaultMediumOptions;
  readonly places: Places;
}

interface SealedCopy {
  readonly bytes: Uint8Array;
  readonly offset: number;
  /** Where the copy lies that does not count any more. */
  readonly replaced: number | undefined;
}

/** Seals a page for its other place and counts that one from now on. */
function sealCopy(
  { page, bytes: slots }: VaultPage,
  { opened: { clear, master }, options: { crypto, entropy }, places }: Sealing,
): SealedCopy {
  const before = places.entries[page];
  const copy = before?.copy === 0 ? 1 : 0;
  const generation = places.counter;
  const place = { logId: clear.logId, page, generation };
  const nonce = entropy(NONCE_BYTES);
  places.entries[page] = { generation, copy };
  return {
    bytes: encodePageCopy(crypto, master, { place, nonce, slots }),
    offset: pageOffset(page, copy),
    // A new page has no other copy, but the file must reach over its place.
    replaced: before ? pageOffset(page, before.copy) : pageOffset(page, 1),
  };
}

function sealHeader(
  anchor: Anchor,
  { opened: { clear, master }, options: { crypto, entropy }, places }: Sealing,
): Uint8Array {
  const { counter, entries } = places;
  const nonce = entropy(NONCE_BYTES);
  const sealed = { anchor, pages: entries };
  return encodeHeaderPage(crypto, master, { clear: { ...clear, counter }, sealed, nonce });
}
