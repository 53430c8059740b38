/** Getting listed at the relay, and keeping prekeys there. Every step may be repeated after a crash. */

import { performance } from 'node:perf_hooks';
import { equalBytes } from '@simsim/bytes';
import type { CoreInput } from '@simsim/device-core';
import { findDevice, identityKeyOf, preKeyDigest } from '@simsim/relay-protocol';
import type { PreKeyUpload, SignedDeviceList } from '@simsim/relay-protocol';
import {
  oneTimeKemStream,
  oneTimeStream,
  PRE_KEYS_STREAM,
  registrationRequest,
  renewalRequest,
  uploadOf,
  userStream,
} from '@simsim/sesame';
import type { Effect } from '@simsim/sesame';
import { Backoff, sleep } from './backoff.ts';
import type { DeviceParts } from './device-parts.ts';
import { ownDevice } from './own-devices.ts';
import { SessionError } from './session-error.ts';

/** What the engine wants uploaded. */
type WantedUpload = Extract<Effect, { type: 'uploadKeys' }>;

/** The highest one-time ids of an upload, 0 for none. */
function highestIds({ oneTimePreKeys, oneTimeKemPreKeys }: PreKeyUpload): {
  oneTime: number;
  kem: number;
} {
  return { oneTime: oneTimePreKeys.at(-1)?.id ?? 0, kem: oneTimeKemPreKeys.at(-1)?.id ?? 0 };
}

/** Refusals that another try can cure: the nonce was spent, or the relay asks for patience. */
const RETRYABLE = new Set(['NONCE_UNKNOWN', 'RATE_LIMITED', 'UNAVAILABLE']);

/** A new device gives up after this time without a relay; its keys stay, opening it goes on. */
const REGISTRATION_MS = 30_000;

/** Registers a device. */
export class Registrar {
  readonly #parts: DeviceParts;
  readonly #put: (input: CoreInput) => Promise<void>;
  readonly #follow: () => Promise<void>;
  readonly #signal: AbortSignal;
  #isWanted = false;
  #upload: Promise<void> = Promise.resolve();
  #check: Promise<void> = Promise.resolve();
  #isCheckDue = false;

  constructor(
    parts: DeviceParts,
    on: {
      put: (input: CoreInput) => Promise<void>;
      /** Has it found out whether the own identity key is another. */
      follow: () => Promise<void>;
      signal: AbortSignal;
    },
  ) {
    this.#parts = parts;
    this.#put = on.put;
    this.#follow = on.follow;
    this.#signal = on.signal;
  }

  /** Remembers that the relay has not taken this device yet; a renewal is asked for by itself. */
  wanted(): void {
    this.#isWanted = ownDevice(this.#parts.core)?.status === 'registering';
  }

  /** Registers where that is wanted. Throws: what the relay refuses for good. */
  async registered(): Promise<void> {
    const backoff = new Backoff();
    const deadlineMs = performance.now() + REGISTRATION_MS;
    while (this.#isWanted && !this.#signal.aborted) {
      const code = await this.#register();
      if (code === undefined) {
        await this.#put({ type: 'registered' });
        this.#isWanted = false;
        return;
      }
      if (code === 'USER_EXISTS') throw new SessionError('USER_EXISTS');
      if (code === 'LIST_MOVED' || code === 'BAD_APPROVAL')
        throw new SessionError('LINK_FAILED', { detail: code });
      if (performance.now() > deadlineMs)
        throw new SessionError('RELAY_UNAVAILABLE', { detail: code });
      if (!RETRYABLE.has(code)) throw new SessionError('RELAY_REFUSED', { detail: code });
      await sleep(backoff.nextMs(), this.#signal);
    }
  }

  /**
   * Has the relay take this device's next incarnation. `shutOut`: it took another one, or knows the
   * device no more. Goes on until one of both is clear: without an answer the device can only wait,
   * and `waits` is called.
   */
  async renewed(waits: () => void): Promise<'renewed' | 'shutOut'> {
    const backoff = new Backoff();
    while (!this.#signal.aborted) {
      const outcome = await this.#renew().catch((cause: unknown) => {
        // A relay that is away, or shows a list that does not verify, may do better later.
        if (!(cause instanceof SessionError)) throw cause;
        return undefined;
      });
      if (outcome !== undefined) return outcome;
      waits();
      await sleep(backoff.nextMs(), this.#signal);
    }
    return 'shutOut';
  }

