/**
 * The names of live streams, by how they begin. Rows hold a name as a ciphertext, so finding names means
 * opening them all: done once, on first use, and kept.
 */

import type { EventReader } from './event-store.ts';
import type { MetadataBox } from './metadata-box.ts';
import { failStore } from './refusal.ts';
import { openName } from './stream-label.ts';
import type { VaultReader } from './vault.ts';

/** A stream by its id. */
export interface NamedStream {
  readonly id: number;
  readonly name: string;
}

/** The names. */
export interface LiveNames {
  /** Those that begin so, by id. `read` gives all of them where they are not known. */
  withPrefix(prefix: string, read: () => Iterable<NamedStream>): string[];
  /** A stream lives, or lives no longer. */
  set(stream: NamedStream & { readonly isClosed: boolean }): void;
  /** Has them read again. */
  forget(): void;
}

/** Knows no names yet. */
export function createLiveNames(): LiveNames {
  /** By the name's first segment, so that asking for one kind does not walk over the others. */
  let known: Map<string, Map<number, string>> | undefined;
  const put = (groups: Map<string, Map<number, string>>, { id, name }: NamedStream): void => {
    const group = groups.get(segmentOf(name));
    if (group === undefined) groups.set(segmentOf(name), new Map([[id, name]]));
    else group.set(id, name);
  };
  return {
    withPrefix(prefix, read) {
      if (known === undefined) {
        const groups = new Map<string, Map<number, string>>();
        for (const stream of read()) put(groups, stream);
        known = groups;
      }
      const isWhole = prefix.includes(SEPARATOR);
      const groups = isWhole ? [known.get(segmentOf(prefix))] : [...known.values()];
      return groups
        .flatMap((group) => [...(group ?? [])].filter(([, name]) => name.startsWith(prefix)))
        .sort(([a], [b]) => a - b)
        .map(([, name]) => name);
    },
    set(stream) {
      if (known === undefined) return;
      if (stream.isClosed) known.get(segmentOf(stream.name))?.delete(stream.id);
      else put(known, stream);
    },
    forget() {
      known = undefined;
    },
  };
}

const SEPARATOR = '/';

function segmentOf(name: string): string {
  const end = name.indexOf(SEPARATOR);
  return end < 0 ? name : name.slice(0, end);
}

/** The live streams whose rows are what they are: all but those in `ahead`. */
export function* registeredNames(
  {
    store,
    vault,
    box,
  }: { readonly store: EventReader; readonly vault: VaultReader; readonly box: MetadataBox },
  ahead: ReadonlyMap<number, unknown>,
): Iterable<NamedStream> {
  const isLive = (id: number): boolean => !ahead.has(id) && store.head(id)?.state === 0;
  for (const row of store.publicStreams()) {
    if (isLive(row.id)) yield { id: row.id, name: nameOf(box, row) };
  }
  for (const { use, owner } of vault.liveSlots()) {
    const row = use === 'stream' && isLive(owner) ? store.streamById(owner) : undefined;
    if (row !== undefined) yield { id: owner, name: nameOf(box, row) };
  }
}

function nameOf(box: MetadataBox, row: Parameters<typeof openName>[1]): string {
  const name = openName(box, row);
  if (name === undefined) failStore('STORE_CORRUPT', `the row of stream ${row.id} does not open`);
  return name;
}
