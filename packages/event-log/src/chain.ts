/**
 * The hash chain. It runs over digests of what is stored, so verifying needs no key, and a sealed part
 * or forgotten facts can be replaced by their digest without breaking it.
 *
 *   h_0 = SHA-256("simsim/genesis/1" ‖ log id)
 *   h_i = SHA-256("simsim/link/1" ‖ h_{i−1} ‖ header_i ‖ SHA-256(facts_i) ‖ sealedDigest_i)
 *
 * with 32 zero bytes where there is no sealed part.
 */

import { encodeUtf8 } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import type { EventRow } from './event-store.ts';
import { writePlace, writeWord } from './place.ts';

const GENESIS = encodeUtf8('simsim/genesis/1');
const LINK = encodeUtf8('simsim/link/1');
const NO_SEALED = new Uint8Array(32);

/** Bytes of an encoded header. */
const HEADER_BYTES = 44;

/** Length of a sealed part that was replaced by its digest. */
export const PRUNED_BYTES = 32;

/** Length of facts that were replaced by their digest. */
export const FORGOTTEN_BYTES = 32;

/** The position of an event, as both associated data and chain input take it. */
export type EventHeader = Pick<EventRow, 'seq' | 'stream' | 'version' | 'prev' | 'kind' | 'at'>;

/**
 * Encodes a header: five u64 and a u32, big-endian.
 *
 * Answers `undefined` where a number is no natural number in range, which only a damaged row has.
 */
export function encodeHeader(header: EventHeader): Uint8Array | undefined {
  const bytes = new Uint8Array(HEADER_BYTES);
  const { seq, stream, version, prev, kind, at } = header;
  let offset = 0;
  for (const value of [seq, stream, version, prev, at]) {
    if (!Number.isSafeInteger(value) || value < 0) return undefined;
    writePlace(bytes, offset, value);
    offset += 8;
  }
  if (!Number.isInteger(kind) || kind < 0 || kind > 0xff_ffff) return undefined;
  writeWord(bytes, offset, kind);
  return bytes;
}

/** The link before the first event. */
export function genesisHash(crypto: Crypto, logId: Uint8Array): Uint8Array {
  return crypto.digest([GENESIS, logId]);
}

/** What a link is made of. */
export interface LinkInput extends Pick<EventRow, 'facts' | 'sealed'> {
  /** Link of the event before. */
  readonly previous: Uint8Array;
  /** {@link encodeHeader} of the event. */
  readonly header: Uint8Array;
}

/** The link of an event whose header is encoded already. */
export function linkHash(crypto: Crypto, link: LinkInput): Uint8Array {
  return crypto.digest([
    LINK,
    link.previous,
    link.header,
    link.facts.length === FORGOTTEN_BYTES ? link.facts : crypto.digest([link.facts]),
    sealedDigest(crypto, link.sealed),
  ]);
}

/** The link a stored row must carry; `undefined` where its numbers are out of range. */
export function linkOfRow(
  crypto: Crypto,
  previous: Uint8Array,
  row: EventRow,
): Uint8Array | undefined {
  const header = encodeHeader(row);
  return header === undefined
    ? undefined
    : linkHash(crypto, { previous, header, facts: row.facts, sealed: row.sealed });
}

function sealedDigest(crypto: Crypto, sealed: Uint8Array | undefined): Uint8Array {
  if (sealed === undefined) return NO_SEALED;
  return sealed.length === PRUNED_BYTES ? sealed : crypto.digest([sealed]);
}
