/** Many calls, one transaction: order, isolation of a failing call, answers only after COMMIT. */

import { encodeUtf8 } from '@simsim/bytes';
import { seededEntropy } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import type { RelayOutcome } from '@simsim/relay-protocol';
import { beforeEach, expect, test } from 'vitest';
import type { RelayCall, RelayStore, Wakeup } from '../src/core/index.ts';
import { createMemoryStore } from '../src/memory/index.ts';
import type { ChaosSite, GroupCommit } from '../src/shell/group-commit.ts';
import { createGroupCommit, GROUP_MAX } from '../src/shell/group-commit.ts';
import type { TestDevice } from '../src/conformance/people.ts';
import { TestUser } from '../src/conformance/people.ts';
import { BareRelay } from '../src/conformance/bare-relay.ts';

let store: RelayStore;
let ali: TestUser;
let phone: TestDevice;
let transactions: number;
let failures: unknown[];
let wakeups: Wakeup[];
/** Makes the next transactions fail: all at the end, or those that hold a certain call. */
let failing: (count: number) => boolean;
let sites: ChaosSite[];
let commit: GroupCommit;

beforeEach(() => {
  store = createMemoryStore();
  const relay = new BareRelay(store);
  ali = new TestUser('ali');
  phone = ali.makeDevice(1);
  relay.call(ali.createAccount(phone, relay.nonce()));
  [transactions, failures, wakeups, sites, failing] = [0, [], [], [], () => false];
  const counted: RelayStore = {
    ...store,
    transact: (work) =>
      store.transact((transaction) => {
        transactions += 1;
        const result = work(transaction);
        if (failing(transactions)) throw new Error('the disk is full');
        return result;
      }),
  };
  commit = createGroupCommit({
    store: counted,
    crypto: nodeCrypto,
    entropy: seededEntropy(encodeUtf8('group'), nodeCrypto),
    policy: { registration: 'open', mailboxCountMax: 999, mailboxBytesMax: 99_999 },
    now: () => 5,
    chaos: { at: (site) => sites.push(site) },
    onWakeups: (woken) => wakeups.push(...woken),
    onFailure: (error) => failures.push(error),
  });
});

const toSelf = (): RelayCall => {
  const post = { ...ali.postTo(ali.userId, [phone.entry]), scope: 'device' as const };
  return { request: { kind: 'post', posts: [post] }, tokenHash: phone.tokenHash };
};
const waiting = (): string[] => {
  const mail = { after: 0, limit: 999, bytesMax: 99_999 };
  const slice = store.read({ tokenHash: phone.tokenHash, mail });
  return slice.mail?.mail.map((one) => String(one.envelopeId)) ?? [];
};
const idsOf = (calls: readonly RelayCall[]): string[] =>
  calls.flatMap(({ request }) =>
    request.kind === 'post'
      ? request.posts.map((post) => String(post.envelopes[0]?.envelopeId))
      : [],
  );
const isOk = (outcome: RelayOutcome): boolean => outcome.ok;

test('calls of one turn share a transaction, in order, at most 64 of them', async () => {
  const calls = Array.from({ length: GROUP_MAX + 6 }, toSelf);
  const outcomes = await Promise.all(calls.map((call) => commit.submit(call)));
  expect(outcomes.every(isOk)).toBe(true);
  expect(transactions).toBe(2);
  expect(waiting()).toEqual(idsOf(calls));
  expect(wakeups).toHaveLength(calls.length);
});

test('nothing is answered or woken before the commit, and chaos strikes on either side', async () => {
  const seen: string[] = [];
  const submitted = commit.submit(toSelf()).then(() => seen.push(`answered ${transactions}`));
  await Promise.resolve();
  expect([seen, wakeups, sites]).toEqual([[], [], []]);
  await submitted;
  expect(seen).toEqual(['answered 1']);
  expect(sites).toEqual(['post:before-commit', 'post:committed']);
});

test('a repeat strikes no chaos: it accepts nothing new', async () => {
  const call = toSelf();
  await Promise.all([commit.submit(call), commit.submit(call)]);
  expect(sites).toEqual(['post:before-commit', 'post:committed']);
  expect(waiting()).toEqual(idsOf([call]));
});

test('a group that fails is decided call by call, and only the failing call is refused', async () => {
  failing = (count) => count === 1 || count === 3;
  const calls = [toSelf(), toSelf(), toSelf()];
  const outcomes = await Promise.all(calls.map((call) => commit.submit(call)));
  expect(outcomes.map(isOk)).toEqual([true, false, true]);
  expect(outcomes[1]).toEqual({ ok: false, error: { code: 'UNAVAILABLE' } });
  expect(waiting()).toEqual(idsOf(calls.filter((_, i) => i !== 1)));
  expect(failures).toHaveLength(2);
  expect(wakeups).toHaveLength(2);
});

test('a removed device has no say later in the same group', async () => {
  const relay = new BareRelay(store);
  const tablet = ali.makeDevice(2);
  const adding = ali.addDevice(tablet, phone, relay.nonce());
  relay.call(adding);
  ali.list = adding.list;
  const removal = { request: ali.removeDevice(1, tablet), tokenHash: tablet.tokenHash };
  const [first, second, third] = await Promise.all(
    [toSelf(), removal, toSelf()].map((call) => commit.submit(call)),
  );
  expect([first?.ok, second?.ok]).toEqual([true, true]);
  expect(third).toEqual({ ok: false, error: { code: 'UNAUTHORIZED' } });
  expect(transactions).toBe(1);
});

test('closing decides what is queued and refuses what comes later', async () => {
  const queued = commit.submit(toSelf());
  commit.close();
  expect(transactions).toBe(1);
  expect((await queued).ok).toBe(true);
  expect(await commit.submit(toSelf())).toEqual({ ok: false, error: { code: 'UNAVAILABLE' } });
});
