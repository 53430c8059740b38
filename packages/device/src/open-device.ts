/** Opening, creating and linking devices: where the parts are put together. */

import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { invariant } from '@simsim/bytes';
import { nodeCrypto, nodeEntropy } from '@simsim/crypto/node';
import { DeviceCore } from '@simsim/device-core';
import type { CoreChaos } from '@simsim/device-core';
import { StoreFailure } from '@simsim/event-log';
import type { EventLog, Retention, RetentionName } from '@simsim/event-log';
import type {
  IdentityModel,
  RelayTransport,
  TakeLinkRequest,
  UserId,
} from '@simsim/relay-protocol';
import { createLinkOffer, encodeLinkCode, openProvision } from '@simsim/sesame';
import type { Clock, Input, Provision } from '@simsim/sesame';
import { sleep } from './backoff.ts';
import {
  checkedChoice,
  checkedListener,
  checkedRetention,
  checkedTrust,
} from './checked-arguments.ts';
import { checkedDeviceId, checkedUserId } from './checked-ids.ts';
import { Device } from './device.ts';
import type { Logger } from './logger.ts';
import { ownDevice } from './own-devices.ts';
import { RelayClient } from './relay-client.ts';
import { SessionError, isSessionErrorCode, storeError } from './session-error.ts';
import type { StoreSpec } from './store-spec.ts';
import { trustPolicy } from './trust.ts';
import type { Trust } from './trust.ts';

/** What every way of getting a device needs. */
export interface DeviceOptions {
  /** Where the log and its vault live. */
  readonly store: StoreSpec;
  /** The relay's address, plain http on this machine only; or another way to a relay. */
  readonly relay: string | RelayTransport;
  /**
   * What to do with a state that was put back to an earlier moment, or that a copy shares. `quarantine`:
   * go on as a new incarnation, with new sessions and prekeys. `refuse`: stop. By default a device
   * quarantines where the relay or an own device shows it, because there is nothing to put back then;
   * and refuses where log and vault do not fit together, because the newer of both may still be there.
   */
  readonly onRollback?: 'quarantine' | 'refuse';
  /**
   * How long superseded secrets may stay: a preset's name, or a policy of your own. Default `default`:
   * at most one second of traffic. {@link keepAll} keeps them for ever and must be chosen when the
   * store is made.
   */
  readonly retention?: RetentionName | Retention;
  /** Whose keys are trusted. Default `tofu`: the key that was seen first, until another one is shown. */
  readonly trust?: Trust;
  /** Takes a record of whatever happens to the device, from the first moment on. Default: nobody is told. */
  readonly logger?: Logger;
  /** One-time prekeys to have at the relay. */
  readonly oneTimeKeys?: number;
  /** Test-only: called at named moments, where a process may be killed. */
  readonly chaos?: CoreChaos;
}

/** How a device is opened. */
export interface OpenOptions extends DeviceOptions {
  /** The user the store belongs to; needed to create one. */
  readonly user?: string;
  /** What to do where there is no store: nothing but an error, unless told otherwise. */
  readonly ifMissing?: 'create' | 'fail';
  /** The id of a new user's first device; drawn by default. */
  readonly deviceId?: number;
  /**
   * Of a new user: whether its devices share one identity key, which contacts verify once, or each has
   * its own, so that what a thief of one device has is worth nothing once that device is removed.
   * Default `per-user`; a user keeps to one.
   */
  readonly identityModel?: IdentityModel;
}

/** How a device is linked to a user that has one. */
export interface LinkOptions extends DeviceOptions {
  /** Shows the link code; an existing device passes it to `approveLink`. */
  readonly onCode: (code: string) => void | Promise<void>;
  /** Stops waiting. */
  readonly signal?: AbortSignal;
}

/** How often a new device looks whether it was approved. */
const LINK_POLL_MS = 100;

