/**
 * Several devices and a relay in one process, driven step by step: real engines over real logs in
 * memory, the relay's real decisions over its memory store. Only the sockets are missing.
 */

import { encodeUtf8, invariant } from '@simsim/bytes';
import { seededEntropy } from '@simsim/crypto';
import type { Crypto, Entropy } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import { decide, sliceFor } from '@simsim/relay/core';
import type { RelayEnv, RelayStore } from '@simsim/relay/core';
import { createMemoryStore as createRelayStore } from '@simsim/relay/memory';
import { parseUserId } from '@simsim/relay-protocol';
import type {
  DeviceHead,
  MessageId,
  RelayAnswer,
  RelayOutcome,
  RelayRequest,
  UserId,
} from '@simsim/relay-protocol';
import {
  answerOffer,
  contactOf,
  createLinkOffer,
  listWithout,
  openProvision,
  USER_PREFIX,
} from '@simsim/sesame';
import type { Contact, DeviceName } from '@simsim/sesame';
import { Journal } from './journal.ts';
import { TestDevice } from './test-device.ts';
import type { DeviceImage, TestDeviceOptions } from './device-options.ts';

/** How a world is set up. */
export interface WorldOptions extends TestDeviceOptions {
  readonly seed: number;
  readonly crypto?: Crypto;
  readonly oneTimeKeys?: number;
}

/** A user id that is surely one. */
export function user(name: string): UserId {
  const parsed = parseUserId(name);
  invariant(parsed.ok, 'tests name users well');
  return parsed.value;
}

/** Posts as a relay sees them that does not want to know whether a copy runs. */
function withoutHead(request: RelayRequest): RelayRequest {
  return request.kind === 'post' ? { kind: 'post', posts: request.posts } : request;
}

/** What a device knows of others, for a new one. */
function contactsOf({ log, core }: TestDevice): Contact[] {
  return log.streamsWithPrefix(USER_PREFIX).flatMap((stream) => {
    const record = core.reader().value('user', stream);
    return record === undefined ? [] : [contactOf(record)];
  });
}

/** Rounds of everybody working after which a world must have come to rest. */
const SETTLE_ROUNDS_MAX = 100;

/** A relay and its devices. */
export class World {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  /** May be put in another relay's place, which then says other things of the same users. */
  relay: RelayStore = createRelayStore();
  /** Devices that are listed. */
  readonly devices: TestDevice[] = [];
  /** What was sent and what the relay took, kept apart from the engines. */
  readonly journal: Journal<TestDevice> = new Journal<TestDevice>();
  readonly options: WorldOptions;
  nowMs = 1_700_000_000_000;
  /** By how much every wall clock is wrong; time passes all the same. */
  wallSkewMs = 0;
  /** A relay that hides heads: it gives everybody this one, or none, and looks at no other. */
  withheld: { readonly before?: DeviceHead } | undefined;

  constructor(options: WorldOptions) {
    this.options = options;
    this.crypto = options.crypto ?? nodeCrypto;
    this.entropy = seededEntropy(encodeUtf8(`world ${options.seed}`), this.crypto);
  }

  /** Makes a user with one device. */
  create(name: string): TestDevice {
    const device = new TestDevice(this);
    const { oneTimeKeys = 5, identityModel = 'per-user' } = this.options;
    device.run({ type: 'create', userId: user(name), oneTimeKeys, identityModel });
    device.register();
    this.devices.push(device);
    return device;
  }

  /** Links a further device through an existing one, which may give it a name. */
  link(approver: TestDevice, name?: DeviceName): TestDevice {
    const device = this.approve(approver, name);
    device.register();
    this.devices.push(device);
    return device;
  }

  /** Makes a further device, which an existing one has approved and the relay knows nothing of. */
  approve(approver: TestDevice, name?: DeviceName): TestDevice {
    const { keys, offer } = createLinkOffer(this);
    approver.learnOwnList();
    const wanted = { offer, contacts: contactsOf(approver), ...(name && { name }) };
    const answer = answerOffer(approver.ownListInput(), wanted, this);
    invariant(answer.ok, 'an honest offer is answered');
    const { ciphertext } = answer.value;
    const provision = openProvision({ keys, offer, ciphertext }, this.crypto);
    invariant(provision.ok, 'an honest answer opens');
    const device = new TestDevice(this);
    device.run({
      type: 'linked',
      provision: provision.value,
      keys,
      registrationId: offer.registrationId,
      oneTimeKeys: this.options.oneTimeKeys ?? 5,
    });
    return device;
  }

  /** A second process on a copy of a device's files; nobody knows of it. */
  clone(image: DeviceImage): TestDevice {
    const copy = new TestDevice(this, image);
    copy.start();
    return copy;
  }

  /** Removes a device; its mailbox goes with it. */
  remove(remover: TestDevice, removed: TestDevice, how: { compromised?: true } = {}): void {
    remover.learnOwnList();
    const list = listWithout(
      remover.ownListInput(),
      { deviceId: removed.own().deviceId, ...how },
      this,
    );
    invariant(list.ok, 'an own device can be removed');
    remover.ask({ kind: 'removeDevice', list: list.value });
    this.devices.splice(this.devices.indexOf(removed), 1);
    this.journal.removed(removed);
    remover.run({ type: 'listLearned', list: list.value });
  }

  /** The listed devices of a user. */
  devicesOf(userId: UserId): TestDevice[] {
    return this.devices.filter((device) => device.userId === userId);
  }

  /** Asks the relay, as a device or as nobody. */
  ask(request: RelayRequest, token?: Uint8Array): RelayAnswer {
    const outcome = this.tryAsk(request, token);
    const code = outcome.ok ? '' : outcome.error.code;
    invariant(outcome.ok, `the relay answers ${request.kind}: ${code}`);
    return outcome.value;
  }

  /** Asks the relay for what it may refuse. */
  tryAsk(asked: RelayRequest, token?: Uint8Array): RelayOutcome {
    const request = this.withheld === undefined ? asked : withoutHead(asked);
    const env: RelayEnv = {
      nowMs: this.nowMs,
      crypto: this.crypto,
      entropy: this.entropy,
      policy: { registration: 'open', mailboxCountMax: 100_000, mailboxBytesMax: 1 << 30 },
    };
    const call =
      token === undefined ? { request } : { request, tokenHash: this.crypto.digest([token]) };
    if (this.withheld !== undefined && request.kind === 'exchangeHead') {
      return { ok: true, value: { kind: 'exchangeHead', ...this.withheld } };
    }
    return this.relay.transact((transaction) => {
      const decision = decide(transaction.read(sliceFor(call)), call, env);
      transaction.apply(decision.changes);
      return decision.outcome;
    });
  }

  /** Lets everybody post, fetch and answer until nothing moves; bounded. One device may be away. */
  settle({ without }: { without?: TestDevice } = {}): void {
    for (let round = 0; round < SETTLE_ROUNDS_MAX; round++) {
      let isMoving = false;
      for (const device of this.devices) {
        if (device === without) continue;
        if (device.work()) isMoving = true;
        if (device.receive(device.fetch())) isMoving = true;
      }
      if (!isMoving) return;
    }
    invariant(false, 'a world at peace settles');
  }

  /** The text of a message that was sent in this world. */
  textOf(messageId: MessageId): string {
    return this.journal.sent.get(messageId)?.text ?? '';
  }
}
