/** Finding streams that have no rows yet: they began in the events after the vault's anchor. */

import type { EventReader } from './event-store.ts';
import type { MetadataBox } from './metadata-box.ts';
import { openFacts } from './open-facts.ts';
import type { VaultReader } from './vault.ts';

/** Tells the name of a stream without rows by its id; reads the last events again where the log has grown. */
export function createYoungStreams(parts: {
  readonly store: EventReader;
  readonly vault: VaultReader;
  readonly box: MetadataBox;
}): (id: number) => string | undefined {
  const { store, vault, box } = parts;
  const names = new Map<number, string>();
  let upto = vault.anchor().seq;
  return (id) => {
    const { seq } = store.tip();
    for (const row of store.events(upto + 1, seq)) {
      const name = openFacts(box, row)?.name;
      if (name !== undefined) names.set(row.stream, name);
    }
    upto = Math.max(upto, seq);
    return names.get(id);
  };
}
