/** Who listens to everything, keeps every ciphertext, and now and then copies a device's files. */

import type { Post } from '@simsim/relay-protocol';
import type { VaultImage } from '@simsim/event-log';
import { Knowledge } from '../symbolic/index.ts';
import type { SymbolicCrypto, Term } from '../symbolic/index.ts';
import type { Label } from '../case/case.ts';
import { wireMessage } from './wire-message.ts';

/** What somebody knows from one copy of files. */
export interface Seizure {
  readonly atMs: number;
  readonly of: readonly Label[];
  /** Whether the vaults had followed their logs. */
  readonly isFlushed: boolean;
  readonly knows: Knowledge;
}

/** An adversary over symbolic primitives. */
export class Adversary {
  readonly #symbolic: SymbolicCrypto;
  /** What follows from all that ever crossed the wire, the relay's own part included. */
  readonly wire: Knowledge;
  readonly seizures: Seizure[] = [];

  constructor(symbolic: SymbolicCrypto) {
    this.#symbolic = symbolic;
    this.wire = new Knowledge(symbolic.terms);
  }

  /** Hears what a device posts. */
  hear({ envelopes }: Post): void {
    for (const { content } of envelopes) this.wire.takeFrom(content);
  }

  /** Copies vaults. The ciphertexts of their logs, old ones too, are at hand anyway. */
  seize(vaults: readonly VaultImage[], about: Omit<Seizure, 'knows'>): Seizure {
    const knows = new Knowledge(this.#symbolic.terms);
    for (const { pages } of vaults) for (const page of pages) knows.takeFrom(page);
    const seizure = { ...about, knows };
    this.seizures.push(seizure);
    return seizure;
  }

  /** The key that a message on the wire is encrypted with, and the halves that make it. */
  keysOf(content: Uint8Array): readonly Term[] {
    const message = wireMessage(content);
    const key = message && this.#symbolic.keyOf(message.ciphertext);
    return key === undefined ? [] : [key, ...this.#symbolic.terms.sourcesOf(key)];
  }
}
