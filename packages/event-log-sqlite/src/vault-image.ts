/** Finding the valid state in a vault file's bytes: the newest header all of whose pages are there. */

import { equalBytes, err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import type { StoreRefusal, VaultImage } from '@simsim/event-log';
import {
  decodeClearHeader,
  FILE_PAGE_BYTES,
  openSealedHeader,
  unwrapMaster,
} from './vault-header.ts';
import type { ClearHeader, PageEntry, WrappedMaster } from './vault-header.ts';
import { openPageCopy, pageOffset } from './vault-page.ts';
import type { Wrapping, WrappingKeys } from './vault-wrapping.ts';

/** The master keys of a vault: the one that counts, and the one that takes over. */
export interface MasterKeys {
  readonly current: Secret<'seal'>;
  readonly next: Secret<'seal'> | undefined;
}

/** A vault file, opened. */
export interface OpenedVaultFile {
  readonly clear: ClearHeader;
  readonly image: VaultImage;
  readonly wrapping: Wrapping;
  readonly masters: MasterKeys;
  readonly entries: readonly PageEntry[];
  /** The newest header as it is in the file. */
  readonly header: Uint8Array;
  /** Which of the two header places is the newest. */
  readonly headerPlace: 0 | 1;
  /** The other header is not the same. */
  readonly isOtherHeaderOld: boolean;
  /** Offsets of page copies that are not valid and not zero: a kill came before they were zeroed. */
  readonly stale: readonly number[];
  /**
   * The newest state's own bytes, where an older state is whole too: whether the newest one is
   * durable is not known then. Else empty.
   */
  readonly inDoubt: readonly FilePlace[];
}

/** Bytes and where they lie in the file. */
interface FilePlace {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

interface Candidate {
  readonly clear: ClearHeader;
  readonly page: Uint8Array;
  readonly place: 0 | 1;
}

/** What opens the bytes of a vault file. */
export interface VaultOpener {
  readonly crypto: Crypto;
  /** Makes the wrapping keys of a vault. */
  readonly keysOf: (vaultId: Uint8Array) => WrappingKeys;
  /** Forgets them, where the vault does not open. */
  readonly close: () => void;
}

/** Events after its anchor prove that the newest state lasts; then it is not in doubt. */
export function unlessProved(opened: OpenedVaultFile, tipSeq: number | undefined): OpenedVaultFile {
  const isProved = tipSeq !== undefined && tipSeq > opened.image.anchor.seq;
  return isProved ? { ...opened, inDoubt: [] } : opened;
}

/** Forgets the master keys of an opened file. */
export function wipeMasters(crypto: Crypto, { current, next }: MasterKeys): void {
  crypto.wipe(current);
  if (next !== undefined) crypto.wipe(next);
}

/** Forgets every key of an opened file. */
export function wipeOpened(crypto: Crypto, { masters, image }: OpenedVaultFile): void {
  wipeMasters(crypto, masters);
  for (const page of image.pages) page.fill(0);
}

/**
 * Opens the bytes of a vault file. Untrusted bytes.
 *
 * Refuses: `VAULT_CORRUPT`, `VAULT_TOO_NEW`, `VAULT_WRONG_KEY`, `VAULT_KEY_UNAVAILABLE`.
 */
export function decodeVaultFile(
  opener: VaultOpener,
  file: Uint8Array,
): Result<OpenedVaultFile, StoreRefusal> {
  const { crypto } = opener;
  const found = clearHeaders(crypto, file);
  if (!found.ok) return found;
  const [newest, older] = found.value;
  if (newest === undefined) return err(corrupt('neither of its two headers is whole'));
  const wrapping = opener.keysOf(newest.clear.vaultId).unlock(newest.clear.descriptor);
  if (!wrapping.ok) return wrapping;
  if (!opensMaster(crypto, wrapping.value, newest.clear)) {
    const detail = 'this key does not open the vault; try again with the one it was made with';
    return err({ code: 'VAULT_WRONG_KEY', detail });
  }
  const current = openCandidate(crypto, file, { candidate: newest, wrapping: wrapping.value });
  const before = older && openOlder(opener, file, { newest, older });
  const opened = current ?? before;
  if (opened === undefined) return err(corrupt('no header has all of its pages'));
  if (current === undefined || before === undefined) return ok({ ...opened, inDoubt: [] });
  for (const page of before.image.pages) page.fill(0);
  wipeMasters(crypto, before.masters);
  const isInDoubt = before.clear.counter < current.clear.counter;
  return ok({ ...current, inDoubt: isInDoubt ? placesOf(file, current, before) : [] });
}

/** What can be read without a key: the headers that are whole, the newest first. */
export function clearHeaders(crypto: Crypto, file: Uint8Array): Result<Candidate[], StoreRefusal> {
  const found: Candidate[] = [];
  for (const place of [0, 1] as const) {
    const start = place * FILE_PAGE_BYTES;
    const page = plainSlice(file, start, start + FILE_PAGE_BYTES);
    const header = decodeClearHeader(crypto, page);
    if (header.kind === 'too-new') {
      const detail = 'the vault was written by a later release; open it with that one';
      return err({ code: 'VAULT_TOO_NEW', detail });
    }
    if (header.kind === 'whole') found.push({ clear: header.clear, page, place });
  }
  return ok(found.sort((a, b) => b.clear.counter - a.clear.counter));
}

/**
 * Number of the newest flush whose header is there, from both header pages; `undefined` where none
 * is whole.
 */
export function newestCounter(crypto: Crypto, headers: Uint8Array): number | undefined {
  const found = clearHeaders(crypto, headers);
  return found.ok ? found.value[0]?.clear.counter : undefined;
}

/** Offsets of page copies that are neither valid nor zero. */
export function staleOffsets(file: Uint8Array, pages: readonly PageEntry[]): number[] {
  const zeros = new Uint8Array(FILE_PAGE_BYTES);
  const valid = new Set(pages.map(({ copy }, page) => pageOffset(page, copy)));
  const stale: number[] = [];
  for (let offset = pageOffset(0, 0); offset < file.length; offset += FILE_PAGE_BYTES) {
    const bytes = file.subarray(offset, offset + FILE_PAGE_BYTES);
    const isZero = equalBytes(bytes, zeros.subarray(0, bytes.length));
    if (!valid.has(offset) && !isZero) stale.push(offset);
  }
  return stale;
}

/**
 * Where a state lies as far as it differs from the one before: its header and copies of its pages.
 * Copies that both have lasted with the older one; written again they could be torn, and with them
 * both states.
 */
function placesOf(file: Uint8Array, newest: Whole, older: Whole): FilePlace[] {
  const offsets = [newest.headerPlace * FILE_PAGE_BYTES];
  for (const [page, { copy, generation }] of newest.entries.entries()) {
    const before = older.entries[page];
    const isShared = before?.copy === copy && before.generation === generation;
    if (!isShared) offsets.push(pageOffset(page, copy));
  }
  return offsets.map((offset) => ({
    offset,
    bytes: plainSlice(file, offset, offset + FILE_PAGE_BYTES),
  }));
}

type Whole = Omit<OpenedVaultFile, 'inDoubt'>;

interface Opening {
  readonly candidate: Candidate;
  readonly wrapping: Wrapping;
}

/** An older state may be under a key that is gone by now; then it does not count. */
function openOlder(
  { crypto, keysOf }: VaultOpener,
  file: Uint8Array,
  { newest, older }: { readonly newest: Candidate; readonly older: Candidate },
): Whole | undefined {
  if (equalBytes(newest.page, older.page)) return undefined;
  if (!equalBytes(newest.clear.vaultId, older.clear.vaultId)) return undefined;
  const wrapping = keysOf(older.clear.vaultId).unlock(older.clear.descriptor);
  if (!wrapping.ok) return undefined;
  return openCandidate(crypto, file, { candidate: older, wrapping: wrapping.value });
}

function opensMaster(crypto: Crypto, { key }: Wrapping, { logId, master }: ClearHeader): boolean {
  const opened = unwrapMaster(crypto, key, { logId, ...master });
  if (opened !== undefined) crypto.wipe(opened);
  return opened !== undefined;
}

function openCandidate(
  crypto: Crypto,
  file: Uint8Array,
  { candidate, wrapping }: Opening,
): Whole | undefined {
  const masters = openMasters(crypto, wrapping, candidate.clear);
  if (masters === undefined) return undefined;
  const whole = openUnder(crypto, file, { candidate, wrapping, masters });
  if (whole === undefined) wipeMasters(crypto, masters);
  return whole;
}

function openMasters(
  crypto: Crypto,
  wrapping: Wrapping,
  { logId, master, next }: ClearHeader,
): MasterKeys | undefined {
  const open = (wrapped: WrappedMaster): Secret<'seal'> | undefined =>
    unwrapMaster(crypto, wrapping.key, { logId, nonce: wrapped.nonce, box: wrapped.box });
  const current = open(master);
  if (current === undefined) return undefined;
  if (next === undefined) return { current, next: undefined };
  const following = open(next);
  if (following !== undefined) return { current, next: following };
  crypto.wipe(current);
  return undefined;
}

function openUnder(
  crypto: Crypto,
  file: Uint8Array,
  { candidate, wrapping, masters }: Opening & { readonly masters: MasterKeys },
): Whole | undefined {
  const { clear, page: header, place } = candidate;
  const sealed = openSealedHeader(crypto, masters.next ?? masters.current, header);
  if (sealed === undefined) return undefined;
  const pages: Uint8Array[] = [];
  for (const [page, { generation, copy }] of sealed.pages.entries()) {
    const offset = pageOffset(page, copy);
    const bytes = plainSlice(file, offset, offset + FILE_PAGE_BYTES);
    const isNext = clear.next !== undefined && generation > clear.next.since;
    const slots = openPageCopy(
      crypto,
      isNext ? (masters.next ?? masters.current) : masters.current,
      {
        place: { logId: clear.logId, page, generation },
        bytes,
      },
    );
    if (slots === undefined) return undefined;
    pages.push(slots);
  }
  const otherStart = (1 - place) * FILE_PAGE_BYTES;
  const other = file.subarray(otherStart, otherStart + FILE_PAGE_BYTES);
  return {
    clear,
    image: { anchor: sealed.anchor, pages },
    wrapping,
    masters,
    entries: sealed.pages,
    header,
    headerPlace: place,
    isOtherHeaderOld: !equalBytes(header, plainSlice(other, 0, other.length)),
    stale: staleOffsets(file, sealed.pages),
  };
}

/** A copy as a plain array: a Buffer's own `slice` would be a view. */
function plainSlice(file: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(file.subarray(start, end));
}

function corrupt(what: string): StoreRefusal {
  const detail = `the vault is damaged: ${what}; open a copy of log and vault, or a new device`;
  return { code: 'VAULT_CORRUPT', detail };
}
