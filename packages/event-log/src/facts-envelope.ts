/**
 * What the log itself writes in front of an event's facts, under the same encryption, so that the
 * stream, head and seen tables can be rebuilt from events alone.
 *
 *   flags u8 │ pad u8? │ name text? │ slot varint? │ epochs? │ seen ids? │ facts
 *
 * with each list led by a u8 count. The pad is there where the stored facts would otherwise be 32
 * bytes long, the length that means forgotten.
 */

import { createReader, createWriter } from '@simsim/bytes';
import { FORGOTTEN_BYTES } from './chain.ts';
import { NAME_BYTES_MAX } from './limits.ts';

const NAMED = 1;
const SLOTTED = 2;
const CLOSES = 4;
const SEEN = 8;
const EPOCHS = 16;
const PADDED = 32;
const KNOWN_FLAGS = NAMED | SLOTTED | CLOSES | SEEN | EPOCHS | PADDED;

/** Bytes of one dedupe id. */
export const SEEN_ID_BYTES = 8;

/** The log's own part of an event. */
export interface FactsHead {
  /** The stream's name, on its first event. */
  readonly name: string | undefined;
  /** The vault slot the stream took with this event. */
  readonly slot: number | undefined;
  /** The vault slots that inbox epochs took in this commit; on its first event. */
  readonly epochs: readonly number[];
  /** The stream ends here and its key is destroyed. */
  readonly closes: boolean;
  /** Keyed dedupe ids, 8 bytes each. */
  readonly seen: readonly Uint8Array[];
}

/** A facts part opened and taken apart. */
export interface OpenedFacts extends FactsHead {
  readonly facts: Uint8Array;
}

/** Encodes what goes in front of facts that are stored with `otherBytes` more. */
export function encodeFactsHead(head: FactsHead, otherBytes: number): Uint8Array {
  const bare = encodeHead(head, 0);
  return bare.length + otherBytes === FORGOTTEN_BYTES ? encodeHead(head, PADDED) : bare;
}

function encodeHead({ name, slot, epochs, closes, seen }: FactsHead, padding: number): Uint8Array {
  const flags =
    padding |
    (name === undefined ? 0 : NAMED) |
    (slot === undefined ? 0 : SLOTTED) |
    (epochs.length === 0 ? 0 : EPOCHS) |
    (closes ? CLOSES : 0) |
    (seen.length === 0 ? 0 : SEEN);
  if (flags === 0) return Uint8Array.of(0);
  const writer = createWriter(64).u8(flags);
  if (padding !== 0) writer.u8(0);
  if (name !== undefined) writer.text(name);
  if (slot !== undefined) writer.varint(slot);
  if (epochs.length > 0) {
    writer.u8(epochs.length);
    for (const epoch of epochs) writer.varint(epoch);
  }
  if (seen.length > 0) {
    writer.u8(seen.length);
    for (const id of seen) writer.raw(id);
  }
  return writer.finish();
}

/** Takes opened facts apart; `undefined` where they are malformed or of a later format. */
export function decodeFacts(opened: Uint8Array): OpenedFacts | undefined {
  const reader = createReader(opened);
  const flags = reader.u8();
  if ((flags & ~KNOWN_FLAGS) !== 0) reader.fail();
  if (flags & PADDED) reader.u8();
  const name = flags & NAMED ? reader.text(NAME_BYTES_MAX) : undefined;
  const slot = flags & SLOTTED ? reader.varint() : undefined;
  const epochs: number[] = [];
  for (let left = flags & EPOCHS ? reader.u8() : 0; left > 0; left--) epochs.push(reader.varint());
  const seen: Uint8Array[] = [];
  for (let left = flags & SEEN ? reader.u8() : 0; left > 0; left--) {
    seen.push(reader.raw(SEEN_ID_BYTES));
  }
  const facts = reader.raw(reader.left());
  if (!reader.isDone()) return undefined;
  return { name, slot, epochs, closes: (flags & CLOSES) !== 0, seen, facts };
}
