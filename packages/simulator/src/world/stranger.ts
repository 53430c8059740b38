/** Somebody with an account whom nobody knows. */

import { invariant } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import { DeviceCore } from '@simsim/device-core';
import { createEventLog, createMemoryStore, createMemoryVault } from '@simsim/event-log';
import { claimIdFromBytes } from '@simsim/relay-protocol';
import type { DeviceId, RelayOutcome, RelayRequest, UserId } from '@simsim/relay-protocol';
import { registrationRequest } from '@simsim/sesame';
import { ownDevice } from '../device/own-device.ts';
import { uploadFor } from '../device/uploads.ts';

/** What a stranger is made of. */
export interface StrangerParts {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly nowMs: number;
  readonly userId: UserId;
  ask(request: RelayRequest, token: Uint8Array): RelayOutcome;
}

/** A hostile account. */
export class Stranger {
  readonly #parts: StrangerParts;
  readonly #token: Uint8Array;

  constructor(parts: StrangerParts) {
    this.#parts = parts;
    const { crypto, entropy, nowMs, userId } = parts;
    const log = createEventLog({
      store: createMemoryStore(),
      vault: createMemoryVault(parts),
      crypto,
      entropy,
    });
    invariant(log.ok, 'an empty store takes a log');
    const clock = { wallMs: nowMs, elapsedMs: nowMs, bootId: 'stranger' };
    const core = new DeviceCore({ log: log.value, crypto, entropy, clock: () => clock });
    core.run([{ type: 'create', userId, oneTimeKeys: 1 }]);
    this.#token = crypto.exportSecret(ownDevice(core).token);
    const device = {
      core,
      env: parts,
      run: () => undefined,
      tryAsk: (request: RelayRequest) => parts.ask(request, this.#token),
    };
    const upload = uploadFor(device);
    const request = upload && registrationRequest(ownDevice(core), upload, parts);
    invariant(request !== undefined && device.tryAsk(request).ok, 'a stranger may register');
  }

  /** Takes a device's keys once: whether one-time ones were among them. */
  claim(userId: UserId, deviceId: DeviceId): 'one-time' | 'last-resort' | 'refused' {
    const claimId = claimIdFromBytes(this.#parts.entropy(16));
    const request = { kind: 'claimKeys', claimId, userId, devices: [deviceId] } as const;
    const outcome = this.#parts.ask(request, this.#token);
    if (!outcome.ok || outcome.value.kind !== 'claimKeys') return 'refused';
    const [result] = outcome.value.results;
    if (result === undefined || 'gone' in result) return 'refused';
    return result.bundle.oneTimePreKey === undefined ? 'last-resort' : 'one-time';
  }
}
