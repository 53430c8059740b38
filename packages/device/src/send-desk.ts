/** Opening sends, and telling callers how they fare, also across restarts. */

import type { CoreInput, CoreOutcome, DeviceCore } from '@simsim/device-core';
import { messageIdFromBytes } from '@simsim/relay-protocol';
import type { MessageId, UserId } from '@simsim/relay-protocol';
import {
  decodeFact,
  factNumber,
  factText,
  isSendFailure,
  offersOf,
  sendStream,
  userStream,
} from '@simsim/sesame';
import type { Effect, HoldReason, SendFailure, SendState } from '@simsim/sesame';
import { checkedBody, checkedConversation, checkedListener } from './checked-arguments.ts';
import { checkedMessageId, checkedUserIds } from './checked-ids.ts';
import type { DeviceParts } from './device-parts.ts';
import { refusalError, SessionError } from './session-error.ts';

/** How one message is sent. */
export interface SendOptions {
  /** A label that travels inside the ciphertext, at most 256 bytes. */
  readonly conversation?: string;
  /** 32 hex characters; sending again under the same id is harmless and gives the same report. */
  readonly messageId?: string;
  /**
   * Called for each recipient user when the relay's commit has taken its copies. What it throws goes to
   * `health$` and changes nothing.
   */
  readonly onAccepted?: (acceptance: Acceptance) => void;
}

/** A message, and to whom it goes. */
export interface Outgoing {
  readonly to: string | readonly string[];
  readonly body: string | Uint8Array;
  readonly options: SendOptions;
}

/** The relay's commit took one user's copies. */
export interface Acceptance {
  readonly user: string;
  /** The version of the user's device list that the copies were exact against. */
  readonly listVersion: number;
}

/** How one recipient user fared. */
export interface RecipientReport extends Acceptance {
  /**
   * Why it has not got the message and never will; absent where it was accepted. Only with `EXPIRED` it
   * may have: the relay was asked, and did not answer.
   */
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
  /** Calls that have not been refused: one of several under an id may be. */
  callers: number;
  readonly recipients: Map<string, RecipientReport>;
  readonly onAccepted: ((acceptance: Acceptance) => void)[];
  readonly done: Promise<SendReport>;
  readonly resolve: (report: SendReport) => void;
  readonly reject: (cause: unknown) => void;
}

/** Who decides sends, and who hears of callers' own mistakes. */
interface SendDeskEnds {
  readonly put: (input: CoreInput) => Promise<CoreOutcome>;
  /** A listener threw: it is the application's, and changes nothing for the message. */
  readonly listenerFailed: (messageId: MessageId, cause: unknown) => void;
}

/** Takes messages, and keeps callers informed. */
export class SendDesk {
  readonly #core: DeviceCore;
  readonly #entropy: DeviceParts['entropy'];
  readonly #ends: SendDeskEnds;
  readonly #entries = new Map<MessageId, Entry>();

  constructor({ core, entropy }: Pick<DeviceParts, 'core' | 'entropy'>, ends: SendDeskEnds) {
    this.#core = core;
    this.#entropy = entropy;
    this.#ends = ends;
  }

