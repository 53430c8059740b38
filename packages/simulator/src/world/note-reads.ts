/** Enters into the books with which events the keys of messages were replaced. */

import type { EnvelopeId } from '@simsim/relay-protocol';
import type { Effect } from '@simsim/sesame';
import type { Process } from '../device/process.ts';
import type { Ledger } from './ledger.ts';

/** A device committed: what it encrypted and what it opened. */
export function noteSeqs(ledger: Ledger, process: Process, effects: readonly Effect[]): void {
  const { seq } = process.log.tip();
  const { label } = process.machine;
  for (const effect of effects) {
    if (effect.type === 'deliver') ledger.openedSeqs.set(`${label} ${effect.item.envelopeId}`, seq);
    if (effect.type !== 'post') continue;
    for (const { envelopeId } of effect.post.envelopes) ledger.sentSeqs.set(envelopeId, seq);
  }
}

/** An application has a message for good. */
export function noteRead(ledger: Ledger, process: Process, envelopeId: EnvelopeId): void {
  const envelope = ledger.envelopes.get(envelopeId);
  if (envelope === undefined) return;
  const { label } = process.machine;
  ledger.reads.push({
    by: label,
    address: process.address,
    atMs: process.world.agenda.nowMs,
    envelope,
    seq: ledger.openedSeqs.get(`${label} ${envelopeId}`),
    sentSeq: ledger.sentSeqs.get(envelopeId),
  });
}
