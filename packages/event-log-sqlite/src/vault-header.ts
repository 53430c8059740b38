/**
 * The header of a vault file: one 4 KiB page, kept twice.
 *
 *   magic 8 │ format u16 │ log id 16 │ kind u8, logN u8, r u8, p u8, salt 16
 *   │ nonce 12, wrapped master key 48 │ counter u48 │ SHA-256 of all before, cut to 16
 *   │ nonce 12 │ sealed under the master key: anchor { seq 8, stream max 8, at 8, hash 32 },
 *   │   page count u16, for each page u32 = 2 × generation + copy
 *
 * The table says which copy of which generation is every page's own, so pages and anchor change as
 * one: a header counts only if all its pages are there.
 */

import { createReader, createWriter, encodeUtf8, equalBytes } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import { LOG_ID_BYTES, VAULT_PAGES_MAX } from '@simsim/event-log';
import type { Anchor } from '@simsim/event-log';
import type { KeyDescriptor, VaultKey } from './vault-key.ts';

/** Bytes of everything in the file: headers and page copies alike. */
export const FILE_PAGE_BYTES = 4096;

const MAGIC = encodeUtf8('SIMVAULT');
const FORMAT = 1;
const LABEL = encodeUtf8('simsim/vault/header/1');
const KINDS: readonly VaultKey['kind'][] = ['none', 'raw', 'passphrase'];
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const WRAPPED_BYTES = 48;
const CHECK_BYTES = 16;
const CLEAR_BYTES: number =
  8 + 2 + LOG_ID_BYTES + 4 + SALT_BYTES + NONCE_BYTES + WRAPPED_BYTES + 6 + CHECK_BYTES;
const SEALED_BYTES: number = 8 + 8 + 8 + 32 + 2 + 4 * VAULT_PAGES_MAX;

/** Which copy of a page is valid, and the flush that wrote it. */
export interface PageEntry {
  readonly generation: number;
  readonly copy: 0 | 1;
}

/** What can be read without a key. */
export interface ClearHeader {
  readonly logId: Uint8Array;
  readonly descriptor: KeyDescriptor;
  readonly wrapNonce: Uint8Array;
  readonly wrapped: Uint8Array;
  /** Counts flushes. */
  readonly counter: number;
}

/** What is under the master key. */
export interface SealedHeader {
  readonly anchor: Anchor;
  readonly pages: readonly PageEntry[];
}

/** A clear header, or why there is none. */
export type ClearHeaderResult =
  | { readonly kind: 'whole'; readonly clear: ClearHeader; readonly clearBytes: Uint8Array }
  | { readonly kind: 'too-new' }
  | { readonly kind: 'torn' };

/** Encodes a header page. */
export function encodeHeaderPage(
  crypto: Crypto,
  master: Secret<'seal'>,
  header: {
    readonly clear: ClearHeader;
    readonly sealed: SealedHeader;
    readonly nonce: Uint8Array;
  },
): Uint8Array {
  const clearBytes = encodeClear(crypto, header.clear);
  const body = encodeSealed(header.sealed);
  const box = crypto.seal(master, header.nonce, [LABEL, clearBytes], [body]);
  const page = new Uint8Array(FILE_PAGE_BYTES);
  page.set(clearBytes);
  page.set(header.nonce, CLEAR_BYTES);
  page.set(box, CLEAR_BYTES + NONCE_BYTES);
  return page;
}

/** Reads the clear half. Untrusted bytes. */
export function decodeClearHeader(crypto: Crypto, page: Uint8Array): ClearHeaderResult {
  const reader = createReader(page);
  const magic = reader.raw(MAGIC.length);
  const format = reader.u16();
  const logId = reader.raw(LOG_ID_BYTES);
  const kind = KINDS[reader.u8()];
  const [logN, r, p] = [reader.u8(), reader.u8(), reader.u8()];
  const salt = reader.raw(SALT_BYTES);
  const wrapNonce = reader.raw(NONCE_BYTES);
  const wrapped = reader.raw(WRAPPED_BYTES);
  const counter = reader.u16() * 0x1_0000_0000 + reader.u32();
  const check = reader.raw(CHECK_BYTES);
  if (!reader.isIntact() || !equalBytes(magic, MAGIC)) return { kind: 'torn' };
  const before = page.subarray(0, CLEAR_BYTES - CHECK_BYTES);
  if (!equalBytes(check, crypto.digest([before]).subarray(0, CHECK_BYTES))) return { kind: 'torn' };
  if (format > FORMAT || kind === undefined) return { kind: 'too-new' };
  const descriptor = { kind, logN, r, p, salt };
  const clear = { logId, descriptor, wrapNonce, wrapped, counter };
  return { kind: 'whole', clear, clearBytes: page.slice(0, CLEAR_BYTES) };
}

/** Opens the sealed half; `undefined` where it does not belong to the clear half or is damaged. */
export function openSealedHeader(
  crypto: Crypto,
  master: Secret<'seal'>,
  header: { readonly page: Uint8Array; readonly clearBytes: Uint8Array },
): SealedHeader | undefined {
  const start = CLEAR_BYTES + NONCE_BYTES;
  const nonce = header.page.slice(CLEAR_BYTES, start);
  const box = header.page.slice(start, start + SEALED_BYTES + 16);
  const body = crypto.open(master, nonce, [LABEL, header.clearBytes], box);
  return body && decodeSealed(body);
}

function encodeClear(crypto: Crypto, clear: ClearHeader): Uint8Array {
  const { descriptor, counter } = clear;
  const before = createWriter(CLEAR_BYTES)
    .raw(MAGIC)
    .u16(FORMAT)
    .raw(clear.logId)
    .u8(KINDS.indexOf(descriptor.kind))
    .u8(descriptor.logN)
    .u8(descriptor.r)
    .u8(descriptor.p)
    .raw(descriptor.salt)
    .raw(clear.wrapNonce)
    .raw(clear.wrapped)
    .u16(Math.floor(counter / 0x1_0000_0000))
    .u32(counter % 0x1_0000_0000)
    .finish();
  const check = crypto.digest([before]).subarray(0, CHECK_BYTES);
  return createWriter(CLEAR_BYTES).raw(before).raw(check).finish();
}

function encodeSealed({ anchor, pages }: SealedHeader): Uint8Array {
  const writer = createWriter(SEALED_BYTES);
  for (const value of [anchor.seq, anchor.streamMax, anchor.at]) {
    writer.u32(Math.floor(value / 0x1_0000_0000)).u32(value % 0x1_0000_0000);
  }
  writer.raw(anchor.hash).u16(pages.length);
  for (const { generation, copy } of pages) writer.u32(2 * generation + copy);
  const body = new Uint8Array(SEALED_BYTES);
  body.set(writer.finish());
  return body;
}

function decodeSealed(body: Uint8Array): SealedHeader | undefined {
  const reader = createReader(body);
  const u64 = (): number => reader.u32() * 0x1_0000_0000 + reader.u32();
  const [seq, streamMax, at] = [u64(), u64(), u64()];
  const hash = reader.raw(32);
  const count = reader.u16();
  if (count < 1 || count > VAULT_PAGES_MAX) return undefined;
  const pages = Array.from({ length: count }, (): PageEntry => {
    const entry = reader.u32();
    return { generation: Math.floor(entry / 2), copy: entry % 2 === 0 ? 0 : 1 };
  });
  return reader.isIntact() ? { anchor: { seq, hash, streamMax, at }, pages } : undefined;
}