  /** The send is durable when it answers; `posted` is its report, once every recipient is done. */
  async open({
    to,
    body,
    options,
  }: Outgoing): Promise<{ messageId: MessageId; posted: Promise<SendReport> }> {
    const users = checkedUserIds(to);
    const bytes = checkedBody(body);
    const conversation = checkedConversation(options.conversation);
    const onAccepted = checkedListener('onAccepted', options.onAccepted);
    const { messageId: wanted } = options;
    const messageId =
      wanted === undefined ? messageIdFromBytes(this.#entropy(16)) : checkedMessageId(wanted);
    const posted = this.#expect(messageId, onAccepted);
    const outcome = await this.#ends.put({
      type: 'send',
      messageId,
      to: users,
      body: bytes,
      ...(conversation === undefined ? {} : { conversation }),
    });
    if (outcome.kind === 'refused') {
      const { code } = outcome.rejection;
      if (code !== 'ALREADY_SENT') {
        this.#refused(messageId);
        throw refusalError(code);
      }
      this.#recall(messageId);
    }
    return { messageId, posted };
  }

  /** Listens for a send, before it is decided. */
  #expect(
    messageId: MessageId,
    onAccepted?: (acceptance: Acceptance) => void,
  ): Promise<SendReport> {
    const entry = this.#entries.get(messageId) ?? newEntry();
    entry.callers++;
    if (onAccepted !== undefined) {
      entry.onAccepted.push((acceptance) => {
        try {
          onAccepted(acceptance);
        } catch (cause) {
          this.#ends.listenerFailed(messageId, cause);
        }
      });
    }
    this.#entries.set(messageId, entry);
    return entry.done;
  }

  #refused(messageId: MessageId): void {
    const entry = this.#entries.get(messageId);
    if (entry === undefined) return;
    entry.callers--;
    if (entry.callers === 0) this.#entries.delete(messageId);
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
  #recall(messageId: MessageId): void {
    const entry = this.#entries.get(messageId);
    if (entry === undefined) return;
    const stream = sendStream(messageId);
    const state = this.#core.reader().value('send', stream);
    if (state !== undefined) {
      // The record keeps only that a recipient failed; why stands in the log, which is read once.
      let reports: readonly RecipientReport[] | undefined;
      const isDone = tellState(entry, state, {
        heldFor: (user) => this.#heldFor(user),
        failureOf: (user) => failureIn((reports ??= this.#history(stream)), user),
      });
      if (isDone) this.sendDone(messageId);
      return;
    }
    for (const report of this.#history(stream)) tell(entry, report);
    this.sendDone(messageId);
  }

  /** Rejects whoever still waits. */
  close(cause: SessionError): void {
    for (const entry of this.#entries.values()) entry.reject(cause);
    this.#entries.clear();
  }

  #heldFor(user: UserId): HoldReason {
    const record = this.#core.reader().value('user', userStream(user));
    const isOffered = record !== undefined && offersOf(record).length > 0;
    return isOffered ? 'IDENTITY_CHANGED' : 'UNVERIFIED';
  }

  /** What was told of a send, in order. */
  #history(stream: string): readonly RecipientReport[] {
    return [...this.#core.log.history(stream)].reverse().flatMap((event) => {
      const fact = decodeFact(event);
      if (fact === undefined) return [];
      const user = factText(fact, 'userId');
      if (fact.name === 'RoundAccepted') {
        return [{ user, listVersion: factNumber(fact, 'listVersion') }];
      }
      if (fact.name !== 'SendFailed') return [];
      return [{ user, listVersion: 0, failure: asFailure(factText(fact, 'reason')) }];
    });
  }
}

/** Why a recipient failed, as it was told last. */
function failureIn(reports: readonly RecipientReport[], user: UserId): SendFailure {
  return reports.findLast((report) => report.user === user)?.failure ?? 'POST_CONFLICT';
}

/** A reason this release does not know was written by a later one. */
function asFailure(reason: string): SendFailure {
  return isSendFailure(reason) ? reason : 'POST_CONFLICT';
}

interface Reasons {
  readonly heldFor: (user: UserId) => HoldReason;
  readonly failureOf: (user: UserId) => SendFailure;
}

function tellState(entry: Entry, state: SendState, { heldFor, failureOf }: Reasons): boolean {
  let isDone = true;
  for (const { userId: user, status, listVersion } of state.recipients.values()) {
    if (status === 'accepted') tell(entry, { user, listVersion });
    else if (status === 'unknown') tell(entry, { user, listVersion, failure: 'UNKNOWN_USER' });
    else if (status === 'failed') tell(entry, { user, listVersion, failure: failureOf(user) });
    else if (status === 'held') tell(entry, { user, listVersion, held: heldFor(user) });
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
  return { callers: 0, recipients: new Map(), onAccepted: [], done, resolve, reject };
}
