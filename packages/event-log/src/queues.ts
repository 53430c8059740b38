/** What an open log remembers of its queues. */

import type { Crypto } from '@simsim/crypto';
import { createInboxEpochs } from './inbox-epochs.ts';
import type { InboxEpochs } from './inbox-epochs.ts';
import { createQueueSlots } from './queue-slots.ts';
import type { QueueSlots } from './queue-slots.ts';
import type { Vault } from './vault.ts';

/** The queues as the store holds them. */
export interface Queues {
  readonly outbox: QueueSlots;
  readonly inbox: QueueSlots;
  /** Order number of the last batch of posts; grows even where a batch has no event. */
  outboxOrder: number;
  /** Epoch of each pending inbox row, by its slot. */
  readonly epochByRow: Map<number, number>;
  readonly epochs: InboxEpochs;
}

/** Queues of which nothing is pending. */
export function emptyQueues(crypto: Crypto, vault: Vault): Queues {
  return {
    outbox: createQueueSlots(),
    inbox: createQueueSlots(),
    outboxOrder: 0,
    epochByRow: new Map(),
    epochs: createInboxEpochs(crypto, vault),
  };
}
