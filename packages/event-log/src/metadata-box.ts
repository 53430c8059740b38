/**
 * What is the owner's and not the thief's: names, facts, records, queue bodies and application
 * rows, sealed under the log's metadata key; and the keyed hashes that stand for names.
 */

import {
  concatBytes,
  copyBytes,
  createReader,
  createWriter,
  encodeUtf8,
  invariant,
} from '@simsim/bytes';
import type { Crypto, Part, Secret } from '@simsim/crypto';
import type { LogMeta } from './log-meta.ts';
import type { NonceSource } from './nonce-pool.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const NAME_HASH_BYTES = 16;

/** What a box holds; each kind has its own associated data, so none can stand for another. */
type BoxKind = 'facts' | 'label' | 'record' | 'data' | 'outbox';

/** The keys of a log that do not ratchet, kept in fixed vault slots. */
export interface FixedKeys {
  readonly metadata: Secret<'seal'>;
  readonly name: Secret<'name'>;
  readonly dedupe: Secret<'name'>;
}

/** A name with its value, as records and application rows hold them. */
export interface NamedValue {
  readonly name: string;
  readonly value: Uint8Array;
}

/** Seals and opens under the metadata key. */
export interface MetadataBox {
  /** Nonce and ciphertext. `place` binds it to where it lies. */
  seal(kind: BoxKind, place: Uint8Array, plaintext: readonly Part[]): Uint8Array;
  /** `undefined` where it was not sealed for this kind, place and log. */
  open(kind: BoxKind, place: Uint8Array, box: Uint8Array): Uint8Array | undefined;
  /** How many bytes longer a box is than its content. */
  boxBytes(kind: BoxKind): number;
  /** The 16-byte keyed hash that stands for a name. */
  nameHash(kind: 'label' | 'record' | 'data', name: string): Uint8Array;
  /** A value together with its name, bound to the name's hash. */
  sealNamed(kind: 'record' | 'data', hash: Uint8Array, entry: NamedValue): Uint8Array;
  openNamed(kind: 'record' | 'data', hash: Uint8Array, box: Uint8Array): NamedValue | undefined;
}

const KIND_LABELS: { readonly [K in BoxKind]: Uint8Array } = {
  facts: encodeUtf8('simsim/facts/1'),
  label: encodeUtf8('simsim/label/1'),
  record: encodeUtf8('simsim/record/1'),
  data: encodeUtf8('simsim/data/1'),
  outbox: encodeUtf8('simsim/outbox/1'),
};

/** What a {@link MetadataBox} needs. */
export interface MetadataBoxParts {
  readonly crypto: Crypto;
  readonly keys: FixedKeys;
  readonly logId: Uint8Array;
  readonly nonces: NonceSource;
  readonly metadata: LogMeta['metadata'];
}

/** Makes the box of one log. */
export function createMetadataBox(parts: MetadataBoxParts): MetadataBox {
  const { crypto, keys, logId, nonces, metadata } = parts;
  const isClear = (kind: BoxKind): boolean =>
    metadata === 'clear' && (kind === 'facts' || kind === 'label');
  const box: MetadataBox = {
    boxBytes: (kind) => (isClear(kind) ? 0 : NONCE_BYTES + TAG_BYTES),
    seal(kind, place, plaintext) {
      if (isClear(kind)) return concatBytes(plaintext.map(clearBytes));
      const nonce = nonces();
      const ad = [KIND_LABELS[kind], logId, place];
      return concatBytes([nonce, crypto.seal(keys.metadata, nonce, ad, plaintext)]);
    },
    open(kind, place, sealed) {
      if (isClear(kind)) return copyBytes(sealed);
      if (sealed.length < NONCE_BYTES) return undefined;
      const ad = [KIND_LABELS[kind], logId, place];
      const nonce = sealed.subarray(0, NONCE_BYTES);
      return crypto.open(keys.metadata, nonce, ad, sealed.subarray(NONCE_BYTES));
    },
    nameHash: (kind, name) =>
      crypto.mac(keys.name, [KIND_LABELS[kind], encodeUtf8(name)]).slice(0, NAME_HASH_BYTES),
    sealNamed(kind, hash, { name, value }) {
      return box.seal(kind, hash, [createWriter().text(name).finish(), value]);
    },
    openNamed(kind, hash, sealed) {
      const opened = box.open(kind, hash, sealed);
      if (opened === undefined) return undefined;
      const reader = createReader(opened);
      const name = reader.text();
      const value = reader.raw(reader.left());
      return reader.isDone() ? { name, value } : undefined;
    },
  };
  return box;
}

function clearBytes(part: Part): Uint8Array {
  invariant(part instanceof Uint8Array, 'what is kept in the clear is no secret');
  return part;
}
