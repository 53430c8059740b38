/** Where the live streams stand: read from the store on first use, then kept. */

import type { Crypto, Secret } from '@simsim/crypto';
import type { EventReader } from './event-store.ts';
import type { MetadataBox } from './metadata-box.ts';
import type { VaultReader } from './vault.ts';

/** A stream's head and the key its next sealed part will take. */
export interface StreamState {
  readonly name: string;
  readonly id: number;
  readonly version: number;
  /** `seq` of its last event. */
  readonly seq: number;
  /** `seq` of its last sealed part, 0 if none. */
  readonly sealed: number;
  readonly isClosed: boolean;
  readonly slot: number | undefined;
  /** Key index of the last sealed part, −1 if none. */
  readonly index: number;
  /** Key of `index + 1`, kept from the last sealing; owned by this state. */
  readonly next: Secret<'stream'> | undefined;
}

/** The streams of an open log. */
export interface StreamStates {
  get(name: string): StreamState | undefined;
  /** Keeps the newest state; a closed stream is let go, it is never written again. */
  set(state: StreamState): void;
  /** Forgets everything and wipes the keys. */
  clear(): void;
}

/** What {@link createStreamStates} reads. */
export interface StreamStatesParts {
  readonly crypto: Crypto;
  readonly store: EventReader;
  readonly vault: VaultReader;
  readonly box: MetadataBox;
}

/** Makes an empty cache over a store. */
export function createStreamStates({ crypto, store, vault, box }: StreamStatesParts): StreamStates {
  const states = new Map<string, StreamState>();
  const load = (name: string): StreamState | undefined => {
    const row = store.streamByName(box.nameHash('label', name));
    const head = row && store.head(row.id);
    if (row === undefined || head === undefined) return undefined;
    const { version, seq, sealed } = head;
    const isClosed = head.state !== 0;
    const held = row.slot === undefined || isClosed ? undefined : vault.slot(row.slot);
    const index = held?.index ?? -1;
    return {
      name,
      id: row.id,
      version,
      seq,
      sealed,
      isClosed,
      slot: row.slot,
      index,
      next: undefined,
    };
  };
  return {
    get(name) {
      const known = states.get(name);
      if (known !== undefined) return known;
      const state = load(name);
      if (state !== undefined && !state.isClosed) states.set(name, state);
      return state;
    },
    set(state) {
      if (state.isClosed) states.delete(state.name);
      else states.set(state.name, state);
    },
    clear() {
      for (const { next } of states.values()) if (next !== undefined) crypto.wipe(next);
      states.clear();
    },
  };
}
