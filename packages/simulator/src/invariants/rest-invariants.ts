/** What holds once faults are over and everybody has spoken once more. */

import type { EnvelopeId } from '@simsim/relay-protocol';
import { SEND_ROUNDS_MAX, RESENDS_MAX, userStream } from '@simsim/sesame';
import type { PostId } from '@simsim/relay-protocol';
import type { Process } from '../device/process.ts';
import type { WatchedWorld } from './watched-world.ts';
import type { Invariant } from './invariant.ts';

/** L2. */
export const L2: Invariant = {
  id: 'L2',
  statement: 'each pair of devices uses one session, the same on both sides',
  watch(world) {
    return {
      *rested() {
        const registered = registeredOf(world);
        for (const one of registered) {
          for (const other of registered) {
            if (one === other || isShared(activeOf(one, other), activeOf(other, one))) continue;
            const names = `${one.machine.label} and ${other.machine.label}`;
            yield `${names} use ${activeOf(one, other)} and ${activeOf(other, one)}`;
          }
        }
      },
    };
  },
};

function registeredOf(world: WatchedWorld): Process[] {
  return world.living().filter((process) => process.own().status === 'registered');
}

/** Two devices that spoke have a session, and the same one. */
function isShared(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && one === other;
}

function activeOf(process: Process, peer: Process): string | undefined {
  const { userId, deviceId } = peer.own();
  const record = process.core.reader().value('user', userStream(userId));
  return record?.devices.get(deviceId)?.active;
}

/** L3. */
export const L3: Invariant = {
  id: 'L3',
  statement: 'nothing waits: no post, no claim, no mail, no key to be erased',
  watch(world) {
    return {
      *rested() {
        for (const process of registeredOf(world)) {
          const { label } = process.machine;
          if (!process.errands.isIdle()) yield `something waits at ${label}`;
          if (process.log.outbox().length > 0) yield `posts wait in the log of ${label}`;
          if (process.log.inbox().length > 0) yield `mail waits in the log of ${label}`;
          if (process.log.lag() > 0) yield `the vault of ${label} waits`;
          const token = world.crypto.exportSecret(process.own().token);
          if (world.relay.hasMail(token)) yield `mail waits at the relay for ${label}`;
        }
      },
    };
  },
};

/** L4. That the world comes to rest at all is seen by whoever plays it. */
export const L4: Invariant = {
  id: 'L4',
  statement:
    'nothing goes in circles: rounds, resends, requests for them and lists of a message have their number',
  watch(world) {
    const counts = new Map<string, number>();
    /** What a process finds in its outbox when it starts is nothing new. */
    const known = new Set<PostId>();
    function* counted(what: string, most: number): Generator<string> {
      const count = (counts.get(what) ?? 0) + 1;
      counts.set(what, count);
      if (count > most) yield `${what}: ${count} times`;
    }
    return {
      // Whatever a killed process was at begins anew.
      died: () => counts.clear(),
      *ran(process, inputs, { effects }) {
        const { label } = process.machine;
        const isFresh = (envelopeId: EnvelopeId | undefined): boolean =>
          inputs.some(
            (input) =>
              input.type === 'envelope' &&
              input.isListFresh === true &&
              input.envelope.envelopeId === envelopeId,
          );
        for (const effect of effects) {
          if (effect.type === 'rolledBack') counts.clear();
          if (effect.type === 'fetchList' && isFresh(effect.envelope?.envelopeId))
            yield `${label} asks again for a list that it just got`;
          // A relay may have anything asked for again, as often as it likes.
          const isReplayed = world.relay.lies.size > 0;
          const isAsked = effect.type === 'acknowledge' && effect.end.state === 'resend-requested';
          if (isAsked && !isReplayed)
            yield* counted(`${label} request for ${effect.envelopeId}`, RESENDS_MAX + 1);
          if (effect.type === 'claim') {
            const { sends, userId } = effect;
            for (const messageId of sends)
              yield* counted(`${label} claim ${messageId} ${userId}`, SEND_ROUNDS_MAX);
          }
          if (effect.type !== 'post' || effect.origin.type === 'notice') continue;
          const { origin, post } = effect;
          if (known.has(post.postId)) continue;
          known.add(post.postId);
          const device = origin.type === 'resend' ? origin.deviceId : '';
          const what = `${label} ${origin.type} ${origin.messageId} ${origin.userId} ${device}`;
          yield* counted(what, origin.type === 'resend' ? RESENDS_MAX : SEND_ROUNDS_MAX);
        }
      },
    };
  },
};
