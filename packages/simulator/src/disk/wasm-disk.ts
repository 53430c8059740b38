/** A disk under real SQLite and the real vault: both in files that lose power together. */

import type { Result } from '@simsim/bytes';
import type { EventLog, StoreRefusal } from '@simsim/event-log';
import { openSqliteLog } from '@simsim/event-log-sqlite';
import { oftenCheckpointing } from '@simsim/event-log-sqlite/power-loss';
import type { WasmSqlite } from '@simsim/event-log-sqlite/power-loss';
import type { Dice } from '../dice.ts';
import type { Disk, DiskFault, DiskPart, DiskSabotage, DiskUser, Loot } from './disk.ts';
import { Platter } from './platter.ts';
import { nextLease } from './store-parts.ts';
import { lootOf } from './vault-parts.ts';

/** What it is made of. */
export interface WasmDiskParts {
  readonly dice: (label: string) => Dice;
  readonly label: string;
  readonly wasm: WasmSqlite;
  readonly sabotage: DiskSabotage;
}

/** Pages in the WAL after which SQLite moves them into the database: soon, so that it happens. */
const CHECKPOINT_PAGES = 60;

/** A disk of files. */
export class WasmDisk implements Disk {
  readonly #parts: WasmDiskParts;
  readonly #platter: Platter;
  #log: EventLog | undefined;
  hasSuffered = false;
  isUntrue = false;

  constructor(parts: WasmDiskParts, from?: WasmDisk) {
    this.#parts = parts;
    this.#platter =
      from === undefined
        ? new Platter({ dice: this.#dice(), sabotage: parts.sabotage })
        : this.#renamed(from);
  }

  #dice(): Dice {
    return this.#parts.dice(`platter/${this.#parts.label}`);
  }

  /** Names begin with the label of their machine, under which the VFS finds the disk. */
  #renamed(from: WasmDisk): Platter {
    const named = (name: string): string => name.replace(/^\/[^/]+\//, `/${this.#parts.label}/`);
    const { sabotage } = this.#parts;
    return new Platter({ dice: this.#dice(), sabotage, from: from.#platter, named });
  }

  get isDark(): boolean {
    return this.#platter.disk.isDead;
  }

  open(user: DiskUser): Result<EventLog, StoreRefusal> {
    const { wasm, label } = this.#parts;
    wasm.vfs.mount(label, this.#platter.disk);
    const opened = openSqliteLog({
      ...user,
      path: `/${label}/log.db`,
      vaultPath: `/${label}/vault`,
      driver: oftenCheckpointing(wasm.driver, CHECKPOINT_PAGES),
      files: this.#platter.files(),
      key: { kind: 'keychain', keychain: this.#platter.keychain() },
      lease: nextLease(),
      ifMissing: 'create',
      onRollback: 'accept',
    });
    if (!opened.ok) return opened;
    this.#log = opened.value.log;
    return { ok: true, value: opened.value.log };
  }

  /** Closing gives the module's memory back; on the disk nothing happens any more. */
  leave(): void {
    const { wasm, label } = this.#parts;
    this.#platter.leave();
    wasm.vfs.mount(label, this.#platter.disk);
    const log = this.#log;
    this.#log = undefined;
    try {
      log?.close();
    } catch {
      // Its files are gone for it.
    }
  }

  copy(label: string): WasmDisk {
    return new WasmDisk({ ...this.#parts, label }, this);
  }

  putBack(from: Disk, part: DiskPart): void {
    if (!(from instanceof WasmDisk)) return;
    const isWanted = (name: string): boolean =>
      part === 'both' || name.endsWith('/vault') === (part === 'vault');
    const keys = part === 'log' ? 'log alone' : 'with keys';
    this.#platter.putBack(this.#renamed(from), isWanted, keys);
  }

  suffer(fault: DiskFault): void {
    this.hasSuffered = true;
    if (fault.kind === 'lie' || fault.kind === 'rot') this.isUntrue = true;
    this.#platter.suffer(fault);
  }

  restart(): void {
    this.#platter.restart();
  }

  empty(): void {
    this.#platter.empty();
  }

  heal(): void {
    this.#platter.heal();
  }

  look(): undefined {
    return undefined;
  }

  isRotating(): boolean {
    return false;
  }

  loot(): Loot {
    return lootOf(this.#platter, `/${this.#parts.label}/vault`);
  }
}
