/** Finding the valid state in a vault file's bytes: the newest header all of whose pages are there. */

import { equalBytes, err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import type { StoreRefusal, VaultImage } from '@simsim/event-log';
import { decodeClearHeader, FILE_PAGE_BYTES, openSealedHeader } from './vault-header.ts';
import type { ClearHeader, PageEntry } from './vault-header.ts';
import { deriveKey } from './vault-key.ts';
import type { VaultKey } from './vault-key.ts';
import { openPageCopy, pageOffset } from './vault-page.ts';

/** A vault file, opened. */
export interface OpenedVaultFile {
  readonly clear: ClearHeader;
  readonly image: VaultImage;
  readonly master: Secret<'seal'>;
  readonly entries: readonly PageEntry[];
  /** Which of the two header places is the newest. */
  readonly headerPlace: 0 | 1;
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
  readonly clearBytes: Uint8Array;
  readonly page: Uint8Array;
  readonly place: 0 | 1;
}

/**
 * Opens the bytes of a vault file. Untrusted bytes.
 *
 * Refuses: `VAULT_CORRUPT`, `VAULT_TOO_NEW`, `VAULT_WRONG_KEY`.
 */
export function decodeVaultFile(
  crypto: Crypto,
  file: Uint8Array,
  key: VaultKey,
): Result<OpenedVaultFile, StoreRefusal> {
  const found = candidates(crypto, file);
  if (!found.ok) return found;
  const [newest] = found.value;
  if (newest === undefined) return err(corrupt('neither header is whole'));
  const wrapping = deriveKey(crypto, key, newest.clear.descriptor);
  const master = wrapping && unwrapMaster(crypto, wrapping, newest.clear);
  if (wrapping !== undefined) crypto.wipe(wrapping);
  if (master === undefined) {
    return err({ code: 'VAULT_WRONG_KEY', detail: 'the key does not open the vault' });
  }
  const whole = found.value.flatMap(
    (candidate) => openCandidate(crypto, file, { candidate, master }) ?? [],
  );
  const [current, older] = whole;
  if (current === undefined) {
    crypto.wipe(master);
    return err(corrupt('no header has all of its pages'));
  }
  for (const page of older?.image.pages ?? []) page.fill(0);
  const isInDoubt = older !== undefined && older.clear.counter < current.clear.counter;
  return ok({ ...current, inDoubt: isInDoubt ? placesOf(file, current) : [] });
}

/**
 * Number of the newest flush whose header is there, from both header pages; `undefined` where none
 * is whole.
 */
export function newestCounter(crypto: Crypto, headers: Uint8Array): number | undefined {
  const found = candidates(crypto, headers);
  return found.ok ? found.value[0]?.clear.counter : undefined;
}

/** Where a state lies: its header and the copies of its pages. */
function placesOf(file: Uint8Array, { entries, headerPlace }: Whole): FilePlace[] {
  const offsets = [headerPlace * FILE_PAGE_BYTES];
  for (const [page, { copy }] of entries.entries()) offsets.push(pageOffset(page, copy));
  return offsets.map((offset) => ({
    offset,
    bytes: plainSlice(file, offset, offset + FILE_PAGE_BYTES),
  }));
}

type Whole = Omit<OpenedVaultFile, 'inDoubt'>;

/** Whole headers, the newest first. */
function candidates(crypto: Crypto, file: Uint8Array): Result<Candidate[], StoreRefusal> {
  const found: Candidate[] = [];
  for (const place of [0, 1] as const) {
    const start = place * FILE_PAGE_BYTES;
    const page = plainSlice(file, start, start + FILE_PAGE_BYTES);
    const header = decodeClearHeader(crypto, page);
    if (header.kind === 'too-new') {
      return err({ code: 'VAULT_TOO_NEW', detail: 'the vault was written by a later release' });
    }
    if (header.kind === 'whole') found.push({ ...header, page, place });
  }
  return ok(found.sort((a, b) => b.clear.counter - a.clear.counter));
}

function unwrapMaster(
  crypto: Crypto,
  wrapping: Secret<'seal'>,
  { logId, wrapNonce, wrapped }: ClearHeader,
): Secret<'seal'> | undefined {
  const bytes = crypto.open(wrapping, wrapNonce, [logId], wrapped);
  if (bytes === undefined) return undefined;
  const master = crypto.importSecret('seal', bytes);
  bytes.fill(0);
  return master;
}

function openCandidate(
  crypto: Crypto,
  file: Uint8Array,
  { candidate, master }: { readonly candidate: Candidate; readonly master: Secret<'seal'> },
): Whole | undefined {
  const { clear, place } = candidate;
  const header = openSealedHeader(crypto, master, candidate);
  if (header === undefined) return undefined;
  const pages: Uint8Array[] = [];
  for (const [page, { generation, copy }] of header.pages.entries()) {
    const offset = pageOffset(page, copy);
    const bytes = plainSlice(file, offset, offset + FILE_PAGE_BYTES);
    const where = { logId: clear.logId, page, generation };
    const slots = openPageCopy(crypto, master, { place: where, bytes });
    if (slots === undefined) return undefined;
    pages.push(slots);
  }
  const image = { anchor: header.anchor, pages };
  const stale = staleOffsets(file, header.pages);
  return { clear, image, master, entries: header.pages, headerPlace: place, stale };
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

/** A copy as a plain array: a Buffer's own `slice` would be a view. */
function plainSlice(file: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(file.subarray(start, end));
}

function corrupt(detail: string): StoreRefusal {
  return { code: 'VAULT_CORRUPT', detail };
}
