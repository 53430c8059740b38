/** Every bound of the engine, with its reason. Checked before any derivation or allocation. */

import {
  ENVELOPE_BYTES_MAX,
  LATENCY_MAX_MS,
  LINK_BYTES_MAX,
  PRE_KEY_ID_MAX,
} from '@simsim/relay-protocol';

/**
 * Posts and claims of one send to one user before it fails (SES-50). A list change takes two of
 * them, keys and a post, so a relay that lies for ever is told from seven changes in a row.
 */
export const SEND_ROUNDS_MAX = 16;

/** Recipients of one send. A larger group is the application's loop. */
export const RECIPIENTS_MAX = 256;

/** Bytes of an application body: content has about 96 KiB, less padding and metadata. */
export const BODY_BYTES_MAX: number = 95 * 1024;

/**
 * Bytes of padded content: an envelope, less the block cipher's padding, both headers, the KEM
 * ciphertext of a first message and the id that a resend adds.
 */
export const CONTENT_BYTES_MAX: number = ENVELOPE_BYTES_MAX - 2304;

/** Bytes of a conversation label. */
export const CONVERSATION_BYTES_MAX = 256;

/** Content is padded to multiples of this many bytes, so a length tells little. */
export const PADDING_STEP_BYTES = 160;

/**
 * New bytes of skipped keys that messages of one device may cause within an hour, 7,000 keys: the log
 * only grows, so whoever may skip at will could fill it.
 */
export const SKIP_BYTES_PER_HOUR: number = 256 * 1024;

/**
 * First messages of one device that are tried within an hour: each takes three or four agreements and a
 * decapsulation, 2 ms. An honest device begins a handful of sessions, also where it heals. What is over
 * the limit is asked for again as if it had been damaged, so that its sender hears of it in the end.
 */
export const INITIATIONS_PER_HOUR = 64;

/**
 * Steps that messages of one device may have chains walk in vain within an hour, 10 µs each: one that names a
 * place as far ahead as may be costs 10,000 in each session that is tried, and nothing to forge.
 */
export const WALKED_STEPS_PER_HOUR = 100_000;

/** A walk this long is always tried: it costs no more than the agreement of a turn. */
export const FREE_WALK_STEPS = 64;

/** Bytes a skipped key takes: counter and seed. */
export const SKIPPED_KEY_BYTES = 36;

/** Inactive sessions kept for one device (SES-98, T-20): each one kept delays healing. */
export const INACTIVE_SESSIONS_MAX = 4;

/** Sessions of before a state was put back that may still decrypt, for one device: two generations. */
export const FROZEN_SESSIONS_MAX = 10;

/** Envelopes of one user that wait for the application to accept a key: a long backlog of mail. */
export const HELD_MAIL_MAX = 256;

/** Device records kept for one user, stale ones included: there are no more ids (SES-98). */
export const DEVICE_RECORDS_MAX = 127;

/** Devices one user may list at a time; the relay's own limit. */
export const DEVICES_PER_USER_MAX = 16;

/**
 * Bytes of contacts that a new device is told of, some thousands of them: what a link has room for, less
 * the device list and the names.
 */
export const LINKED_CONTACTS_BYTES_MAX: number = LINK_BYTES_MAX - 64 * 1024;

/** Bytes of a device's name: what fits one line of a list, in any script. */
export const DEVICE_NAME_BYTES_MAX = 64;

/** Names kept: of every device there is a record of, and of this one. */
export const DEVICE_NAMES_MAX: number = DEVICE_RECORDS_MAX + 1;

/** Highest counter of a naming: nobody renames that often, and it stays an exact number. */
export const DEVICE_NAME_COUNTER_MAX: number = 2 ** 48;

/** Times one message is encrypted again for one device that could not read it (SES-75). */
export const RESENDS_MAX = 3;

/** New sessions that one device may cause at once by asking for mail again (SES-79). */
export const HEALS_MAX = 4;

/** How long until one more is allowed. */
export const HEAL_REFILL_MS: number = 3600 * 1000;

/** By up to this much later, so that devices which broke together do not come together. */
export const HEAL_JITTER_MS: number = 15 * 60 * 1000;

/**
 * Counter of a received message from which on a turn is owed, where this device has sent nothing since:
 * a peer that only sends would keep to one chain for ever.
 */
export const HEARTBEAT_COUNTER = 53;

/** Message ids in one receipt. */
export const RECEIPT_IDS_MAX = 256;

/** One-time prekeys kept in one stream: using one rewrites only these. */
export const ONE_TIME_BATCH_KEYS = 25;

/** Batches of them kept: ten refills that were handed out and never used. */
export const ONE_TIME_BATCHES_MAX = 40;

/** The same of one-time KEM prekeys. */
export const ONE_TIME_KEM_BATCHES_MAX = 20;

/** One-time prekeys a device wants to have at the relay. */
export const ONE_TIME_TARGET_KEYS = 100;

/**
 * One-time KEM prekeys in one stream: with seed and signature 130 bytes each, so that using one
 * rewrites no more than using a classical one does.
 */
export const ONE_TIME_KEM_BATCH_KEYS = 10;

/**
 * One-time KEM prekeys a device wants to have at the relay: 20 cost it 25 ms and the relay 33 KB.
 * Where they run out the last resort stands in, so a burst of strangers needs no more of them.
 */
export const ONE_TIME_KEM_TARGET_KEYS = 20;

/**
 * Agreements remembered for one last-resort prekey: 8 KB, written with each agreement that used up no
 * one-time prekey. The prekey is replaced when nine tenths are used.
 */
export const AGREEMENTS_REMEMBERED_MAX = 256;

/** How long a signed prekey and a last resort are handed out before they are replaced (X3-9). */
export const PRE_KEY_LIFE_MS: number = 7 * 24 * 3600 * 1000;

/**
 * How long the private half of a replaced prekey is kept for initiations on their way (X3-10): mail
 * older than that is lost anyway.
 */
export const PRE_KEY_GRACE_MS: number = LATENCY_MAX_MS;

/**
 * One-time prekeys have ids up to this. What is above it belongs to signed prekeys and last resorts, so that
 * those go on being replaced, for centuries, where one-time ids are used up (SES-94).
 */
export const ONE_TIME_ID_MAX: number = PRE_KEY_ID_MAX - 0x1_0000;

/**
 * How far above this device's own counter the relay may say that ids have been seen: more than a log that was put
 * back can have forgotten. Whoever says more lies, and is not followed: a few such lies would use up all ids.
 */
export const PRE_KEY_ID_GAP_MAX = 0x1_0000;

/** Prekeys are replaced on the relay's word this often at most, ms. */
export const PRE_KEY_RENEWAL_MS: number = 3600 * 1000;

/**
 * Signed prekeys, and last resorts, kept at a time: the current one and those of a month. Fewer days
 * where they are replaced faster, which only full records cause; what comes too late heals.
 */
export const PRE_KEYS_KEPT_MAX = 6;

/**
 * How long a send waits for answers and receipts before its plaintext goes for good (SES-77); whom the
 * relay has not taken it for by then, it failed for.
 */
export const SEND_RECORD_MS: number = 14 * 24 * 3600 * 1000;

/** Contacts told of another identity key in one commit: each costs a message for each of their devices. */
export const TOLD_USERS_MAX = 32;

/** Users whose records one sweep looks at: a few milliseconds of work in one go. */
export const SWEPT_USERS_MAX = 200;
