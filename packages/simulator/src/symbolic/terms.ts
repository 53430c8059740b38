/**
 * The terms of a run: every secret there ever was, what follows from what, and what lies under which
 * key. Grows only.
 */

import { invariant } from '@simsim/bytes';
import { NameTable } from './name-table.ts';
import { NAME_BYTES, nameBytes, wordAt } from './term-hash.ts';
import type { TermHash, TermName } from './term-hash.ts';

/** The number of a term. */
export type Term = number;

/** Who knows all inputs knows the outputs. */
export interface Rule {
  readonly inputs: readonly Term[];
  readonly outputs: readonly Term[];
}

/** A ciphertext. */
export interface Box {
  readonly key: Term;
  /** The hash of the key and of what the ciphertext is bound to. */
  readonly bound: TermName;
  readonly name: TermName;
  /** What lies in it, secrets as their names. */
  readonly plaintext: Uint8Array;
  /** It is a part of a vault's file, which is overwritten in place. */
  readonly isVault: boolean;
}

/** Places of the filter that tells bytes which name nothing without a look into the table. */
const FILTER_BITS = 0x3ffff;

/** A table that interns. */
export class Terms {
  readonly rules: Rule[] = [];
  readonly #names = new NameTable();
  /** The bytes of secrets that came in as bytes; the others are written as their names. */
  readonly #raw = new Map<Term, Uint8Array>();
  readonly #boxNames = new NameTable();
  readonly #boxes: Box[] = [];
  readonly #boxesByKey: (Box[] | undefined)[] = [];
  readonly #madeBy: (number | undefined)[] = [];
  readonly #usedIn: (number[] | undefined)[] = [];
  readonly #filter = new Uint8Array(FILTER_BITS + 1);

  /** Counts rules and boxes: while it stays, nothing new follows from anything. */
  get changes(): number {
    return this.rules.length + this.#boxes.length;
  }

  get count(): number {
    return this.#names.count;
  }

  /** The term of a name, and whether it is new. */
  intern(name: TermName): { readonly term: Term; readonly isNew: boolean } {
    const { count } = this;
    const term = this.#names.intern(name);
    this.#filter[name.w0 & FILTER_BITS] = 1;
    return { term, isNew: term === count };
  }

  /** The term that is written as these bytes, made where there is none. */
  ofBytes(bytes: Uint8Array): Term {
    const found = this.find(bytes, 0);
    if (found !== undefined) return found;
    const { term } = this.intern(nameAt(bytes, 0));
    this.#raw.set(term, bytes.slice());
    return term;
  }

  /** The term whose name stands at a place. */
  find(bytes: Uint8Array, at: number): Term | undefined {
    if (at + NAME_BYTES > bytes.length) return undefined;
    const place = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
    if (this.#filter[place & FILTER_BITS] === 0) return undefined;
    return findAt(this.#names, bytes, at);
  }

  /** Every term whose name stands somewhere in these bytes. */
  *scan(bytes: Uint8Array): Generator<Term> {
    for (let at = 0; at + NAME_BYTES <= bytes.length; at++) {
      const term = this.find(bytes, at);
      if (term !== undefined) yield term;
    }
  }

  /** A secret written out. */
  bytesOf(term: Term, length: number): Uint8Array {
    const raw = this.#raw.get(term);
    if (raw !== undefined) {
      invariant(raw.length === length, 'a secret keeps its length');
      return raw.slice();
    }
    return nameBytes(this.#names.name(term), length);
  }

  /** Adds a term's name to a hash. */
  into(hash: TermHash, term: Term): void {
    const names = this.#names;
    hash.word(names.word(term, 0)).word(names.word(term, 1));
    hash.word(names.word(term, 2)).word(names.word(term, 3));
  }

  /** Says what follows from what. */
  derive(inputs: readonly Term[], outputs: readonly Term[]): void {
    const rule = this.rules.push({ inputs, outputs }) - 1;
    for (const input of inputs) (this.#usedIn[input] ??= []).push(rule);
    for (const output of outputs) this.#madeBy[output] ??= rule;
  }

  /** The secrets that a term was first derived from; none for one that came in as bytes. */
  sourcesOf(term: Term): readonly Term[] {
    return this.rules[this.#madeBy[term] ?? -1]?.inputs ?? [];
  }

  /** The rules that a term is an input of. */
  usesOf(term: Term): readonly number[] {
    return this.#usedIn[term] ?? [];
  }

  /** Puts something under a key. */
  box(box: Box): void {
    if (this.#boxNames.intern(box.name) < this.#boxes.length) return;
    this.#boxes.push(box);
    (this.#boxesByKey[box.key] ??= []).push(box);
  }

  /** The box whose ciphertext begins at a place. */
  boxAt(bytes: Uint8Array, at = 0): Box | undefined {
    return this.#boxes[findAt(this.#boxNames, bytes, at) ?? -1];
  }

  boxesUnder(key: Term): readonly Box[] {
    return this.#boxesByKey[key] ?? [];
  }
}

function findAt(names: NameTable, bytes: Uint8Array, at: number): number | undefined {
  const [w0, w1] = [wordAt(bytes, at), wordAt(bytes, at + 4)];
  return names.find(w0, w1, wordAt(bytes, at + 8), wordAt(bytes, at + 12));
}

function nameAt(bytes: Uint8Array, at: number): TermName {
  return {
    w0: wordAt(bytes, at),
    w1: wordAt(bytes, at + 4),
    w2: wordAt(bytes, at + 8),
    w3: wordAt(bytes, at + 12),
  };
}
