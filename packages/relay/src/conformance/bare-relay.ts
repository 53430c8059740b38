/** Deciding calls over a store, without any shell. */

import { encodeUtf8 } from '@simsim/bytes';
import { same } from '@simsim/bytes/conformance';
import { seededEntropy } from '@simsim/crypto';
import { crypto } from '@simsim/crypto/auto';
import type { RelayRequest } from '@simsim/relay-protocol';
import { decide, sliceFor } from '../core/decide.ts';
import type { Decision, RelayEnv } from '../core/decision.ts';
import type { RelayStore } from '../core/store.ts';
import type { TestDevice, TestUser } from './people.ts';

/** A relay without a shell: a store, a clock that stands still, seeded nonces. */
export class BareRelay {
  readonly store: RelayStore;
  nowMs = 1_000_000;
  readonly #entropy = seededEntropy(encodeUtf8('bare relay'), crypto);
  policy: RelayEnv['policy'] = {
    registration: 'open',
    mailboxCountMax: 1000,
    mailboxBytesMax: 1_000_000,
  };

  constructor(store: RelayStore) {
    this.store = store;
  }

  /** A further device of a user, approved by another one and listed. */
  join(user: TestUser, id: number, approver: TestDevice): TestDevice {
    const device = user.makeDevice(id);
    const request = user.addDevice(device, approver, this.nonce());
    same(this.answer(request), { kind: 'addDevice' }, 'the answer to a new device');
    user.list = request.list;
    return device;
  }

  /** Decides one call in a transaction of its own. */
  call(request: RelayRequest, device?: TestDevice): Decision {
    const { nowMs, policy } = this;
    const env = { nowMs, crypto, entropy: this.#entropy, policy };
    const credential = device && { tokenHash: device.tokenHash };
    return this.store.transact((transaction) => {
      const relayCall = { request, ...credential };
      const decision = decide(transaction.read(sliceFor(relayCall)), relayCall, env);
      transaction.apply(decision.changes);
      return decision;
    });
  }

  /** The answer, or the code of the refusal. */
  answer(request: RelayRequest, device?: TestDevice): unknown {
    const { outcome } = this.call(request, device);
    return outcome.ok ? outcome.value : outcome.error.code;
  }

  nonce(): Uint8Array {
    const { outcome } = this.call({ kind: 'nonce' });
    if (!outcome.ok || outcome.value.kind !== 'nonce') throw new Error('a nonce is answered');
    return outcome.value.nonce;
  }
}