  /** The user's list as the relay has it; `undefined` where it has none. */
  async fetchOwnList(): Promise<SignedDeviceList | undefined> {
    const userId = ownDevice(this.#parts.core)?.userId;
    if (userId === undefined) return undefined;
    const outcome = await this.#parts.client.ask({ kind: 'getList', userId, since: 0 });
    const answer = outcome.ok && outcome.value.kind === 'getList' ? outcome.value : undefined;
    return answer?.result.kind === 'list' ? answer.result.list : undefined;
  }

  /** One try; `undefined` where another may do. */
  async #renew(): Promise<'renewed' | 'shutOut' | undefined> {
    const { core, client } = this.#parts;
    const list = await this.fetchOwnList();
    const before = ownDevice(core);
    if (list === undefined || before === undefined) return undefined;
    const entry = findDevice(list.list, before.deviceId);
    const listed = entry?.registrationId;
    const isTaken = listed === before.registrationId;
    if (listed === undefined || (!isTaken && listed !== before.former)) return 'shutOut';
    await this.#put({ type: 'listLearned', list });
    // A state that was put back may have the identity key of before.
    const key = entry && identityKeyOf(list.list, entry);
    const isSame = key !== undefined && equalBytes(key, before.identity.publicKey.bytes);
    if (!isSame) await this.#follow();
    const own = ownDevice(core) ?? before;
    if (!isTaken) {
      const nonce = await client.ask({ kind: 'nonce' });
      const record = core.reader().value('user', userStream(own.userId));
      const keys = this.#keys();
      const isReady = nonce.ok && nonce.value.kind === 'nonce';
      if (!isReady || record === undefined || keys === undefined) return undefined;
      const upload = { nonce: nonce.value.nonce, keys };
      const request = renewalRequest({ own, record }, upload, this.#parts);
      const outcome = await client.ask(request);
      if (!outcome.ok) return undefined;
      await this.#put({ type: 'listLearned', list: request.list });
    }
    await this.#put({ type: 'registered' });
    return 'renewed';
  }

  /** Uploads prekeys until the relay took them; one upload at a time. */
  upload(wanted: WantedUpload): Promise<void> {
    this.#upload = this.#upload.then(() => this.#uploadOnce(wanted));
    return this.#upload;
  }

  async #register(): Promise<string | undefined> {
    try {
      const nonce = await this.#parts.client.ask({ kind: 'nonce' });
      if (!nonce.ok) return nonce.error.code;
      const request = nonce.value.kind === 'nonce' ? this.#request(nonce.value.nonce) : undefined;
      if (request === undefined) return undefined;
      const outcome = await this.#parts.client.ask(request);
      return outcome.ok ? undefined : outcome.error.code;
    } catch (cause) {
      if (cause instanceof SessionError && cause.code === 'RELAY_UNAVAILABLE') return 'UNAVAILABLE';
      throw cause;
    }
  }

  #request(nonce: Uint8Array): ReturnType<typeof registrationRequest> {
    const own = ownDevice(this.#parts.core);
    const keys = this.#keys();
    if (own === undefined || keys === undefined) return undefined;
    return registrationRequest(own, { nonce, keys }, this.#parts);
  }

  /** Public halves of every prekey there is. */
  #keys(): PreKeyUpload | undefined {
    const reader = this.#parts.core.reader();
    const preKeys = reader.value('prekeys', PRE_KEYS_STREAM);
    if (preKeys === undefined) return undefined;
    const oneTime = preKeys.batches
      .map((firstId) => reader.value('opk', oneTimeStream(firstId)))
      .filter((batch) => batch !== undefined);
    const kem = preKeys.kemBatches
      .map((firstId) => reader.value('kpk', oneTimeKemStream(firstId)))
      .filter((batch) => batch !== undefined);
    return uploadOf(preKeys, { oneTime, kem }, this.#parts.crypto);
  }

  /**
   * Asks the relay what it has of this device's prekeys, and lets the engine decide what is missing; once
   * a start, and where the relay says that they run low, which may be old when it comes. One question at
   * a time, after what is on its way there, answers all that was said before it. Without an answer
   * nothing is decided: the next start asks, or the next such word, which comes at every claim.
   */
  checkKeys(): Promise<void> {
    if (this.#isCheckDue) return this.#check;
    this.#isCheckDue = true;
    this.#check = this.#check.catch(() => undefined).then(() => this.#checkOnce());
    return this.#check;
  }

  async #checkOnce(): Promise<void> {
    await this.#upload;
    this.#isCheckDue = false;
    const { core, client, crypto } = this.#parts;
    const keys = this.#keys();
    if (keys === undefined || ownDevice(core)?.status !== 'registered') return;
    const digest = preKeyDigest(keys, crypto);
    const outcome = await client.ask({ kind: 'checkKeys', digest }).catch(() => undefined);
    if (outcome?.ok !== true || outcome.value.kind !== 'checkKeys') return;
    const { kind: _, ...found } = outcome.value;
    await this.#put({ type: 'keysChecked', ...found });
  }

  async #uploadOnce({ keys, identityKey, replacesOneTime }: WantedUpload): Promise<void> {
    const request = {
      kind: 'uploadKeys',
      keys,
      identityKey,
      ...(replacesOneTime && { replacesOneTime }),
    } as const;
    const backoff = new Backoff();
    while (!this.#signal.aborted) {
      try {
        const outcome = await this.#parts.client.ask(request);
        if (outcome.ok) return await this.#put({ type: 'keysUploaded', ...highestIds(keys) });
        if (outcome.error.code === 'IDENTITY_CHANGED') this.#follow().catch(() => undefined);
        if (!RETRYABLE.has(outcome.error.code)) return;
      } catch {
        // The relay is away: the same keys go up again.
      }
      await sleep(backoff.nextMs(), this.#signal);
    }
  }
}
