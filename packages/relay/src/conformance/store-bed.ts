/** A store with one user and one device in it, and what the cases do to it. */

import { same } from '@simsim/bytes/conformance';
import type { DeviceId, UserId } from '@simsim/relay-protocol';
import { claimIdFromBytes } from '@simsim/relay-protocol';
import type { Change } from '../core/change.ts';
import type { Slice } from '../core/slice.ts';
import type { RelayStore } from '../core/store.ts';
import { BareRelay } from './bare-relay.ts';
import type { TestDevice } from './people.ts';
import { deviceIdOf, TestUser } from './people.ts';

/** A whole mailbox, as the cases fill them. */
export const WHOLE_MAILBOX = { after: 0, limit: 100, bytesMax: 1_000_000 } as const;

/** A link's address. */
export const LINK: Uint8Array = new Uint8Array(16);

/** What a device has of one kind of one-time prekeys that never uploaded any. */
export const NO_ONE_TIME_KEYS = { count: 0, lastIssuedId: 0, highestSeenId: 0 } as const;

/** A store in use. */
export class StoreBed {
  readonly store: RelayStore;
  readonly relay: BareRelay;
  readonly ali: TestUser = new TestUser('ali');
  readonly phone: TestDevice;
  readonly address: { readonly userId: UserId; readonly deviceId: DeviceId };

  /** Makes an account by the relay's own decisions. */
  constructor(store: RelayStore) {
    this.store = store;
    this.relay = new BareRelay(store);
    this.phone = this.ali.makeDevice(1);
    this.address = { userId: this.ali.userId, deviceId: this.phone.deviceId };
    const request = this.ali.createAccount(this.phone, this.relay.nonce());
    same(this.relay.answer(request), { kind: 'createAccount' }, 'the answer to a new account');
  }

  /** Mail for the device. */
  mail(bytes = 10): Change {
    const { ali, address, relay } = this;
    const mail = {
      sender: address,
      envelopeId: ali.envelopeId(),
      kind: 'message',
      content: ali.entropy(bytes),
      storedAtMs: relay.nowMs,
    } as const;
    return { kind: 'mailStored', device: address, mail };
  }

  /** Applies changes in a transaction of their own. */
  apply(...changes: readonly Change[]): void {
    this.store.transact((transaction) => transaction.apply(changes));
  }

  /** What a store knows that can be asked at once; by default this one. */
  everything(store: RelayStore = this.store): Slice {
    const { ali, phone, address } = this;
    return store.read({
      tokenHash: phone.tokenHash,
      users: [ali.userId],
      countsNonces: true,
      keysOf: [address],
      ownEntry: true,
      ownIdentity: true,
      succession: { ...address, since: 0 },
      ownUsersKeys: [address.deviceId],
      ownKeys: { oneTime: [1, 2, 3, 4, 50], kem: [1, 2, 3, 50, 1001] },
      mail: WHOLE_MAILBOX,
      link: LINK,
    });
  }

  /** The numbers of the mail that waits. */
  seqs(): number[] {
    return this.everything().mail?.mail.map((row) => row.seq) ?? [];
  }

  /** The versions of the user's lists that are kept, from one on. */
  versions(since: number): number[] {
    const { succession } = this.store.read({ succession: { ...this.address, since } });
    return succession?.lists.map(({ list }) => list.version) ?? [];
  }

  /** How much waits: envelopes, and their bytes. */
  waiting(): readonly (number | undefined)[] {
    const device = this.everything()
      .accounts.get(this.ali.userId)
      ?.devices.get(this.phone.deviceId);
    return [device?.mailCount, device?.mailBytes];
  }

  /** One change of every kind, good in this order. */
  everyChange(): Change[] {
    const { ali, phone, address: device } = this;
    const other = { userId: ali.userId, deviceId: deviceIdOf(2) };
    const { signedPreKey } = ali.makeKeys(9, 0);
    const list = { ...ali.createAccount(phone, new Uint8Array(32)).list };
    const bodyHash = ali.entropy(32);
    return [
      { kind: 'nonceIssued', nonce: ali.entropy(32), expiresAtMs: 1 },
      { kind: 'listChanged', list },
      { kind: 'signedPreKeyStored', device, key: signedPreKey },
      { kind: 'preKeysStored', device, keys: ali.makeKeys(50, 2).oneTimePreKeys },
      { kind: 'preKeyIssued', device, id: 1, atMs: 5 },
      {
        kind: 'keysCounted',
        device,
        counters: { count: 4, lastIssuedId: 1, highestSeenId: 51 },
      },
      { kind: 'lastResortStored', device, key: ali.makeKemKey(2000) },
      { kind: 'kemPreKeysStored', device, keys: [ali.makeKemKey(50)] },
      { kind: 'kemPreKeyIssued', device, id: 1 },
      { kind: 'oneTimeKeysForgotten', device },
      {
        kind: 'kemKeysCounted',
        device,
        counters: { count: 3, lastIssuedId: 1, highestSeenId: 50 },
      },
      this.mail(),
      { kind: 'mailAcknowledged', device, seqs: [1, 2] },
      this.mail(),
      { kind: 'postAccepted', device, postId: ali.postId(), bodyHash, listVersion: 1, atMs: 5 },
      {
        kind: 'claimAnswered',
        device,
        claimId: claimIdFromBytes(ali.entropy(16)),
        bodyHash,
        results: [{ deviceId: phone.deviceId, gone: true }],
        atMs: 5,
      },
      { kind: 'linkPut', address: LINK, ciphertext: ali.entropy(9), expiresAtMs: 5 },
      { kind: 'linkTaken', address: LINK, taker: ali.entropy(16) },
      { kind: 'linkTaken', address: LINK },
      { kind: 'deviceAdded', device: other, tokenHash: ali.entropy(32), signedPreKey },
      { kind: 'deviceRemoved', device: other },
      { kind: 'headStored', device, head: ali.head(phone, 3) },
      { kind: 'identitySealed', device, sealed: ali.entropy(90) },
      { kind: 'deviceRenewed', device, tokenHash: ali.entropy(32), signedPreKey },
      { kind: 'deviceRemoved', device },
    ];
  }
}
