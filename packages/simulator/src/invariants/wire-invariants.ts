/** What leaves a device: each key once, nothing before it is durable, nothing to strangers. */

import { bytesToHex, equalBytes } from '@simsim/bytes';
import { idToBytes } from '@simsim/relay-protocol';
import type { Post } from '@simsim/relay-protocol';
import { userStream } from '@simsim/sesame';
import type { Process } from '../device/process.ts';
import { wireMessage } from '../world/wire-message.ts';
import type { Invariant } from './invariant.ts';

/** Of checks that read a queue from the log, one in so many is made. */
const SAMPLE = 4;

/**
 * S1. A copy of a device that runs beside it may encrypt with the same key until one of them is told, and so
 * may a device that was put back while a post was on its way; of those, only what the relay takes counts.
 */
export const S1: Invariant = {
  id: 'S1',
  statement: 'no message key encrypts two different plaintexts',
  watch(world) {
    const seen = { left: new Map<string, Uint8Array>(), taken: new Map<string, Uint8Array>() };
    function* used(by: Map<string, Uint8Array>, { envelopes }: Post): Generator<string> {
      for (const { kind, content } of envelopes) {
        const message = kind === 'message' ? wireMessage(content) : undefined;
        if (message === undefined) continue;
        const before = by.get(message.place);
        by.set(message.place, message.ciphertext);
        if (before !== undefined && !equalBytes(before, message.ciphertext)) {
          yield `the key at ${message.place} encrypts twice`;
        }
      }
    }
    return {
      *leaves(process, request) {
        const { cloned, overtaken } = world.ledger;
        if (request.kind !== 'post' || cloned.has(process.address)) return;
        if (overtaken.has(process.address)) return;
        for (const post of request.posts) yield* used(seen.left, post);
      },
      *posted(_, post, result) {
        if (result.kind === 'accepted') yield* used(seen.taken, post);
      },
    };
  },
};

/** S2. */
export const S2: Invariant = {
  id: 'S2',
  statement: 'a ciphertext leaves only after the commit that spent its key',
  watch() {
    let asked = 0;
    return {
      *leaves(process, request) {
        if (request.kind !== 'post' || asked++ % SAMPLE !== 0) return;
        const durable = durablePosts(process);
        for (const { postId, envelopes } of request.posts) {
          if (envelopes.length === 0 || durable.has(bytesToHex(idToBytes(postId)))) continue;
          yield `${process.machine.label} posts ${postId}, which is not in its outbox`;
        }
      },
    };
  },
};

/** The posts that a process would find which opened the files now. */
function durablePosts({ log }: Process): Set<string> {
  return new Set(log.outbox().map(({ post }) => bytesToHex(post)));
}

/** S3. */
export const S3: Invariant = {
  id: 'S3',
  statement: 'mail is acknowledged only once its plaintext is durable or was acknowledged',
  watch() {
    const open = new Map<Process, Map<number, { envelopeId: string; messageId: string }>>();
    return {
      ran(process, _, { effects }) {
        for (const effect of effects) {
          if (effect.type !== 'acknowledge' || effect.end.state !== 'delivered') continue;
          const item = effects.find(
            (each) => each.type === 'deliver' && each.item.envelopeId === effect.envelopeId,
          );
          if (item?.type !== 'deliver') continue;
          const mine = open.get(process) ?? new Map<number, typeof item.item>();
          open.set(process, mine.set(effect.seq, item.item));
        }
      },
      *leaves(process, request) {
        const mine = open.get(process);
        if (request.kind !== 'ack' || mine === undefined) return;
        const inbox = new Set(process.log.inbox().map(({ id }) => bytesToHex(id)));
        for (const seq of request.seqs) {
          const mail = mine.get(seq);
          mine.delete(seq);
          if (mail === undefined || process.log.data(`chat/${mail.messageId}`) !== undefined)
            continue;
          if (!inbox.has(mail.envelopeId)) {
            yield `${process.machine.label} acknowledges ${mail.envelopeId} and does not have it`;
          }
        }
      },
    };
  },
};

/** S11. */
export const S11: Invariant = {
  id: 'S11',
  statement: 'no message is encrypted to a device that the newest accepted list does not have',
  watch() {
    return {
      *ran(process, inputs, { effects }) {
        // Decisions of one commit follow each other; a list among them is newer than what came before.
        if (inputs.length > 1) return;
        for (const effect of effects) {
          if (effect.type !== 'post' || effect.origin.type === 'notice') continue;
          const { recipient, envelopes } = effect.post;
          const record = process.core.reader().value('user', userStream(recipient));
          for (const { deviceId, registrationId } of envelopes) {
            const entry = record?.devices.get(deviceId);
            const isListed =
              entry !== undefined && (entry.staleAt ?? record?.staleAt) === undefined;
            if (isListed && entry.registrationId === registrationId) continue;
            yield `${process.machine.label} encrypts to ${recipient}.${deviceId}/${registrationId}`;
          }
        }
      },
    };
  },
};
