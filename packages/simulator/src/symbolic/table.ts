/** What the calls of the symbolic backend share: names, the owners of public keys, and boxes. */

import { concatBytes, copyBytes } from '@simsim/bytes';
import type { Part, Role, Secret } from '@simsim/crypto';
import { termOf, toSecret } from './symbolic-secret-brand.ts';
import { isSameName, NAME_BYTES, nameBytes, repeatsName, TermHash } from './term-hash.ts';
import { Terms } from './terms.ts';
import type { Term } from './terms.ts';

/** What a name is of; part of it, so that nothing passes for something else. */
export const KIND = {
  public: 1,
  dh: 2,
  hkdf: 3,
  next: 4,
  seed: 5,
  message: 6,
  encrypt: 7,
  tag: 8,
  sign: 9,
  kemPublic: 10,
  kemCiphertext: 11,
  kemShared: 12,
  devicePublic: 13,
  deviceSign: 14,
  seal: 15,
  nextStream: 16,
  sealKey: 17,
  mac: 18,
  digest: 19,
  agreement: 20,
} as const;

/** Names, and the terms behind public keys. */
export class Table {
  readonly terms: Terms = new Terms();
  readonly #hash = new TermHash();
  /** The private halves of public keys of any kind, by the first bytes of those. */
  readonly #owners = new Terms();
  readonly #ownerTerms: Term[] = [];

  /** Hashes parts, secrets by their names. */
  hash(kind: number, parts: readonly Part[]): TermHash {
    const hash = this.#hash.begin(kind);
    for (const part of parts) {
      if (part instanceof Uint8Array) hash.bytes(part);
      else this.terms.into(hash, termOf(part));
    }
    return hash.end();
  }

  /** Public bytes that only these parts give. */
  name(kind: number, parts: readonly Part[], length: number): Uint8Array {
    return nameBytes(this.hash(kind, parts), length);
  }

  /** A secret that follows from others. */
  derive<R extends Role>(kind: number, role: R, parts: readonly Part[]): Secret<R> {
    const { term, isNew } = this.terms.intern(this.hash(kind, parts));
    if (isNew) this.terms.derive(this.secretsAmong(parts), [term]);
    return toSecret(role, term);
  }

  /** The terms among parts, bytes that are a secret's included. */
  secretsAmong(parts: readonly Part[]): Term[] {
    const found: Term[] = [];
    for (const part of parts) {
      const term = part instanceof Uint8Array ? this.terms.find(part, 0) : termOf(part);
      if (term !== undefined) found.push(term);
    }
    return found;
  }

  /** The public bytes of a private key; whose they are is kept. */
  publicOf(kind: number, own: Secret, length: number): Uint8Array {
    const { term, isNew } = this.#owners.intern(this.hash(kind, [own]));
    if (isNew) this.#ownerTerms[term] = termOf(own);
    return this.#owners.bytesOf(term, length);
  }

  /** The private half of a public key, where there is one. */
  ownerOf(publicKey: Uint8Array): Term | undefined {
    const name = this.#owners.find(publicKey, 0);
    return name === undefined ? undefined : this.#ownerTerms[name];
  }

  /** Puts a plaintext under a key; the ciphertext repeats its name. */
  box(kind: number, { key, context, plaintext, length, isVault = false }: BoxInput): Uint8Array {
    const bound = this.hash(kind, [key, ...context]).name();
    const name = this.hash(kind, [key, ...context, plaintext]).name();
    this.terms.box({ key: termOf(key), bound, name, plaintext, isVault });
    return nameBytes(name, length);
  }

  /** What lies in a ciphertext, if it was made with this key and context and is as it was. */
  unbox(
    kind: number,
    ciphertext: Uint8Array,
    { key, context }: UnboxInput,
  ): Uint8Array | undefined {
    const box = ciphertext.length < NAME_BYTES ? undefined : this.terms.boxAt(ciphertext);
    if (box === undefined || box.key !== termOf(key)) return undefined;
    const isBound = isSameName(box.bound, this.hash(kind, [key, ...context]));
    return isBound && repeatsName(box.name, ciphertext) ? copyBytes(box.plaintext) : undefined;
  }
}

interface UnboxInput {
  readonly key: Secret;
  readonly context: readonly Uint8Array[];
}

interface BoxInput extends UnboxInput {
  /** The table's from here on. */
  readonly plaintext: Uint8Array;
  readonly length: number;
  readonly isVault?: boolean;
}

/** Public bytes in one piece: as on real backends, where one list ends does not show. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  return first !== undefined && parts.length === 1 ? first : concatBytes(parts);
}

/** An order of public keys that both sides see alike. */
export function isBefore(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < NAME_BYTES; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return true;
}
