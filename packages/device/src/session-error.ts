/** The one error of the front door: what happened, who is to blame, what to do next. */

import { StoreFailure } from '@simsim/event-log';
import type { StoreRefusal } from '@simsim/event-log';

/** Who has to do something about it. */
export type Blame = 'peer' | 'caller' | 'store' | 'relay' | 'us';

interface ErrorInfo {
  readonly blame: Blame;
  readonly retryable: boolean;
  readonly action: string;
}

/** A code of {@link SessionError}. Codes are API: never renamed, never reused. */
export type SessionErrorCode =
  | 'STORE_MISSING'
  | 'STORE_EXISTS'
  | 'STORE_IN_USE'
  | 'STORE_TAKEN_OVER'
  | 'STORE_MOVED'
  | 'STORE_FAILED'
  | 'STORE_ROLLED_BACK'
  | 'STORE_CORRUPT'
  | 'STORE_TOO_NEW'
  | 'STORE_UNSAFE'
  | 'VAULT_MISSING'
  | 'VAULT_EXISTS'
  | 'VAULT_WRONG_KEY'
  | 'VAULT_KEY_UNAVAILABLE'
  | 'VAULT_CORRUPT'
  | 'VAULT_TOO_NEW'
  | 'VAULT_FAILED'
  | 'VAULT_MISMATCH'
  | 'VAULT_ROLLED_BACK'
  | 'IDENTITY_LOST'
  | 'USER_MISMATCH'
  | 'RELAY_INSECURE'
  | 'RELAY_UNAVAILABLE'
  | 'RELAY_REFUSED'
  | 'USER_EXISTS'
  | 'NOT_REGISTERED'
  | 'DEVICE_REVOKED'
  | 'DEVICE_REPLACED'
  | 'MESSAGE_TOO_LARGE'
  | 'CONVERSATION_TOO_LONG'
  | 'NO_RECIPIENT'
  | 'TOO_MANY_RECIPIENTS'
  | 'BAD_USER_ID'
  | 'BAD_DEVICE_ID'
  | 'BAD_MESSAGE_ID'
  | 'BAD_DEVICE_NAME'
  | 'BAD_ARGUMENT'
  | 'UNKNOWN_USER'
  | 'OWN_USER'
  | 'UNKNOWN_KEY'
  | 'USER_BUSY'
  | 'SEND_FAILED'
  | 'IDENTITY_CHANGED'
  | 'BAD_LIST'
  | 'UNKNOWN_MESSAGE'
  | 'BAD_LINK_CODE'
  | 'LINK_FAILED'
  | 'UNKNOWN_DEVICE'
  | 'LAST_DEVICE'
  | 'SIGNER_LEAVES'
  | 'TOO_MANY_DEVICES'
  | 'LIST_MOVED'
  | 'REMOVAL_PENDING'
  | 'CLOSED'
  | 'ABORTED'
  | 'INTERNAL';

