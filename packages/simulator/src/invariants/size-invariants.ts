/** How much a device keeps: what lives is what users, sessions, keys and open sends account for. */

import {
  AGREEMENTS_REMEMBERED_MAX,
  DEVICE_NAMES_MAX,
  FROZEN_SESSIONS_MAX,
  HELD_MAIL_MAX,
  INACTIVE_SESSIONS_MAX,
  ONE_TIME_BATCHES_MAX,
  ONE_TIME_KEM_BATCHES_MAX,
  PRE_KEYS_KEPT_MAX,
  RECIPIENTS_MAX,
  SEND_PREFIX,
  USER_PREFIX,
} from '@simsim/sesame';
import type { SendState } from '@simsim/sesame';
import { defaultRatchetLimits } from '@simsim/session';
import type { Process } from '../device/process.ts';
import type { Invariant } from './invariant.ts';
import { everySo } from './sample.ts';

/** Of checks that read a whole device, one in so many commits is made. */
const SAMPLE = 32;

/** The device, its prekeys, heads of own devices, and the audit. */
const SINGLE_STREAMS = ['device', 'prekeys', 'heads', 'audit'];

/** Sessions there may be for one device. */
const SESSIONS_MAX: number = 1 + INACTIVE_SESSIONS_MAX + FROZEN_SESSIONS_MAX;

/** S12. The numbers are the limits of SES-98, T-20 and DR-3. */
export const S12: Invariant = {
  id: 'S12',
  statement:
    'a device keeps no more than its contacts, their sessions and what is on its way account for',
  watch(world) {
    const isDue = everySo(SAMPLE);
    return {
      *ran(process, inputs) {
        const { core, errands, machine } = process;
        for (const input of inputs) {
          if (input.type !== 'posted') continue;
          const { postId } = input;
          const isKept = [...core.outbox(), ...errands.posts].some(
            ({ post }) => post.postId === postId,
          );
          if (isKept) yield `${machine.label} keeps the post ${postId}, which was answered`;
        }
        if (isDue(process)) yield* surplus(process);
      },
      *rested() {
        for (const process of world.living()) {
          yield* surplus(process);
          const { posts } = process.errands;
          if (posts.length > 0) yield `${process.machine.label} keeps ${posts.length} posts`;
        }
      },
    };
  },
};

function* surplus(process: Process): Generator<string> {
  const { label } = process.machine;
  for (const [what, count, most] of countsOf(process)) {
    if (count > most) yield `${label} keeps ${count} ${what}, and ${most} at most`;
  }
  const { core, log } = process;
  for (const stream of log.streamsWithPrefix(SEND_PREFIX)) {
    const send = core.reader().value('send', stream);
    if (send !== undefined && !isOwed(send)) yield `${label} keeps ${stream}, owed to nobody`;
  }
  if (log.outbox().length !== core.outbox().length) yield `${label} has posts twice`;
  if (log.inbox().length !== core.inbox().length) yield `${label} has mail twice`;
}

type Count = readonly [what: string, count: number, most: number];

/** What lives of each kind, and how much may. */
function* countsOf(process: Process): Generator<Count> {
  const { core, log } = process;
  const live = (prefix: string): number => log.streamsWithPrefix(prefix).length;
  let devices = 0;
  for (const stream of log.streamsWithPrefix(USER_PREFIX)) {
    const record = core.reader().value('user', stream);
    devices += record?.devices.size ?? 0;
    yield ['envelopes that wait for a key', record?.held?.length ?? 0, HELD_MAIL_MAX];
    yield ['names', record?.names?.size ?? 0, DEVICE_NAMES_MAX];
  }
  const [sessions, sends] = [live('session/'), live(SEND_PREFIX)];
  const { blocksMax } = defaultRatchetLimits;
  yield ['sessions', sessions, devices * SESSIONS_MAX];
  yield ['cold states', live('chains/'), sessions];
  yield ['blocks of skipped keys', live('skip/'), sessions * 2 * blocksMax];
  yield ['batches of prekeys', live('opk/'), ONE_TIME_BATCHES_MAX];
  yield ['batches of KEM prekeys', live('kpk/'), ONE_TIME_KEM_BATCHES_MAX];
  yield ['records of agreements', live('replays/'), PRE_KEYS_KEPT_MAX];
  for (const stream of log.streamsWithPrefix('replays/')) {
    const agreements = core.reader().value('replays', stream)?.capacity ?? 0;
    yield ['agreements', agreements, AGREEMENTS_REMEMBERED_MAX];
  }
  const kinds = ['session/', 'chains/', 'skip/', 'opk/', 'kpk/', 'replays/'];
  const accounted = kinds.reduce((sum, prefix) => sum + live(prefix), sends + live(USER_PREFIX));
  yield ['streams', live(''), accounted + SINGLE_STREAMS.length];
  // One round for each user a send goes to.
  const rounds = core.outbox().filter(({ origin }) => origin.type === 'round').length;
  yield ['rounds', rounds, sends * (RECIPIENTS_MAX + 1)];
}

/** Whether somebody is still owed something of a send: a round, an answer or a receipt. */
function isOwed({ recipients }: SendState): boolean {
  return [...recipients.values()].some(({ status, copies }) => {
    if (status === 'posting' || status === 'claiming' || status === 'held') return true;
    const isFinal = ({ stage }: { readonly stage: string }): boolean =>
      stage === 'receipted' || stage === 'dead';
    return status === 'accepted' && [...copies.values()].some((copy) => !isFinal(copy));
  });
}
