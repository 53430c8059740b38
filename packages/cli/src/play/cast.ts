/** The devices of a play: who has which, where they live, and changing that. */

import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { IdentityModel } from '@simsim/device';
import { createFolderNames } from './folder-names.ts';
import type { FolderNames } from './folder-names.ts';
import { environmentError } from '../cli-error.ts';
import type { HostEvent, OpenedDevice } from './host-calls.ts';
import type { HostPool } from './host-pool.ts';
import type { Journal } from './journal-file.ts';
import type { PlannedUser } from './plan.ts';
import type { Random } from '../random.ts';
import type { Watch } from './watch.ts';

/** One device of the play. */
export interface CastDevice {
  readonly index: number;
  readonly user: string;
  readonly host: number;
  deviceId: number;
  folder: string;
  /** `leaving` sends nothing new, so that it can be removed. */
  state: 'joining' | 'open' | 'down' | 'leaving' | 'removed';
  /** Lines it sends that are not settled. */
  readonly lines: Set<number>;
}

/** What a cast works with. */
export interface CastOptions {
  readonly devicesFolder: string;
  readonly identityModel: IdentityModel;
  readonly pool: () => HostPool;
  readonly journal: Journal;
  readonly watch: Watch;
  readonly random: Random;
}

/** Devices opened at the same time in a restarted process. */
const OPENINGS_MAX = 8;
const DEVICE_ID_MAX = 127;

/** Every device there is or was. */
export class Cast {
  readonly #options: CastOptions;
  readonly #devices: CastDevice[] = [];
  readonly #byUser = new Map<string, CastDevice[]>();
  readonly #codeWaiters = new Map<number, (code: string) => void>();
  readonly #folders: FolderNames = createFolderNames();

  constructor(options: CastOptions) {
    this.#options = options;
  }

  all(): readonly CastDevice[] {
    return this.#devices;
  }

  users(): readonly string[] {
    return [...this.#byUser.keys()];
  }

  /** A user's devices that are not removed. */
  devicesOf(user: string): readonly CastDevice[] {
    return (this.#byUser.get(user) ?? []).filter((device) => device.state !== 'removed');
  }

  device(index: number): CastDevice | undefined {
    return this.#devices[index];
  }

  /** Makes a user with all its first devices. */
  async enter({ user, devices }: PlannedUser, order: number): Promise<void> {
    const hosts = this.#options.pool().count();
    await this.#create(user, order % hosts);
    for (let i = 1; i < devices; i++) {
      const [approver] = this.devicesOf(user);
      if (approver !== undefined) await this.link(approver, (order + i) % hosts);
    }
  }

  /** Links a further device that lives in `host`; an existing one approves it. */
  async link(approver: CastDevice, host: number): Promise<void> {
    const { user } = approver;
    const { journal, watch } = this.#options;
    const pool = this.#options.pool();
    const index = this.#devices.length;
    const folder = this.#folder(user, `linking-${index}`);
    const device = this.#add({ user, host, folder });
    const code = new Promise<string>((resolve) => this.#codeWaiters.set(index, resolve));
    const linked = pool.call(host, 'link', { index, folder });
    const approved = code.then((text) =>
      pool.call(approver.host, 'approve', { index: approver.index, code: text }),
    );
    // Either may fail first; the other one's failure is then a consequence.
    approved.catch(() => undefined);
    const { deviceId, listVersion } = await firstFailure(linked, approved);
    device.deviceId = deviceId;
    journal.add({ type: 'linked', user, device: deviceId, version: listVersion });
    await this.#settleFolder(device);
    device.state = 'open';
    watch.changed();
  }

  /** Removes a device, which must be `leaving` and have no unsettled lines. */
  async remove(device: CastDevice, remover: CastDevice): Promise<void> {
    const { journal, watch } = this.#options;
    const pool = this.#options.pool();
    const { user, deviceId } = device;
    const ask = { index: remover.index, deviceId };
    const { listVersion } = await pool.call(remover.host, 'remove', ask);
    journal.add({ type: 'removed', user, device: deviceId, version: listVersion });
    device.state = 'removed';
    await pool.call(device.host, 'close', { index: device.index });
    watch.changed();
  }

  /** Breaks a device's connection; it comes back by itself. */
  async drop(device: CastDevice): Promise<void> {
    await this.#options.pool().call(device.host, 'drop', { index: device.index });
    const { user, deviceId } = device;
    this.#options.journal.add({ type: 'dropped', user, device: deviceId });
  }

  /** A process was killed: its devices are gone until {@link Cast.reopen}. */
  lose(host: number): void {
    for (const device of this.#devices) {
      if (device.host === host && device.state === 'open') device.state = 'down';
    }
  }

  /** Opens the devices of a restarted process, those with unsettled lines first. */
  async reopen(host: number, onOpen: (device: CastDevice) => void): Promise<void> {
    const lost = this.#devices.filter(
      (device) => device.host === host && (device.state === 'down' || device.state === 'leaving'),
    );
    const queue = lost.toSorted((a, b) => b.lines.size - a.lines.size);
    const openNext = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        await this.#open(next);
        if (next.state === 'down') next.state = 'open';
        onOpen(next);
      }
    };
    await Promise.all(Array.from({ length: OPENINGS_MAX }, openNext));
  }

