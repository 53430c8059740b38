/**
 * What victim and parent say to each other, over pipes. A frame is its length and a structured
 * clone. The victim writes synchronously, so what it has said before it dies has been said.
 */

import { deserialize, serialize } from 'node:v8';
import type { CoreInput, CoreOutcome, OutboxItem } from '@simsim/device-core';
import type { DeviceHead, RelayRequest } from '@simsim/relay-protocol';
import type { Effect, InboxItem } from '@simsim/sesame';
import type { TraceEntry } from '../forensic/trace.ts';
import type { Site } from './sites.ts';

/** How the victim is broken, so that the checks have something to find. */
export type KillSabotage =
  /** Posts and what they are made of leave before their commit. */
  | 'send-before-commit'
  /** Mail is acknowledged before its commit. */
  | 'acknowledge-before-commit'
  /** Posts are not kept until the relay has answered. */
  | 'forget-outbox'
  /** A chain is not moved on by what was encrypted with it. */
  | 'rewind-chain';

/** The life of one victim. */
export interface Life {
  readonly folder: string;
  /** Whether an earlier life has opened the log; until then this one may still have to make it. */
  readonly isMade: boolean;
  readonly wipe: 'strict' | 'lazy';
  /** Where to die, and which time the place is passed. */
  readonly kill: { readonly site: Site; readonly count: number } | undefined;
  readonly sabotage: KillSabotage | undefined;
  /** Write every secret down, and treat the past so. */
  readonly forensic: ForensicLife | undefined;
}

/** `paranoid`: erased after every commit. `keepAll`: never. `keepsOldCopies`: a broken vault. */
export type ForensicLife = 'paranoid' | 'keepAll' | 'keepsOldCopies';

/** To the victim. */
export type Order =
  | { readonly type: 'open'; readonly life: Life }
  | { readonly type: 'run'; readonly inputs: readonly CoreInput[] }
  | { readonly type: 'register'; readonly nonce: Uint8Array }
  | { readonly type: 'head' }
  | { readonly type: 'flush' }
  | { readonly type: 'close' };

/** What a victim finds when it opens. */
interface Found {
  readonly outbox: readonly OutboxItem[];
  readonly inbox: readonly InboxItem[];
  /** Bearer token of the relay; none before the device was made. */
  readonly token: Uint8Array | undefined;
}

/** From the victim. */
export type Report =
  | { readonly type: 'ready' }
  | { readonly type: 'opened'; readonly found: Found }
  | { readonly type: 'refused'; readonly code: string; readonly detail: string }
  | { readonly type: 'effect'; readonly effect: Effect }
  | {
      readonly type: 'ran';
      readonly outcomes: readonly CoreOutcome[];
      readonly tip: { readonly seq: number; readonly hash: Uint8Array };
      readonly token: Uint8Array | undefined;
    }
  | { readonly type: 'request'; readonly request: RelayRequest | undefined }
  | { readonly type: 'head'; readonly head: DeviceHead }
  | { readonly type: 'trace'; readonly entries: readonly TraceEntry[] }
  | { readonly type: 'done' }
  | { readonly type: 'dying'; readonly site: Site };

const LENGTH_BYTES = 4;

/** One frame. */
export function encodeFrame(value: Order | Report): Uint8Array {
  const body = serialize(value);
  const frame = new Uint8Array(LENGTH_BYTES + body.length);
  new DataView(frame.buffer).setUint32(0, body.length);
  frame.set(body, LENGTH_BYTES);
  return frame;
}

/** Takes the first frame off, if it is whole. Both ends are ours, so a frame is what it says. */
export function takeFrame<T extends Order | Report>(
  bytes: Buffer,
): { readonly frame: T; readonly rest: Buffer } | undefined {
  if (bytes.length < LENGTH_BYTES) return undefined;
  const end = LENGTH_BYTES + bytes.readUInt32BE(0);
  if (bytes.length < end) return undefined;
  const frame = deserialize(bytes.subarray(LENGTH_BYTES, end)) as T;
  return { frame, rest: bytes.subarray(end) };
}
