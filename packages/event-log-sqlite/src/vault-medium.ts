/** Where the vault's pages last: the pages of one open file, each kept in two places. */

import type { Result } from '@simsim/bytes';
import type { Crypto, Entropy, Secret } from '@simsim/crypto';
import { failStore } from '@simsim/event-log';
import type {
  Anchor,
  Chaos,
  LogSabotage,
  StoreRefusal,
  VaultMedium,
  VaultPage,
} from '@simsim/event-log';
import type { OpenFile } from './file-system.ts';
import { encodeHeaderPage, FILE_PAGE_BYTES } from './vault-header.ts';
import type { PageEntry } from './vault-header.ts';
import { newestCounter, staleOffsets } from './vault-image.ts';
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
  /**
   * Other processes flush this vault too, each under the same lock; before a flush, copies are looked
   * for that a killed one left without a header.
   */
  readonly shared?: boolean;
  /** Test-only. */
  readonly chaos?: Chaos;
  /** Test-only. */
  readonly sabotage?: LogSabotage;
}

/** Bytes of a nonce in the file. */
export const NONCE_BYTES = 12;

/** What an erased place holds. */
export const ZEROS: Uint8Array = new Uint8Array(FILE_PAGE_BYTES);

/** What a medium is opened over. */
export interface MediumParts extends VaultMediumOptions {
  readonly file: OpenFile;
  readonly readAll: () => Uint8Array;
  /** Reads and opens the file once more. */
  readonly reread: () => Result<OpenedVaultFile, StoreRefusal>;
}

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
export function openMedium(start: OpenedVaultFile, parts: MediumParts): VaultMedium {
  const { crypto, file } = parts;
  let medium = takeOver(start, parts);
  return {
    write: (anchor, pages) => medium.write(anchor, pages),
    settle: () => medium.settle(),
    read(tipSeq) {
      const counter = newestCounter(crypto, file.read(0, 2 * FILE_PAGE_BYTES));
      if (counter === medium.counter()) return undefined;
      if (counter !== undefined && counter < medium.counter()) {
        failStore('VAULT_ROLLED_BACK', 'somebody put an older vault in its place');
      }
      const found = parts.reread();
      if (!found.ok) failStore(found.error.code, found.error.detail);
      crypto.wipe(medium.master);
      medium = takeOver(unlessProved(found.value, tipSeq), parts);
      return found.value.image;
    },
    close() {
      crypto.wipe(medium.master);
      file.close();
    },
  };
}

/** Events after its anchor prove that the newest state lasts; then it is not in doubt. */
export function unlessProved(opened: OpenedVaultFile, tipSeq: number | undefined): OpenedVaultFile {
  const isProved = tipSeq !== undefined && tipSeq > opened.image.anchor.seq;
  return isProved ? { ...opened, inDoubt: [] } : opened;
}

/** A medium that nobody else writes meanwhile. */
interface OwnMedium {
  readonly master: Secret<'seal'>;
  counter(): number;
  write(anchor: Anchor, pages: readonly VaultPage[]): void;
  settle(): void;
}

function takeOver(opened: OpenedVaultFile, options: MediumParts): OwnMedium {
  const { file, chaos } = options;
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
  const settleOthers = (): void => {
    const known = new Set(places.stale);
    places.stale = staleOffsets(options.readAll(), places.entries);
    if (places.stale.some((offset) => !known.has(offset))) settle();
  };
  const write = (anchor: Anchor, pages: readonly VaultPage[]): void => {
    chaos?.at('vault:before-copy');
    if (options.shared === true) settleOthers();
    places.counter++;
    const copies = pages.map((page) => sealCopy(page, { opened, options, places }));
    for (const { bytes, offset } of copies) file.write(bytes, offset);
    chaos?.at('vault:pages-written');
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
    master: opened.master,
    counter: () => places.counter,
    write(anchor, pages) {
      write(anchor, pages);
      chaos?.at('vault:done');
    },
    settle,
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
