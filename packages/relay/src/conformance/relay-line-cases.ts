/** The line: what is pushed, in which order, and what ends it. */

import { check, same } from '@simsim/bytes/conformance';
import type { Post } from '@simsim/relay-protocol';
import {
  ENVELOPES_PER_BATCH_MAX,
  IN_FLIGHT_MAX,
  POSTS_PER_REQUEST_MAX,
} from '@simsim/relay-protocol';
import type { TestDevice, TestUser } from './people.ts';
import type { RelayBed } from './relay-bed.ts';
import { onRelay } from './relay-bed.ts';
import type { BareRelayCase, RelayHooks } from './relay-hooks.ts';

/** Requests after which an acknowledgement has arrived. */
const TRIES_MAX = 200;

/** Somebody who writes, and a device that is written to. */
interface Pair {
  readonly to: TestDevice;
  /** Posts so many envelopes. */
  readonly post: (count: number) => Promise<void>;
}

async function pair(bed: RelayBed): Promise<Pair> {
  const { user: ali, device: from } = await bed.user('ali');
  const { device: to } = await bed.user('baba');
  return { to, post: (count) => postMany(bed, { ali, from, to }, count) };
}

async function postMany(
  bed: RelayBed,
  { ali, from, to }: { ali: TestUser; from: TestDevice; to: TestDevice },
  count: number,
): Promise<void> {
  const one = (): Post => ali.postTo(to.userId, [to.entry]);
  for (let left = count; left > 0; left -= POSTS_PER_REQUEST_MAX) {
    const length = Math.min(left, POSTS_PER_REQUEST_MAX);
    await bed.posted(from, ...Array.from({ length }, one));
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

/** Acknowledgements go by the line, so a request may be a moment ahead of them. */
async function waitsOnly(
  bed: RelayBed,
  device: TestDevice,
  seqs: readonly number[],
): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if ((await bed.waiting(device)).length === seqs.length) break;
  }
  same(await bed.waiting(device), seqs, 'what waits after an acknowledgement');
}

/** The cases. */
export const LINE_CASES: readonly BareRelayCase<RelayHooks>[] = [
  onRelay(
    'a line brings what waits in order, then says once that the queue is empty',
    async (bed) => {
      const { to, post } = await pair(bed);
      await post(100);
      const line = bed.line(to);
      same(await line.seqs(100, 'mail that waits'), upTo(100), 'the numbers of the mail');
      const sizes = line.heard.flatMap((event) =>
        event.kind === 'envelopes' ? [event.envelopes.length] : [],
      );
      check(Math.max(...sizes) <= ENVELOPES_PER_BATCH_MAX, 'a frame has at most 64 envelopes');
      await line.emptied();
      await post(2);
      same(await line.seqs(2, 'mail that is posted'), [101, 102], 'the numbers of what followed');
      const kinds = line.heard.filter(({ kind }) => kind === 'queueEmpty');
      same(kinds.length, 1, 'how often the queue was said to be empty');
    },
  ),
  onRelay('a line of an empty mailbox says that at once', async (bed) => {
    const { to } = await pair(bed);
    await bed.line(to).emptied();
  }),
  onRelay('mail is pushed as it is posted, to the device it is for', async (bed) => {
    const { to, post } = await pair(bed);
    const { device: other } = await bed.user('cassim');
    const [line, others] = [bed.line(to), bed.line(other)];
    await line.emptied();
    await others.emptied();
    await post(1);
    const [envelope] = await line.envelopes(1, 'mail that is posted');
    same([envelope?.seq, envelope?.sender], [1, 'ali'], 'the mail');
    same(
      others.heard.filter(({ kind }) => kind === 'envelopes'),
      [],
      'what others hear',
    );
  }),
  onRelay(
    'what was not acknowledged comes again with the next line, and nothing else',
    async (bed) => {
      const { to, post } = await pair(bed);
      await post(3);
      const first = bed.line(to);
      same(await first.seqs(3, 'mail that waits'), [1, 2, 3], 'the numbers of the mail');
      first.line.drop();
      const second = bed.line(to);
      same(await second.seqs(3, 'mail once more'), [1, 2, 3], 'what comes again');
      await second.emptied();
      second.line.acknowledge([2]);
      await waitsOnly(bed, to, [1, 3]);
      const third = bed.line(to);
      same(await third.seqs(2, 'the rest of the mail'), [1, 3], 'what comes with a third line');
      await third.emptied();
    },
  ),
  onRelay(
    'a line stops at 256 unacknowledged and goes on after an acknowledgement',
    async (bed) => {
      const { to, post } = await pair(bed);
      const more = 50;
      await post(IN_FLIGHT_MAX + more);
      const line = bed.line(to);
      same(
        await line.seqs(IN_FLIGHT_MAX, 'as much as may be under way'),
        upTo(IN_FLIGHT_MAX),
        'the numbers of the mail',
      );
      // A whole request later nothing more has come.
      same((await bed.waiting(to)).length, IN_FLIGHT_MAX + more, 'what waits at the relay');
      const came = line.heard.flatMap((event) =>
        event.kind === 'envelopes' ? event.envelopes : [],
      );
      same(came.length, IN_FLIGHT_MAX, 'how much came without an acknowledgement');
      line.line.acknowledge(upTo(IN_FLIGHT_MAX));
      const rest = await line.seqs(more, 'the rest of the mail');
      same(rest.at(-1), IN_FLIGHT_MAX + more, 'the last of it');
      await line.emptied();
    },
  ),
  onRelay('a second line of a device ends the first, and gets the mail', async (bed) => {
    const { to, post } = await pair(bed);
    const first = bed.line(to);
    await first.emptied();
    const second = bed.line(to);
    await second.emptied();
    same(await first.end('the end of the first line'), 'connectedElsewhere', 'how it ends');
    await post(1);
    same(await second.seqs(1, 'mail for the second line'), [1], 'its number');
    same(first.heard.at(-1)?.kind, 'down', 'the last that the first line hears');
  }),
  onRelay('a line without a good token is refused', async (bed) => {
    const { to, post } = await pair(bed);
    await post(1);
    const flipped = to.token.map((byte, i) => (i === 31 ? byte ^ 1 : byte));
    for (const token of [undefined, flipped, to.token.slice(1)]) {
      const line = bed.line(token && { token });
      same(await line.end('the end of such a line'), 'unauthorized', 'how it ends');
    }
  }),
  onRelay(
    'a device hears that its prekeys are few, when it comes and when one goes',
    async (bed) => {
      const { device: target } = await bed.user('target', 3);
      const caller = await bed.user('caller');
      const line = bed.line(target);
      await line.emptied();
      const told = (): unknown => line.heard.filter(({ kind }) => kind === 'keysLow');
      const first = { kind: 'keysLow', count: 3, kemCount: 3 };
      same(told(), [first], 'what it hears when it comes');
      await bed.bundle(caller, target);
      let event = await line.next('word that prekeys are few');
      while (event.kind !== 'keysLow') event = await line.next('word that prekeys are few');
      same(event, { kind: 'keysLow', count: 2, kemCount: 2 }, 'what it hears when one goes');
      const { device: rich } = await bed.user('rich', 30);
      const other = bed.line(rich);
      await other.emptied();
      same(
        other.heard.map(({ kind }) => kind),
        ['up', 'queueEmpty'],
        'what a device hears that has enough',
      );
    },
  ),
];
