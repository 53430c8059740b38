/** A log over the memory store and vault, and what a killed process would find of it. */

import type { Result } from '@simsim/bytes';
import { seededEntropy } from '@simsim/crypto';
import type { Crypto, Entropy } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import {
  createEventLog,
  createMemoryStore,
  createMemoryVault,
  openEventLog,
} from '../src/index.ts';
import type {
  EventLog,
  EventStore,
  LogBatch,
  LogOptions,
  MemorySnapshot,
  MemoryStore,
  MemoryVault,
  StoreRefusal,
  VaultImage,
} from '../src/index.ts';

export interface World {
  readonly log: EventLog;
  readonly store: MemoryStore;
  readonly vault: MemoryVault;
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  /** Says that another writer moved the tip, which refuses a commit. */
  readonly gate: Gate;
}

interface Gate {
  isMoved: boolean;
}

export interface WorldOptions extends LogOptions {
  readonly seed?: number;
  readonly crypto?: Crypto;
}

export function text(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(value, 'utf8'));
}

export function id16(number: number): Uint8Array {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(12, number + 1);
  return id;
}

export function unwrap<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.error)}`);
  return result.value;
}

export function newWorld(options: WorldOptions = {}): World {
  const crypto = options.crypto ?? nodeCrypto;
  const entropy = seededEntropy(text(`world ${options.seed ?? 1}`), crypto);
  const store = createMemoryStore();
  const vault = createMemoryVault({ crypto, entropy });
  const gate = { isMoved: false };
  const parts = { store: gated(store, gate), vault, crypto, entropy };
  const log = unwrap(createEventLog(parts, options));
  return { log, store, vault, crypto, entropy, gate };
}

/** Opens what a kill would have left: the store's commits and the vault's last flush. */
export function reopen(
  world: World,
  from: { readonly store?: MemorySnapshot; readonly vault?: VaultImage } = {},
  options: LogOptions = {},
): Result<World, StoreRefusal> {
  const { crypto, entropy } = world;
  const store = createMemoryStore(from.store ?? world.store.image());
  const { logId } = world.log;
  const vault = createMemoryVault({
    crypto,
    entropy,
    logId,
    from: from.vault ?? world.vault.image(),
  });
  const gate = { isMoved: false };
  const opened = openEventLog({ store: gated(store, gate), vault, crypto, entropy }, options);
  if (!opened.ok) return opened;
  return { ok: true, value: { log: opened.value, store, vault, crypto, entropy, gate } };
}

function gated(store: MemoryStore, gate: Gate): EventStore {
  return {
    ...store,
    commit: (change) => (gate.isMoved ? { kind: 'moved', tip: store.tip() } : store.commit(change)),
  };
}

export function commit(
  world: World,
  batch: Partial<LogBatch>,
): { seqFirst: number; seqLast: number } {
  return unwrap(world.log.commit({ at: 1000, events: [], ...batch }));
}
