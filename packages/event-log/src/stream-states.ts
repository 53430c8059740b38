/**
 * Where the live streams stand: read from the store on first use, then kept. Their rows follow with the
 * next flush, so that a commit touches no page for a stream but the event's own. Until then the stream
 * is ahead of its rows; one that has just begun has none.
 */

import type { Crypto, Secret } from '@simsim/crypto';
import type { EventReader } from './event-store.ts';
import { createLiveNames, registeredNames } from './live-names.ts';
import type { MetadataBox } from './metadata-box.ts';
import { sealedIndex } from './sealed-part.ts';
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
  /** What its rows in the store say; undefined where it has none. */
  readonly rows: StreamRows | undefined;
  readonly slot: number | undefined;
  /** {@link LogState.rekeying} when it took its slot; 0 for a slot of before the log was opened. */
  readonly rekeying: number;
  /** Key index of the last sealed part, −1 if none. */
  readonly index: number;
  /** Key of `index + 1`, kept from the last sealing; owned by this state. */
  readonly next: Secret<'stream'> | undefined;
}

/** What the store knows of a stream. */
interface StreamRows {
  readonly version: number;
  readonly slot: number | undefined;
}

/** The streams of an open log. */
export interface StreamStates {
  get(name: string): StreamState | undefined;
  /** Keeps the newest state; a closed stream is let go once its rows say so. */
  set(state: StreamState): void;
  /** The streams that are ahead of their rows, closed ones too, by id. */
  ahead(): readonly StreamState[];
  /** A stream that is ahead, by its id. */
  aheadById(id: number): StreamState | undefined;
  /** Names of the live streams that begin so, by id. */
  live(prefix: string): string[];
  /** Lets go of streams whose rows another process has written. */
  dropRegistered(): void;
  /** The rows of all streams are what they must be now. */
  registered(): void;
  /** Forgets what was read from the store and wipes all keys; what is ahead of it stays known. */
  forget(): void;
}

/** What {@link createStreamStates} reads. */
export interface StreamStatesParts {
  readonly crypto: Crypto;
  readonly store: EventReader;
  readonly vault: VaultReader;
  readonly box: MetadataBox;
  /** The vault stays where each stream began; see LogMeta. */
  readonly keepsAll: boolean;
}

/** Names kept that no stream has: a send asks for its own more than once before it begins. */
const ABSENT_KEPT = 64;

/** Key index of the sealed part of event `seq`, −1 where there is none. */
export function lastIndex(store: EventReader, seq: number): number {
  const sealed = seq === 0 ? undefined : store.event(seq)?.sealed;
  return (sealed && sealedIndex(sealed)) ?? -1;
}

/** Makes an empty cache over a store. */
export function createStreamStates(parts: StreamStatesParts): StreamStates {
  const { crypto, store } = parts;
  const states = new Map<string, StreamState>();
  /** By id; a closed one is here alone. */
  const ahead = new Map<number, StreamState>();
  const aheadByName = new Map<string, number>();
  const absent = new Set<string>();
  const names = createLiveNames();
  const catchUp = ({ id, name }: StreamState): void => {
    ahead.delete(id);
    aheadByName.delete(name);
  };
  return {
    get(name) {
      const known = states.get(name) ?? ahead.get(aheadByName.get(name) ?? 0);
      if (known !== undefined) return known;
      if (absent.has(name)) return undefined;
      const state = loadStream(parts, name);
      if (state === undefined) {
        if (absent.size >= ABSENT_KEPT) absent.clear();
        absent.add(name);
      } else if (!state.isClosed) states.set(name, state);
      return state;
    },
    set(state) {
      const { name, id, rows, version, isClosed } = state;
      absent.delete(name);
      names.set(state);
      if (isClosed) states.delete(name);
      else states.set(name, state);
      if (rows?.version === version) {
        catchUp(state);
        return;
      }
      ahead.set(id, state);
      aheadByName.set(name, id);
    },
    ahead: () => [...ahead.values()].sort((a, b) => a.id - b.id),
    aheadById: (id) => ahead.get(id),
    live: (prefix) =>
      names.withPrefix(prefix, function* () {
        yield* registeredNames(parts, ahead);
        for (const state of ahead.values()) if (!state.isClosed) yield state;
      }),
    dropRegistered() {
      for (const state of ahead.values()) {
        if ((store.head(state.id)?.version ?? 0) >= state.version) catchUp(state);
      }
    },
    registered() {
      for (const state of ahead.values()) {
        const { name, version, slot, isClosed } = state;
        if (!isClosed) states.set(name, { ...state, rows: { version, slot } });
      }
      ahead.clear();
      aheadByName.clear();
    },
    forget() {
      for (const { next } of states.values()) if (next !== undefined) crypto.wipe(next);
      states.clear();
      absent.clear();
      names.forget();
      for (const [id, state] of ahead) ahead.set(id, { ...state, next: undefined });
    },
  };
}

/** A stream as the store and the vault know it. */
function loadStream(
  { store, vault, box, keepsAll }: StreamStatesParts,
  name: string,
): StreamState | undefined {
  const row = store.streamByName(box.nameHash('label', name));
  const head = row && store.head(row.id);
  if (row === undefined || head === undefined) return undefined;
  const { version, seq, sealed } = head;
  const isClosed = head.state !== 0;
  const held = row.slot === undefined || isClosed ? undefined : vault.slot(row.slot);
  // A slot that is somebody else's by now was lost with an old copy of the vault.
  const isHeld = held?.use === 'stream' && held.owner === row.id;
  return {
    name,
    id: row.id,
    version,
    seq,
    sealed,
    isClosed,
    rows: { version, slot: row.slot },
    slot: isHeld || isClosed ? row.slot : undefined,
    rekeying: 0,
    index: isHeld && !keepsAll ? held.index : lastIndex(store, sealed),
    next: undefined,
  };
}
