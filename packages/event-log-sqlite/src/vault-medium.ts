/**
 * Where the vault's pages last: the pages of one open file, each kept in two places, under a master
 * key that is replaced step by step.
 */

import { invariant } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import { failStore } from '@simsim/event-log';
import type {
  Anchor,
  Chaos,
  LogSabotage,
  StoreRefusal,
  VaultImage,
  VaultMedium,
  VaultPage,
} from '@simsim/event-log';
import type { OpenFile } from './file-system.ts';
import { encodeHeaderPage, FILE_PAGE_BYTES, NONCE_BYTES } from './vault-header.ts';
import type { PageEntry } from './vault-header.ts';
import { newestCounter, staleOffsets, unlessProved } from './vault-image.ts';
import type { OpenedVaultFile } from './vault-image.ts';
import { encodePageCopy, pageOffset } from './vault-page.ts';
import { vaultFailed } from './vault-refusal.ts';
import { createRotation } from './vault-rotation.ts';
import type { Rotation } from './vault-rotation.ts';
import type { WrappingKeys } from './vault-wrapping.ts';

/** How a vault's pages are written. */
export interface VaultMediumOptions {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  /**
   * `strict` (default): replaced copies are zeroed and synced within the flush. `lazy`: zeroed with
   * the next flush or the closing, which saves one sync and leaves one window of keys on the medium
   * meanwhile.
   */
  readonly wipe?: 'strict' | 'lazy';
  /**
   * Other processes flush this vault too, each under the same lock; before a flush, copies are looked
   * for that a killed one left without a header.
   */
  readonly shared?: boolean;
  /**
   * Runs a write of the file while nobody else may own its log, or throws. Default: at once, for a vault
   * that has no log beside it.
   */
  readonly fenced?: <T>(write: () => T) => T;
  /** Test-only. */
  readonly chaos?: Chaos;
  /** Test-only. */
  readonly sabotage?: LogSabotage;
}

/** What an erased place holds. */
export const ZEROS: Uint8Array = new Uint8Array(FILE_PAGE_BYTES);

/** What a medium is opened over. */
export interface MediumParts extends VaultMediumOptions {
  readonly file: OpenFile;
  readonly keys: WrappingKeys;
  readonly readAll: () => Uint8Array;
  /** Reads and opens the file once more. */
  readonly reread: () => Result<OpenedVaultFile, StoreRefusal>;
}

/**
 * Takes over an opened file and settles what an interrupted flush left in it.
 *
 * Throws: errors of the file system.
 */
export function openMedium(start: OpenedVaultFile, parts: MediumParts): VaultMedium {
  const { crypto, file, fenced = (write) => write() } = parts;
  let medium = fenced(() => takeOver(start, parts));
  /** A rotation that was asked for and is in no header yet: it outlives a reload. */
  let isRotationDue = false;
  const beginRotation = (): void => medium.rotation.begin(medium.counter());
  const readAgain = (tipSeq: number | undefined): VaultImage | undefined => {
    const counter = newestCounter(crypto, file.read(0, 2 * FILE_PAGE_BYTES));
    if (counter === medium.counter()) return undefined;
    if (counter !== undefined && counter < medium.counter()) {
      const detail = 'an older copy was put in the place of the open vault; open the log again';
      failStore('VAULT_ROLLED_BACK', detail);
    }
    const found = parts.reread();
    if (!found.ok) failStore(found.error.code, found.error.detail);
    medium.wipe();
    medium = takeOver(unlessProved(found.value, tipSeq), parts);
    if (isRotationDue) beginRotation();
    return found.value.image;
  };
  /** What this process takes for replaced may be what another one has just written. */
  const checkNewest = (): void => {
    if (parts.shared !== true) return;
    const counter = newestCounter(crypto, file.read(0, 2 * FILE_PAGE_BYTES));
    invariant(counter === medium.counter(), 'a shared vault is reloaded before it is flushed');
  };
  const changing = (work: () => void): void =>
    explained(() =>
      fenced(() => {
        checkNewest();
        work();
      }),
    );
  return {
    write(anchor, pages) {
      changing(() => medium.write(anchor, pages));
      isRotationDue = false;
    },
    settle: () => changing(() => medium.settle()),
    read: (tipSeq) => explained(() => readAgain(tipSeq)),
    rotate() {
      isRotationDue = true;
      beginRotation();
    },
    unrotated: () => medium.rotation.unrotated(medium.entries),
    rotationHindrance: () => medium.rotation.hindrance(),
    close() {
      medium.wipe();
      parts.keys.close();
      file.close();
    },
  };
}

/** A failing medium says what to do about it. Throws: StoreFailure. */
function explained<T>(work: () => T): T {
  try {
    return work();
  } catch (failure) {
    const { code, detail } = vaultFailed(failure);
    return failStore(code, detail, failure);
  }
}

