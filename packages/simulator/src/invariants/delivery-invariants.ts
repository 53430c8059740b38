/** What comes to applications: each message once, from whom it says, and all that was taken in the end. */

import type { MessageId, UserId } from '@simsim/relay-protocol';
import { factText, sendStream } from '@simsim/sesame';
import { lineOf } from '../device/application.ts';
import type { Process } from '../device/process.ts';
import type { WatchedWorld } from './watched-world.ts';
import type { Invariant } from './invariant.ts';

/** S4. */
export const S4: Invariant = {
  id: 'S4',
  statement: 'each application has each message at most once, as it was sent',
  watch(world) {
    return {
      *kept(process, { messageId }) {
        const row = process.application.row(messageId);
        const sent = world.ledger.sent.get(messageId);
        const { label } = process.machine;
        if (row === undefined) yield `${label} has acknowledged ${messageId} and has no row`;
        else if (row.count !== 1) yield `${label} has ${messageId} ${row.count} times`;
        else if (sent !== undefined && row.line !== lineOf(sent.userId, sent.text)) {
          yield `${label} has other words of ${messageId}`;
        }
      },
    };
  },
};

/** P5. */
export const P5: Invariant = {
  id: 'P5',
  statement: 'no application has a message that its sender did not send to it',
  watch(world) {
    return {
      *kept(process, item) {
        const sent = world.ledger.sent.get(item.messageId);
        const { label, userId } = process.machine;
        if (sent === undefined) yield `${label} has ${item.messageId}, which nobody sent`;
        else if (sent.userId !== item.sender) {
          yield `${label} has ${item.messageId} of ${sent.userId} in the name of ${item.sender}`;
        } else if (!sent.to.includes(userId) && sent.userId !== userId) {
          yield `${label} has ${item.messageId}, which is for ${sent.to.join()}`;
        }
        const from = world.ledger.envelopes.get(item.envelopeId)?.from;
        if (from !== undefined && !from.startsWith(`${item.sender}.`))
          yield `${label} has mail of ${from} in the name of ${item.sender}`;
      },
    };
  },
};

/** L1. A relay that dropped a message, and a state that was put back, may cost it. */
export const L1: Invariant = {
  id: 'L1',
  statement:
    'every message is taken for its users or told to have failed, and comes to their devices',
  watch(world) {
    return {
      *rested() {
        const registered = world.living().filter((each) => each.own().status === 'registered');
        const here = new Set(registered.map(({ address }) => address));
        for (const process of registered) {
          const { address } = process;
          for (const { messageId, from, to, atMs } of world.ledger.owed) {
            if (to !== address || isGivenUp(world, messageId, to)) continue;
            // Whoever is gone answers no request.
            if (world.ledger.asked.has(`${messageId} ${to}`) && !here.has(from)) continue;
            // Either end may have lost what it knew of the message.
            if ([from, to].some((end) => atMs <= excusedMs(world, end))) continue;
            if (process.application.row(messageId) !== undefined) continue;
            yield `${process.machine.label} never got ${messageId} of ${describe(world, messageId)}`;
          }
        }
        yield* untaken(world);
      },
    };
  },
};

/** Until when a device may lack something; for ever, where a copy of it shares its mailbox. */
function excusedMs({ ledger }: WatchedWorld, address: string): number {
  if (ledger.isCopied(address)) return Number.POSITIVE_INFINITY;
  return ledger.excusedUntilMs.get(address) ?? 0;
}

/** Sends of devices that are whole, and that nobody heard the end of. */
function* untaken(world: WatchedWorld): Generator<string> {
  for (const [messageId, { by, to, userId, failed, atMs }] of world.ledger.sent) {
    const process = world.process(by);
    if (process?.own().status !== 'registered') continue;
    if (atMs <= excusedMs(world, process.address)) continue;
    if (process.application.isRefused(messageId)) continue;
    for (const each of new Set([...to, userId])) {
      if (failed.has(each) || world.ledger.takenFor.has(`${messageId} ${each}`)) continue;
      if (isFailed(process, messageId, each)) continue;
      yield `nothing became of ${messageId} of ${by} to ${each}`;
    }
  }
}

/** Whether the log says that a send failed: a kill right after that commit lets nobody be told. */
function isFailed({ log, machine }: Process, messageId: MessageId, userId: UserId): boolean {
  for (const event of log.events()) {
    if (event.stream !== sendStream(messageId)) continue;
    const fact = machine.release.read(event);
    if (!fact.ok || fact.value.name !== 'SendFailed') continue;
    if (factText(fact.value, 'userId') === userId) return true;
  }
  return false;
}

/** Whether a message ended in another way that its sender was told of, or that a relay lied about. */
function isGivenUp({ ledger }: WatchedWorld, messageId: MessageId, to: string): boolean {
  const sent = ledger.sent.get(messageId);
  return ledger.dropped.has(messageId) || sent?.given.has(to) === true;
}

function describe({ ledger }: WatchedWorld, messageId: MessageId): string {
  return ledger.sent.get(messageId)?.text ?? 'nobody';
}
