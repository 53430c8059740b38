/**
 * The header of a vault file: one 4 KiB page, kept twice.
 *
 *   magic 8 │ format u16 │ check 16: SHA-256, cut, of the page with these 16 bytes zero
 *   │ log id 16 │ counter u48 │ vault id 16
 *   │ how the wrapping key is made: kind u8, cost u32, passes u8, lanes u8, salt 16
 *   │ nonce 12, wrapped master key 48
 *   │ rotation: u8, since u48, nonce 12, wrapped next master key 48; zero where there is none
 *   │ nonce 12 │ sealed under the newest master key: anchor { seq 8, stream max 8, at 8, hash 32 },
 *   │   page count u16, for each page u40 = 2 × generation + copy
 *
 * Magic, format and check lie at the same place in every format, so a later one is known as such
 * and never taken for damage.
 *
 * The table says which copy of which generation is every page's own, so pages and anchor change as
 * one: a header counts only if all its pages are there. While the master key is being replaced,
 * pages of generations after `since` are under the next one.
 */

import { createReader, createWriter, encodeUtf8, equalBytes } from '@simsim/bytes';
import type { BinaryReader, BinaryWriter } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import { LOG_ID_BYTES, VAULT_PAGES_MAX } from '@simsim/event-log';
import type { Anchor } from '@simsim/event-log';
import { SALT_BYTES } from './vault-key.ts';
import type { DescriptorKind, KeyDescriptor } from './vault-key.ts';

/** Bytes of everything in the file: headers and page copies alike. */
export const FILE_PAGE_BYTES = 4096;

/** Bytes of a nonce in the file. */
export const NONCE_BYTES = 12;

/** Bytes of a vault's own id. */
export const VAULT_ID_BYTES = 16;

const MAGIC = encodeUtf8('SIMVAULT');
const FORMAT = 2;
const HEADER_LABEL = encodeUtf8('simsim/vault/header/2');
const MASTER_LABEL = encodeUtf8('simsim/vault/master/2');
const KINDS: readonly DescriptorKind[] = ['none', 'raw', 'scrypt', 'argon2id', 'keychain'];
const CHECK_AT: number = MAGIC.length + 2;
const CHECK_BYTES = 16;
const WRAPPED_BYTES = 48;
const WRAP_BYTES: number = NONCE_BYTES + WRAPPED_BYTES;
const CLEAR_AT: number = CHECK_AT + CHECK_BYTES;
const CLEAR_BYTES: number =
  LOG_ID_BYTES +
  6 +
  VAULT_ID_BYTES +
  (1 + 4 + 1 + 1 + SALT_BYTES) +
  WRAP_BYTES +
  1 +
  6 +
  WRAP_BYTES;
const SEALED_AT: number = CLEAR_AT + CLEAR_BYTES;
const ENTRY_BYTES = 5;
const SEALED_BYTES: number = 8 + 8 + 8 + 32 + 2 + ENTRY_BYTES * VAULT_PAGES_MAX;
const U32 = 0x1_0000_0000;

/** Which copy of a page is valid, and the flush that wrote it. */
export interface PageEntry {
  /** Below 2^39: 17 years of a thousand flushes a second. */
  readonly generation: number;
  readonly copy: 0 | 1;
}

/** A master key under the wrapping key. */
export interface WrappedMaster {
  readonly nonce: Uint8Array;
  readonly box: Uint8Array;
}

/** The master key that takes over. */
export interface NextMaster extends WrappedMaster {
  /** The last flush that did not know it. */
  readonly since: number;
}

/** What can be read without a key. */
export interface ClearHeader {
  readonly logId: Uint8Array;
  /** Counts flushes. */
  readonly counter: number;
  /** Random, the file's own: what a keychain knows it by. A log that moved has another vault. */
  readonly vaultId: Uint8Array;
  readonly descriptor: KeyDescriptor;
  readonly master: WrappedMaster;
  readonly next: NextMaster | undefined;
}

/** What is under the master key. */
export interface SealedHeader {
  readonly anchor: Anchor;
  readonly pages: readonly PageEntry[];
}

/** A clear header, or why there is none. */
export type ClearHeaderResult =
  | { readonly kind: 'whole'; readonly clear: ClearHeader }
  | { readonly kind: 'too-new' }
  | { readonly kind: 'torn' };

/** Seals a master key under the wrapping key. */
export function wrapMaster(
  crypto: Crypto,
  wrapping: Secret<'seal'>,
  parts: {
    readonly logId: Uint8Array;
    readonly master: Secret<'seal'>;
    readonly nonce: Uint8Array;
  },
): WrappedMaster {
  const { logId, master, nonce } = parts;
  return { nonce, box: crypto.seal(wrapping, nonce, [MASTER_LABEL, logId], [master]) };
}

/** Opens a master key; `undefined` where the wrapping key is another one. */
export function unwrapMaster(
  crypto: Crypto,
  wrapping: Secret<'seal'>,
  { logId, nonce, box }: WrappedMaster & { readonly logId: Uint8Array },
): Secret<'seal'> | undefined {
  const bytes = crypto.open(wrapping, nonce, [MASTER_LABEL, logId], box);
  if (bytes === undefined) return undefined;
  const master = crypto.importSecret('seal', bytes);
  bytes.fill(0);
  return master;
}

