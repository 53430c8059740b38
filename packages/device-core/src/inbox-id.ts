/**
 * The ids under which mail waits for the application. They are those of the envelopes, which senders make and
 * relays may change: where one is no id, or other mail waits under it, the message's own takes its place.
 */

import { createWriter } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import { envelopeIdFromBytes, idToBytes, RANDOM_ID_BYTES } from '@simsim/relay-protocol';
import type { EnvelopeId } from '@simsim/relay-protocol';
import type { Decision, InboxItem } from '@simsim/sesame';

const NO_ID: EnvelopeId = envelopeIdFromBytes(new Uint8Array(RANDOM_ID_BYTES));

/** The decision with ids for its mail under which nothing waits. */
export function withOwnIds(
  decision: Decision,
  crypto: Pick<Crypto, 'digest'>,
  isTaken: (id: EnvelopeId) => boolean,
): Decision {
  const renamed = new Map<InboxItem, InboxItem>();
  for (const item of decision.inboxPut) {
    if (item.envelopeId !== NO_ID && !isTaken(item.envelopeId)) continue;
    renamed.set(item, { ...item, envelopeId: ownIdOf(item, crypto) });
  }
  if (renamed.size === 0) return decision;
  return {
    ...decision,
    inboxPut: decision.inboxPut.map((item) => renamed.get(item) ?? item),
    effects: decision.effects.map((effect) =>
      effect.type === 'deliver'
        ? { ...effect, item: renamed.get(effect.item) ?? effect.item }
        : effect,
    ),
  };
}

/** A message is delivered once, by its sender and its own id. */
function ownIdOf({ sender, messageId }: InboxItem, crypto: Pick<Crypto, 'digest'>): EnvelopeId {
  const name = createWriter().text('simsim/inbox-id/1').text(sender).raw(idToBytes(messageId));
  return envelopeIdFromBytes(crypto.digest([name.finish()]).slice(0, RANDOM_ID_BYTES));
}
