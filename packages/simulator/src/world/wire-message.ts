/** What anybody can see of a message on the wire, read once. */

import { bytesToHex } from '@simsim/bytes';
import { parseMessage } from '@simsim/session';
import type { InitiationMessage } from '@simsim/session';

/** A message, from outside. */
export interface WireMessage {
  /** Ratchet key and counter: the place of its key. */
  readonly place: string;
  /** The ratchet key, as text. */
  readonly chain: string;
  readonly counter: number;
  readonly ciphertext: Uint8Array;
  /** Where it may begin a session. */
  readonly initiation: InitiationMessage | undefined;
}

const read = new WeakMap<Uint8Array, WireMessage | 'malformed'>();

/** Reads an envelope's content; `undefined` where it is no message. */
export function wireMessage(content: Uint8Array): WireMessage | undefined {
  const known = read.get(content);
  if (known !== undefined) return known === 'malformed' ? undefined : known;
  const parsed = parseMessage(content);
  if (!parsed.ok) {
    read.set(content, 'malformed');
    return undefined;
  }
  const message = parsed.value;
  const initiation = message.kind === 'initiation' ? message : undefined;
  const { header, ciphertext } = message.kind === 'regular' ? message : message.inner;
  const chain = bytesToHex(header.ratchetKey);
  const { counter } = header;
  const seen = { place: `${chain} ${counter}`, chain, counter, ciphertext, initiation };
  read.set(content, seen);
  return seen;
}
