/** Every bound of the engine, with its reason. Checked before any derivation or allocation. */

import { ENVELOPE_BYTES_MAX } from '@simsim/relay-protocol';

/**
 * Posts and claims of one send to one user before it fails (SES-50). A list change takes two of
 * them, keys and a post, so a relay that lies for ever is told from seven changes in a row.
 */
export const SEND_ROUNDS_MAX = 16;

/** Recipients of one send. A larger group is the application's loop. */
export const RECIPIENTS_MAX = 256;

/** Bytes of an application body: an envelope is 96 KiB, less header, padding and metadata. */
export const BODY_BYTES_MAX: number = 95 * 1024;

/**
 * Bytes of padded content: an envelope, less the block cipher's padding, both headers and the id
 * that a resend adds.
 */
export const CONTENT_BYTES_MAX: number = ENVELOPE_BYTES_MAX - 512;

/** Bytes of a conversation label. */
export const CONVERSATION_BYTES_MAX = 256;

/** Content is padded to multiples of this many bytes, so a length tells little. */
export const PADDING_STEP_BYTES = 160;

/** Inactive sessions kept for one device (SES-98, T-20): each one kept delays healing. */
export const INACTIVE_SESSIONS_MAX = 4;

/** Device records kept for one user, stale ones included: there are no more ids (SES-98). */
export const DEVICE_RECORDS_MAX = 127;

/** Devices one user may list at a time; the relay's own limit. */
export const DEVICES_PER_USER_MAX = 16;

/** Times one message is encrypted again for one device that could not read it (SES-75). */
export const RESENDS_MAX = 3;

/** Message ids in one receipt. */
export const RECEIPT_IDS_MAX = 256;

/** One-time prekeys kept in one stream: using one rewrites only these. */
export const ONE_TIME_BATCH_KEYS = 25;

/** One-time prekeys a device wants to have at the relay. */
export const ONE_TIME_TARGET_KEYS = 100;

/** How long a send waits for receipts before its plaintext goes for good (SES-77). */
export const SEND_RECORD_MS: number = 14 * 24 * 3600 * 1000;
