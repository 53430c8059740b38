/** States that were put back, or that live twice: found out, and given up. */

import { equalBytes } from '@simsim/bytes';
import type { DeviceHead } from '@simsim/relay-protocol';
import { allSessionsOf, sessionsOf, USER_PREFIX } from '@simsim/sesame';
import type { Process } from '../device/process.ts';
import { wireMessage } from '../world/wire-message.ts';
import type { Invariant } from './invariant.ts';
import { sentMessages } from './sent-messages.ts';

/**
 * S13. A relay that hides heads keeps the evidence back; own devices may have it. A copy goes on with the
 * sessions of before until it is told.
 */
export const S13: Invariant = {
  id: 'S13',
  statement:
    'a device whose relay knows a later state of it gives its sessions up before it posts, for good',
  watch(world) {
    const given = new Map<string, DeviceHead>();
    const debts = new Map<Process, number>();
    const over = new OverSessions();
    return {
      started(process) {
        const told = given.get(process.address);
        // What opening found put back is settled already, and so is what a new incarnation began after.
        if (process.log.rollback !== undefined || told === undefined) return;
        const { incarnation, seq } = process.core.head();
        if (incarnation !== told.incarnation || seq >= told.seq) return;
        debts.set(process, process.own().registrationId);
      },
      *ran(process, _, result) {
        for (const { chain, active } of sentMessages(process, result)) {
          if (active !== undefined && active.chain === chain) over.note(chain, active.at.session);
        }
        const isOver = result.effects.some(
          (effect) => effect.type === 'rolledBack' && effect.isQuarantined,
        );
        if (isOver) yield* over.end(process);
      },
      *reached(process, request, { ok }) {
        if (!ok || world.relay.lies.has('hideHeads')) return;
        // What is dropped is not looked at.
        if (request.kind === 'post' && world.relay.lies.has('dropPosts')) return;
        const head = request.kind === 'post' ? request.from?.head : undefined;
        const told = request.kind === 'exchangeHead' ? request.head : head;
        const before = given.get(process.address);
        if (told !== undefined && isFurther(told, before)) given.set(process.address, told);
        const isSame = before !== undefined && before.incarnation === head?.incarnation;
        // The log of a process that died meanwhile is not open any more.
        if (!isSame || !process.isAlive || isHeard(process, before)) return;
        yield `${process.machine.label} posts beside another one with its name`;
      },
      *leaves(process, request) {
        if (request.kind !== 'post' || world.relay.lies.has('hideHeads')) return;
        const { registrationId } = process.own();
        const { label } = process.machine;
        if (debts.get(process) === registrationId)
          yield `${label} posts with a state that was put back`;
        if (world.ledger.copied.has(process.incarnation)) return;
        for (const { envelopes } of request.posts) {
          for (const { content } of envelopes) {
            const chain = wireMessage(content)?.chain;
            if (chain !== undefined && over.has(process, chain))
              yield `${label} sends on a session of before its state was put back`;
          }
        }
      },
    };
  },
};

/** Of the heads of one incarnation the relay keeps the newest. */
function isFurther(told: DeviceHead, before: DeviceHead | undefined): boolean {
  return told.incarnation !== before?.incarnation || told.seq > before.seq;
}

/** Whether what the relay was told last is of the same log, and not later. */
function isHeard({ log }: Process, { seq, hash }: DeviceHead): boolean {
  const link = log.link(seq);
  return link !== undefined && equalBytes(link, hash);
}

/** Sessions that devices gave up. */
class OverSessions {
  readonly #sessionByChain = new Map<string, string>();
  /** Each with the address of the device. */
  readonly #over = new Set<string>();

  /** A session sends on this chain. */
  note(chain: string, session: string): void {
    this.#sessionByChain.set(chain, session);
  }

  /** Whatever sessions a device has now are of before. */
  *end({ log, core, address, machine }: Process): Generator<string> {
    for (const stream of log.streamsWithPrefix(USER_PREFIX)) {
      const record = core.reader().value('user', stream);
      for (const device of record?.devices.values() ?? []) {
        for (const session of allSessionsOf(device)) this.#over.add(`${address} ${session}`);
        if (sessionsOf(device).length === 0) continue;
        yield `${machine.label} goes on with a session of ${record?.userId} after a quarantine`;
      }
    }
  }

  has({ address }: Process, chain: string): boolean {
    return this.#over.has(`${address} ${this.#sessionByChain.get(chain)}`);
  }
}
