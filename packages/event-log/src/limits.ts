/** Every bound of the log, with its reason. Checked before anything is sealed or stored. */

/** Bytes of one event's facts: an event says what happened, it does not carry documents. */
export const FACTS_BYTES_MAX: number = 256 * 1024;

/** Bytes of one event's sealed part: hot state is 260 B; a send stream may hold a 96 KiB text. */
export const SEALED_BYTES_MAX: number = 512 * 1024;

/** Bytes of a stream, record or data name: long enough for any path, short enough to hash often. */
export const NAME_BYTES_MAX = 512;

/** Digests one event may remember: a batch of mail is split into events long before. */
export const SEEN_PER_EVENT_MAX = 255;

/** Events of one commit: a fan-out to every session of a device, far below one second of work. */
export const BATCH_EVENTS_MAX = 8192;

/** Bytes of one queue body, record or application value. */
export const VALUE_BYTES_MAX: number = 16 * 1024 * 1024;

/** Events after which the log flushes its vault unasked, so that healing at open stays short. */
export const LAG_EVENTS_MAX = 4096;

/** Events that may have come since the last flush of any log: the lag that is allowed, and the batch that ends it. */
export const UNFLUSHED_EVENTS_MAX: number = LAG_EVENTS_MAX + BATCH_EVENTS_MAX;

/** Writes tried again when another process moved the log's tip in between. */
export const MOVES_MAX = 5;

/** Events one step of pruning or forgetting looks at: a few ms, so that nobody waits for it. */
export const SHRINK_EVENTS_MAX = 1024;

/** Inbox rows of one epoch: unread old mail keeps at most this many neighbours readable. */
export const EPOCH_ROWS_MAX = 64;

/** Digests in one dedupe run: one 4 KiB row. */
export const SEEN_RUN_IDS = 512;

/** Events after which a dedupe run is closed even if short: bounds what an open must read. */
export const SEEN_RUN_EVENTS = 1024;

/** How long a digest is remembered: 45 days, longer than any relay keeps mail. */
export const SEEN_MS_DEFAULT: number = 45 * 24 * 60 * 60 * 1000;

/** Vault slots kept ready: one flush window of new streams and inbox epochs. */
export const POOL_MIN_DEFAULT = 64;

/** Vault pages: their table of generations must fit the header page. 57,600 live streams. */
export const VAULT_PAGES_MAX = 720;

/** Further pages one flush seals under a new master key: far below 2 ms beside its sync. */
export const ROTATE_PAGES_PER_FLUSH = 16;
