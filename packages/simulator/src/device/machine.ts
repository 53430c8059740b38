/** What lasts of a device while its processes come and go: its disk, its clock, its line to the relay. */

import { invariant } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import { createMemoryStore, createMemoryVault } from '@simsim/event-log';
import type { MemorySnapshot, MemoryStore, MemoryVault, VaultImage } from '@simsim/event-log';
import type { MessageId, UserId } from '@simsim/relay-protocol';
import type { Clock } from '@simsim/sesame';
import type { Label } from '../case/case.ts';
import { Fuse } from './fuse.ts';

/** A device's files at some moment. */
export interface DeviceImage {
  readonly store: MemorySnapshot;
  readonly vault: VaultImage;
  readonly logId: Uint8Array;
  readonly atMs: number;
}

/** A line that the application handed over and has not been told to be durable. */
export interface UnsentLine {
  readonly messageId: MessageId;
  readonly to: readonly UserId[];
  readonly text: string;
}

/** A device's hardware. */
export class Machine {
  readonly label: Label;
  readonly userId: UserId;
  /** What a process finds on the disk; `undefined` before the first wrote something. */
  store: MemoryStore | undefined;
  vault: MemoryVault | undefined;
  /** Kills the process at a chosen storage operation. */
  readonly fuse: Fuse = new Fuse();
  /** By how much the wall clock is wrong. */
  skewMs: number;
  /** How often the machine was started. */
  boots = 1;
  /** How often a process was started on it. */
  starts = 0;
  /** Where its line is cut. */
  readonly cuts: Set<'up' | 'down'> = new Set();
  /** The last copy of its files. */
  backup: DeviceImage | undefined;
  /** Lines whose process died before it answered. */
  unsent: UnsentLine[] = [];
  /** Lines that the device would not send. */
  readonly refused: Set<MessageId> = new Set();
  /** Requests it ever made: each has its own dice. */
  requests = 0;
  /** Mail that is spoilt on its way. */
  spoils = 0;

  constructor(label: Label, userId: UserId, skewMs: number) {
    this.label = label;
    this.userId = userId;
    this.skewMs = skewMs;
  }

  /** The clock as the device sees it, at a moment of the world. */
  clockAt(nowMs: number): Clock {
    const bootId = `${this.label} ${this.boots}`;
    return { wallMs: nowMs + this.skewMs, elapsedMs: nowMs, bootId };
  }

  /** Its files, as a process that opens them would find them. */
  image(atMs: number): DeviceImage {
    const { store, vault } = this;
    invariant(store !== undefined && vault !== undefined, 'a device that ran has files');
    return { store: store.image(), vault: vault.image(), logId: vault.logId, atMs };
  }

  /** Puts files in the place of its own. */
  putBack(image: Partial<Pick<DeviceImage, 'store' | 'vault'>>, parts: VaultParts): void {
    const now = this.image(0);
    const { store, vault } = { ...now, ...image };
    this.store = createMemoryStore(store);
    this.vault = this.#openVault(parts, { logId: now.logId, from: vault });
  }

  /** Lays an empty disk in, or the files of another device. */
  install(parts: VaultParts, from?: DeviceImage): void {
    this.store = createMemoryStore(from?.store);
    this.vault = this.#openVault(parts, from && { logId: from.logId, from: from.vault });
  }

  /** The vault as the next process finds it: what the last flush made durable. */
  reopenVault(parts: VaultParts): void {
    const { vault } = this;
    invariant(vault !== undefined, 'a device that ran has a vault');
    this.vault = this.#openVault(parts, { logId: vault.logId, from: vault.image() });
  }

  #openVault(
    parts: VaultParts,
    found?: { readonly logId: Uint8Array; readonly from: VaultImage },
  ): MemoryVault {
    return createMemoryVault({ ...parts, ...found, chaos: this.fuse });
  }
}

/** What a vault is opened with. */
export interface VaultParts {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
}