/** Who is to blame, whether trying again can help, and what to do. */
const ERRORS: Readonly<Record<SessionErrorCode, readonly [Blame, boolean, string]>> = {
  STORE_MISSING: [
    'store',
    false,
    "Pass ifMissing: 'create' to make a new device, or link this one to an existing device.",
  ],
  STORE_EXISTS: ['caller', false, 'Open the device that is there, or choose another path.'],
  STORE_IN_USE: [
    'store',
    false,
    'Close the other process that has this device open; where it is gone for good, pass its lease as `takeOver`, or run `simsim lease`.',
  ],
  STORE_TAKEN_OVER: [
    'store',
    false,
    'Another process has this device now: use that one, or close it and open the device again.',
  ],
  STORE_MOVED: ['caller', false, 'Open it where it was moved to, or finish the move.'],
  STORE_FAILED: [
    'store',
    false,
    'See that the medium is there, has room and may be written, then open the device again.',
  ],
  STORE_ROLLED_BACK: [
    'store',
    false,
    "Put the newer log back beside its vault; where it is gone, open with onRollback: 'quarantine'.",
  ],
  STORE_CORRUPT: [
    'store',
    false,
    'Keep the files and run `simsim verify` on the log: it names what is damaged. Then put back a copy of log and vault together, which goes on as a new incarnation, or link a new device.',
  ],
  STORE_TOO_NEW: ['caller', false, 'Use the release that wrote the log; `simsim replay` reads it.'],
  STORE_UNSAFE: ['caller', false, 'Use the SQLite that the package brings along.'],
  VAULT_MISSING: [
    'store',
    false,
    'Put the vault back beside its log. Without it the device is lost: link it as a new device.',
  ],
  VAULT_EXISTS: ['caller', false, 'Put the log back beside its vault, or choose another path.'],
  VAULT_WRONG_KEY: [
    'caller',
    false,
    'Give the passphrase or the key that the vault was made with.',
  ],
  VAULT_KEY_UNAVAILABLE: [
    'caller',
    true,
    'Unlock the keychain of this machine, or keep the key elsewhere.',
  ],
  VAULT_CORRUPT: [
    'store',
    false,
    'Keep the files as they are and look at the medium; where they are gone, link a new device.',
  ],
  VAULT_TOO_NEW: ['caller', false, 'Use the release that wrote the vault.'],
  VAULT_FAILED: ['store', true, 'See that the medium is there, has room and may be written.'],
  VAULT_MISMATCH: ['caller', false, 'Put the vault beside the log that it belongs to.'],
  VAULT_ROLLED_BACK: [
    'store',
    false,
    "Put the newer vault back beside its log; where it is gone, open with onRollback: 'quarantine'.",
  ],
  IDENTITY_LOST: [
    'store',
    false,
    'The keys of the device are gone: put the newer files back, or link it as a new device.',
  ],
  USER_MISMATCH: ['caller', false, 'Open the store under the user it belongs to.'],
  RELAY_INSECURE: ['caller', false, 'Use https, or a relay on this machine.'],
  RELAY_UNAVAILABLE: ['relay', true, 'Nothing is lost; it is tried again when the relay is back.'],
  RELAY_REFUSED: ['relay', false, 'Look at the cause for what the relay refused.'],
  USER_EXISTS: [
    'caller',
    false,
    'Delete the store, which nobody knows of yet; then choose another user id, or link a device to that user.',
  ],
  NOT_REGISTERED: ['us', true, 'Wait until the relay has taken the registration.'],
  DEVICE_REVOKED: [
    'caller',
    false,
    'This device was removed by another one; link it again as a new device.',
  ],
  DEVICE_REPLACED: [
    'caller',
    false,
    'A copy of this device goes on in its place; use that one, or link this one as a new device.',
  ],
  MESSAGE_TOO_LARGE: [
    'caller',
    false,
    'Send at most 95 KiB; put larger data elsewhere and send its key.',
  ],
  CONVERSATION_TOO_LONG: ['caller', false, 'Use a conversation label of at most 256 bytes.'],
  NO_RECIPIENT: ['caller', false, 'Name at least one user.'],
  TOO_MANY_RECIPIENTS: ['caller', false, 'Send to at most 256 users at a time.'],
  BAD_USER_ID: ['caller', false, 'A user id has 1 to 128 bytes and no control characters.'],
  BAD_DEVICE_ID: ['caller', false, 'A device id is 1 to 127.'],
  BAD_MESSAGE_ID: ['caller', false, 'A message id is 32 lower-case hex characters.'],
  BAD_DEVICE_NAME: [
    'caller',
    false,
    'A device name has at most 64 bytes, all on one line and without control characters.',
  ],
  BAD_ARGUMENT: ['caller', false, 'Pass it what it takes; nothing was changed.'],
  UNKNOWN_USER: ['caller', false, 'Check the user id: the relay knows no such user.'],
  OWN_USER: ['caller', false, 'Name another user: this cannot be done to the own one.'],
  UNKNOWN_KEY: [
    'caller',
    false,
    'No device of the user has shown this key: see `identitiesOf` for those that have.',
  ],
  USER_BUSY: ['peer', true, 'The user goes on writing; try it again.'],
  SEND_FAILED: ['peer', true, 'Look at the report: it tells who did not get it and why.'],
  IDENTITY_CHANGED: [
    'peer',
    false,
    'Compare safety numbers with the user, then accept the new key.',
  ],
  BAD_LIST: [
    'relay',
    false,
    'The relay showed a device list that does not verify; do not trust it.',
  ],
  UNKNOWN_MESSAGE: ['caller', false, 'The message was acknowledged before.'],
  BAD_LINK_CODE: ['caller', false, 'Copy the whole link code from the new device.'],
  LINK_FAILED: ['caller', true, 'Start linking again: the link was used, expired or overtaken.'],
  UNKNOWN_DEVICE: ['caller', false, 'Look at devices() for the ids there are.'],
  LAST_DEVICE: ['caller', false, 'A user keeps at least one device.'],
  SIGNER_LEAVES: ['caller', false, 'Have another device of the user remove this one.'],
  LIST_MOVED: [
    'caller',
    true,
    'Another device changed the list first: look at devices(), and do it again if it is still wanted.',
  ],
  REMOVAL_PENDING: ['relay', true, 'Another removal waits for the relay; it goes on by itself.'],
  TOO_MANY_DEVICES: ['caller', false, 'Remove a device first: a user has at most 16.'],
  CLOSED: ['caller', false, 'Open the device again.'],
  ABORTED: ['caller', true, 'It was cancelled by its signal.'],
  INTERNAL: ['us', false, 'Please report this with the code and the cause.'],
};

/** Thrown by the front door. Its message holds ids only: no plaintext, no keys. */
export class SessionError extends Error {
  override readonly name = 'SessionError';
  readonly code: SessionErrorCode;
  readonly blame: Blame;
  readonly retryable: boolean;
  /** What to do next, for people. */
  readonly action: string;

  constructor(code: SessionErrorCode, options: { detail?: string; cause?: unknown } = {}) {
    const info = errorInfo(code);
    const detail = options.detail === undefined ? '' : ` (${options.detail})`;
    super(`${code}${detail}: ${info.action}`, { cause: options.cause });
    this.code = code;
    this.blame = info.blame;
    this.retryable = info.retryable;
    this.action = info.action;
  }
}

function errorInfo(code: SessionErrorCode): ErrorInfo {
  const [blame, retryable, action] = ERRORS[code];
  return { blame, retryable, action };
}

/** True for a word that is a code here. */
export function isSessionErrorCode(code: string): code is SessionErrorCode {
  return Object.hasOwn(ERRORS, code);
}

/** A store that does not open or stopped, as an error. */
export function storeError({ code, detail }: StoreRefusal, cause?: unknown): SessionError {
  return new SessionError(isSessionErrorCode(code) ? code : 'STORE_FAILED', { detail, cause });
}

/** What went wrong under a device, as an error; one that is no store's is our own fault. */
export function failureError(cause: unknown): SessionError {
  if (cause instanceof SessionError) return cause;
  if (!(cause instanceof StoreFailure)) return new SessionError('INTERNAL', { cause });
  return storeError(cause, cause);
}

/** What the engine refused, as an error; a code that is none of ours is our own fault. */
export function refusalError(code: string): SessionError {
  return isSessionErrorCode(code)
    ? new SessionError(code)
    : new SessionError('INTERNAL', { detail: code });
}
