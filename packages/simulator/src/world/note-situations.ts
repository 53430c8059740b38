/** Which situations a commit shows. */

import type { CoreInput, RunResult } from '@simsim/device-core';
import type { IncomingEnvelope, Post, PostResult } from '@simsim/relay-protocol';
import { HEARTBEAT_COUNTER, userStream } from '@simsim/sesame';
import type { Effect } from '@simsim/sesame';
import type { Process } from '../device/process.ts';
import type { Situation } from '../case/situations.ts';
import type { Killed } from '../device/fuse.ts';
import { wireMessage } from './wire-message.ts';
import type { Place } from '../device/host.ts';

/** Where it is written down. */
type Notes = Pick<Place, 'situations' | 'ledger'>;

/** Looks at what a device decided. */
export function noteSituations(
  world: Notes,
  process: Process,
  { inputs, result }: { readonly inputs: readonly CoreInput[]; readonly result: RunResult },
): void {
  const { situations } = world;
  for (const effect of result.effects) noteEffect(world, process, effect);
  const opened = new Set(
    result.effects.flatMap((each) =>
      each.type === 'acknowledge' && each.end.state === 'delivered' ? [each.envelopeId] : [],
    ),
  );
  for (const input of inputs) {
    const isMail = input.type === 'envelope' && opened.has(input.envelope.envelopeId);
    if (isMail) noteMail(world, process, input.envelope);
    if (input.type === 'envelope' && owesTurn(input.envelope, result.effects)) {
      situations.met('heartbeat turn');
    }
  }
  const isSwept = inputs.some(({ type }) => type === 'swept');
  if (isSwept && result.effects.some(({ type }) => type === 'uploadKeys')) {
    situations.met('signed prekey replaced for its age');
  }
  const sends = inputs.filter((input) => input.type === 'send');
  if (sends.length > 2) situations.met('burst of messages in one commit');
  if (sends.some((input) => input.type === 'send' && input.to.length > 1)) {
    situations.met('message to several users');
  }
  if (sends.length > 0 && process.machine.cuts.size > 0) {
    situations.met('a send by a device that was cut off');
  }
}

function noteEffect({ situations }: Notes, process: Process, effect: Effect): void {
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- most effects show nothing
  switch (effect.type) {
    case 'acknowledge':
      if (effect.end.state === 'duplicate') situations.met('repeat told as duplicate');
      if (effect.end.state === 'resend-requested') situations.met('message asked for again');
      if (effect.end.state === 'healed') situations.met('a resend healed');
      if (effect.end.state === 'dead') situations.met('mail came to a dead end');
      break;
    case 'post':
      if (effect.origin.type === 'resend') situations.met('message sent again');
      break;
    case 'deliver':
      if (effect.item.sender === process.machine.userId) situations.met('message to an own device');
      break;
    case 'recipientDone':
      if (effect.failure !== undefined) situations.met('send failed');
      if (effect.failure === 'UNKNOWN_USER') situations.met('message to nobody');
      break;
    case 'rolledBack':
      if (effect.evidence.source === 'relay') situations.met('rollback seen by the relay');
      break;
    case 'identityChanged':
      situations.met('changed key shown');
      break;
    case 'recipientHeld':
      situations.met('message waited for a key');
      break;
    case 'recipientReleased':
      situations.met('message released by a key');
      break;
    case 'identityAdded':
      situations.met('key of one more device seen');
      break;
    default:
      break;
  }
}

/** What a kill at a place is called; a place that is not here is of no interest by itself. */
const DEATHS: readonly (readonly [site: RegExp, situation: Situation])[] = [
  [/^commit:before$/, 'killed before a commit'],
  [/^commit:after$/, 'killed after a commit'],
  [/^vault:/, 'killed while the vault was written'],
  [/^vault:(copy-synced|before-zero)$/, 'killed between the two writes of a flush'],
  [/^register:after$/, 'killed between the rows and the vault'],
  [/^send:/, 'killed in a send'],
  [/^receive:/, 'killed in a receive'],
  [/^answer:/, 'killed over an answer of the relay'],
  [/_FAILED$/, 'medium failed under a process'],
];

/** Looks at where a process died. */
export function noteDeath({ situations }: Pick<Place, 'situations'>, { site }: Killed): void {
  for (const [place, situation] of DEATHS) if (place.test(site)) situations.met(situation);
}

/** Looks at what the relay said to a post. */
export function notePost(world: Notes, process: Process, [post, result]: PostSeen): void {
  const { situations, ledger } = world;
  const { type } = ledger.origins.get(post.postId) ?? {};
  if (result.kind === 'gone' && type === 'resend') situations.met('a resend found nobody there');
  if (result.kind === 'mismatch' && result.stale.length > 0) {
    situations.met('stale incarnation posted to');
  }
  if (result.kind !== 'accepted') return;
  for (const { content, deviceId } of post.envelopes) {
    const to = `${post.recipient}.${deviceId}`;
    const isOpen = ledger.firstChains.note(content, { from: process.address, to });
    if (isOpen) situations.met('first message without a one-time prekey');
    if (wireMessage(content)?.initiation === undefined) continue;
    if (ledger.begun.has(`${to} ${process.address}`)) situations.met('simultaneous initiation');
    ledger.begun.add(`${process.address} ${to}`);
  }
}

/** A post and what came of it. */
export type PostSeen = readonly [post: Post, result: PostResult];

/** A message far into a chain, which an empty one answered: receipts wait for the application. */
function owesTurn(envelope: IncomingEnvelope, effects: readonly Effect[]): boolean {
  const counter = wireMessage(envelope.content)?.counter ?? 0;
  return (
    counter >= HEARTBEAT_COUNTER &&
    effects.some(
      (effect) =>
        effect.type === 'post' &&
        effect.origin.type === 'notice' &&
        effect.origin.userId === envelope.sender &&
        effect.origin.deviceId === envelope.senderDevice,
    )
  );
}

/** Looks at mail that a device opened. */
function noteMail(world: Notes, process: Process, envelope: IncomingEnvelope): void {
  const { situations, ledger } = world;
  const message = wireMessage(envelope.content);
  if (message === undefined) return;
  ledger.begun.delete(`${envelope.sender}.${envelope.senderDevice} ${process.address}`);
  const record = process.core.reader().value('user', userStream(envelope.sender));
  if (record?.devices.get(envelope.senderDevice)?.staleAt !== undefined) {
    situations.met('mail of a removed device read');
  }
  const { chain, counter } = message;
  const newest = ledger.newest.get(`${process.machine.label} ${chain}`) ?? -1;
  if (counter < newest) situations.met('message skipped and opened later');
  ledger.newest.set(`${process.machine.label} ${chain}`, Math.max(counter, newest));
}
