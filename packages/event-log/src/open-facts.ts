/** Opening the facts of a stored event. */

import { encodeHeader, FORGOTTEN_BYTES } from './chain.ts';
import type { EventRow } from './event-store.ts';
import { decodeFacts } from './facts-envelope.ts';
import type { OpenedFacts } from './facts-envelope.ts';
import type { MetadataBox } from './metadata-box.ts';

/** What is left of forgotten facts. */
const NOTHING: OpenedFacts = {
  name: undefined,
  slot: undefined,
  epochs: [],
  closes: false,
  seen: [],
  facts: new Uint8Array(0),
};

/** Whether the facts of an event were replaced by their digest. */
export function isForgotten({ facts }: Pick<EventRow, 'facts'>): boolean {
  return facts.length === FORGOTTEN_BYTES;
}

/** Opens and takes apart; `undefined` where the row was altered or belongs to another log. */
export function openFacts(box: MetadataBox, row: EventRow): OpenedFacts | undefined {
  if (isForgotten(row)) return NOTHING;
  const header = encodeHeader(row);
  const opened = header && box.open('facts', header, row.facts);
  return opened && decodeFacts(opened);
}
