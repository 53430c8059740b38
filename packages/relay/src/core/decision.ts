/** The shape of the relay's decisions: a call and its slice in, changes, answer and wakeups out. */

import type { Crypto, Entropy } from '@simsim/crypto';
import type {
  RefusalCode,
  RelayAnswer,
  RelayOutcome,
  RelayRequest,
  RequestKind,
} from '@simsim/relay-protocol';
import type { Change } from './change.ts';
import type { DeviceAddress, Slice, SliceQuery } from './slice.ts';

/** A request with the credential it came with. */
export interface RelayCall {
  readonly request: RelayRequest;
  /** SHA-256 [32] of the bearer token, if there was one. */
  readonly tokenHash?: Uint8Array;
}

/** What an operator decides. */
export interface RelayPolicy {
  /** Whether anybody may make an account. */
  readonly registration: 'open' | 'closed';
  /** Envelopes a mailbox holds. */
  readonly mailboxCountMax: number;
  /** Bytes of content a mailbox holds. */
  readonly mailboxBytesMax: number;
}

/** The outside of a decision. */
export interface RelayEnv {
  /** The relay's clock. Never compared with a device's. */
  readonly nowMs: number;
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly policy: RelayPolicy;
}

/** Whom to tell once the changes are durable. */
export type Wakeup =
  | { readonly kind: 'mail'; readonly device: DeviceAddress }
  | {
      readonly kind: 'keysLow';
      readonly device: DeviceAddress;
      readonly count: number;
      readonly kemCount: number;
    }
  | { readonly kind: 'removed'; readonly device: DeviceAddress };

/** What was decided. A refusal has neither changes nor wakeups. */
export interface Decision {
  readonly changes: readonly Change[];
  readonly outcome: RelayOutcome;
  readonly wakeups: readonly Wakeup[];
}

/** What the decision of one kind of request gets to see. */
export interface DecisionInput<K extends RequestKind> {
  readonly request: Extract<RelayRequest, { readonly kind: K }>;
  readonly slice: Slice;
  readonly env: RelayEnv;
}

/** The same, for a request that needs a caller. */
export interface CallerInput<K extends RequestKind> extends DecisionInput<K> {
  readonly caller: DeviceAddress;
}

/** What to read for one kind of request, the caller apart. */
export type Reads = Omit<SliceQuery, 'tokenHash'>;

/** Answers, with what changes and whom to wake. */
export function answer(
  value: RelayAnswer,
  changes: readonly Change[] = [],
  wakeups: readonly Wakeup[] = [],
): Decision {
  return { outcome: { ok: true, value }, changes, wakeups };
}

/** Refuses: nothing happens. */
export function refuse(code: Exclude<RefusalCode, 'RATE_LIMITED'>): Decision {
  return { outcome: { ok: false, error: { code } }, changes: [], wakeups: [] };
}

/** Refuses for now: nothing happens, and `retryAfterMs` says when it may. */
export function refuseForNow(retryAfterMs: number): Decision {
  const error = { code: 'RATE_LIMITED', retryAfterMs } as const;
  return { outcome: { ok: false, error }, changes: [], wakeups: [] };
}