/** A medium that nobody else writes meanwhile. */
interface OwnMedium {
  readonly rotation: Rotation;
  readonly entries: readonly PageEntry[];
  counter(): number;
  write(anchor: Anchor, pages: readonly VaultPage[]): void;
  settle(): void;
  wipe(): void;
}

/** What changes while a medium is open. */
interface Places {
  /** Which copy of each page counts. */
  readonly entries: PageEntry[];
  /** Number of the last flush. */
  counter: number;
  /** The newest header and where it lies. */
  header: Uint8Array;
  headerPlace: 0 | 1;
  /** The other header is an older one, which may hold a master key that was replaced. */
  isOtherHeaderOld: boolean;
  /** Offsets of copies that were replaced and are not zeroed yet. */
  stale: readonly number[];
}

function takeOver(opened: OpenedVaultFile, options: MediumParts): OwnMedium {
  const { file, chaos } = options;
  const { header, headerPlace, isOtherHeaderOld, stale } = opened;
  const entries = [...opened.entries];
  const { counter } = opened.clear;
  const places: Places = { entries, counter, header, headerPlace, isOtherHeaderOld, stale };
  const rotation = createRotation(opened, options);
  const sealing = { opened, options, places, rotation };
  const keepsOld = options.sabotage?.keepsOldCopies === true;
  const zero = (offsets: readonly number[]): void => {
    if (keepsOld) return;
    for (const offset of offsets) file.write(ZEROS, offset);
  };
  /** Erases what was replaced. */
  const settle = (): void => {
    if (places.stale.length === 0 && !places.isOtherHeaderOld) return;
    zero(places.stale);
    if (!keepsOld) file.write(places.header, (1 - places.headerPlace) * FILE_PAGE_BYTES);
    file.sync();
    places.stale = [];
    places.isOtherHeaderOld = false;
  };
  const settleOthers = (): void => {
    const known = new Set(places.stale);
    places.stale = staleOffsets(options.readAll(), entries);
    if (places.stale.some((offset) => !known.has(offset))) settle();
  };
  rewrite(file, opened);
  // An interrupted flush may have left copies with the very generation the next one will use; they
  // must be gone before that.
  settle();
  return {
    rotation,
    entries,
    counter: () => places.counter,
    wipe: () => rotation.wipe(),
    settle() {
      settle();
      rotation.forgetReplaced();
    },
    write(anchor, pages) {
      chaos?.at('vault:before-copy');
      if (options.shared === true) settleOthers();
      places.counter++;
      const copies = pages.map((page) => sealCopy(page, sealing));
      for (const { bytes, offset } of copies) file.write(bytes, offset);
      chaos?.at('vault:pages-written');
      const written = new Set(copies.map(({ offset }) => offset));
      zero(places.stale.filter((offset) => !written.has(offset)));
      places.header = sealHeader(anchor, sealing);
      places.headerPlace = places.headerPlace === 0 ? 1 : 0;
      file.write(places.header, places.headerPlace * FILE_PAGE_BYTES);
      chaos?.at('vault:copy-written');
      file.sync();
      chaos?.at('vault:copy-synced');
      places.stale = copies.flatMap(({ replaced }) => replaced ?? []);
      places.isOtherHeaderOld = true;
      if (options.wipe !== 'lazy') {
        chaos?.at('vault:before-zero');
        settle();
      }
      rotation.forgetReplaced();
      chaos?.at('vault:done');
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
  readonly options: MediumParts;
  readonly places: Places;
  readonly rotation: Rotation;
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
  { opened, options: { crypto, entropy }, places, rotation }: Sealing,
): SealedCopy {
  const before = places.entries[page];
  const copy = before?.copy === 0 ? 1 : 0;
  const generation = places.counter;
  const place = { logId: opened.clear.logId, page, generation };
  const nonce = entropy(NONCE_BYTES);
  places.entries[page] = { generation, copy };
  return {
    bytes: encodePageCopy(crypto, rotation.newest(), { place, nonce, slots }),
    offset: pageOffset(page, copy),
    // A new page has no other copy, but the file must reach over its place.
    replaced: before ? pageOffset(page, before.copy) : pageOffset(page, 1),
  };
}

function sealHeader(
  anchor: Anchor,
  { opened, options: { crypto, entropy }, places, rotation }: Sealing,
): Uint8Array {
  const { counter, entries } = places;
  const { logId, vaultId } = opened.clear;
  const clear = { logId, counter, vaultId, ...rotation.wrapped(entries) };
  const sealed = { anchor, pages: entries };
  return encodeHeaderPage(crypto, rotation.newest(), {
    clear,
    sealed,
    nonce: entropy(NONCE_BYTES),
  });
}
