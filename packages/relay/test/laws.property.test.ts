/**
 * Laws of the relay's decisions over any sequence of requests, checked against a model that fits a
 * page, on both stores at once: they must decide the very same.
 */

import { equalBytes } from '@simsim/bytes';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type {
  DeviceEntry,
  Post,
  PostResult,
  PreKeyBundle,
  RelayAnswer,
} from '@simsim/relay-protocol';
import { claimIdFromBytes, encodeOutcome, encodePost } from '@simsim/relay-protocol';
import type { RelayStore, SliceQuery } from '../src/core/index.ts';
import type { TestDevice } from '../src/conformance/people.ts';
import { TestUser } from '../src/conformance/people.ts';
import type { TestStore } from './stores.ts';
import { BareRelay } from '../src/conformance/bare-relay.ts';
import { memoryStore, sqliteStore } from './stores.ts';

/** One step; numbers pick among what is there, modulo how many. */
type Step =
  | { readonly kind: 'link'; readonly user: number; readonly id: number; readonly by: number }
  | {
      readonly kind: 'remove';
      readonly user: number;
      readonly id: number;
      readonly by: number;
      /** Under another identity key. */
      readonly isCompromised: boolean;
    }
  | {
      readonly kind: 'post';
      readonly user: number;
      readonly by: number;
      readonly to: number;
      readonly change: 'exact' | 'drop' | 'stale' | 'repeat' | 'other' | 'mixed' | 'one';
    }
  | {
      readonly kind: 'claim';
      readonly user: number;
      readonly by: number;
      readonly to: number;
      readonly isRepeat: boolean;
    }
  | { readonly kind: 'ack'; readonly user: number; readonly by: number; readonly count: number };

const small = fc.nat(20);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('link'), user: small, id: small, by: small }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('remove'),
      user: small,
      id: small,
      by: small,
      isCompromised: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('post'),
      user: small,
      by: small,
      to: small,
      change: fc.constantFrom('exact', 'exact', 'drop', 'stale', 'repeat', 'other', 'mixed', 'one'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('claim'),
      user: small,
      by: small,
      to: small,
      isRepeat: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('ack'), user: small, by: small, count: small }),
  },
) as fc.Arbitrary<Step>;

const steps = fc.array(step, { minLength: 1, maxLength: 40 });

/** What must be true, kept as plainly as possible. */
class Model {
  /** Envelope ids that wait, by device. */
  readonly mail = new Map<TestDevice, string[]>();
  /** One-time keys that left, with the claim they left by. */
  readonly issued = new Map<string, string>();
  /** Last-resort KEM keys that left, of any device. */
  readonly lastResorts = new Set<string>();
  /** Answers of claims, encoded. */
  readonly claims = new Map<string, string>();
  /** Accepted posts with the version they were answered with. */
  readonly accepted = new Map<string, { readonly post: Post; readonly version: number }>();
}

const pick = <T>(items: readonly T[], at: number): T => {
  const item = items[at % items.length];
  if (item === undefined) throw new Error('there is something to pick');
  return item;
};

/** Runs the same steps on every store; answers the first law that does not hold. */
class Run {
  readonly #users = [new TestUser('ali'), new TestUser('baba')];
  readonly #relays: readonly BareRelay[];
  readonly #model = new Model();
  #lastPost: { readonly post: Post; readonly by: TestDevice; readonly to: TestUser } | undefined;
  #lastClaim = new Uint8Array(16);

  constructor(stores: readonly RelayStore[]) {
    this.#relays = stores.map((store) => new BareRelay(store));
  }

  go(sequence: readonly Step[]): string | undefined {
    for (const user of this.#users) {
      const device = user.makeDevice(1);
      const nonces = this.#relays.map((relay) => relay.nonce());
      if (this.#all(user.createAccount(device, pick(nonces, 0))) === 'differ')
        return 'stores differ';
      this.#model.mail.set(device, []);
    }
    for (const one of sequence) {
      const broken = this.#step(one);
      if (broken !== undefined) return `${broken} after ${JSON.stringify(one)}`;
    }
    return this.#mailIsRight();
  }

  #all(...[request, device]: Parameters<BareRelay['call']>): unknown {
    const [first, ...others] = this.#relays.map((relay) => relay.call(request, device));
    for (const other of others) {
      try {
        expect(other).toEqual(first);
      } catch {
        return 'differ';
      }
    }
    const outcome = first?.outcome;
    return outcome?.ok === true ? outcome.value : outcome?.error.code;
  }

