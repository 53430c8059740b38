/** Finding streams that have no rows yet: they began in the events after the vault's anchor. */

import type { EventReader } from './event-store.ts';
import type { MetadataBox } from './metadata-box.ts';
import { openFacts } from './open-facts.ts';
import type { VaultReader } from './vault.ts';

/** What the events tell of a stream without rows. */
export interface YoungStream {
  readonly name: string;
  readonly slot: number | undefined;
}

/** Looks up a stream without rows by its id; reads the last events again where the log has grown. */
export function createYoungStreams(parts: {
  readonly store: EventReader;
  readonly vault: VaultReader;
  readonly box: MetadataBox;
}): (id: number) => YoungStream | undefined {
  const { store, vault, box } = parts;
  const streams = new Map<number, YoungStream>();
  let upto = vault.anchor().seq;
  return (id) => {
    const { seq } = store.tip();
    for (const row of store.events(upto + 1, seq)) {
      const facts = openFacts(box, row);
      const name = facts?.name ?? streams.get(row.stream)?.name;
      if (name === undefined) continue;
      const slot = facts?.slot ?? streams.get(row.stream)?.slot;
      streams.set(row.stream, { name, slot });
    }
    upto = Math.max(upto, seq);
    return streams.get(id);
  };
}
