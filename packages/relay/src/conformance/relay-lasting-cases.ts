/** Level L1, what time does to a relay, and level L2, what a kill does not. */

import { same } from '@simsim/bytes/conformance';
import {
  claimIdFromBytes,
  LATENCY_MAX_MS,
  LINK_LIFE_MS,
  NONCE_LIFE_MS,
} from '@simsim/relay-protocol';
import { TestUser } from './people.ts';
import { RelayBed } from './relay-bed.ts';
import type { BareRelayCase, RelayHooks, RelayUnderTest } from './relay-hooks.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

type Passing<Relay extends RelayUnderTest> = Pick<RelayHooks<Relay>, 'make' | 'timer'> &
  Required<Pick<RelayHooks<Relay>, 'passTime'>>;

type Killing<Relay extends RelayUnderTest> = Pick<RelayHooks<Relay>, 'make' | 'timer'> &
  Required<Pick<RelayHooks<Relay>, 'kill'>>;

/** Time that passes. */
export function timeCases<Relay extends RelayUnderTest>({
  make,
  timer,
  passTime,
}: Passing<Relay>): readonly BareRelayCase<unknown>[] {
  const inTime = (
    name: string,
    run: (bed: RelayBed, pass: (ms: number) => Promise<void>) => Promise<void>,
  ): BareRelayCase<unknown> => ({
    name,
    async run() {
      const relay = await make();
      const bed = new RelayBed(relay, timer);
      try {
        await run(bed, (ms) => passTime(relay, ms));
      } finally {
        await bed.stop();
      }
    },
  });
  return [
    inTime('a nonce ends after five minutes', async (bed, pass) => {
      const [ali, baba] = [new TestUser('ali'), new TestUser('baba')];
      const nonce = await bed.nonce();
      const early = await bed.nonce();
      await pass(NONCE_LIFE_MS - MINUTE_MS);
      await bed.ask(ali.createAccount(ali.makeDevice(1), early));
      await pass(MINUTE_MS);
      await bed.refused('NONCE_UNKNOWN', baba.createAccount(baba.makeDevice(1), nonce));
    }),
    inTime('what is left for a link is there for ten minutes', async (bed, pass) => {
      const { user: ali, device: phone } = await bed.user('ali');
      const [address, other] = [ali.entropy(16), ali.entropy(16)];
      const ciphertext = ali.entropy(40);
      await bed.ask({ kind: 'putLink', address, ciphertext }, phone);
      await bed.ask({ kind: 'putLink', address: other, ciphertext }, phone);
      await pass(LINK_LIFE_MS - MINUTE_MS);
      const early = await bed.ask({ kind: 'takeLink', address });
      same(early.ciphertext, ciphertext, 'what is there after nine minutes');
      await pass(MINUTE_MS);
      const late = await bed.ask({ kind: 'takeLink', address: other });
      same(late.ciphertext, undefined, 'what is there after ten');
    }),
    inTime('mail says how long it waited, and goes after thirty days', async (bed, pass) => {
      const { user: ali, device: phone } = await bed.user('ali');
      const { user: baba, device: desk } = await bed.user('baba');
      await bed.posted(phone, ali.postTo(baba.userId, [desk.entry]));
      await pass(LATENCY_MAX_MS - DAY_MS);
      await bed.posted(phone, ali.postTo(baba.userId, [desk.entry]));
      const [first, second] = await bed.mailbox(desk);
      const days = (ms: number | undefined): number => Math.floor((ms ?? -1) / DAY_MS);
      const waited = [days(first?.waitedMs), days(second?.waitedMs)];
      same(waited, [LATENCY_MAX_MS / DAY_MS - 1, 0], 'the days that mail waited');
      await pass(DAY_MS + MINUTE_MS);
      same(await bed.waiting(desk), [2], 'what waits after thirty days');
    }),
    inTime(
      'an accepted post and an answered claim are remembered for so long',
      async (bed, pass) => {
        const { user: ali, device: phone } = await bed.user('ali');
        const { user: baba, device: desk } = await bed.user('baba');
        const post = ali.postTo(baba.userId, [desk.entry]);
        await bed.posted(phone, post);
        const claim = bed.claimOf(desk, claimIdFromBytes(ali.entropy(16)));
        const { results } = await bed.ask(claim, phone);
        await pass(LATENCY_MAX_MS - DAY_MS);
        await bed.posted(phone, post);
        same(await bed.waiting(desk), [1], 'the mail of a post that was repeated');
        same((await bed.ask(claim, phone)).results, results, 'the answer to a claim once more');
      },
    ),
  ];
}

