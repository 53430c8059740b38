/** A world beside its model: who is in it, what befell its mail, and what was seen to happen. */

import { bytesToHex, equalBytes, invariant } from '@simsim/bytes';
import { deviceListHash } from '@simsim/relay-protocol';
import type {
  DeviceId,
  IdentityModel,
  IncomingEnvelope,
  SignedDeviceList,
  UserId,
} from '@simsim/relay-protocol';
import { DEFAULT_EXPIRY, INACTIVE_SESSIONS_MAX, RESENDS_MAX } from '@simsim/sesame';
import { modelOf } from '@simsim/sesame';
import type { Sabotage, TrustPolicy } from '@simsim/sesame';
import type { DeviceImage } from '../device-options.ts';
import { TestDevice } from '../test-device.ts';
import { user, World } from '../world.ts';
import { bury } from './debts.ts';
import type { Scene } from './desk.ts';
import { settleForks } from './forks.ts';
import { addressOf, placeOf, say } from './model-state.ts';
import type { Address, KeyPlace, Model, ModelDevice } from './model-state.ts';
import { Observer } from './observer.ts';
import type { Situations } from './sometimes.ts';

/** How a town is set up. */
export interface TownOptions {
  readonly seed: number;
  readonly oneTimeKeys: number;
  /** Of all its users. */
  readonly identityModel: IdentityModel;
  /** What applications want of keys, in the order of their devices; of the rest it is `tofu`. */
  readonly trusts?: readonly TrustPolicy[];
  readonly sabotage?: readonly Sabotage[];
  readonly situations: Situations;
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
  /** Every list there was, by user, the newest last. */
  readonly lists = new Map<UserId, SignedDeviceList[]>();
  readonly memories = new Map<Address, Memory>();
  /** Envelopes that are not as they were posted. */
  readonly spoilt = new WeakSet<IncomingEnvelope>();
  readonly #observers = new Map<TestDevice, Observer>();
  readonly identityModel: IdentityModel;
  #outsider: TestDevice | undefined;

  constructor({ situations, ...options }: TownOptions) {
    this.identityModel = options.identityModel;
    this.world = new World(options);
    this.situations = situations;
    const model: Model = {
      devices: new Map(),
      copies: new Map(),
      debts: new Map(),
      begun: new Map(),
      lies: new Set(),
      kin: new Map(),
      words: new Map(),
      heads: new Map(),
      resets: 0,
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
    this.scene = { model, desks: new Map(), remembered: new Set(), forks: new Map() };
    this.world.journal.reused = (place) =>
      say(model, 'S1', `a message key was used twice: ${place}`);
    for (const name of USERS) {
      const device = this.world.create(name);
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

  /** What a process has: the copy of a device has its own. */
  modelOf(device: TestDevice): ModelDevice | undefined {
    const forked = this.scene.forks.get(device.address);
    return forked?.copy === device ? forked.me : this.model.devices.get(device.address);
  }

  /** One of two copies goes on, and is observed as any device. */
  adopt(survivor: TestDevice, observer: Observer): void {
    this.#observers.set(survivor, observer);
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
    const { userId, deviceId, identity } = device.own();
    const key = bytesToHex(identity.publicKey.bytes);
    this.model.kin.set(`${userId} ${key}`, this.#kinOf(device));
    this.#learn(userId);
    const modelled: ModelDevice = {
      userId,
      deviceId,
      rows: new Map(),
      pins: new Map(),
      keyOf: new Map(),
      held: new Set(),
      policy: device.trust ?? 'tofu',
      accepted: new Set(),
      opened: new Set(),
      kept: new Set(),
      said: new Set(),
      sends: new Set(),
      preKeysSince: 0,
      before: new Set(),
      unsure: new Set(),
    };
    this.model.devices.set(addressOf(modelled), modelled);
    this.#observers.set(device, new Observer(this, device));
  }

  /** The number that the keys of its user's other devices have; where there are none a new one. */
  #kinOf(device: TestDevice): number {
    const { userId } = device;
    const { kin } = this.model;
    const sister = this.world.devicesOf(userId).find((each) => each !== device);
    const key = sister && bytesToHex(sister.own().identity.publicKey.bytes);
    return kin.get(`${userId} ${key}`) ?? kin.size;
  }

  /** A copy of its files is of no use any more: with it the device would find itself replaced. */
  forget(address: Address): void {
    this.memories.delete(address);
    this.scene.remembered.delete(address);
  }

  /** A device is gone for good, and what was owed to it. */
  lost(address: Address): void {
    this.scene.forks.delete(address);
    this.forget(address);
    bury(this.model, address, 'lost');
  }

  /** Whether a key is or was a user's. */
  hadKey(userId: UserId, key: string): boolean {
    return this.model.kin.has(`${userId} ${key}`);
  }

  /** The keys a user really has now, hex, each in its place. */
  keysOf(userId: UserId): Map<KeyPlace, string> {
    const keys = this.world.devicesOf(userId).map((device): [KeyPlace, string] => {
      const { deviceId, identity } = device.own();
      const isOwn = this.identityModel === 'per-device';
      const place = placeOf(isOwn ? { userId, deviceId } : { userId });
      return [place, bytesToHex(identity.publicKey.bytes)];
    });
    return new Map(keys);
  }

  /** Whether a device knows whose keys a user's are. Of a stranger any key is believed, and any list. */
  isMet(device: TestDevice, userId: UserId): boolean {
    return modelOf(device.record(userId)) === this.identityModel;
  }

  /** Which incarnations a genuine list names, and which devices that were removed. */
  listed(
    userId: UserId,
    wanted: { version: number; hash: Uint8Array },
  ): { listed: Map<DeviceId, number>; former: Set<DeviceId> } | undefined {
    this.#learn(userId);
    const { crypto } = this.world;
    const found = this.lists.get(userId)?.find(({ list }) => {
      const isIt = list.version === wanted.version;
      return isIt && equalBytes(deviceListHash(list, crypto), wanted.hash);
    });
    if (found === undefined) return undefined;
    const { devices, former = [] } = found.list;
    return {
      listed: new Map(devices.map((each) => [each.deviceId, each.registrationId])),
      former: new Set(former.map(({ deviceId }) => deviceId)),
    };
  }

  #learn(userId: UserId): void {
    const answer = this.world.ask({ kind: 'getList', userId, since: 0 });
    if (answer.kind !== 'getList' || answer.result.kind !== 'list') return;
    const { list } = answer.result;
    const known = this.lists.get(userId) ?? [];
    const newest = known.at(-1)?.list;
    const hashOf = (each: typeof list.list): Uint8Array => deviceListHash(each, this.world.crypto);
    const isKnown = newest !== undefined && equalBytes(hashOf(newest), hashOf(list.list));
    if (!isKnown) known.push(list);
    this.lists.set(userId, known);
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
    for (const { observer } of this.scene.forks.values()) observer.look();
    for (const device of this.world.devices) this.observer(device).look();
    settleForks(this);
    for (const device of this.world.devices) {
      desks.set(device.address, {
        posts: device.posts.length,
        claims: device.claims.length,
        inbox: device.core.inbox().length,
        history: device.history.length,
        mail: mail.get(device.address) ?? 0,
        isRegistered: device.own().status === 'registered',
      });
    }
  }
}
