export type { Content, ContentKind, ContentRejection } from './content.ts';
export { decodeContent, encodeContent } from './content.ts';
export type {
  Change,
  CopyDeath,
  DeadReason,
  DecideResult,
  Decision,
  Effect,
  EnvelopeState,
  InboxItem,
  PeerDevice,
  PeerLoad,
  Rejection,
  RejectionCode,
  RollbackEvidence,
  SendFailure,
} from './decision.ts';
export { isSendFailure, NO_LOAD } from './decision.ts';
export { mentionsUser } from './decide-forget.ts';
export type { DeviceName, DeviceNameRejection } from './device-name-brand.ts';
export { parseDeviceName } from './device-name-brand.ts';
export type { DeviceNames, DeviceNaming } from './device-name.ts';
export { namingKey } from './device-name.ts';
export { decide, evolveRecord, foldRefusal } from './engine.ts';
export type { EventName, Fact, FactValue } from './fact-codec.ts';
export {
  decodeFact,
  describeFact,
  encodeFact,
  EVENTS,
  eventSchema,
  eventType,
  factNumber,
  factText,
  READABLE_EVENTS,
  readFact,
} from './fact-codec.ts';
export type { EventShape, FactRejection, FactTable, RecordedFact } from './fact-table-codec.ts';
export { createFactTable } from './fact-table-codec.ts';
export type { PreparedSession } from './prepared-session.ts';
export { prepareSession } from './prepared-session.ts';
export type { Release } from './release.ts';
export { TODAY } from './release.ts';
export type { ChainView, HeadVerdict, KnownHeads, LogPlace } from './heads.ts';
export { judgeHead, signedHead } from './heads.ts';
export type { ClaimResult, Input, PostOrigin, ResendRef } from './input.ts';
export {
  AGREEMENTS_REMEMBERED_MAX,
  BODY_BYTES_MAX,
  CONVERSATION_BYTES_MAX,
  DEVICE_NAMES_MAX,
  DEVICE_RECORDS_MAX,
  FROZEN_SESSIONS_MAX,
  HEALS_MAX,
  SWEPT_USERS_MAX,
  HEARTBEAT_COUNTER,
  HELD_MAIL_MAX,
  INACTIVE_SESSIONS_MAX,
  INITIATIONS_PER_HOUR,
  ONE_TIME_BATCHES_MAX,
  ONE_TIME_KEM_BATCHES_MAX,
  ONE_TIME_KEM_TARGET_KEYS,
  ONE_TIME_TARGET_KEYS,
  PRE_KEY_GRACE_MS,
  PRE_KEY_LIFE_MS,
  ONE_TIME_ID_MAX,
  PRE_KEYS_KEPT_MAX,
  RECEIPT_IDS_MAX,
  RECIPIENTS_MAX,
  RESENDS_MAX,
  SEND_RECORD_MS,
  SEND_ROUNDS_MAX,
} from './limits.ts';
export type { Contact, LinkKeys, LinkOffer, LinkRejection, Provision } from './link.ts';
export {
  contactOf,
  createLinkOffer,
  encodeLinkCode,
  openProvision,
  parseLinkCode,
  sealProvision,
} from './link.ts';
export { hasEnded } from './own-device.ts';
export type { DeviceStatus, OwnDevice, Successor } from './own-device.ts';
export { makeSuccessor, openSuccessor, successionAsk, successionRequest } from './succession.ts';
export type { ExpiryRejection, SessionExpiry } from './session-expiry.ts';
export { DEFAULT_EXPIRY, sessionExpiry } from './session-expiry.ts';
export type { Leaving, LinkAnswer, OwnListInput, OwnListRejection } from './own-list.ts';
export { answerOffer, drawDeviceId, listWithout } from './own-list.ts';
export type { LastResort, OneTimeKemBatch, OwnKemKey } from './kem-pre-keys.ts';
export type { OneTimeBatch, PreKeys, UploadedBatches } from './pre-keys.ts';
export { pendingBatches, uploadOf } from './pre-keys.ts';
export { healsLeft } from './heal-allowance.ts';
export { registrationRequest } from './registration.ts';
export { renewalRequest } from './renewal.ts';
export type { Recipient, RecipientStatus, SendState, SentCopy } from './send-state.ts';
export { roundsInFlight } from './send-state.ts';
export type { SessionAddress, StreamId } from './streams.ts';
export type { StoredValue, StreamKind, StreamValue, StreamValues } from './stream-codec.ts';
export {
  AUDIT_STREAM,
  chainsStream,
  DEVICE_STREAM,
  HEADS_STREAM,
  isRecordStream,
  oneTimeKemStream,
  oneTimeStream,
  PRE_KEYS_STREAM,
  replaysStream,
  SEND_PREFIX,
  sendStream,
  sessionStream,
  USER_PREFIX,
  userStream,
} from './streams.ts';
export { decodeStreamValue, encodeStreamValue, valueOfKind } from './stream-codec.ts';
export type { IdentityKey, UserChange } from './user-change.ts';
export type { HoldReason, TrustPolicy } from './hold-reason.ts';
export type {
  DevicePin,
  DeviceRecord,
  HealAllowance,
  HeldMail,
  KeyPin,
  SessionId,
  TrustLevel,
  UserRecord,
} from './user-record.ts';
export { allSessionsOf, currentDevices, sessionsOf } from './user-record.ts';
export { modelOf, offersOf, pinAt, pinnedKeys } from './key-pin.ts';
export type { Clock } from './device-time.ts';
export { deviceTime } from './device-time.ts';
export type { Sabotage } from './sabotage.ts';
export type { EngineEnv, PendingPost, Slice } from './workspace.ts';
