/** A received message as the application sees it. */

import { decodeUtf8 } from '@simsim/bytes';
import type { DataPut } from '@simsim/device-core';
import type { InboxItem } from '@simsim/sesame';

/** What `ack` may write in its commit. */
export interface AckOptions {
  /** The application's own rows: key, at most 512 bytes, and value, 16 MiB; `undefined` to delete. */
  readonly put?: readonly DataPut[];
}

/** A message. It comes again, also after a restart, until it is acknowledged. */
export interface Message {
  /**
   * The sender's message id, 32 hex characters; the same on every device. Senders choose their own, so that
   * rows are kept by user and id: another user may know this one, and send under it.
   */
  readonly id: string;
  readonly from: { readonly user: string; readonly deviceId: number };
  /** Present on copies of what an own device sent: whom it went to. */
  readonly sync?: { readonly to: readonly string[] };
  readonly body: Uint8Array;
  /** The body as text; empty where it is no UTF-8. */
  readonly text: string;
  /** The sender's wall clock, ms; for display only. */
  readonly sentAt: number;
  readonly conversation?: string;
  /**
   * Says that the application is done with it. Its rows, the acknowledgement and the receipt to the
   * sender are one commit; resolves when that is durable.
   *
   * Throws: `UNKNOWN_MESSAGE` the second time.
   */
  ack(options?: AckOptions): Promise<void>;
}

/** Wraps an inbox item. */
export function toMessage(item: InboxItem, ack: (options?: AckOptions) => Promise<void>): Message {
  return {
    id: item.messageId,
    from: { user: item.sender, deviceId: item.senderDevice },
    // What a decoder cut from a slab is not for others to hold.
    body: item.body.slice(),
    text: decodeUtf8(item.body) ?? '',
    sentAt: item.sentAt,
    ack,
    ...(item.conversation === undefined ? {} : { conversation: item.conversation }),
    ...(item.to === undefined ? {} : { sync: { to: item.to } }),
  };
}
