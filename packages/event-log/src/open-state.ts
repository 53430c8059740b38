/** Opening the sealed state that an event left. */

import type { Crypto } from '@simsim/crypto';
import { encodeHeader, genesisHash } from './chain.ts';
import type { EventReader } from './event-store.ts';
import { partKey } from './held-key.ts';
import { openPart } from './sealed-part.ts';
import type { VaultReader } from './vault.ts';

/** What a state is opened from. */
export interface OpenStateParts {
  readonly crypto: Crypto;
  readonly store: EventReader;
  readonly vault: VaultReader;
  readonly logId: Uint8Array;
}

/** A vault slot and the key to reach from what it holds, as the slot counts. */
export interface HeldPart {
  readonly slot: number;
  readonly index: number;
}

/** The state of event `seq`, which the caller wipes; `undefined` where the key does not open it. */
export function openState(
  { crypto, store, vault, logId }: OpenStateParts,
  seq: number,
  held: HeldPart,
): Uint8Array | undefined {
  const row = store.event(seq);
  const header = row && encodeHeader(row);
  const previous = seq === 1 ? genesisHash(crypto, logId) : store.event(seq - 1)?.hash;
  if (row?.sealed === undefined || header === undefined || previous === undefined) return undefined;
  const key = partKey({ crypto, vault }, held.slot, held.index);
  const place = { logId, header, previous };
  const state = openPart(crypto, { key, place, sealed: row.sealed });
  crypto.wipe(key);
  return state;
}

/** Whether a state opens. */
export function opensState(parts: OpenStateParts, seq: number, held: HeldPart): boolean {
  const state = openState(parts, seq, held);
  state?.fill(0);
  return state !== undefined;
}
