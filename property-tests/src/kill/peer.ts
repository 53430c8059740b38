/** Somebody the victim talks with: the same engine, in this process, over a log in memory. */

import { invariant } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import { nodeCrypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import { DeviceCore } from '@simsim/device-core';
import { createEventLog, createMemoryStore, createMemoryVault } from '@simsim/event-log';
import type { EventLog, EventStore } from '@simsim/event-log';
import type { UserId } from '@simsim/relay-protocol';
import type { Effect } from '@simsim/sesame';
import type { Ask } from './network.ts';
import { registrationOf, tokenOf } from './own-device.ts';
import { Party } from './party.ts';

/** One-time prekeys of everybody: enough for a world, few to make. */
export const ONE_TIME_KEYS = 8;

/** A peer with its log. */
export interface Peer {
  readonly party: Party;
  readonly log: EventLog;
}

/** What a peer is made of. */
export interface PeerParts {
  readonly userId: UserId;
  readonly ask: Ask;
  /** Sees what leaves the peer. */
  readonly onEffect?: (effect: Effect) => void;
  /** Default: Node's. */
  readonly crypto?: Crypto;
  /** Default: one in memory. */
  readonly store?: EventStore;
}

/** Makes a peer and registers it. */
export async function createPeer(parts: PeerParts): Promise<Peer> {
  const { userId, ask, onEffect, crypto = nodeCrypto, store = createMemoryStore() } = parts;
  const vault = createMemoryVault({ crypto, entropy });
  const made = createEventLog({ store, vault, crypto, entropy });
  invariant(made.ok, 'an empty store takes a log');
  const log = made.value;
  const core = new DeviceCore({
    log,
    crypto,
    entropy,
    clock: () => ({ wallMs: Date.now(), elapsedMs: 0, bootId: 'peer' }),
  });
  const party = new Party(userId, {
    ask,
    runner: () => ({
      run(inputs) {
        const { outcomes, effects } = core.run(inputs);
        for (const effect of effects) {
          onEffect?.(effect);
          party.take(effect);
        }
        return Promise.resolve(outcomes);
      },
      registration: (nonce) => Promise.resolve({ request: registrationOf(core, nonce) }),
      head: () => Promise.resolve(core.head()),
      token: () => tokenOf(core),
    }),
  });
  await party.run({ type: 'create', userId, oneTimeKeys: ONE_TIME_KEYS });
  await party.register();
  return { party, log };
}
