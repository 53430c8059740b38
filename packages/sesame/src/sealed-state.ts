/**
 * The codec of secret stream states: public bytes and secret handles side by side, as the sealing
 * call takes them. Writing never exports a secret; reading imports it from the opened buffer, which
 * the caller wipes.
 */

import { createReader, createWriter } from '@simsim/bytes';
import type { BinaryReader, BinaryWriter } from '@simsim/bytes';
import type { Crypto, KeyPair, Part, Role, Secret } from '@simsim/crypto';
import { ROLE_LENGTHS } from '@simsim/crypto';

/** Collects public fields and secrets in order. */
export interface StateWriter {
  /** Writes public fields. */
  fields(write: (writer: BinaryWriter) => void): StateWriter;
  /** Places a secret; its role gives its length. */
  secret(secret: Secret): StateWriter;
  /** Places a pair: public key, then private key. */
  pair(pair: KeyPair): StateWriter;
  /** The parts, ready to be sealed. */
  finish(): readonly Part[];
}

/** Starts a state of the given format version. */
export function createStateWriter(version: number): StateWriter {
  const parts: Part[] = [createWriter(1).u8(version).finish()];
  const writer: StateWriter = {
    fields(write) {
      const fields = createWriter();
      write(fields);
      parts.push(fields.finish());
      return writer;
    },
    secret(secret) {
      parts.push(secret);
      return writer;
    },
    pair: (pair) =>
      writer.fields((fields) => fields.raw(pair.publicKey.bytes)).secret(pair.privateKey),
    finish: () => parts,
  };
  return writer;
}

/** Reads what a {@link StateWriter} wrote. Total, like the reader it wraps. */
export interface StateReader {
  /** The version it was written in, 1 … `newest`; only where the reader is intact. */
  readonly version: number;
  readonly fields: BinaryReader;
  secret<R extends Role>(role: R): Secret<R>;
  pair(): KeyPair | undefined;
}

/**
 * Opens a state of any format version up to `newest`. Whoever reads decides by `version` what there is:
 * a version that was ever written is read for ever.
 */
export function createStateReader(bytes: Uint8Array, newest: number, crypto: Crypto): StateReader {
  const fields = createReader(bytes);
  const version = fields.u8();
  if (version < 1 || version > newest) fields.fail();
  const secret = <R extends Role>(role: R): Secret<R> => {
    const length: number = ROLE_LENGTHS[role];
    const taken = fields.raw(length);
    const isWhole = taken.length === length;
    const imported = crypto.importSecret(role, isWhole ? taken : new Uint8Array(length));
    taken.fill(0);
    return imported;
  };
  return {
    version,
    fields,
    secret,
    pair() {
      const publicKey = crypto.publicKey(fields.raw(32));
      const privateKey = secret('dh');
      return publicKey === undefined || !fields.isIntact() ? undefined : { publicKey, privateKey };
    },
  };
}
