/** Reading a mailbox and forgetting what its device has stored. */

import type { FetchRequest, IncomingEnvelope } from '@simsim/relay-protocol';
import { BATCH_BYTES_MAX } from '@simsim/relay-protocol';
import type { CallerInput, Decision, Reads } from './decision.ts';
import { answer } from './decision.ts';
import type { StoredMail } from './slice.ts';

/** Reads a page of the caller's mailbox. */
export const readsForFetch = (request: FetchRequest): Reads => ({
  mail: { after: request.after, limit: request.limit, bytesMax: BATCH_BYTES_MAX },
});

/** Answers with a page; removes nothing. */
export function decideFetch({ slice, env }: CallerInput<'fetch'>): Decision {
  const envelopes = (slice.mail?.mail ?? []).map((mail) => toIncoming(mail, env.nowMs));
  return answer({ kind: 'fetch', envelopes, isEmpty: slice.mail?.isEmpty ?? true });
}

/** Forgets acknowledged mail. Numbers that are not there are fine: acknowledging is idempotent. */
export function decideAck({ request, caller }: CallerInput<'ack'>): Decision {
  const { seqs } = request;
  const changes = [{ kind: 'mailAcknowledged', device: caller, seqs } as const];
  return answer({ kind: 'ack' }, seqs.length === 0 ? [] : changes);
}

/** What its device gets to see of stored mail. */
export function toIncoming(mail: StoredMail, nowMs: number): IncomingEnvelope {
  return {
    seq: mail.seq,
    sender: mail.sender.userId,
    senderDevice: mail.sender.deviceId,
    envelopeId: mail.envelopeId,
    kind: mail.kind,
    content: mail.content,
    waitedMs: Math.max(0, nowMs - mail.storedAtMs),
  };
}
