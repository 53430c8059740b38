/** A disk under real SQLite and the real vault: both in files that lose power together. */

import type { Result } from '@simsim/bytes';
import type { EventLog, StoreRefusal } from '@simsim/event-log';
import { openSqliteLog } from '@simsim/event-log-sqlite';
import { oftenCheckpointing } from '@simsim/event-log-sqlite/power-loss';
import type { WasmSqlite } from '@simsim/event-log-sqlite/power-loss';
import type { SqliteDatabase } from '@simsim/event-log-sqlite';
import type { Dice } from '../dice.ts';
import type { RowPart } from '../case/case.ts';
import type { Copies, Disk, DiskFault, DiskPart, DiskSabotage, DiskUser, Loot } from './disk.ts';
import { Platter } from './platter.ts';
import { rotRow } from './row-rot.ts';
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
  readonly #damage: Dice;
  #log: EventLog | undefined;
  /** Another program's connection, in the middle of a transaction. */
  #holder: SqliteDatabase | undefined;
  hasSuffered = false;
  isUntrue = false;

  constructor(parts: WasmDiskParts, from?: WasmDisk) {
    this.#parts = parts;
    this.#damage = parts.dice(`damage/${parts.label}`);
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

  get #path(): string {
    return `/${this.#parts.label}/log.db`;
  }

  get #vaultPath(): string {
    return `/${this.#parts.label}/vault`;
  }

  get isBusy(): boolean {
    return this.#holder !== undefined;
  }

  get isDark(): boolean {
    return this.#platter.disk.isDead;
  }

  open(user: DiskUser): Result<EventLog, StoreRefusal> {
    const { wasm, label } = this.#parts;
    wasm.vfs.mount(label, this.#platter.disk);
    // Locks of before are gone with the mount.
    if (this.isBusy) this.#occupy();
    const opened = openSqliteLog({
      ...user,
      path: this.#path,
      vaultPath: this.#vaultPath,
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
    if (fault.kind === 'occupy') this.#occupy();
    if (fault.kind === 'lie' || fault.kind === 'rot') this.isUntrue = true;
    this.#platter.suffer(fault);
  }

  rotRow(part: RowPart): boolean {
    if (this.isDark || !this.#platter.disk.has(this.#path)) return false;
    const isRotten = this.#rotIn(part);
    if (isRotten) [this.hasSuffered, this.isUntrue] = [true, true];
    return isRotten;
  }

  /** A medium that fails meanwhile has its row as it was. */
  #rotIn(part: RowPart): boolean {
    let db: SqliteDatabase | undefined;
    try {
      db = this.#parts.wasm.driver.open(this.#path, 'write');
      return rotRow(db, part, this.#damage);
    } catch {
      return false;
    } finally {
      db?.close();
    }
  }

  loseSlots(copies: Copies): boolean {
    const isLost = this.#platter.loseSlots(this.#vaultPath, copies, this.#damage);
    if (isLost) [this.hasSuffered, this.isUntrue] = [true, true];
    return isLost;
  }

  restart(): void {
    // Without power there is no other program either.
    if (this.isDark) this.free();
    this.#platter.restart();
  }

  empty(): void {
    this.#platter.empty();
  }

  free(): void {
    const holder = this.#holder;
    this.#holder = undefined;
    try {
      holder?.close();
    } catch {
      // Its files are gone for it.
    }
  }

  /** Begins to write, and does not end; where even that fails, nobody holds anything. */
  #occupy(): void {
    this.free();
    if (!this.#platter.disk.has(this.#path)) return;
    try {
      this.#holder = this.#parts.wasm.driver.open(this.#path, 'write');
      this.#holder.exec('BEGIN IMMEDIATE');
    } catch {
      this.free();
    }
  }

  heal(): void {
    this.free();
    this.#platter.heal();
  }

  look(): undefined {
    return undefined;
  }

  isRotating(): boolean {
    return false;
  }

  loot(): Loot {
    return lootOf(this.#platter, this.#vaultPath);
  }
}
