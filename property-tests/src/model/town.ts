/** A world beside its model: who is in it, what befell its mail, and what was seen to happen. */

import { bytesToHex, invariant } from '@simsim/bytes';
import type { DeviceId, IncomingEnvelope, SignedDeviceList, UserId } from '@simsim/relay-protocol';
import { DEFAULT_EXPIRY, INACTIVE_SESSIONS_MAX, RESENDS_MAX } from '@simsim/sesame';
import type { Sabotage } from '@simsim/sesame';
import type { DeviceImage } from '../device-options.ts';
import { TestDevice } from '../test-device.ts';
import { user, World } from '../world.ts';
import { addressOf } from './model-state.ts';
import type { Address, Model, ModelDevice } from './model-state.ts';
import { Observer } from './observer.ts';
import type { Situations } from './sometimes.ts';

/** How a town is set up. */
export interface TownOptions {
  readonly seed: number;
  readonly oneTimeKeys: number;
  readonly sabotage?: readonly Sabotage[];
  readonly situations: Situations;
}

/** What waits at a device: what commands ask before they are drawn. */
interface Desk {
  readonly posts: number;
  readonly claims: number;
  readonly inbox: number;
  readonly history: number;
  readonly mail: number;
}

/** What commands see of a town before they run. */
export interface Scene {
  readonly model: Model;
  readonly desks: Map<Address, Desk>;
  readonly remembered: Set<Address>;
}

/** A device at some moment, in both worlds. */
interface Memory {
  readonly image: DeviceImage;
  readonly seq: number;
  readonly device: ModelDevice;
}

/** Frozen sessions kept for one device; two generations of all there are. */
const FROZEN_MAX = 10;

/** Users of a town; the third has no second device. */
export const USERS: readonly UserId[] = ['ada', 'bo', 'cy'].map(user);

/** Devices and their model. */
export class Town {
  readonly world: World;
  readonly situations: Situations;
  readonly scene: Scene;
  /** Every list there was, by user and version. */
  readonly lists = new Map<UserId, Map<number, SignedDeviceList>>();
  readonly memories = new Map<Address, Memory>();
  /** Envelopes that are not as they were posted. */
  readonly spoilt = new WeakSet<IncomingEnvelope>();
  readonly #observers = new Map<TestDevice, Observer>();
  /** The key each user really has; the only one anybody may pin. */
  readonly identities = new Map<UserId, string>();
  #outsider: TestDevice | undefined;

  constructor({ situations, ...options }: TownOptions) {
    this.world = new World(options);
    this.situations = situations;
    const model: Model = {
      devices: new Map(),
      copies: new Map(),
      debts: new Map(),
      begun: new Map(),
      lies: new Set(),
      surplus: new Map(),
      silenced: new Set(),
      findings: [],
      limits: {
        inactive: INACTIVE_SESSIONS_MAX,
        frozen: FROZEN_MAX,
        resends: RESENDS_MAX,
        ...DEFAULT_EXPIRY,
      },
    };
    this.scene = { model, desks: new Map(), remembered: new Set() };
    for (const name of USERS) {
      const device = this.world.create(name);
      this.identities.set(name, bytesToHex(device.own().identity.publicKey.bytes));
      this.moveIn(device);
    }
    this.link(this.device(USERS[0]));
    this.look();
  }

  get model(): Model {
    return this.scene.model;
  }

  /** A device by its address, or the first of a user. */
  device(name: Address | undefined): TestDevice {
    const found = this.world.devices.find((each) => each.address === name || each.userId === name);
    invariant(found !== undefined, `${name} lives here`);
    return found;
  }

  observer(device: TestDevice): Observer {
    const observer = this.#observers.get(device);
    invariant(observer !== undefined, 'every device is observed');
    return observer;
  }

  /** Somebody whom nobody knows, for forgeries. */
  outsider(): TestDevice {
    if (this.#outsider === undefined) {
      this.#outsider = new TestDevice(this.world);
      this.#outsider.run({ type: 'create', userId: user('eve'), oneTimeKeys: 1 });
    }
    return this.#outsider;
  }

  link(approver: TestDevice): TestDevice {
    const device = this.world.link(approver);
    this.moveIn(device);
    return device;
  }

  moveIn(device: TestDevice): void {
    const { userId, deviceId } = device.own();
    this.#learn(userId);
    const modelled: ModelDevice = {
      userId,
      deviceId,
      rows: new Map(),
      accepted: new Set(),
      opened: new Set(),
      kept: new Set(),
      said: new Set(),
      sends: new Set(),
      preKeysSince: 0,
      unsure: new Set(),
    };
    this.model.devices.set(addressOf(modelled), modelled);
    this.#observers.set(device, new Observer(this, device));
  }

  /** A copy of its files is of no use any more: with it the device would find itself replaced. */
  forget(address: Address): void {
    this.memories.delete(address);
    this.scene.remembered.delete(address);
  }

  /** The genuine list of a version. */
  list(userId: UserId, version: number): SignedDeviceList | undefined {
    if (this.lists.get(userId)?.get(version) === undefined) this.#learn(userId);
    return this.lists.get(userId)?.get(version);
  }

  /** Which incarnations a genuine list names. */
  listed(userId: UserId, version: number): Map<DeviceId, number> | undefined {
    const list = this.list(userId, version)?.list;
    return list && new Map(list.devices.map((each) => [each.deviceId, each.registrationId]));
  }

  #learn(userId: UserId): void {
    const answer = this.world.ask({ kind: 'getList', userId, since: 0 });
    if (answer.kind !== 'getList' || answer.result.kind !== 'list') return;
    const { list } = answer.result;
    const versions = this.lists.get(userId) ?? new Map<number, SignedDeviceList>();
    this.lists.set(userId, versions.set(list.list.version, list));
  }

  /** Takes notice of all that happened. */
  look(): void {
    for (const userId of USERS) this.#learn(userId);
    const { desks, model } = this.scene;
    desks.clear();
    const mail = new Map<Address, number>();
    for (const { to, fate } of model.copies.values()) {
      if (fate === 'posted') mail.set(to, (mail.get(to) ?? 0) + 1);
    }
    for (const device of this.world.devices) {
      this.observer(device).look();
      desks.set(device.address, {
        posts: device.posts.length,
        claims: device.claims.length,
        inbox: device.core.inbox().length,
        history: device.history.length,
        mail: mail.get(device.address) ?? 0,
      });
    }
  }
}
