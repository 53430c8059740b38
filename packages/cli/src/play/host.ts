/** A process that hosts devices: opens them, sends for them, records what they receive. */

import { mkdir } from 'node:fs/promises';
import { linkDevice, openDevice, SessionError, sqlite } from '@simsim/device';
import type { Device, StoreSpec } from '@simsim/device';
import { logPath } from './device-store.ts';
import type { HostCalls, HostEvent, HostedDevice, OpenedDevice, Refusal } from './host-calls.ts';
import type { KillHook } from './kill-hook.ts';
import { peakMemoryBytes } from './process-memory.ts';
import { Recorder } from './recorder.ts';

type Ask<Name extends keyof HostCalls> = HostCalls[Name]['ask'];

/** What a host works with. */
export interface HostOptions {
  readonly relay: string;
  readonly emit: (event: HostEvent) => void;
  readonly hook: KillHook;
}

/** One-time prekeys per device: enough for everybody who writes first between two refills. */
const ONE_TIME_KEYS = 40;

interface Hosted {
  readonly device: Device;
  readonly recorder: Recorder;
}

/** The devices of one process. */
export class Host {
  readonly #options: HostOptions;
  readonly #devices = new Map<number, Hosted>();
  #sendsInFlight = 0;
  /** Commits of devices that are closed again. */
  #commitsBefore = 0;

  constructor(options: HostOptions) {
    this.#options = options;
  }

  /** Sends whose report is not there yet. */
  sendsInFlight(): number {
    return this.#sendsInFlight;
  }

  async create({ index, folder, ...first }: Ask<'create'>): Promise<OpenedDevice> {
    const options = await this.#deviceOptions(folder);
    return this.#adopt(index, await openDevice({ ...options, ...first, ifMissing: 'create' }));
  }

  async open({ index, folder, user }: Ask<'open'>): Promise<OpenedDevice> {
    return this.#adopt(index, await openDevice({ ...(await this.#deviceOptions(folder)), user }));
  }

  async link({ index, folder }: HostedDevice): Promise<OpenedDevice> {
    const onCode = (code: string): void => this.#options.emit({ type: 'linkCode', index, code });
    const device = await linkDevice({ ...(await this.#deviceOptions(folder)), onCode });
    return this.#adopt(index, device);
  }

  async approve({ index, code }: Ask<'approve'>): Promise<null> {
    await withRelay(() => this.#device(index).approveLink(code));
    return null;
  }

  async send({ index, line, messageId, to, text }: Ask<'send'>): Promise<readonly Refusal[]> {
    const { emit } = this.#options;
    this.#sendsInFlight++;
    try {
      const report = await this.#device(index).send(to, text, {
        messageId,
        onAccepted: ({ user, listVersion: version }) =>
          emit({ type: 'accepted', line, user, version }),
      });
      return report.recipients.flatMap(({ user, failure: reason }) =>
        reason === undefined ? [] : [{ user, reason }],
      );
    } catch (error) {
      // Nobody got it: the report says so for each; a closed device is no report.
      if (!(error instanceof SessionError) || error.code === 'CLOSED') throw error;
      return to.map((user) => ({ user, reason: error.code }));
    } finally {
      this.#sendsInFlight--;
    }
  }

  async remove({ index, deviceId }: Ask<'remove'>): Promise<{ listVersion: number }> {
    const device = this.#device(index);
    let tries = 0;
    return withRelay(async () => {
      try {
        return await device.remove(deviceId);
      } catch (error) {
        // The try before was taken, and only its answer was lost.
        const isGone = error instanceof SessionError && error.code === 'UNKNOWN_DEVICE';
        if (!isGone || tries === 0) throw error;
        return { listVersion: device.listVersion() };
      } finally {
        tries++;
      }
    });
  }

  drop({ index }: Ask<'drop'>): null {
    this.#device(index).dropConnection();
    return null;
  }

  async close({ index }: Ask<'close'>): Promise<null> {
    const hosted = this.#devices.get(index);
    this.#devices.delete(index);
    if (hosted === undefined) return null;
    this.#commitsBefore += hosted.device.stats().commits;
    await hosted.device.close();
    hosted.recorder.flush();
    return null;
  }

  async closeAll(): Promise<null> {
    await Promise.all([...this.#devices.keys()].map((index) => this.close({ index })));
    return null;
  }

  status(): HostCalls['status']['answer'] {
    const devices = [...this.#devices.values()].map((hosted) => hosted.device);
    return {
      devices: devices.length,
      busy: devices.filter((device) => !device.idle()).length,
      commits: devices.reduce((sum, device) => sum + device.stats().commits, this.#commitsBefore),
      peakMemoryBytes: peakMemoryBytes(),
    };
  }

  #device(index: number): Device {
    const hosted = this.#devices.get(index);
    if (hosted === undefined) throw new Error(`device ${index} is not open`);
    return hosted.device;
  }

  #adopt(index: number, device: Device): OpenedDevice {
    const { emit } = this.#options;
    const recorder = new Recorder(device, (messageIds) =>
      emit({ type: 'acknowledged', index, messageIds }),
    );
    this.#devices.set(index, { device, recorder });
    void device.closed.then((reason) => {
      if (reason === 'closed') return;
      recorder.flush();
      emit({ type: 'stopped', index, reason });
    });
    return { deviceId: device.deviceId, listVersion: device.listVersion() };
  }

  async #deviceOptions(
    folder: string,
  ): Promise<{ store: StoreSpec; relay: string; oneTimeKeys: number; chaos: KillHook }> {
    const { relay, hook } = this.#options;
    await mkdir(folder, { recursive: true });
    const store = sqlite(logPath(folder), { unsafePlaintextVault: true });
    return { store, relay, oneTimeKeys: ONE_TIME_KEYS, chaos: hook };
  }
}

/** Tries again while the relay is away: it is being restarted. */
async function withRelay<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      const isAway = error instanceof SessionError && error.code === 'RELAY_UNAVAILABLE';
      if (!isAway || tries >= RELAY_TRIES_MAX) throw error;
      await new Promise((resolve) => setTimeout(resolve, RELAY_RETRY_MS));
    }
  }
}

/** A relay of our own is back within a second or two. */
const RELAY_TRIES_MAX = 100;
const RELAY_RETRY_MS = 100;