/** Processes that are killed. */
export function killCases<Relay extends RelayUnderTest>({
  make,
  timer,
  kill,
}: Killing<Relay>): readonly BareRelayCase<unknown>[] {
  const killed = (
    name: string,
    run: (bed: RelayBed, killNow: () => Promise<void>) => Promise<void>,
  ): BareRelayCase<unknown> => ({
    name,
    async run() {
      let relay = await make();
      const bed = new RelayBed(relay, timer);
      const killNow = async (): Promise<void> => {
        relay = await kill(relay);
        bed.relay = relay;
      };
      try {
        await run(bed, killNow);
      } finally {
        await bed.stop();
      }
    },
  });
  return [
    killed('mail that was taken is there after a kill, once', async (bed, killNow) => {
      const { user: ali, device: phone } = await bed.user('ali');
      const { user: baba, device: desk } = await bed.user('baba');
      const post = ali.postTo(baba.userId, [desk.entry]);
      await bed.posted(phone, post, ali.postTo(baba.userId, [desk.entry]));
      await killNow();
      same(await bed.waiting(desk), [1, 2], 'the mail after a kill');
      await bed.posted(phone, post);
      same(await bed.waiting(desk), [1, 2], 'the mail after a post once more');
      await bed.ask({ kind: 'ack', seqs: [1, 2] }, desk);
      await killNow();
      same(await bed.waiting(desk), [], 'the mail that was acknowledged');
      await bed.posted(phone, ali.postTo(baba.userId, [desk.entry]));
      const line = bed.line(desk);
      same(await line.seqs(1, 'mail after two kills'), [3], 'its number');
    }),
    killed('a key that was given is not given again after a kill', async (bed, killNow) => {
      const { device: target } = await bed.user('target', 2);
      const caller = await bed.user('caller');
      const claim = bed.claimOf(target, claimIdFromBytes(caller.user.entropy(16)));
      const { results } = await bed.ask(claim, caller.device);
      await killNow();
      same((await bed.ask(claim, caller.device)).results, results, 'the same claim once more');
      const next = await bed.bundle(caller, target);
      same([next.oneTimePreKey?.id, next.kemPreKey?.id], [2, 2], 'the keys of the next');
    }),
    killed('whom a relay knew it knows after a kill', async (bed, killNow) => {
      const { user: ali, device: phone } = await bed.user('ali');
      const tablet = await bed.join(ali, 2, phone);
      const lost = await bed.join(ali, 3, phone);
      await bed.remove(ali, 3, phone);
      const head = ali.head(phone, 7);
      await bed.ask({ kind: 'exchangeHead', head }, phone);
      const spent = await bed.nonce();
      const baba = new TestUser('baba');
      await bed.ask(baba.createAccount(baba.makeDevice(1), spent));
      await killNow();
      const { result } = await bed.ask({ kind: 'getList', userId: ali.userId, since: 0 });
      same(result, { kind: 'list', list: ali.list }, 'the list after a kill');
      same(await bed.waiting(tablet), [], 'the mailbox of a listed device');
      await bed.refused('UNAUTHORIZED', { kind: 'fetch', after: 0, limit: 1 }, lost);
      const { before } = await bed.ask({ kind: 'exchangeHead', head: ali.head(phone, 8) }, phone);
      same(before, head, 'the head after a kill');
      const cassim = new TestUser('cassim');
      await bed.refused('NONCE_UNKNOWN', cassim.createAccount(cassim.makeDevice(1), spent));
    }),
  ];
}