/**
 * Opens a device and connects it; with `ifMissing: 'create'` a store that is not there becomes a new
 * user's first device.
 *
 * Throws: {@link SessionError}, such as `STORE_MISSING`, `STORE_IN_USE`, `USER_MISMATCH`,
 * `USER_EXISTS`, `BAD_ARGUMENT`. An unreadable store is an error, never a fresh identity.
 */
export async function openDevice(options: OpenOptions): Promise<Device> {
  checkOptions(options);
  checkedChoice('ifMissing', options.ifMissing, ['create', 'fail']);
  checkedChoice('identityModel', options.identityModel, ['per-user', 'per-device']);
  const user = options.user === undefined ? undefined : checkedUserId(options.user);
  const deviceId = options.deviceId === undefined ? undefined : checkedDeviceId(options.deviceId);
  const client = new RelayClient(options.relay);
  const log = openLog(options, options.ifMissing ?? 'fail');
  if (options.ifMissing !== 'create' || user === undefined)
    return startDevice(options, { client, log, user });
  const create: Input = {
    type: 'create',
    userId: user,
    ...(deviceId === undefined ? {} : { deviceId }),
    ...(options.identityModel && { identityModel: options.identityModel }),
    ...keysOption(options),
  };
  return startDevice(options, { client, log, user, create });
}

/**
 * Makes a further device of a user: shows a link code, waits until an existing device approved it,
 * then registers and connects.
 *
 * Throws: `STORE_EXISTS`, `ABORTED`, `LINK_FAILED`, `BAD_ARGUMENT`.
 */
export async function linkDevice(options: LinkOptions): Promise<Device> {
  checkOptions(options);
  const env = { crypto: nodeCrypto, entropy: nodeEntropy };
  const { keys, offer } = createLinkOffer(env);
  const client = new RelayClient(options.relay);
  // Nobody is asked to approve what has no room here.
  const log = openLog(options, 'create');
  try {
    if (log.tip().seq > 0) throw new SessionError('STORE_EXISTS');
    await options.onCode(encodeLinkCode(offer));
    const ciphertext = await waitForAnswer(client, offer.address, options.signal);
    const provision = openProvision({ keys, offer, ciphertext }, nodeCrypto);
    if (!provision.ok) throw new SessionError('LINK_FAILED', { detail: provision.error.code });
    const { registrationId } = offer;
    const link = linkedInput(provision.value, { keys, registrationId, options });
    const user = provision.value.approval.userId;
    return await startDevice(options, { client, log, user, link });
  } catch (cause) {
    log.close();
    throw cause;
  }
}

/** Before anything is opened: a slip in a word must not choose for its owner. */
function checkOptions({ onRollback, trust, logger }: DeviceOptions): void {
  checkedChoice('onRollback', onRollback, ['quarantine', 'refuse']);
  checkedTrust(trust);
  checkedListener('logger', logger);
}

function linkedInput(
  provision: Provision,
  {
    keys,
    registrationId,
    options,
  }: {
    keys: ReturnType<typeof createLinkOffer>['keys'];
    registrationId: number;
    options: LinkOptions;
  },
): Input {
  return {
    type: 'linked',
    provision,
    keys,
    registrationId,
    ...keysOption(options),
  };
}

async function waitForAnswer(
  client: RelayClient,
  address: Uint8Array,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const letGo = (): void => client.close();
  // What is taken with it comes again where its answer is lost.
  const taker = nodeEntropy(16);
  signal?.addEventListener('abort', letGo, { once: true });
  try {
    while (!signal?.aborted) {
      const answer = await takeLink(client, { kind: 'takeLink', address, taker });
      if (answer !== undefined) return answer;
      await sleep(LINK_POLL_MS, signal);
    }
  } finally {
    signal?.removeEventListener('abort', letGo);
  }
  throw new SessionError('ABORTED');
}

/** What waits for the new device; `undefined` while nothing does, or the relay is away. */
async function takeLink(
  client: RelayClient,
  request: TakeLinkRequest,
): Promise<Uint8Array | undefined> {
  try {
    const outcome = await client.ask(request);
    return outcome.ok && outcome.value.kind === 'takeLink' ? outcome.value.ciphertext : undefined;
  } catch (cause) {
    const isAway = cause instanceof SessionError && cause.code === 'RELAY_UNAVAILABLE';
    if (!isAway) throw cause;
    return undefined;
  }
}

