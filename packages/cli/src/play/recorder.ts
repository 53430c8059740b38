/** The application of a device in a play: it records every message it gets, in one commit. */

import { randomBytes } from 'node:crypto';
import type { Device, Message } from '@simsim/device';
import { SessionError } from '@simsim/device';
import { encodeSeenRecord, SEEN_PREFIX } from './seen-record-codec.ts';

/** How long acknowledgements gather before the coordinator hears of them. */
const REPORT_MS = 50;

/** Rows of different processes never share a key. */
const processId = randomBytes(6).toString('hex');
let rowCount = 0;

/** Acknowledges what a device gets, each message with a row of its own. */
export class Recorder {
  readonly #report: (messageIds: readonly string[]) => void;
  #acknowledged: string[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(device: Device, report: (messageIds: readonly string[]) => void) {
    this.#report = report;
    device.messages$.subscribe((message) => void this.#record(message));
  }

  /** Reports what has not been reported. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#acknowledged.length > 0) this.#report(this.#acknowledged);
    this.#acknowledged = [];
  }

  async #record(message: Message): Promise<void> {
    const value = encodeSeenRecord({
      messageId: message.id,
      fromUser: message.from.user,
      fromDevice: message.from.deviceId,
      body: message.body,
    });
    try {
      await message.ack({ put: [[`${SEEN_PREFIX}${processId}/${rowCount++}`, value]] });
    } catch (error) {
      // A closed device gives the message again when it is opened; anything else is a fault.
      if (error instanceof SessionError) return;
      throw error;
    }
    this.#acknowledged.push(message.id);
    this.#timer ??= setTimeout(() => this.flush(), REPORT_MS);
  }
}
