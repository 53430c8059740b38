/** The files of a device on a disk that may fail, with the keychain of its machine. */

import { DiskFile, FaultDisk, filesOf, NO_FAULTS } from '@simsim/event-log-sqlite/power-loss';
import type { FileSystem, Keychain } from '@simsim/event-log-sqlite';
import type { Random } from '@simsim/event-log-sqlite/power-loss';
import { invariant } from '@simsim/bytes';
import type { Dice } from '../dice.ts';
import type { Copies, DiskFault, DiskSabotage } from './disk.ts';

/** One sync in so many lies, on a disk that does. */
const LIE_IN = 2;

/** What a platter is made of. */
export interface PlatterParts {
  readonly dice: Dice;
  readonly sabotage: DiskSabotage;
  /** What it is a copy of; empty by default. */
  readonly from?: Platter;
  /** What the files of a copy are called. */
  readonly named?: (name: string) => string;
}

/** A disk under a device. */
export class Platter {
  disk: FaultDisk;
  readonly dice: Dice;
  readonly #sabotage: DiskSabotage;
  #keys: Map<string, Uint8Array>;
  /** Grows with each process: what an earlier one still holds is dead. */
  #lives = 0;

  constructor({ dice, sabotage, from, named = (name) => name }: PlatterParts) {
    this.dice = dice;
    this.#sabotage = sabotage;
    const files = new Map<string, DiskFile>();
    for (const [name, bytes] of from?.disk.copies() ?? [])
      files.set(named(name), new DiskFile(bytes));
    this.disk = new FaultDisk(randomOf(dice), NO_FAULTS, { files });
    this.#keys = new Map(from === undefined ? [] : copied(from.#keys));
  }

  /** What a new process sees, until the next one begins. */
  files(): FileSystem {
    const life = ++this.#lives;
    return filesOf(this.disk, () => life !== this.#lives);
  }

  /** The keychain of the machine. */
  keychain(): Keychain {
    return {
      get: (name) => this.#keys.get(name)?.slice(),
      set: (name, bytes) => void this.#keys.set(name, bytes.slice()),
      remove: (name) => this.#forget(name),
    };
  }

  #forget(name: string): void {
    const key = this.#keys.get(name);
    this.#keys.delete(name);
    const isKept = key !== undefined && this.#sabotage.keepsKeys === true;
    if (isKept) this.#keys.set(`${name} of before ${this.#keys.size}`, key);
  }

  /** What the keychain holds. */
  keys(): Uint8Array[] {
    return [...this.#keys.values()];
  }

  /** The process is gone. */
  leave(): void {
    this.#lives++;
  }

  /**
   * Puts files of a copy in the place of its own: those whose names are `wanted`. Who puts the vault
   * back puts the whole machine back, with its keychain.
   */
  putBack(from: Platter, wanted: (name: string) => boolean, keys: 'with keys' | 'log alone'): void {
    const files = new Map<string, DiskFile>();
    for (const [name, bytes] of this.disk.copies()) {
      if (!wanted(name)) files.set(name, new DiskFile(bytes));
    }
    for (const [name, bytes] of from.disk.copies()) {
      if (wanted(name)) files.set(name, new DiskFile(bytes));
    }
    this.disk = new FaultDisk(randomOf(this.dice), NO_FAULTS, { files });
    if (keys === 'with keys') this.#keys = new Map(copied(from.#keys));
  }

  suffer(fault: DiskFault): void {
    const { disk, dice } = this;
    switch (fault.kind) {
      case 'losePower': {
        const style = dice.pick(['lost', 'torn', 'reordered'] as const) ?? 'lost';
        return disk.suffer({ crashAt: disk.operations + 1 + fault.after, style });
      }
      case 'failSyncs':
        return disk.suffer({ failSyncs: { from: disk.syncs + 1, count: fault.count } });
      case 'fill':
        return disk.suffer({ capacity: disk.used });
      case 'occupy':
        // Whoever holds a database lets the files beside it be.
        return;
      case 'lie':
        return disk.suffer({ lieIn: LIE_IN });
      case 'rot':
        for (let i = 0; i < fault.bits; i++) this.#rot();
        return;
    }
  }

  /** Turns one bit over. */
  #rot(): void {
    const names = this.disk.names();
    const name = this.dice.pick(names);
    const file = name === undefined ? undefined : this.disk.find(name);
    if (file !== undefined && file.size > 0)
      file.rot(this.dice.below(file.size), this.dice.below(8));
  }

  /** Zeros a page of a vault's file: a header, or slots; false where there is no such file. */
  loseSlots(name: string, copies: Copies, dice: Dice): boolean {
    const file = this.disk.find(name);
    if (file === undefined || file.size === 0) return false;
    const bytes = file.read(0, file.size);
    const pages = Array.from({ length: Math.ceil(file.size / VAULT_PAGE_BYTES) }, (_, i) => i);
    const isThere = (page: number): boolean =>
      bytes
        .subarray(page * VAULT_PAGE_BYTES, (page + 1) * VAULT_PAGE_BYTES)
        .some((byte) => byte !== 0);
    const slots = pages.filter((page) => page >= HEADER_PAGES && isThere(page));
    const page = dice.pick(copies === 'one' ? pages.filter(isThere) : slots);
    if (page === undefined) return false;
    // The copies of a page of slots lie side by side.
    const lost = copies === 'one' ? [page] : [page & ~1, page | 1];
    for (const each of lost) zero(file, each * VAULT_PAGE_BYTES);
    return true;
  }

  /** The machine starts again, with a sound disk. */
  restart(): void {
    if (this.disk.isDead) this.disk = this.disk.restarted(NO_FAULTS);
  }

  /** There is room again. */
  empty(): void {
    this.disk.suffer({ capacity: Infinity });
  }

  heal(): void {
    this.disk.suffer(NO_FAULTS);
  }
}

/** A vault's file: two headers, then two copies of each page of slots. */
const VAULT_PAGE_BYTES = 4096;
const HEADER_PAGES = 2;

/** In what programs see and in what lasts. */
function zero(file: DiskFile, from: number): void {
  for (const [at, byte] of file.read(from, VAULT_PAGE_BYTES).slice().entries()) {
    for (let bit = 0; bit < 8; bit++) if ((byte & (1 << bit)) !== 0) file.rot(from + at, bit);
  }
}

/** Name of the vault's file. */
export const VAULT = 'vault';

function copied(keys: ReadonlyMap<string, Uint8Array>): [string, Uint8Array][] {
  return [...keys].map(([name, bytes]) => [name, bytes.slice()]);
}

function randomOf(dice: Dice): Random {
  return {
    below: (limit) => dice.below(limit),
    oneIn: (n) => dice.below(n) === 0,
    pick(values) {
      const value = dice.pick(values);
      invariant(value !== undefined, 'there is something to pick from');
      return value;
    },
  };
}