interface Start {
  readonly client: RelayClient;
  readonly log: EventLog;
  readonly user: UserId | undefined;
  /** Decided where the log holds no device yet. */
  readonly create?: Input;
  /** Decided in any case: refused where the log holds a device. */
  readonly link?: Input;
}

async function startDevice(
  options: DeviceOptions,
  { client, log, user, create, link }: Start,
): Promise<Device> {
  const parts = { crypto: nodeCrypto, entropy: nodeEntropy };
  try {
    const core = new DeviceCore({
      log,
      ...parts,
      clock: systemClock,
      trust: trustPolicy(options.trust),
      ...(options.onRollback === 'refuse' ? { onEvidence: 'refuse' } : {}),
      ...(options.chaos === undefined ? {} : { chaos: options.chaos }),
    });
    const isPutBack = log.rollback !== undefined;
    if (isPutBack && ownDevice(core) === undefined) throw new SessionError('IDENTITY_LOST');
    const first = link ?? (ownDevice(core) === undefined ? create : undefined);
    if (first !== undefined) decideFirst(core, first);
    const own = ownDevice(core);
    if (own === undefined)
      throw new SessionError('STORE_MISSING', { detail: 'the log holds no device' });
    if (user !== undefined && own.userId !== user) throw new SessionError('USER_MISMATCH');
    if (own.status === 'removed') throw new SessionError('DEVICE_REVOKED');
    if (own.status === 'replaced') throw new SessionError('DEVICE_REPLACED');
    const { trust, logger } = options;
    const retention = checkedRetention(options.retention);
    const chosen = { retention, ...(trust && { trust }), ...(logger && { logger }) };
    const device = new Device({ core, client, ...parts, ...chosen }, own);
    return await started(device);
  } catch (cause) {
    log.close();
    throw cause instanceof StoreFailure ? storeError(cause, cause) : cause;
  }
}

/** Nothing of a device that does not start goes on by itself: neither timers nor questions to the relay. */
async function started(device: Device): Promise<Device> {
  try {
    await device.start();
    return device;
  } catch (cause) {
    // What failed first is what is told.
    await device.close().catch(() => undefined);
    throw cause;
  }
}

/** Identity keys are durable, and erasable, before anything of them leaves. */
function decideFirst(core: DeviceCore, first: Input): void {
  const [outcome] = core.run([first]).outcomes;
  invariant(outcome !== undefined, 'one input has one outcome');
  if (outcome.kind === 'refused') {
    const { code } = outcome.rejection;
    if (code === 'ALREADY_CREATED') throw new SessionError('STORE_EXISTS');
    throw isSessionErrorCode(code)
      ? new SessionError(code)
      : new SessionError('LINK_FAILED', { detail: code });
  }
  core.log.flush();
}

function openLog(options: DeviceOptions, ifMissing: 'create' | 'fail'): EventLog {
  const parts = {
    crypto: nodeCrypto,
    entropy: nodeEntropy,
    retention: checkedRetention(options.retention),
    onRollback: options.onRollback === 'quarantine' ? 'accept' : 'refuse',
    ...chaosOption(options),
  } as const;
  const opened = options.store.open(parts, ifMissing);
  if (opened.ok) return opened.value;
  throw storeError(opened.error);
}

function chaosOption(options: DeviceOptions): { chaos?: CoreChaos } {
  return options.chaos === undefined ? {} : { chaos: options.chaos };
}

function keysOption(options: DeviceOptions): { oneTimeKeys?: number } {
  return options.oneTimeKeys === undefined ? {} : { oneTimeKeys: options.oneTimeKeys };
}

/** `elapsedMs` counts from the start of this process, so this process is the boot. */
const bootId = randomBytes(8).toString('hex');

function systemClock(): Clock {
  return { wallMs: Date.now(), elapsedMs: performance.now(), bootId };
}
