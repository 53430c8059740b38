/** What a device says about itself: never plaintext, never keys. */

import type { DeadReason, EnvelopeState } from '@simsim/sesame';

/** Something worth knowing. */
export type HealthEvent =
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected' }
  | { readonly type: 'queueEmpty' }
  | { readonly type: 'relayUnavailable' }
  | { readonly type: 'envelopeEnded'; readonly end: EnvelopeState }
  | { readonly type: 'identityChanged'; readonly user: string; readonly identityKey: Uint8Array }
  | { readonly type: 'handlerFailed'; readonly messageId: string; readonly cause: unknown }
  | { readonly type: 'closed'; readonly reason: CloseReason };

/** Why a device stopped. */
export type CloseReason = 'closed' | 'revoked' | 'connectedElsewhere' | 'storeFailed';

/** Counters since the device was opened. */
export interface DeviceStats {
  readonly delivered: number;
  readonly duplicates: number;
  readonly resendRequested: number;
  readonly healed: number;
  readonly dead: Readonly<Partial<Record<DeadReason, number>>>;
  /** Envelopes handed to the relay's acceptance, receipts included. */
  readonly envelopesSent: number;
  readonly sessionsStarted: number;
  readonly commits: number;
}
