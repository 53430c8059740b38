/** Faults that are planted in the engine, one name each. */

/** Broken variants of the engine, for laws that must catch them. Production passes none. */
export type Sabotage =
  /** A refused round counts as taken. */
  | 'drop-rejected-round'
  /** Rounds go to removed devices too. */
  | 'send-to-stale'
  /** No copy goes to the sender's other devices. */
  | 'skip-own-devices'
  /** A chain is not moved on by what was encrypted with it. */
  | 'rewind-chain'
  /** Nothing is remembered as received. */
  | 'forget-dedupe'
  /** Every initiation message begins a session, also one of a known session. */
  | 'new-session-each-initiation'
  /** A message on an inactive session leaves it inactive. */
  | 'ignore-session-activation'
  /** The relay may say of any prekey id that it has seen it. */
  | 'believe-any-pre-key-id'
  /** Keys that are given twice make two sessions, and a full record lets go of some unseen. */
  | 'take-keys-again'
  /** A used one-time prekey stays. */
  | 'keep-one-time-key'
  /** A used one-time KEM prekey stays. */
  | 'keep-one-time-kem-key'
  /** What was accepted with the last resort alone is not remembered. */
  | 'forget-agreements'
  /** What cannot be read is acknowledged and not asked for again. */
  | 'drop-damaged-mail'
  /** A key in a header replaces the pinned one, before anything vouches for it. */
  | 'trust-any-identity'
  /** One device's receipt counts for all devices of its user. */
  | 'receipt-from-anyone'
  /** A send that is done with keeps its plaintext. */
  | 'keep-settled-send'
  /** A message is encrypted again with the session that failed. */
  | 'resend-on-same-session'
  | 'resend-without-limit'
  /** Whoever names an envelope gets its message. */
  | 'resend-to-anyone'
  /** A device may ask for the copies of its user's other devices beside its own. */
  | 'resend-copies-of-others'
  /** A record changes without an event that says so. */
  | 'silent-user-change'
  /** A peer may fill the log with skipped keys. */
  | 'skip-without-limit'
  /** What proves that the state was put back proves nothing. */
  | 'ignore-heads'
  /** One user's sessions of before go on sending after a quarantine. */
  | 'quarantine-spares-a-session'
  /** Old sessions and records go without a fetch of the mailbox. */
  | 'delete-before-fetch'
  /** Another key than the pinned one takes its place, unasked. */
  | 'take-offered-key'
  | 'trust-any-signer'
  | 'vouch-for-ever'
  | 'keep-removed-keys'
  /** Mail to a user whose key changed is given up. */
  | 'drop-held-mail'
  /** No policy holds anything. */
  | 'never-hold'
  /** What waits for a key stays, whatever the application says. */
  | 'keep-held-mail'
  /** Whoever asks for mail again gets a new session each time. */
  | 'heal-without-limit'
  /** A device that only hears never answers. */
  | 'never-turn'
  /** A session sends for ever. */
  | 'send-on-old-session'
  /** The next identity key is sealed to the one before, which the removed device has too. */
  | 'seal-to-former-identity'
  /** A list under another own identity key is taken whoever signed it. */
  | 'take-any-succession'
  /** Sessions with own devices outlive the identity key that they began under. */
  | 'keep-sessions-in-succession'
  /** Copies for own devices are given up where the relay shows another own identity key. */
  | 'drop-own-copies'
  /** Prekeys stay as they are when the identity key is another. */
  | 'keep-keys-in-succession'
  /** A name is given, and nobody told. */
  | 'untold-name'
  /** Of two names the one that was told last stays. */
  | 'last-told-name'
  /** Whoever tells an old name is left with it. */
  | 'never-answer-names'
  /** What a commit would change is taken for true before it is durable. */
  | 'adopt-before-commit'
  /** A round after a refused one does not move its chains on. */
  | 'rewind-rejected-round'
  /** A first message that does not open uses its one-time prekey up all the same. */
  | 'burn-forged-prekey'
  /** The session before the active one encrypts. */
  | 'send-on-inactive-session'
  /** A session that is in no record any more keeps its keys. */
  | 'keep-dropped-session'
  /** No sweep finds anything that is over. */
  | 'keep-stale'
  /** A send that nobody receipts keeps its plaintext for ever. */
  | 'keep-expired-send'
  /** A prekey that was replaced is kept for ever. */
  | 'keep-old-pre-keys'
  /** A block of skipped keys outlives the last of its keys. */
  | 'keep-skipped-blocks'
  /** Rounds go to devices too that no list names. */
  | 'send-to-unlisted'
  /** A post stays in the outbox after its answer. */
  | 'keep-answered-post'
  /** A session that a peer begins is not answered on. */
  | 'retire-accepted-session'
  /** A list that was just fetched is fetched again. */
  | 'ask-lists-for-ever'
  /** Keys are fetched for sessions that are there, and no round counts it. */
  | 'claim-for-ever'
  /** What an own device sent is given to the application as its recipient's. */
  | 'misattribute-copy';