/** Encodes a header page; `master` is the newest one. */
export function encodeHeaderPage(
  crypto: Crypto,
  master: Secret<'seal'>,
  header: {
    readonly clear: ClearHeader;
    readonly sealed: SealedHeader;
    readonly nonce: Uint8Array;
  },
): Uint8Array {
  const page = new Uint8Array(FILE_PAGE_BYTES);
  page.set(createWriter(CHECK_AT).raw(MAGIC).u16(FORMAT).finish());
  const clear = encodeClear(header.clear);
  page.set(clear, CLEAR_AT);
  page.set(header.nonce, SEALED_AT);
  const body = encodeSealed(header.sealed);
  const box = crypto.seal(master, header.nonce, [HEADER_LABEL, clear], [body]);
  page.set(box, SEALED_AT + NONCE_BYTES);
  page.set(checkOf(crypto, page), CHECK_AT);
  return page;
}

/** Reads the clear half. Untrusted bytes. */
export function decodeClearHeader(crypto: Crypto, page: Uint8Array): ClearHeaderResult {
  if (page.length !== FILE_PAGE_BYTES) return { kind: 'torn' };
  const reader = createReader(page);
  const magic = reader.raw(MAGIC.length);
  const format = reader.u16();
  const check = reader.raw(CHECK_BYTES);
  if (!equalBytes(magic, MAGIC) || !equalBytes(check, checkOf(crypto, page))) {
    return { kind: 'torn' };
  }
  if (format > FORMAT) return { kind: 'too-new' };
  const logId = reader.raw(LOG_ID_BYTES);
  const counter = readU48(reader);
  const vaultId = reader.raw(VAULT_ID_BYTES);
  const kind = KINDS[reader.u8()];
  const [cost, passes, lanes] = [reader.u32(), reader.u8(), reader.u8()];
  const salt = reader.raw(SALT_BYTES);
  const master = readWrapped(reader);
  const isRotating = reader.u8() === 1;
  const next = { since: readU48(reader), ...readWrapped(reader) };
  if (!reader.isIntact() || format < FORMAT || kind === undefined) return { kind: 'torn' };
  const descriptor = { kind, cost, passes, lanes, salt };
  const keys = { descriptor, master, next: isRotating ? next : undefined };
  const clear = { logId, counter, vaultId, ...keys };
  return { kind: 'whole', clear };
}

/** Opens the sealed half; `undefined` where it does not belong to the clear half or is damaged. */
export function openSealedHeader(
  crypto: Crypto,
  master: Secret<'seal'>,
  page: Uint8Array,
): SealedHeader | undefined {
  const clear = page.slice(CLEAR_AT, SEALED_AT);
  const start = SEALED_AT + NONCE_BYTES;
  const nonce = page.slice(SEALED_AT, start);
  const box = page.slice(start, start + SEALED_BYTES + 16);
  const body = crypto.open(master, nonce, [HEADER_LABEL, clear], box);
  return body && decodeSealed(body);
}

function checkOf(crypto: Crypto, page: Uint8Array): Uint8Array {
  const parts = [page.subarray(0, CHECK_AT), page.subarray(CLEAR_AT)];
  return crypto.digest(parts).subarray(0, CHECK_BYTES);
}

function encodeClear(clear: ClearHeader): Uint8Array {
  const { descriptor, master, next } = clear;
  const { kind, cost, passes, lanes, salt } = descriptor;
  const writer = createWriter(CLEAR_BYTES).raw(clear.logId);
  writeU48(writer, clear.counter);
  writer.raw(clear.vaultId);
  writer.u8(KINDS.indexOf(kind)).u32(cost).u8(passes).u8(lanes).raw(salt);
  writer.raw(master.nonce).raw(master.box);
  writer.u8(next === undefined ? 0 : 1);
  writeU48(writer, next?.since ?? 0);
  writer.raw(next?.nonce ?? new Uint8Array(NONCE_BYTES));
  return writer.raw(next?.box ?? new Uint8Array(WRAPPED_BYTES)).finish();
}

function encodeSealed({ anchor, pages }: SealedHeader): Uint8Array {
  const writer = createWriter(SEALED_BYTES);
  for (const value of [anchor.seq, anchor.streamMax, anchor.at]) {
    writer.u32(Math.floor(value / U32)).u32(value % U32);
  }
  writer.raw(anchor.hash).u16(pages.length);
  for (const { generation, copy } of pages) {
    const entry = 2 * generation + copy;
    writer.u8(Math.floor(entry / U32)).u32(entry % U32);
  }
  const body = new Uint8Array(SEALED_BYTES);
  body.set(writer.finish());
  return body;
}

function decodeSealed(body: Uint8Array): SealedHeader | undefined {
  const reader = createReader(body);
  const u64 = (): number => reader.u32() * U32 + reader.u32();
  const [seq, streamMax, at] = [u64(), u64(), u64()];
  const hash = reader.raw(32);
  const count = reader.u16();
  if (count < 1 || count > VAULT_PAGES_MAX) return undefined;
  const pages = Array.from({ length: count }, (): PageEntry => {
    const entry = reader.u8() * U32 + reader.u32();
    return { generation: Math.floor(entry / 2), copy: entry % 2 === 0 ? 0 : 1 };
  });
  return reader.isIntact() ? { anchor: { seq, hash, streamMax, at }, pages } : undefined;
}

function readWrapped(reader: BinaryReader): WrappedMaster {
  return { nonce: reader.raw(NONCE_BYTES), box: reader.raw(WRAPPED_BYTES) };
}

function readU48(reader: BinaryReader): number {
  return reader.u16() * U32 + reader.u32();
}

function writeU48(writer: BinaryWriter, value: number): void {
  writer.u16(Math.floor(value / U32)).u32(value % U32);
}
