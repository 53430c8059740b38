/** Telling callers how their sends fare, also across restarts. */

import type { DeviceCore } from '@simsim/device-core';
import type { MessageId, UserId } from '@simsim/relay-protocol';
import {
  decodeFact,
  factNumber,
  factText,
  isSendFailure,
  sendStream,
  userStream,
} from '@simsim/sesame';
import type { Effect, HoldReason, SendFailure, SendState } from '@simsim/sesame';
import { SessionError } from './session-error.ts';

/** The relay's commit took one user's copies. */
export interface Acceptance {
  readonly user: string;
  /** The version of the user's device list that the copies were exact against. */
  readonly listVersion: number;
}

/** How one recipient user fared. */
export interface RecipientReport extends Acceptance {
  /** Why it has not got the message and never will; absent where it was accepted. */
  readonly failure?: SendFailure;
  /** Why it waits, and is not lost: see `Device.trustIdentity`. */
  readonly held?: HoldReason;
}

/** How a send fared; the own user is among the recipients. */
export interface SendReport {
  readonly messageId: string;
  /** In order of user id. */
  readonly recipients: readonly RecipientReport[];
}

interface Entry {
  readonly recipients: Map<string, RecipientReport>;
  readonly onAccepted: ((acceptance: Acceptance) => void)[];
  readonly done: Promise<SendReport>;
  readonly resolve: (report: SendReport) => void;
  readonly reject: (cause: unknown) => void;
}

/** Keeps callers informed. */
export class SendDesk {
  readonly #core: DeviceCore;
  readonly #entries = new Map<MessageId, Entry>();

  constructor(core: DeviceCore) {
    this.#core = core;
  }

  /** Listens for a send, before it is decided. Answers its report, once every recipient is done. */
  expect(messageId: MessageId, onAccepted?: (acceptance: Acceptance) => void): Promise<SendReport> {
    const entry = this.#entries.get(messageId) ?? newEntry();
    if (onAccepted !== undefined) entry.onAccepted.push(onAccepted);
    this.#entries.set(messageId, entry);
    return entry.done;
  }

  recipientDone(effect: Extract<Effect, { type: 'recipientDone' }>): void {
    const { messageId, userId: user, listVersion, failure } = effect;
    const entry = this.#entries.get(messageId);
    if (entry === undefined) return;
    tell(entry, { user, listVersion, ...(failure === undefined ? {} : { failure }) });
  }

  recipientHeld(effect: Extract<Effect, { type: 'recipientHeld' }>): void {
    const entry = this.#entries.get(effect.messageId);
    if (entry !== undefined)
      tell(entry, { user: effect.userId, listVersion: 0, held: effect.reason });
  }

  sendDone(messageId: MessageId): void {
    const entry = this.#entries.get(messageId);
    if (entry === undefined) return;
    this.#entries.delete(messageId);
    const recipients = [...entry.recipients.values()].sort((a, b) => (a.user < b.user ? -1 : 1));
    entry.resolve({ messageId, recipients });
  }

  /** A send that was made before: tells again what became of it. */
  recall(messageId: MessageId): void {
    const entry = this.#entries.get(messageId);
    if (entry === undefined) return;
    const stream = sendStream(messageId);
    const state = this.#core.reader().value('send', stream);
    if (state !== undefined) {
      const isDone = tellState(entry, state, (user) => this.#heldFor(user));
      if (isDone) this.sendDone(messageId);
      return;
    }
    for (const report of this.#history(stream)) tell(entry, report);
    this.sendDone(messageId);
  }

  /** Rejects whoever still waits. */
  close(): void {
    for (const entry of this.#entries.values()) entry.reject(new SessionError('CLOSED'));
    this.#entries.clear();
  }

  #heldFor(user: UserId): HoldReason {
    const record = this.#core.reader().value('user', userStream(user));
    return record?.offered === undefined ? 'UNVERIFIED' : 'IDENTITY_CHANGED';
  }

  *#history(stream: string): Generator<RecipientReport> {
    for (const event of this.#core.log.events()) {
      if (event.stream !== stream) continue;
      const fact = decodeFact(event);
      if (fact === undefined) continue;
      const user = factText(fact, 'userId');
      if (fact.name === 'RoundAccepted')
        yield { user, listVersion: factNumber(fact, 'listVersion') };
      if (fact.name === 'SendFailed') {
        yield { user, listVersion: 0, failure: asFailure(factText(fact, 'reason')) };
      }
    }
  }
}

/** A reason this release does not know was written by a later one. */
function asFailure(reason: string): SendFailure {
  return isSendFailure(reason) ? reason : 'POST_CONFLICT';
}

function tellState(
  entry: Entry,
  state: SendState,
  reasonOf: (user: UserId) => HoldReason,
): boolean {
  let isDone = true;
  for (const { userId: user, status, listVersion } of state.recipients.values()) {
    if (status === 'accepted') tell(entry, { user, listVersion });
    else if (status === 'unknown') tell(entry, { user, listVersion, failure: 'UNKNOWN_USER' });
    else if (status === 'failed') tell(entry, { user, listVersion, failure: 'POST_CONFLICT' });
    else if (status === 'held') tell(entry, { user, listVersion, held: reasonOf(user) });
    else isDone = false;
  }
  return isDone;
}

function tell(entry: Entry, report: RecipientReport): void {
  if (entry.recipients.has(report.user)) return;
  entry.recipients.set(report.user, report);
  const { user, listVersion, failure, held } = report;
  if (failure === undefined && held === undefined)
    for (const listen of entry.onAccepted) listen({ user, listVersion });
}

function newEntry(): Entry {
  let resolve: (report: SendReport) => void = () => undefined;
  let reject: (cause: unknown) => void = () => undefined;
  const done = new Promise<SendReport>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // A send nobody waits for may be cut off by a close.
  done.catch(() => undefined);
  return { recipients: new Map(), onAccepted: [], done, resolve, reject };
}
