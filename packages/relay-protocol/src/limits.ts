/** Every limit of the protocol, with its reason. Decoders check them before they allocate. */

/** UTF-8 bytes of a user id: room for a UUID, a DID or an e-mail address, still an index key. */
export const USER_ID_BYTES_MAX = 128;

/** Highest device id: one byte on the wire, and the range Signal's addresses use. */
export const DEVICE_ID_MAX = 127;

/** Devices of one user: each costs every correspondent one envelope per message. */
export const DEVICES_MAX = 16;

/** Highest registration id: 14 bits, as in Signal's wire formats. */
export const REGISTRATION_ID_MAX = 16_383;

/** Lists of one user that a relay keeps, so that a device that was away can follow them one by one. */
export const LISTS_KEPT_MAX = 64;

/** Bytes of an identity key sealed for one device: a pair of 64, an ephemeral key, a tag, and room. */
export const SEALED_IDENTITY_BYTES_MAX = 256;

/** Highest list version: far above what any account reaches, well inside a varint of 5 bytes. */
export const LIST_VERSION_MAX = 0xffff_ffff;

/** Highest prekey id: 24 bits, the range every Signal client accepts. Ids start at 1. */
export const PRE_KEY_ID_MAX = 0xff_ffff;

/** One-time prekeys in one upload: one refill; more would hold the store's write lock for long. */
export const ONE_TIME_PRE_KEYS_MAX = 200;

/**
 * One-time KEM prekeys in one upload: 82 KB of keys and signatures, two refills. They are dear, 1.6 KB
 * and 0.4 ms each, and the last resort stands in where they are used up.
 */
export const ONE_TIME_KEM_PRE_KEYS_MAX = 50;

/** Below this many one-time prekeys the relay tells a connected device to upload more. */
export const PRE_KEYS_LOW = 20;

/** The same for one-time KEM prekeys: a quarter of what a device keeps there. */
export const KEM_PRE_KEYS_LOW = 5;

/**
 * Bytes of one envelope (98 KiB): 96 KiB of content, and the KEM ciphertext of a first message.
 * Larger things are attachments, which are the application's.
 */
export const ENVELOPE_BYTES_MAX: number = 98 * 1024;

/** Envelopes of one post: one per device of one user. */
export const ENVELOPES_PER_POST_MAX: number = DEVICES_MAX;

/** Posts in one request: a room of 32 people with one round each and a copy to oneself. */
export const POSTS_PER_REQUEST_MAX = 64;

/** Envelopes in one answer or frame. */
export const ENVELOPES_PER_BATCH_MAX = 64;

/** Sequence numbers in one acknowledgement: what 16 full connections could hold in flight. */
export const ACKS_MAX = 4096;

/** Ciphertext a link mailbox holds (512 KiB): identity, approval and a few thousand key pins. */
export const LINK_BYTES_MAX: number = 512 * 1024;

/** Bytes of any request, answer or frame (4 MiB): two posts of 16 full envelopes, with room. */
export const BODY_BYTES_MAX: number = 4 * 1024 * 1024;

/** Bytes of content in one pushed frame or fetched page, unless one envelope alone is larger. */
export const BATCH_BYTES_MAX: number = 256 * 1024;

/** Pushed envelopes a connection may leave unacknowledged before the relay waits. */
export const IN_FLIGHT_MAX = 256;

/** How long a registration nonce lives: a human types nothing in between, so 5 minutes is ample. */
export const NONCE_LIFE_MS: number = 5 * 60 * 1000;

/** How long a link mailbox keeps its ciphertext: the time to walk to the other device. */
export const LINK_LIFE_MS: number = 10 * 60 * 1000;

/**
 * Sesame's MAXLATENCY (30 days): mail older than this counts as lost, accepted posts are
 * remembered this long, and answered claims as long at most.
 */
export const LATENCY_MAX_MS: number = 30 * 24 * 60 * 60 * 1000;
