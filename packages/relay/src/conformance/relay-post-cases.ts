/** What becomes of posts, mail, heads and links. */

import { check, same } from '@simsim/bytes/conformance';
import type { Post, PostResult } from '@simsim/relay-protocol';
import { ENVELOPE_BYTES_MAX } from '@simsim/relay-protocol';
import type { TestDevice } from './people.ts';
import { deviceIdOf, TestUser, userIdOf } from './people.ts';
import type { RelayBed } from './relay-bed.ts';
import { onRelay } from './relay-bed.ts';
import type { BareRelayCase, RelayHooks } from './relay-hooks.ts';

/** Ali with a phone, and Baba with two devices. */
interface Pair {
  readonly ali: TestUser;
  readonly phone: TestDevice;
  readonly baba: TestUser;
  readonly desk: TestDevice;
  readonly tablet: TestDevice;
}

async function pair(bed: RelayBed): Promise<Pair> {
  const { user: ali, device: phone } = await bed.user('ali');
  const { user: baba, device: desk } = await bed.user('baba');
  const tablet = await bed.join(baba, 2, desk);
  return { ali, phone, baba, desk, tablet };
}

const ACCEPTED: PostResult = { kind: 'accepted', listVersion: 2 };

/** The cases. */
export const POST_CASES: readonly BareRelayCase<RelayHooks>[] = [
  onRelay('a post goes to exactly the devices of a user, or nowhere', async (bed) => {
    const { ali, phone, baba, desk, tablet } = await pair(bed);
    const wrong = [
      ali.postTo(baba.userId, [desk.entry]),
      ali.postTo(baba.userId, []),
      ali.postTo(baba.userId, [desk.entry, tablet.entry, phone.entry].slice(0, 1)),
      {
        ...ali.postTo(baba.userId, []),
        envelopes: [desk.entry, tablet.entry, { ...desk.entry, deviceId: deviceIdOf(99) }].map(
          (entry) => ali.envelope(entry),
        ),
      },
    ];
    for (const post of wrong) {
      const [result] = await bed.post(phone, post);
      same(result?.kind, 'mismatch', 'what becomes of a post to other devices');
    }
    same([await bed.waiting(desk), await bed.waiting(tablet)], [[], []], 'mail of refused posts');
    const good = ali.postTo(baba.userId, [desk.entry, tablet.entry]);
    same(await bed.post(phone, good), [ACCEPTED], 'what becomes of a post to all devices');
    same([await bed.waiting(desk), await bed.waiting(tablet)], [[1], [1]], 'mail of the post');
    const own = baba.postTo(baba.userId, [tablet.entry]);
    same(await bed.post(desk, own), [ACCEPTED], 'what becomes of a post to oneself');
    const [toSelf] = await bed.post(desk, baba.postTo(baba.userId, [desk.entry, tablet.entry]));
    same(toSelf?.kind, 'mismatch', 'what becomes of a post to the very sender');
  }),
  onRelay('a mismatch names missing, extra and stale at once, with the list', async (bed) => {
    const { ali, phone, baba, desk, tablet } = await pair(bed);
    const stale = { ...desk.entry, registrationId: (desk.entry.registrationId % 16_383) + 1 };
    const extra = { ...desk.entry, deviceId: deviceIdOf(99) };
    const envelopes = [stale, extra].map((entry) => ali.envelope(entry));
    const [result] = await bed.post(phone, { ...ali.postTo(baba.userId, []), envelopes });
    const expected = {
      kind: 'mismatch',
      missing: [tablet.deviceId],
      extra: [extra.deviceId],
      stale: [desk.deviceId],
      list: baba.list,
    };
    same(result, expected, 'the whole difference');
  }),
  onRelay('a post that is repeated is stored once and answered the same', async (bed) => {
    const { ali, phone, baba, desk, tablet } = await pair(bed);
    const post = ali.postTo(baba.userId, [desk.entry, tablet.entry]);
    same(await bed.post(phone, post), [ACCEPTED], 'the first answer');
    same(await bed.post(phone, post, post), [ACCEPTED, ACCEPTED], 'the next answers');
    await bed.remove(baba, 2, desk);
    same(await bed.post(phone, post), [ACCEPTED], 'the answer after the list moved');
    same(await bed.waiting(desk), [1], 'the mail of it');
    const other = { ...ali.postTo(baba.userId, [desk.entry]), postId: post.postId };
    same(await bed.post(phone, other), [{ kind: 'conflict' }], 'another post under its id');
    const { user: cassim, device: lamp } = await bed.user('cassim');
    const foreign = { ...cassim.postTo(baba.userId, [desk.entry]), postId: post.postId };
    const [result] = await bed.post(lamp, foreign);
    same(result?.kind, 'accepted', 'a post of somebody else under that id');
  }),
  onRelay('posts of one request have ends of their own', async (bed) => {
    const { ali, phone, baba, desk, tablet } = await pair(bed);
    const good = (): Post => ali.postTo(baba.userId, [desk.entry, tablet.entry]);
    const content = new Uint8Array(ENVELOPE_BYTES_MAX + 1);
    const results = await bed.post(
      phone,
      good(),
      ali.postTo(userIdOf('nobody'), [desk.entry]),
      ali.postTo(baba.userId, [desk.entry, tablet.entry], content),
      ali.postTo(baba.userId, [desk.entry, tablet.entry], content.subarray(1)),
      ali.postTo(baba.userId, []),
      good(),
    );
    const kinds = results.map(({ kind }) => kind);
    const expected = ['accepted', 'unknownUser', 'tooLarge', 'accepted', 'mismatch', 'accepted'];
    same(kinds, expected, 'what becomes of them');
    same(await bed.waiting(desk), [1, 2, 3], 'the mail of them');
  }),
  onRelay('a post to one device needs that very incarnation of it', async (bed) => {
    const { ali, phone, baba, desk } = await pair(bed);
    const one = (entry: TestDevice['entry']): Post => ({
      ...ali.postTo(baba.userId, [entry]),
      scope: 'device',
    });
    const stale = { ...desk.entry, registrationId: (desk.entry.registrationId % 16_383) + 1 };
    const unknown = { ...desk.entry, deviceId: deviceIdOf(99) };
    const results = await bed.post(phone, one(desk.entry), one(stale), one(unknown));
    same(results, [ACCEPTED, { kind: 'gone' }, { kind: 'gone' }], 'what becomes of them');
  }),
  onRelay('mail comes whole, in the order of the posts, with who sent it', async (bed) => {
    const { ali, phone, baba, desk, tablet } = await pair(bed);
    const posts = [0, 1, 2].map(() => ali.postTo(baba.userId, [desk.entry, tablet.entry]));
    for (const post of posts) await bed.posted(phone, post);
    const mail = await bed.mailbox(tablet);
    const expected = posts.map((post, i) => {
      const envelope = post.envelopes.find(({ deviceId }) => deviceId === tablet.deviceId);
      return [i + 1, ali.userId, phone.deviceId, envelope?.envelopeId, envelope?.content];
    });
    same(
      mail.map((one) => [one.seq, one.sender, one.senderDevice, one.envelopeId, one.content]),
      expected,
      'the mail',
    );
    const page = await bed.ask({ kind: 'fetch', after: 1, limit: 1 }, tablet);
    same(
      [page.envelopes.map(({ seq }) => seq), page.isEmpty],
      [[2], false],
      'a page of one above the first',
    );
  }),
  onRelay('mail waits until it is acknowledged, and its numbers do not come back', async (bed) => {
    const { ali, phone, baba, desk, tablet } = await pair(bed);
    const post = (): Post => ali.postTo(baba.userId, [desk.entry, tablet.entry]);
    await bed.posted(phone, post(), post(), post());
    same(await bed.waiting(desk), [1, 2, 3], 'mail that was read once');
    same(await bed.waiting(desk), [1, 2, 3], 'mail that was read and not acknowledged');
    await bed.ask({ kind: 'ack', seqs: [2, 77] }, desk);
    await bed.ask({ kind: 'ack', seqs: [2] }, desk);
    same(await bed.waiting(desk), [1, 3], 'mail after an acknowledgement');
    same(await bed.waiting(tablet), [1, 2, 3], 'mail of another device');
    await bed.ask({ kind: 'ack', seqs: [1, 3] }, desk);
    await bed.posted(phone, post());
    same(await bed.waiting(desk), [4], 'the number of the next');
  }),
  onRelay('the newest head of a device is kept, by its own word alone', async (bed) => {
    const { user: ali, device: phone } = await bed.user('ali');
    const tablet = await bed.join(ali, 2, phone);
    const exchange = async (seq: number, fill: number): Promise<unknown> =>
      (await bed.ask({ kind: 'exchangeHead', head: ali.head(phone, seq, fill) }, phone)).before;
    const heads = [3, 9].map((seq, i) => ali.head(phone, seq, i + 1));
    same(await exchange(3, 1), undefined, 'the head before the first');
    same(await exchange(9, 2), heads[0], 'the head before the second');
    same(await exchange(7, 3), heads[1], 'the head before an older one');
    same(await exchange(9, 2), heads[1], 'the head after an older one');
    const head = ali.head(phone, 20);
    for (const bad of [ali.head(tablet, 20), { ...head, seq: 21 }]) {
      await bed.refused('BAD_HEAD', { kind: 'exchangeHead', head: bad }, phone);
    }
    same(await exchange(10, 4), heads[1], 'the head after refusals');
  }),
  onRelay('of two copies of a device that post, the first stops the other', async (bed) => {
    const { ali, phone, baba, desk, tablet } = await pair(bed);
    const post = (): Post => ali.postTo(baba.userId, [desk.entry, tablet.entry]);
    const common = ali.head(phone, 10, 1);
    await bed.ask({ kind: 'exchangeHead', head: common }, phone);
    const mine = { head: ali.head(phone, 12, 2), expected: common.hash };
    const first = { kind: 'post', posts: [post()], from: mine } as const;
    same((await bed.ask(first, phone)).results, [ACCEPTED], 'what becomes of the first');
    const copys = { head: ali.head(phone, 30, 3), expected: common.hash };
    await bed.refused('HEAD_MOVED', { kind: 'post', posts: [post()], from: copys }, phone);
    const forged = { head: ali.head(desk, 30, 3), expected: mine.head.hash };
    await bed.refused('BAD_HEAD', { kind: 'post', posts: [post()], from: forged }, phone);
    same((await bed.ask(first, phone)).results, [ACCEPTED], 'the first again, its answer lost');
    same(await bed.waiting(desk), [1], 'the mail of all of them');
    const { before } = await bed.ask({ kind: 'exchangeHead', head: copys.head }, phone);
    same(before, mine.head, 'the head that came with the post');
  }),
  onRelay('what is left for a link is taken once', async (bed) => {
    const { user: ali, device: phone } = await bed.user('ali');
    const address = ali.entropy(16);
    const [mine, other] = [ali.entropy(40), ali.entropy(40)];
    const take = async (): Promise<unknown> =>
      (await bed.ask({ kind: 'takeLink', address })).ciphertext;
    same(await take(), undefined, 'what is at an address where nothing was left');
    await bed.ask({ kind: 'putLink', address, ciphertext: mine }, phone);
    await bed.ask({ kind: 'putLink', address, ciphertext: mine }, phone);
    await bed.refused('ID_REUSED', { kind: 'putLink', address, ciphertext: other }, phone);
    const taken = await Promise.all(Array.from({ length: 10 }, take));
    const found = taken.filter((each) => each !== undefined);
    check(found.length > 0, 'what was left is there');
    same(found, [mine], 'what ten got who came at once');
    same(await take(), undefined, 'what is left afterwards');
  }),
  onRelay('who took what was left for a link gets it again, and nobody else', async (bed) => {
    const { user: ali, device: phone } = await bed.user('ali');
    const address = ali.entropy(16);
    const ciphertext = ali.entropy(40);
    const takers = Array.from({ length: 10 }, () => ali.entropy(16));
    const take = async (taker: Uint8Array): Promise<unknown> =>
      (await bed.ask({ kind: 'takeLink', address, taker })).ciphertext;
    await bed.ask({ kind: 'putLink', address, ciphertext }, phone);
    const taken = await Promise.all(takers.map(take));
    same(
      taken.filter((each) => each !== undefined),
      [ciphertext],
      'what ten got who came at once',
    );
    const again = await Promise.all(takers.map(take));
    same(again, taken, 'what each of them got whose answer was lost');
    const { ciphertext: left } = await bed.ask({ kind: 'takeLink', address });
    same(left, undefined, 'what somebody gets who has no name');
  }),
];
