/**
 * What an adversary knows: the closure of the secrets it took under every derivation of the run, with
 * every ciphertext there ever was at its hand (disks and networks forget nothing).
 */

import { NAME_BYTES } from './term-hash.ts';
import type { Box, Term, Terms } from './terms.ts';

/** Secrets somebody has, and all that follows from them. */
export class Knowledge {
  readonly #terms: Terms;
  readonly #known = new Set<Term>();
  /** Of these, the ones whose consequences were drawn. */
  readonly #drawn = new Set<Term>();
  /** Known inputs of each rule. */
  readonly #met = new Map<number, number>();
  readonly #fresh: Term[] = [];
  /** Rules up to here were looked at for what was known before they were there. */
  #rules = 0;
  /** Boxes whose key is known, up to here in the list of each key. */
  readonly #opened = new Map<Term, number>();
  readonly #keepsVaults: boolean;
  /** {@link Terms.changes} when consequences were last drawn. */
  #changes = -1;

  /**
   * Of files that are overwritten in place somebody only has what lies in them ({@link takeFile}); with
   * `keepsVaults` the medium has kept all that they ever held.
   */
  constructor(terms: Terms, { keepsVaults = false }: { readonly keepsVaults?: boolean } = {}) {
    this.#terms = terms;
    this.#keepsVaults = keepsVaults;
  }

  /** Takes a secret. */
  take(term: Term): this {
    if (!this.#known.has(term)) {
      this.#known.add(term);
      this.#fresh.push(term);
    }
    return this;
  }

  /** Takes every secret that stands in these bytes. */
  takeFrom(bytes: Uint8Array): this {
    for (const term of this.#terms.scan(bytes)) this.take(term);
    return this;
  }

  /** Takes what known keys open in these bytes of a file. */
  takeFile(bytes: Uint8Array): this {
    const boxes = new Set<Box>();
    for (let at = 0; at + NAME_BYTES <= bytes.length; at++) {
      const box = this.#terms.boxAt(bytes, at);
      if (box !== undefined) boxes.add(box);
    }
    let isNew = true;
    while (isNew) {
      isNew = false;
      for (const box of boxes) {
        if (!this.has(box.key)) continue;
        boxes.delete(box);
        this.takeFrom(box.plaintext);
        isNew = true;
      }
    }
    return this;
  }

  /** Whether a secret follows from what was taken. */
  has(term: Term): boolean {
    this.#close();
    return this.#known.has(term);
  }

  /** How many secrets are known. */
  size(): number {
    this.#close();
    return this.#known.size;
  }

  #close(): void {
    const { changes } = this.#terms;
    if (this.#fresh.length === 0 && this.#changes === changes) return;
    this.#changes = changes;
    this.#meetNewRules();
    this.#openNewBoxes();
    for (let term = this.#fresh.pop(); term !== undefined; term = this.#fresh.pop()) {
      this.#drawn.add(term);
      for (const rule of this.#terms.usesOf(term)) this.#meet(rule);
      this.#open(term);
    }
  }

  /** Derivations that were made since, from what was known before. */
  #meetNewRules(): void {
    const { rules } = this.#terms;
    for (; this.#rules < rules.length; this.#rules++) {
      const { inputs = [], outputs = [] } = rules[this.#rules] ?? {};
      if (inputs.length === 0) for (const output of outputs) this.take(output);
      for (const input of inputs) {
        if (this.#drawn.has(input)) this.#meet(this.#rules);
      }
    }
  }

  #openNewBoxes(): void {
    for (const [key, upto] of this.#opened) {
      if (this.#terms.boxesUnder(key).length > upto) this.#open(key);
    }
  }

  #meet(rule: number): void {
    const met = (this.#met.get(rule) ?? 0) + 1;
    this.#met.set(rule, met);
    const { inputs = [], outputs = [] } = this.#terms.rules[rule] ?? {};
    if (met < inputs.length) return;
    for (const output of outputs) this.take(output);
  }

  #open(key: Term): void {
    const boxes = this.#terms.boxesUnder(key);
    for (const { plaintext, isVault } of boxes.slice(this.#opened.get(key) ?? 0)) {
      if (!isVault || this.#keepsVaults) this.takeFrom(plaintext);
    }
    this.#opened.set(key, boxes.length);
  }
}
