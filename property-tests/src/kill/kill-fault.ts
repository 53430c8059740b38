/** What a kill has shown to be broken. */

/** The promises, one code each. */
export type KillFaultCode =
  /** Two ciphertexts under one message key. */
  | 'KEY_REUSED'
  /** A ciphertext was outside and the log knows nothing of it. */
  | 'NOT_DURABLE'
  /** A post came again with another body. */
  | 'NOT_VERBATIM'
  /** An envelope was acknowledged and its plaintext is nowhere. */
  | 'INBOX_LOST'
  /** The chain, the anchor, or a projection is not what the events say. */
  | 'CHAIN_BROKEN'
  /** A post, a mail or an application row does not open, or is missing. */
  | 'ROW_LOST'
  /** A commit that was answered is not there. */
  | 'COMMIT_LOST'
  /** A log does not open again. */
  | 'REFUSED'
  /** A message is with the application more than once, or another one than was sent. */
  | 'DELIVERED_WRONG'
  /** A log that was only killed is taken for one that was put back. */
  | 'FALSE_ALARM'
  /** A message never came. */
  | 'NEVER_DELIVERED'
  /** The world did not come to rest. */
  | 'RESTLESS'
  /** A victim ended otherwise than it was told to. */
  | 'CRASHED';

/** Thrown where a promise was not kept. */
export class KillFault extends Error {
  override readonly name = 'KillFault';
  readonly code: KillFaultCode;

  constructor(code: KillFaultCode, detail: string) {
    super(`${code}: ${detail}`);
    this.code = code;
  }
}
