/** Decoding stored events for replay. */

import type { LogEvent, SealedState } from './event-log.ts';
import type { EventReader, EventRow } from './event-store.ts';
import { createYoungStreams } from './young-streams.ts';
import type { OpenedFacts } from './facts-envelope.ts';
import { PRUNED_BYTES } from './chain.ts';
import type { MetadataBox } from './metadata-box.ts';
import { isForgotten, openFacts } from './open-facts.ts';
import { failStore } from './refusal.ts';
import { sealedIndex } from './sealed-part.ts';
import { openName } from './stream-label.ts';
import type { VaultReader } from './vault.ts';

/** Stream names kept while decoding; beyond that they are opened again. */
const NAMES_KEPT = 10_000;

/** What a timeline reads. */
export interface TimelineParts {
  readonly store: EventReader;
  readonly vault: VaultReader;
  readonly box: MetadataBox;
}

/** Decodes stored events one by one. */
export interface Timeline {
  /** Throws: StoreFailure `STORE_CORRUPT` naming the event that does not open. */
  decode(row: EventRow): LogEvent;
}

/** Makes a decoder. */
export function createTimeline({ store, vault, box }: TimelineParts): Timeline {
  const names = new Map<number, string>();
  const young = createYoungStreams({ store, vault, box });
  const anchored = vault.anchor().seq;
  const keep = (id: number, name: string): string => {
    if (names.size >= NAMES_KEPT) names.clear();
    names.set(id, name);
    return name;
  };
  const nameOf = (id: number): string | undefined => {
    const known = names.get(id);
    if (known !== undefined) return known;
    const row = store.streamById(id);
    const name = row === undefined ? young(id) : openName(box, row);
    return name === undefined ? undefined : keep(id, name);
  };
  let heldByOwner: Map<number, number> | undefined;
  /** Whether the vault could still open a part: it has not followed so far, or holds its key. */
  const sealedState = (row: EventRow): SealedState => {
    if (row.sealed === undefined) return 'none';
    if (row.sealed.length === PRUNED_BYTES) return 'pruned';
    if (row.seq > anchored) return 'sealed';
    heldByOwner ??= heldIndexes(vault);
    const index = sealedIndex(row.sealed);
    const held = heldByOwner.get(row.stream);
    return held !== undefined && index !== undefined && index >= held ? 'sealed' : 'shredded';
  };
  return {
    decode(row) {
      const opened = openFacts(box, row);
      const name = opened?.name === undefined ? nameOf(row.stream) : keep(row.stream, opened.name);
      if (opened === undefined || name === undefined) {
        failStore('STORE_CORRUPT', `event ${row.seq} is damaged`);
      }
      return logEvent(row, { opened, name, sealed: sealedState(row) });
    },
  };
}

/** Which key of each stream the vault holds, by stream id. */
function heldIndexes(vault: VaultReader): Map<number, number> {
  const indexes = new Map<number, number>();
  for (const { use, owner, index } of vault.liveSlots()) {
    if (use === 'stream') indexes.set(owner, index);
  }
  return indexes;
}

/** Puts an event together from its row and its opened facts. */
export function logEvent(
  row: EventRow,
  more: { readonly opened: OpenedFacts; readonly name: string; readonly sealed: SealedState },
): LogEvent {
  return {
    seq: row.seq,
    at: row.at,
    stream: more.name,
    version: row.version,
    type: Math.floor(row.kind / 256),
    schema: row.kind % 256,
    facts: more.opened.facts,
    sealed: more.sealed,
    sealedBytes: row.sealed?.length ?? 0,
    closes: more.opened.closes,
    seenCount: more.opened.seen.length,
    isForgotten: isForgotten(row),
    hash: row.hash,
  };
}
