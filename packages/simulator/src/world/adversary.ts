/** Who listens to everything, keeps every ciphertext, and now and then copies a device's files. */

import type { Post } from '@simsim/relay-protocol';
import type { Label } from '../case/case.ts';
import type { Loot } from '../disk/disk.ts';
import { Knowledge } from '../symbolic/index.ts';
import type { SymbolicCrypto, Term } from '../symbolic/index.ts';
import { wireMessage } from './wire-message.ts';

/** A device whose files are copied. */
export interface SeizedDevice {
  readonly label: Label;
  readonly address: string;
  readonly loot: Loot;
  /** The last event of its log. */
  readonly seq: number;
  /** Keys that events up to here replaced are gone from its vault's files. */
  readonly erasedSeq: number;
  /** How far its log had come when the last rotation that ended began. */
  readonly rotatedSeq: number;
}

/** What somebody knows from one copy of files. */
export interface Seizure {
  readonly atMs: number;
  readonly of: readonly SeizedDevice[];
  /** From the files as they are, on a medium that overwrites in place. */
  readonly files: Knowledge;
  /**
   * From a medium that keeps all that was ever written to it, and the keys that keychains hold now;
   * `undefined` where a vault is no file.
   */
  readonly medium: Knowledge | undefined;
}

/** What may stand before the ciphertext of a state, at most. */
const STATE_FRONT_BYTES_MAX = 32;

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

  /** Copies files. The ciphertexts of the logs, old ones too, are at hand anyway. */
  seize(of: readonly SeizedDevice[], atMs: number): Seizure {
    const { terms } = this.#symbolic;
    const files = new Knowledge(terms);
    const medium = new Knowledge(terms, { keepsVaults: true });
    for (const { pages, file, keychain } of of.map(({ loot }) => loot)) {
      for (const page of pages) files.takeFrom(page);
      for (const key of keychain) {
        files.takeFrom(key);
        medium.takeFrom(key);
      }
      if (file !== undefined) files.takeFile(file);
    }
    const isOnFiles = of.every(({ loot }) => loot.file !== undefined);
    const seizure = { atMs, of, files, medium: isOnFiles ? medium : undefined };
    this.seizures.push(seizure);
    return seizure;
  }

  /** The key of a state in a log: its ciphertext stands behind a number and a nonce. */
  sealKeyOf(sealed: Uint8Array | undefined): Term | undefined {
    for (let at = 0; sealed !== undefined && at <= STATE_FRONT_BYTES_MAX; at++) {
      const box = this.#symbolic.terms.boxAt(sealed, at);
      if (box !== undefined) return box.key;
    }
    return undefined;
  }

  /** The key that a message on the wire is encrypted with, and the halves that make it. */
  keysOf(content: Uint8Array): readonly Term[] {
    const message = wireMessage(content);
    const key = message && this.#symbolic.keyOf(message.ciphertext);
    return key === undefined ? [] : [key, ...this.#symbolic.terms.sourcesOf(key)];
  }
}
