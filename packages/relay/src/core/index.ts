export type { Change } from './change.ts';
export type { Decision, RelayCall, RelayEnv, RelayPolicy, Wakeup } from './decision.ts';
export { decide, sliceFor } from './decide.ts';
export { toIncoming } from './decide-mail.ts';
export { MAILBOX_BYTES_MAX, MAILBOX_COUNT_MAX, NONCE_RETRY_MS, NONCES_MAX } from './limits.ts';
export type {
  AcceptedPost,
  Account,
  AccountDevice,
  AnsweredClaim,
  DeviceAddress,
  DeviceKeys,
  KeyCounters,
  MailPage,
  NewMail,
  OwnEntry,
  OwnKeys,
  Slice,
  SliceQuery,
  StoredMail,
  Succession,
} from './slice.ts';
export { addressKey } from './slice.ts';
export type { Expiry, RelayStore, RelayTransaction } from './store.ts';
