/** A disk in parts: a store without files, which fails by whole commits, and a vault. */

import { err } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import { createEventLog, openEventLog } from '@simsim/event-log';
import type { EventLog, EventStore, StoreRefusal, Vault } from '@simsim/event-log';
import type { Dice } from '../dice.ts';
import type { RowPart } from '../case/case.ts';
import type { Copies, Disk, DiskFault, DiskPart, DiskSabotage, DiskUser, Loot } from './disk.ts';
import { Platter, VAULT } from './platter.ts';
import { BUSY, StoreFaults } from './store-faults.ts';
import type { StorePart } from './store-parts.ts';
import { fileVaultPart, memoryVaultPart } from './vault-parts.ts';
import type { VaultPart } from './vault-parts.ts';

/** What it is made of. */
export interface ModelDiskParts {
  /** What goes wrong, and how. */
  readonly dice: (label: string) => Dice;
  readonly label: string;
  readonly store: StorePart;
  readonly vault: 'memory' | 'file';
  readonly sabotage: DiskSabotage;
}

/** A disk of which only the vault may be files. */
export class ModelDisk implements Disk {
  readonly #parts: ModelDiskParts;
  readonly #faults: StoreFaults;
  readonly #platter: Platter;
  readonly #damage: Dice;
  #store: StorePart;
  #vault: VaultPart;
  /** What lasts of the store since its syncs lie. */
  #lasting: StorePart | undefined;
  #open: { readonly vault: Vault; readonly rows: EventStore } | undefined;
  hasSuffered = false;
  isUntrue = false;

  constructor(parts: ModelDiskParts, from?: ModelDisk) {
    const { dice, label, store, vault, sabotage } = parts;
    this.#parts = parts;
    this.#faults = new StoreFaults(dice(`disk/${label}`), sabotage);
    this.#damage = dice(`damage/${label}`);
    const platter = { dice: dice(`platter/${label}`), sabotage };
    this.#platter = new Platter(from === undefined ? platter : { ...platter, from: from.#platter });
    this.#store = from === undefined ? store : from.#store.copy();
    const empty = vault === 'file' ? fileVaultPart(this.#platter) : memoryVaultPart();
    this.#vault = from === undefined ? empty : from.#vault.copy(this.#platter);
  }

  get isDark(): boolean {
    return this.#faults.isDark || this.#platter.disk.isDead;
  }

  get isBusy(): boolean {
    return this.#faults.isBusy;
  }

  open(user: DiskUser): Result<EventLog, StoreRefusal> {
    // Taking the lease is a write.
    if (this.isBusy) return err({ code: 'STORE_FAILED', detail: BUSY });
    const store = this.#faults.wrap(this.#store.open(user.chaos));
    const { seq: tipSeq } = store.tip();
    const isNew = tipSeq === 0 && store.meta('log') === undefined;
    const vault = this.#vault.open(user, { isNew, tipSeq });
    if (!vault.ok) return vault;
    this.#open = { vault: vault.value, rows: store };
    const parts = { crypto: user.crypto, entropy: user.entropy, store, vault: vault.value };
    const options = { chaos: user.chaos, sabotage: user.sabotage, onRollback: 'accept' } as const;
    return isNew ? createEventLog(parts, options) : openEventLog(parts, options);
  }

  leave(): void {
    this.#open = undefined;
    this.#platter.leave();
  }

  copy(label: string): ModelDisk {
    return new ModelDisk({ ...this.#parts, label }, this);
  }

  putBack(from: Disk, part: DiskPart): void {
    if (!(from instanceof ModelDisk)) return;
    if (part !== 'vault') this.#store = from.#store.copy();
    if (part === 'log') return;
    this.#platter.putBack(from.#platter, (name) => name === VAULT, 'with keys');
    this.#vault = from.#vault.copy(this.#platter);
  }

  suffer(fault: DiskFault): void {
    this.hasSuffered = true;
    if (fault.kind === 'losePower') this.#faults.powerLeft = fault.after;
    if (fault.kind === 'failSyncs') this.#faults.failing = fault.count;
    if (fault.kind === 'fill') this.#faults.isFull = true;
    if (fault.kind === 'occupy') this.#faults.isBusy = true;
    if (fault.kind === 'lie') this.#lasting ??= this.#store.copy();
    if (fault.kind === 'lie' || fault.kind === 'rot') this.isUntrue = true;
    this.#platter.suffer(fault);
  }

  rotRow(part: RowPart): boolean {
    const isRotten = this.#store.rot?.(part, this.#damage) === true;
    if (isRotten) [this.hasSuffered, this.isUntrue] = [true, true];
    return isRotten;
  }

  loseSlots(copies: Copies): boolean {
    const isLost = this.#platter.loseSlots(VAULT, copies, this.#damage);
    if (isLost) [this.hasSuffered, this.isUntrue] = [true, true];
    return isLost;
  }

  restart(): void {
    if (!this.isDark) return;
    this.#platter.disk.pullPlug();
    this.#platter.restart();
    this.#faults.heal();
    this.#store = this.#lasting ?? this.#store;
    this.#lasting = undefined;
  }

  empty(): void {
    this.#faults.isFull = false;
    this.#platter.empty();
  }

  free(): void {
    this.#faults.isBusy = false;
  }

  heal(): void {
    this.#faults.heal();
    this.#platter.heal();
    this.#lasting = undefined;
  }

  look(): { readonly vault: Vault; readonly rows: EventStore } | undefined {
    return this.#open;
  }

  isRotating(): boolean {
    return this.#vault.isRotating();
  }

  loot(): Loot {
    return this.#vault.loot();
  }
}