  #listed(user: TestUser): TestDevice[] {
    return user.current().devices.map((entry) => user.device(entry.deviceId));
  }

  #step(one: Step): string | undefined {
    const user = pick(this.#users, one.user);
    const by = pick(this.#listed(user), one.by);
    switch (one.kind) {
      case 'link':
        return this.#link(user, by, 1 + (one.id % 4));
      case 'remove':
        return this.#remove(user, by, {
          gone: pick(this.#listed(user), one.id),
          isCompromised: one.isCompromised,
        });
      case 'post':
        return this.#post(user, by, one);
      case 'claim':
        return this.#claim(user, by, one);
      case 'ack':
        return this.#ack(by, one.count);
    }
  }

  #link(user: TestUser, by: TestDevice, id: number): string | undefined {
    if (this.#listed(user).some((device) => Number(device.deviceId) === id)) return undefined;
    const device = user.makeDevice(id);
    const nonces = this.#relays.map((relay) => relay.nonce());
    const request = user.addDevice(device, by, pick(nonces, 0));
    const answered = this.#all(request);
    if (answered === 'differ') return 'stores differ';
    expect(answered).toEqual({ kind: 'addDevice' });
    user.list = request.list;
    this.#model.mail.set(device, []);
    return undefined;
  }

  #remove(
    user: TestUser,
    by: TestDevice,
    { gone, isCompromised }: { gone: TestDevice; isCompromised: boolean },
  ): string | undefined {
    if (this.#listed(user).length === 1) return undefined;
    const made = isCompromised && gone !== by ? user.succeed(gone.deviceId, by) : undefined;
    const request = made?.request ?? user.removeDevice(gone.deviceId, by);
    const answered = this.#all(request, by);
    if (answered === 'differ') return 'stores differ';
    expect(answered).toEqual({ kind: 'removeDevice' });
    if (made !== undefined) user.adopt(made);
    user.list = request.list;
    this.#model.mail.delete(gone);
    if (made !== undefined && !this.#isFollowed(user)) return 'a succession cannot be followed';
    const after = this.#all({ kind: 'fetch', after: 0, limit: 1 }, gone);
    return after === 'UNAUTHORIZED' ? undefined : 'a removed device still has a mailbox';
  }

  /** Each device has its sealed key, along a whole chain, and its one-time keys are nobody's. */
  #isFollowed(user: TestUser): boolean {
    return this.#listed(user).every((device) => {
      const { keys } = device;
      for (const { publicKey } of keys.oneTimePreKeys.concat(keys.oneTimeKemPreKeys)) {
        const key = publicKey.join();
        if (!this.#model.issued.has(key)) this.#model.issued.set(key, 'forgotten');
      }
      const told = this.#all(user.askSuccession(device, 1));
      const { lists, sealed } = told as Extract<RelayAnswer, { kind: 'getSuccession' }>;
      const isWhole = lists.every(({ list }, i) => list.version === i + 1);
      return told !== 'differ' && isWhole && sealed !== undefined;
    });
  }

  #post(user: TestUser, by: TestDevice, one: Extract<Step, { kind: 'post' }>): string | undefined {
    const last = this.#lastPost;
    const isRepeat = one.change === 'repeat' && last?.by === by;
    const to = isRepeat ? last.to : pick(this.#users, one.to);
    const due = this.#listed(to)
      .filter((device) => device !== by)
      .map((device) => device.entry);
    const post = isRepeat ? last.post : this.#makePost(user, to, { due, change: one.change });
    const answered = this.#all({ kind: 'post', posts: [post] }, by);
    if (answered === 'differ') return 'stores differ';
    const [result] = (answered as { results: PostResult[] }).results;
    this.#lastPost = { post, by, to };
    return this.#judge(post, { by, to, due, result });
  }

  #makePost(
    user: TestUser,
    to: TestUser,
    { due, change }: { due: readonly DeviceEntry[]; change: string },
  ): Post {
    if (change === 'one' && due[0] !== undefined) {
      return { ...user.postTo(to.userId, [due[0]]), scope: 'device' };
    }
    if (change === 'drop') return user.postTo(to.userId, due.slice(1));
    if (change === 'stale') {
      const stale = due.map((entry) => ({
        ...entry,
        registrationId: entry.registrationId ^ 1 || 2,
      }));
      return user.postTo(to.userId, stale);
    }
    if (change === 'mixed') {
      const known = [...to.devices.values()].map((device) => device.entry);
      return user.postTo(to.userId, known);
    }
    const post = user.postTo(to.userId, due);
    const last = this.#lastPost?.post;
    return change === 'other' && last !== undefined ? { ...post, postId: last.postId } : post;
  }

  /** The law of posting: exactly the current devices, once per id, or nothing at all. */
  #judge(
    post: Post,
    seen: {
      readonly by: TestDevice;
      readonly to: TestUser;
      readonly due: readonly DeviceEntry[];
      readonly result: PostResult | undefined;
    },
  ): string | undefined {
    const { by, to, due, result } = seen;
    const key = `${by.userId} ${by.deviceId} ${by.tokenHash.join()} ${post.postId}`;
    const before = this.#model.accepted.get(key);
    if (before !== undefined) {
      const isSame = equalBytes(encodePost(before.post), encodePost(post));
      const expected: PostResult = isSame
        ? { kind: 'accepted', listVersion: before.version }
        : { kind: 'conflict' };
      return sameResult(result, expected) ? undefined : 'an accepted id was decided again';
    }
    const names = (entries: readonly { deviceId: number; registrationId: number }[]): string =>
      entries.map((entry) => `${entry.deviceId}:${entry.registrationId}`).join();
    const isExact =
      post.scope === 'all'
        ? names(post.envelopes) === names(due)
        : post.envelopes.every((envelope) =>
            names(due)
              .split(',')
              .includes(names([envelope])),
          );
    if (!isExact) return result?.kind === 'mismatch' ? undefined : 'a wrong set was not refused';
    const version = to.current().version;
    if (!sameResult(result, { kind: 'accepted', listVersion: version })) {
      return 'an exact set was refused';
    }
    this.#model.accepted.set(key, { post, version });
    for (const envelope of post.envelopes) {
      this.#model.mail.get(to.device(envelope.deviceId))?.push(envelope.envelopeId);
    }
    return undefined;
  }

  #claim(
    user: TestUser,
    by: TestDevice,
    one: Extract<Step, { kind: 'claim' }>,
  ): string | undefined {
    const to = pick(this.#users, one.to);
    if (!one.isRepeat) this.#lastClaim = Uint8Array.from(user.entropy(16));
    const claimId = claimIdFromBytes(this.#lastClaim);
    const devices = to.current().devices.map((entry) => entry.deviceId);
    const answered = this.#all({ kind: 'claimKeys', claimId, userId: to.userId, devices }, by);
    if (answered === 'differ') return 'stores differ';
    if (answered === 'ID_REUSED') return undefined;
    const { results } = answered as {
      results: { deviceId: number; bundle?: PreKeyBundle }[];
    };
    const claim = `${by.tokenHash.join()} ${claimId}`;
    const text = encodeOutcome({ ok: true, value: answered as RelayAnswer }).join();
    if ((this.#model.claims.get(claim) ?? text) !== text) return 'a claim was answered otherwise';
    this.#model.claims.set(claim, text);
    for (const { bundle, deviceId } of results) {
      const device = to.device(deviceId);
      if (bundle === undefined) continue;
      const kem = bundle.kemPreKey?.publicKey;
      const last = device.keys.lastResortKemPreKey.publicKey;
      const { oneTimeKemPreKeys } = device.keys;
      const left = oneTimeKemPreKeys.filter(
        ({ publicKey }) => (this.#model.issued.get(publicKey.join()) ?? claim) === claim,
      );
      if (kem === undefined) return 'a bundle has no KEM key';
      if (equalBytes(kem, last)) {
        if (left.length > 0) return 'the last resort left too early';
        this.#model.lastResorts.add(last.join());
      }
      // A repeated answer may hold the last resort of a device that has gone since.
      const isLast = this.#model.lastResorts.has(kem.join());
      for (const key of [bundle.oneTimePreKey?.publicKey, isLast ? undefined : kem]) {
        if (key === undefined) continue;
        const by = this.#model.issued.get(key.join()) ?? claim;
        if (by !== claim) return 'a one-time key left twice';
        this.#model.issued.set(key.join(), claim);
      }
    }
    return undefined;
  }

  #ack(by: TestDevice, count: number): string | undefined {
    const answered = this.#all({ kind: 'fetch', after: 0, limit: 1 + count }, by);
    if (answered === 'differ') return 'stores differ';
    const { envelopes } = answered as { envelopes: { seq: number; envelopeId: string }[] };
    const waiting = this.#model.mail.get(by) ?? [];
    const expected = waiting.splice(0, 1 + count).join();
    if (envelopes.map((envelope) => envelope.envelopeId).join() !== expected) {
      return 'mail was lost, doubled or out of order';
    }
    const seqs = envelopes.map((envelope) => envelope.seq);
    return this.#all({ kind: 'ack', seqs }, by) === 'differ' ? 'stores differ' : undefined;
  }

  #mailIsRight(): string | undefined {
    for (const user of this.#users) {
      for (const device of this.#listed(user)) {
        for (;;) {
          const waiting = this.#model.mail.get(device)?.length ?? 0;
          const broken = this.#ack(device, 50);
          if (broken !== undefined) return `${broken} in the end`;
          if (waiting === 0) break;
        }
      }
    }
    return undefined;
  }
}

function sameResult(a: PostResult | undefined, b: PostResult): boolean {
  const versionOf = (result: PostResult | undefined): number | undefined =>
    result?.kind === 'accepted' ? result.listVersion : undefined;
  return a?.kind === b.kind && versionOf(a) === versionOf(b);
}

const laws = (makeStores: () => readonly TestStore[]): fc.IProperty<[Step[]]> =>
  fc.property(steps, (sequence) => {
    const stores = makeStores();
    try {
      const broken = new Run(stores.map((one) => one.store)).go(sequence);
      if (broken !== undefined) throw new Error(broken);
    } finally {
      for (const store of stores) store.dispose();
    }
  });

test('both stores keep the laws and decide the same', () => {
  fc.assert(laws(() => [memoryStore(), sqliteStore()]));
});

/** A store that breaks one promise. */
function broken(change: (store: RelayStore) => Partial<RelayStore>): () => readonly TestStore[] {
  return () => {
    const one = memoryStore();
    return [{ ...one, store: { ...one.store, ...change(one.store) } }];
  };
}

/** A store that never applies one kind of change. */
const without = (kind: string): (() => readonly TestStore[]) =>
  broken((store) => ({
    transact: (work) =>
      store.transact((transaction) =>
        work({
          read: (query) => transaction.read(query),
          apply: (changes) => transaction.apply(changes.filter((change) => change.kind !== kind)),
        }),
      ),
  }));

/** A store that answers queries with a part left out. */
const blind = (change: (query: SliceQuery) => SliceQuery): (() => readonly TestStore[]) =>
  broken((store) => ({
    transact: (work) =>
      store.transact((transaction) =>
        work({ ...transaction, read: (query) => transaction.read(change(query)) }),
      ),
  }));

describe('the laws catch a relay that', () => {
  test.each([
    ['forgets accepted posts', without('postAccepted'), /decided again|doubled/],
    ['hands out a key twice', without('preKeyIssued'), /a one-time key left twice/],
    ['hands out a KEM key twice', without('kemPreKeyIssued'), /a one-time key left twice/],
    ['has no one-time KEM keys', without('kemPreKeysStored'), /the last resort left too early/],
    ['forgets claims', without('claimAnswered'), /answered otherwise/],
    ['forgets acknowledgements', without('mailAcknowledged'), /mail was lost, doubled/],
    ['loses mail', without('mailStored'), /mail was lost, doubled/],
    ['keeps removed devices', without('deviceRemoved'), /a removed device still has a mailbox/],
    ['keeps an old list', without('listChanged'), /wrong set|exact set|Error/],
    [
      'does not look for repeats',
      blind((query) => ({ ...query, posts: [] })),
      /decided again|doubled/,
    ],
  ])('%s', (_name, makeStores, why) => {
    const outcome = fc.check(laws(makeStores), { endOnFailure: true });
    expect(outcome.failed).toBe(true);
    expect(String(outcome.errorInstance)).toMatch(why);
  });
});