  /** Takes what a host tells about its devices. */
  hear(event: HostEvent): void {
    switch (event.type) {
      case 'linkCode':
        this.#codeWaiters.get(event.index)?.(event.code);
        this.#codeWaiters.delete(event.index);
        break;
      case 'acknowledged':
        this.#acknowledged(event.index, event.messageIds);
        break;
      case 'stopped':
        this.#stopped(event.index, event.reason);
        break;
      case 'accepted':
        break;
    }
  }

  #acknowledged(index: number, messageIds: readonly string[]): void {
    const device = this.#devices[index];
    if (device === undefined) return;
    const { user, deviceId } = device;
    for (const messageId of messageIds) {
      this.#options.journal.add({ type: 'acknowledged', user, device: deviceId, messageId });
    }
  }

  /** A device may stop by itself for one reason only: it was removed. */
  #stopped(index: number, reason: string): void {
    const device = this.#devices[index];
    const isRemoval =
      reason === 'revoked' && (device?.state === 'removed' || device?.state === 'leaving');
    if (isRemoval) return;
    const message = `Device ${index} stopped by itself: ${reason}.`;
    this.#options.watch.fail(environmentError(message, 'Look at its log with `simsim replay`.'));
  }

  async #create(user: string, host: number): Promise<void> {
    const { journal, watch, random, identityModel } = this.#options;
    const deviceId = random.integer(1, DEVICE_ID_MAX);
    const folder = this.#folder(user, String(deviceId));
    const device = this.#add({ user, host, folder });
    const { index } = device;
    const ask = { index, folder, user, deviceId, identityModel };
    const { listVersion } = await this.#options.pool().call(host, 'create', ask);
    device.deviceId = deviceId;
    device.state = 'open';
    journal.add({ type: 'created', user, device: deviceId, version: listVersion });
    watch.changed();
  }

  #add({ user, host, folder }: Pick<CastDevice, 'user' | 'host' | 'folder'>): CastDevice {
    const index = this.#devices.length;
    const device: CastDevice = {
      index,
      user,
      host,
      folder,
      deviceId: 0,
      state: 'joining',
      lines: new Set(),
    };
    this.#devices.push(device);
    this.#byUser.set(user, [...(this.#byUser.get(user) ?? []), device]);
    return device;
  }

  #open({ index, folder, user, host }: CastDevice): Promise<OpenedDevice> {
    return this.#options.pool().call(host, 'open', { index, folder, user });
  }

  /** Only now is the device's number known: close it, give its folder the right name, open it. */
  async #settleFolder(device: CastDevice): Promise<void> {
    const { index, host, user, deviceId } = device;
    await this.#options.pool().call(host, 'close', { index });
    const folder = this.#folder(user, String(deviceId));
    await rename(device.folder, folder);
    device.folder = folder;
    await this.#open(device);
  }

  #folder(user: string, device: string): string {
    return join(this.#options.devicesFolder, `${this.#folders.folderOf(user)}.${device}`);
  }
}

/** The first promise's value; rejects as soon as either rejects. */
function firstFailure<T>(value: Promise<T>, other: Promise<unknown>): Promise<T> {
  return Promise.all([value, other]).then(([first]) => first);
}
