/** What a device's log lasts on while its processes come and go, and what may befall it. */

import type { Result } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import type {
  Chaos,
  EventLog,
  EventReader,
  LogSabotage,
  StoreRefusal,
  VaultReader,
} from '@simsim/event-log';

import type { RowPart } from '../case/case.ts';

/** A process that opens a log. */
export interface DiskUser {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  /** Kills it at a chosen storage operation. */
  readonly chaos: Chaos;
  readonly sabotage: LogSabotage;
  /** Whether replaced vault pages are zeroed within the flush or with the next one. */
  readonly wipe: 'strict' | 'lazy';
}

/** Broken keychains, for tests of the tests. */
export interface DiskSabotage {
  /** It forgets nothing. */
  readonly keepsKeys?: true;
  /** A commit that finds the database held by another program counts as made. */
  readonly takesBusyForDone?: true;
}

/** What happens to a disk. */
export type DiskFault =
  /** Power fails after so many operations: what was not synced is lost, torn or in another order. */
  | { readonly kind: 'losePower'; readonly after: number }
  /** The next syncs fail. */
  | { readonly kind: 'failSyncs'; readonly count: number }
  /** Nothing more fits. */
  | { readonly kind: 'fill' }
  /** Another program holds the database: who would write it is refused, and nothing is written. */
  | { readonly kind: 'occupy' }
  /** Syncs say that they have written, and have not. */
  | { readonly kind: 'lie' }
  /** So many bits turn over, somewhere. */
  | { readonly kind: 'rot'; readonly bits: number };

/** What a thief finds of a vault. */
export interface Loot {
  /** Pages of slots as they lie there, where nothing encrypts them. */
  readonly pages: readonly Uint8Array[];
  /** The bytes of the vault's file, where it is one. */
  readonly file: Uint8Array | undefined;
  /** What the keychain holds for it. */
  readonly keychain: readonly Uint8Array[];
}

/** Of what is there twice. */
export type Copies = 'one' | 'both';

/** Which of the files. */
export type DiskPart = 'log' | 'vault' | 'both';

/** A disk. */
export interface Disk {
  /**
   * Opens the log, or lays an empty one out; a log that was put back is taken as it is.
   *
   * Throws: what the user's chaos throws; StoreFailure.
   */
  open(user: DiskUser): Result<EventLog, StoreRefusal>;
  /** The process is gone; whatever it would still do comes to nothing. */
  leave(): void;
  /** A copy of all files, on a sound disk of its own. */
  copy(label: string): Disk;
  /** Puts files of a copy in the place of its own. */
  putBack(from: Disk, part: DiskPart): void;
  /** Something happens to it. */
  suffer(fault: DiskFault): void;
  /** Another program holds the database. */
  readonly isBusy: boolean;
  /** There is no power. */
  readonly isDark: boolean;
  /** Whether anything ever happened to it. */
  readonly hasSuffered: boolean;
  /** Whether it ever lost what it had said was written, or a bit of it. */
  readonly isUntrue: boolean;
  /** Turns a bit over in a row, while no process has it open; false where there is no such row. */
  rotRow(part: RowPart): boolean;
  /** Zeros a page of the vault; false where it is no file. */
  loseSlots(copies: Copies): boolean;
  /** The machine starts again. */
  restart(): void;
  /** There is room again. */
  empty(): void;
  /** The other program lets the database go. */
  free(): void;
  /** Nothing goes wrong from now on. */
  heal(): void;
  /** The open vault and the rows beside it, where they can be looked at. */
  look(): { readonly vault: VaultReader; readonly rows: EventReader } | undefined;
  /** Whether a rotation of the vault's master key is under way. */
  isRotating(): boolean;
  loot(): Loot;
}
