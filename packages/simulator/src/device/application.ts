/** What uses a device: it sends lines, and keeps each message with its acknowledgement. */

import { encodeUtf8 } from '@simsim/bytes';
import type { MessageId, UserId } from '@simsim/relay-protocol';
import type { InboxItem } from '@simsim/sesame';
import type { UnsentLine } from './machine.ts';
import type { Host } from './host.ts';

/** A row of the application: how often a message was kept, and what it said. */
export interface KeptRow {
  readonly count: number;
  readonly line: string;
}

const PREFIX = 'chat/';

/** The line that a message becomes. */
export function lineOf(sender: UserId, text: string): string {
  return `${sender}: ${text}`;
}

/** One application. */
export class Application {
  readonly #process: Host;
  readonly #waiting: InboxItem[] = [];
  #isReading = false;

  constructor(process: Host) {
    this.#process = process;
  }

  /** Takes up what the process before left. */
  start(): void {
    for (const item of this.#process.core.inbox()) this.take(item);
    for (const line of this.#process.machine.unsent) this.#send(line);
  }

  /** Sends lines in one commit; a process that dies under them leaves them to the next. */
  send(lines: readonly UnsentLine[]): void {
    const { machine } = this.#process;
    machine.unsent.push(...lines);
    const inputs = lines.map(inputOf);
    const { outcomes } = this.#process.run(...inputs);
    machine.unsent = machine.unsent.filter((line) => !lines.includes(line));
    outcomes.forEach(({ kind }, i) => {
      const line = lines[i];
      if (kind === 'refused' && line !== undefined) machine.refused.add(line.messageId);
    });
  }

  /** Whether the device would not send a message. */
  isRefused(messageId: MessageId): boolean {
    return this.#process.machine.refused.has(messageId);
  }

  #send(line: UnsentLine): void {
    const { machine, place } = this.#process;
    const [outcome] = this.#process.run(inputOf(line)).outcomes;
    const isDone = outcome?.kind === 'refused' && outcome.rejection.code === 'ALREADY_SENT';
    place.situations.met(isDone ? 'a commit in doubt was durable' : 'a commit in doubt was lost');
    machine.unsent = machine.unsent.filter((each) => each !== line);
  }

  /** A message came. */
  take(item: InboxItem): void {
    this.#waiting.push(item);
    if (this.#isReading) return;
    this.#isReading = true;
    const { agenda, knobs } = this.#process.place;
    agenda.after(knobs.readMs, () => this.#process.alive(() => this.#read()));
  }

  /** Keeps all that waits and acknowledges it, in one commit. */
  #read(): void {
    this.#isReading = false;
    const { core } = this.#process;
    const there = new Set(core.inbox().map(({ envelopeId }) => envelopeId));
    const items = this.#waiting.splice(0).filter(({ envelopeId }) => there.delete(envelopeId));
    if (items.length === 0) return;
    this.#process.run(
      ...items.map((item) => ({
        type: 'acknowledged' as const,
        envelopeId: item.envelopeId,
        put: [[`${PREFIX}${item.messageId}`, this.#row(item)] as const],
      })),
    );
    for (const item of items) this.#process.kept(item);
  }

  #row({ messageId, sender, body }: InboxItem): Uint8Array {
    const count = (this.#process.log.data(`${PREFIX}${messageId}`)?.[0] ?? 0) + 1;
    const text = new TextDecoder().decode(body);
    return Uint8Array.of(count, ...encodeUtf8(lineOf(sender, text)));
  }

  /** The row of a message. */
  row(messageId: MessageId): KeptRow | undefined {
    const row = this.#process.log.data(`${PREFIX}${messageId}`);
    return row && { count: row[0] ?? 0, line: new TextDecoder().decode(row.subarray(1)) };
  }
}

function inputOf({ messageId, to, text }: UnsentLine): {
  type: 'send';
  messageId: MessageId;
  to: readonly UserId[];
  body: Uint8Array;
} {
  return { type: 'send', messageId, to, body: encodeUtf8(text) };
}
