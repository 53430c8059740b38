export type { UserId, UserIdRejection } from './user-id-brand.ts';
export { parseUserId, readUserId } from './user-id-brand.ts';
export type { DeviceId, DeviceIdRejection } from './device-id-brand.ts';
export { parseDeviceId, readDeviceId } from './device-id-brand.ts';
export type {
  ClaimId,
  EnvelopeId,
  MessageId,
  PostId,
  RandomId,
  RandomIdRejection,
} from './random-id-brand.ts';
export {
  claimIdFromBytes,
  envelopeIdFromBytes,
  idToBytes,
  messageIdFromBytes,
  parseClaimId,
  parseEnvelopeId,
  parseMessageId,
  parsePostId,
  postIdFromBytes,
  RANDOM_ID_BYTES,
  readRandomId,
} from './random-id-brand.ts';
export type { DecodeRejection } from './codec.ts';
export type {
  DeviceEntry,
  DeviceList,
  FormerDevice,
  IdentityModel,
  SignedDeviceList,
} from './device-list.ts';
export {
  decodeDeviceList,
  decodeSignedDeviceList,
  deviceListHash,
  encodeDeviceList,
  encodeSignedDeviceList,
  findDevice,
  hasSameKeys,
  identityKeyOf,
  includesAll,
} from './device-list.ts';
export type {
  DeviceListClaim,
  DeviceListPin,
  DeviceListRejection,
  DeviceListSigners,
} from './device-list-check.ts';
export { signDeviceList, verifyDeviceList } from './device-list-check.ts';
export type { Heir, PreKeySignature } from './succession.ts';
export { isSuccession, successionAskBytes } from './succession.ts';
export type {
  DeviceApproval,
  DeviceApprovalFields,
  DeviceApprovalRejection,
} from './device-approval.ts';
export {
  approvalBytes,
  decodeDeviceApproval,
  encodeDeviceApproval,
  signDeviceApproval,
  verifyDeviceApproval,
} from './device-approval.ts';
export type { DeviceVoucher, VouchedDevice } from './device-voucher.ts';
export {
  readDeviceVoucher,
  signDeviceVoucher,
  verifyDeviceVoucher,
  writeDeviceVoucher,
} from './device-voucher.ts';
export type { DeviceHead, DeviceHeadFields } from './device-head.ts';
export {
  decodeDeviceHead,
  deviceHeadBytes,
  encodeDeviceHead,
  isDeviceHeadOf,
  isSameHead,
  readDeviceHead,
  signDeviceHead,
  writeDeviceHead,
} from './device-head.ts';
export type { ProofFields } from './proof.ts';
export { accountProofBytes, deviceProofBytes, renewalProofBytes } from './proof.ts';
export type {
  KemPreKey,
  OneTimePreKey,
  PreKeyBundle,
  PreKeyUpload,
  SignedPreKey,
} from './pre-keys.ts';
export { KEM_PUBLIC_KEY_BYTES, preKeyDigest } from './pre-keys.ts';
export type { EnvelopeKind, IncomingEnvelope, OutgoingEnvelope, Post, PostResult } from './post.ts';
export { encodePost, readPost, writePost } from './post.ts';
export type {
  AckRequest,
  AddDeviceRequest,
  CheckKeysRequest,
  ClaimKeysRequest,
  CreateAccountRequest,
  ExchangeHeadRequest,
  FetchRequest,
  GetListRequest,
  GetSignedKeysRequest,
  GetSuccessionRequest,
  NonceRequest,
  PostingHead,
  PostRequest,
  PutLinkRequest,
  RelayRequest,
  RemoveDeviceRequest,
  RenewDeviceRequest,
  RequestKind,
  TakeLinkRequest,
  UploadKeysRequest,
} from './request.ts';
export { NEEDS_TOKEN } from './request.ts';
export { decodeRequest, encodeRequest, REQUEST_KINDS } from './request-codec.ts';
export type {
  AnswerTo,
  CheckKeysAnswer,
  ClaimResult,
  ListResult,
  PreKeyCounters,
  PreKeysTaken,
  RelayAnswer,
  RelayOutcome,
  SignedKeys,
  UploadKeysAnswer,
} from './answer.ts';
export { decodeOutcome, encodeOutcome } from './answer-codec.ts';
export type { RefusalCode, RelayRefusal } from './refusal.ts';
export { REFUSAL_STATUS } from './refusal.ts';
export type { ClientFrame, ServerFrame } from './frame.ts';
export {
  decodeClientFrame,
  decodeServerFrame,
  encodeClientFrame,
  encodeServerFrame,
} from './frame.ts';
export type {
  FarLine,
  FarListener,
  LineEnd,
  LineListener,
  RelayEnd,
  RelayLine,
  RelayTransport,
} from './relay-transport.ts';
export { isRelayUnavailable, lineEndOf, RelayUnavailableError } from './relay-transport.ts';
export {
  CLOSE_CONNECTED_ELSEWHERE,
  CLOSE_MALFORMED,
  CLOSE_UNAUTHORIZED,
  CONTENT_TYPE,
  HEALTH_PATH,
  requestPath,
  WEBSOCKET_PATH,
} from './http.ts';
export {
  ACKS_MAX,
  BATCH_BYTES_MAX,
  BODY_BYTES_MAX,
  DEVICE_ID_MAX,
  DEVICES_MAX,
  ENVELOPE_BYTES_MAX,
  ENVELOPES_PER_BATCH_MAX,
  ENVELOPES_PER_POST_MAX,
  IN_FLIGHT_MAX,
  KEM_PRE_KEYS_LOW,
  LATENCY_MAX_MS,
  LINK_BYTES_MAX,
  LINK_LIFE_MS,
  LIST_VERSION_MAX,
  LISTS_KEPT_MAX,
  NONCE_LIFE_MS,
  ONE_TIME_KEM_PRE_KEYS_MAX,
  ONE_TIME_PRE_KEYS_MAX,
  POSTS_PER_REQUEST_MAX,
  PRE_KEY_ID_MAX,
  PRE_KEYS_LOW,
  REGISTRATION_ID_MAX,
  SEALED_IDENTITY_BYTES_MAX,
  USER_ID_BYTES_MAX,
} from './limits.ts';
