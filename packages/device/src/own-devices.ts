/** The user's own devices: approving, removing, and learning device lists. */

import type { CoreInput, DeviceCore } from '@simsim/device-core';
import {
  currentDevices,
  DEVICE_STREAM,
  answerOffer,
  contactOf,
  listWithout,
  modelOf,
  namingKey,
  parseLinkCode,
  USER_PREFIX,
  userStream,
} from '@simsim/sesame';
import type { Contact, DeviceRecord, OwnDevice, OwnListInput, UserRecord } from '@simsim/sesame';
import type { DeviceId, SignedDeviceList, UserId } from '@simsim/relay-protocol';
import type { DeviceParts } from './device-parts.ts';
import { checkedDeviceId, checkedDeviceName } from './checked-ids.ts';
import { heardAt } from './heard-at.ts';
import { refusalError, SessionError } from './session-error.ts';
import { Backoff, sleep } from './backoff.ts';
import { SuccessionDesk } from './succession-desk.ts';

/** One of the user's devices. */
export interface DeviceInfo {
  readonly deviceId: number;
  readonly registrationId: number;
  readonly isThisDevice: boolean;
  /** What the user's own devices call it; absent where it has no name. Nobody else is told. */
  readonly name?: string;
  /** When something of another device last came here, wall ms; absent where nothing has, so far as is known. */
  readonly heardAt?: number;
}

type NamedDevice = Pick<DeviceRecord, 'deviceId' | 'registrationId' | 'deviceKey'>;

/** How a new device is approved. */
export interface ApproveOptions {
  /** A lost device, which is removed by the same change of the list. */
  readonly replaces?: number;
  /** What the new one is called. */
  readonly name?: string;
}

/** Tries against a list that moves, or a relay that does not answer. */
const LIST_TRIES_MAX = 8;

/** How a device is removed. */
export interface RemoveOptions {
  /** Somebody else has it: the devices that stay get another identity key. */
  readonly compromised?: true;
}

/** Changes the own device list. */
export class OwnList {
  readonly succession: SuccessionDesk;
  readonly #parts: DeviceParts;
  readonly #userId: UserId;
  readonly #put: (input: CoreInput) => Promise<void>;
  readonly #signal: AbortSignal;

  constructor(
    parts: DeviceParts,
    own: { userId: UserId; put: (input: CoreInput) => Promise<void>; signal: AbortSignal },
  ) {
    this.#parts = parts;
    this.#userId = own.userId;
    this.#put = own.put;
    this.#signal = own.signal;
    const fetchOwnList = (): Promise<'answered' | 'silent'> => this.fetch(own.userId);
    this.succession = new SuccessionDesk(parts, { ...own, fetchOwnList });
  }

  version(): number {
    return this.#input().record.listVersion;
  }

  devices(): readonly DeviceInfo[] {
    const { own, record } = this.#input();
    const infoOf = (device: NamedDevice): DeviceInfo => ({
      deviceId: device.deviceId,
      registrationId: device.registrationId,
      isThisDevice: device.deviceId === own.deviceId,
      ...nameEntry(record, device.deviceKey),
    });
    const others = currentDevices(record).map((device): DeviceInfo => {
      const at = heardAt(this.#parts.core, own.userId, device);
      return { ...infoOf(device), ...(at !== undefined && { heardAt: at }) };
    });
    return [infoOf({ ...own, deviceKey: own.deviceKey.publicKey }), ...others];
  }

  /**
   * Fetches a user's list and takes it in; one that does not verify changes nothing. Answers whether the
   * relay did: without its word nobody may conclude anything. The whole list is asked for, also where its
   * version is known: another one may have it.
   */
  async fetch(userId: UserId): Promise<'answered' | 'silent'> {
    const backoff = new Backoff();
    for (let tries = 0; tries < LIST_TRIES_MAX && !this.#signal.aborted; tries++) {
      try {
        const outcome = await this.#parts.client.ask({ kind: 'getList', userId, since: 0 });
        if (!outcome.ok) return 'silent';
        const { value } = outcome;
        const isList = value.kind === 'getList' && value.result.kind === 'list';
        if (isList) await this.#learn(value.result.list);
        return 'answered';
      } catch (cause) {
        if (!(cause instanceof SessionError) || cause.code !== 'RELAY_UNAVAILABLE') return 'silent';
        await sleep(backoff.nextMs(), this.#signal);
      }
    }
    return 'silent';
  }

  /** A list that is refused is an answer too. */
  async #learn(list: SignedDeviceList): Promise<void> {
    try {
      await this.#put({ type: 'listLearned', list });
    } catch (cause) {
      if (!(cause instanceof SessionError) || cause.code !== 'BAD_LIST') throw cause;
    }
  }

  async approve(code: string, options: ApproveOptions): Promise<{ deviceId: number }> {
    const replaces = options.replaces === undefined ? undefined : checkedDeviceId(options.replaces);
    const name = options.name === undefined ? undefined : checkedDeviceName(options.name);
    const offer = parseLinkCode(typeof code === 'string' ? code.trim() : '');
    if (!offer.ok) throw new SessionError('BAD_LINK_CODE');
    await this.fetch(this.#userId);
    await this.succession.idle();
    const answer = answerOffer(
      this.#input(),
      {
        offer: offer.value,
        contacts: this.#contacts(),
        ...(replaces && { replaces }),
        ...(name && { name }),
      },
      this.#parts,
    );
    if (!answer.ok) throw refusalError(answer.error.code);
    const { deviceId, ciphertext } = answer.value;
    const outcome = await this.#parts.client.ask({
      kind: 'putLink',
      address: offer.value.address,
      ciphertext,
    });
    if (!outcome.ok) throw new SessionError('LINK_FAILED', { detail: outcome.error.code });
    return { deviceId };
  }

