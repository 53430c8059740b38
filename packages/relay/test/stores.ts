/** The two stores, each fresh, and a way to decide calls over one without any shell. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeUtf8 } from '@simsim/bytes';
import { seededEntropy } from '@simsim/crypto';
import { nodeCrypto as crypto } from '@simsim/crypto/node';
import type { RelayRequest } from '@simsim/relay-protocol';
import { expect } from 'vitest';
import type { Decision, RelayEnv, RelayStore } from '../src/core/index.ts';
import { decide, sliceFor } from '../src/core/index.ts';
import { openSqliteStore } from '../src/index.ts';
import { createMemoryStore } from '../src/memory/index.ts';
import type { TestDevice, TestUser } from './people.ts';

/** A store that can be thrown away. */
export interface TestStore {
  readonly name: string;
  readonly store: RelayStore;
  dispose(): void;
}

export function memoryStore(): TestStore {
  return { name: 'memory', store: createMemoryStore(), dispose: () => undefined };
}

export function sqliteStore(): TestStore {
  const folder = mkdtempSync(join(tmpdir(), 'simsim-store-'));
  const store = openSqliteStore(join(folder, 'relay.db'));
  return {
    name: 'sqlite',
    store,
    dispose() {
      store.close();
      rmSync(folder, { recursive: true });
    },
  };
}

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
    expect(this.answer(request)).toEqual({ kind: 'addDevice' });
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
