/** Enters what a commit releases into the books. */

import { bytesToHex } from '@simsim/bytes';
import { parseEnvelopeId } from '@simsim/relay-protocol';
import type { EnvelopeId, Post } from '@simsim/relay-protocol';
import type { Effect } from '@simsim/sesame';
import type { Process } from '../device/process.ts';
import type { Ledger } from './ledger.ts';

/** Looks at effects as a bookkeeper. */
export function noteEffects(ledger: Ledger, process: Process, effects: readonly Effect[]): void {
  for (const effect of effects) {
    if (effect.type === 'recipientDone' && effect.failure !== undefined) {
      ledger.sent.get(effect.messageId)?.failed.set(effect.userId, effect.failure);
    }
    if (effect.type === 'copyDead') {
      const { messageId, userId, deviceId } = effect;
      ledger.sent.get(messageId)?.given.add(`${userId}.${deviceId}`);
    }
    if (effect.type === 'acknowledge' && effect.end.state === 'resend-requested') {
      noteAsked(ledger, effect.envelopeId, process.world.agenda.nowMs);
    }
    if (effect.type === 'keyRepeated') {
      process.world.situations.met('mail under a key that is gone');
    }
    if (effect.type === 'post') noteRetries(ledger, effect.post, process.world.agenda.nowMs);
    if (effect.type === 'acknowledge' && effect.end.state === 'dead') {
      noteDead(ledger, effect.envelopeId, process.world.agenda.nowMs);
    }
    if (effect.type === 'rolledBack' && effect.isQuarantined) {
      const isThief = process.machine.theft !== undefined;
      const thefts = isThief
        ? []
        : [...ledger.thefts].filter(({ address }) => address === process.address);
      const isTold = effect.evidence.source === 'relay' || effect.evidence.source === 'device';
      if (thefts.length > 0 && isTold) process.world.situations.met('device found its thief out');
      // Whatever a thief copied is of no use from here on, its prekeys too.
      for (const theft of thefts) theft.untilMs ??= process.world.agenda.nowMs;
      ledger.quarantined.set(process.address, process.world.agenda.nowMs);
    }
  }
}

/** Mail that waited for a key is asked for when that is settled, maybe long after it came. */
function noteRetries(ledger: Ledger, { envelopes }: Post, nowMs: number): void {
  for (const { kind, content } of envelopes) {
    const asked = kind === 'retry' ? parseEnvelopeId(bytesToHex(content)) : undefined;
    if (asked?.ok === true) noteAsked(ledger, asked.value, nowMs);
  }
}

/** A request this long after the send may come when its sender has forgotten the message. */
const LATE_MS = 10 * 24 * 3600 * 1000;

function noteAsked(ledger: Ledger, envelopeId: EnvelopeId, nowMs: number): void {
  const envelope = ledger.envelopes.get(envelopeId);
  const sent = envelope?.messageId && ledger.sent.get(envelope.messageId);
  if (envelope?.messageId !== undefined) ledger.asked.add(`${envelope.messageId} ${envelope.to}`);
  if (envelope !== undefined && sent && nowMs - sent.atMs > LATE_MS) sent.given.add(envelope.to);
}

/** A relay that gives an old list costs the mail of a device that is not on it, as if it had dropped it. */
function noteDead(ledger: Ledger, envelopeId: EnvelopeId, nowMs: number): void {
  const messageId = ledger.envelopes.get(envelopeId)?.messageId;
  if (messageId !== undefined && nowMs < ledger.misledUntilMs) ledger.dropped.add(messageId);
}