  async rename(deviceId: number, name: string): Promise<void> {
    const [id, checked] = [checkedDeviceId(deviceId), checkedDeviceName(name)];
    const input = { type: 'renameDevice', deviceId: id, name: checked } as const;
    try {
      await this.#put(input);
    } catch (cause) {
      const isUnknown = cause instanceof SessionError && cause.code === 'UNKNOWN_DEVICE';
      if (!isUnknown) throw cause;
      // It may have been linked a moment ago.
      await this.fetch(this.#userId);
      await this.#put(input);
    }
  }

  async remove(
    deviceId: DeviceId,
    { compromised }: RemoveOptions,
  ): Promise<{ listVersion: number }> {
    const isShared = modelOf(this.#input().record) === 'per-user';
    // Where each device has a key of its own, the list without the device says all.
    if (compromised !== true || !isShared)
      return this.#removePlainly({ deviceId, ...(compromised && { compromised }) });
    await this.succession.remove(deviceId);
    return { listVersion: this.version() };
  }

  async #removePlainly(removed: {
    deviceId: DeviceId;
    compromised?: true;
  }): Promise<{ listVersion: number }> {
    for (let tries = 0; tries < LIST_TRIES_MAX; tries++) {
      await this.fetch(this.#userId);
      await this.succession.idle();
      const signed = listWithout(this.#input(), removed, this.#parts);
      if (!signed.ok) throw refusalError(signed.error.code);
      const outcome = await this.#parts.client.ask({ kind: 'removeDevice', list: signed.value });
      if (outcome.ok) {
        await this.#put({ type: 'listLearned', list: signed.value });
        return { listVersion: signed.value.list.version };
      }
      if (outcome.error.code !== 'LIST_MOVED')
        throw new SessionError('RELAY_REFUSED', { detail: outcome.error.code });
    }
    throw new SessionError('LIST_MOVED');
  }

  #input(): OwnListInput {
    const own = ownDevice(this.#parts.core);
    const record = this.#record(this.#userId);
    if (own === undefined || record === undefined) throw new SessionError('NOT_REGISTERED');
    return { own, record };
  }

  #record(userId: UserId): UserRecord | undefined {
    return this.#parts.core.reader().value('user', userStream(userId));
  }

  /** Those first whose keys the application has spoken for: a link has no room for any number. */
  #contacts(): Contact[] {
    const reader = this.#parts.core.reader();
    const records = this.#parts.core.log
      .streamsWithPrefix(USER_PREFIX)
      .flatMap((stream) => reader.value('user', stream) ?? []);
    const [trusted, seen] = [records.filter(isTrusted), records.filter((one) => !isTrusted(one))];
    return [...trusted, ...seen].map(contactOf);
  }
}

/** Whether the application has accepted or verified any key of a user. */
function isTrusted({ trust, devicePins }: UserRecord): boolean {
  return trust !== undefined || [...(devicePins?.values() ?? [])].some((pin) => pin.trust);
}

/** A device's name, as a field that is there or not. */
export function nameEntry({ names }: UserRecord, deviceKey: Uint8Array): { name?: string } {
  const name = names?.get(namingKey(deviceKey))?.name;
  return name ? { name } : {};
}

/** This device, if the store holds one. */
export function ownDevice(core: DeviceCore): OwnDevice | undefined {
  return core.reader().value('device', DEVICE_STREAM);
}
