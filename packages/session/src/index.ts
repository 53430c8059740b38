export type { PqChains, RatchetLimits, SkippedBlock } from '@simsim/double-ratchet';
export { defaultRatchetLimits, signalPeerLimits } from '@simsim/double-ratchet';
export type { ReplayRecord } from '@simsim/key-agreement';
export { decodeReplayRecord, emptyReplayRecord, encodeReplayRecord } from '@simsim/key-agreement';
export { MESSAGE_BYTES_MAX, PLAINTEXT_BYTES_MAX } from './limits.ts';
export type { SessionRejection, StateRejection } from './rejection.ts';
export type {
  Addresses,
  PendingInitiation,
  Session,
  SessionChanges,
  SessionCold,
  SessionEnv,
  SessionHot,
} from './session-state.ts';
export {
  changesOf,
  freshSecrets,
  hasPqRatchet,
  isInitiating,
  remoteIdentity,
  sessionId,
  sessionIdOf,
  sessionVersion,
  withBlocks,
} from './session-state.ts';
export type {
  InitiationMessage,
  KemInitiation,
  ParsedMessage,
  RegularMessage,
  WireVersion,
} from './wire.ts';
export { parseMessage } from './wire.ts';
export type { PqField } from './pq-field.ts';
export { decodeWireKemKey, decodeWireKey, encodeWireKemKey, encodeWireKey } from './wire-keys.ts';
export type { PreKeyBundle } from './bundle.ts';
export type { InitiateInput, Initiated } from './initiate.ts';
export type { AcceptInput, Accepted, OwnKemPreKey } from './accept.ts';
export type { Encrypted } from './encrypt.ts';
export type { Decrypted } from './decrypt.ts';
export type { SessionOptions, SessionPolicy, SessionSabotage } from './session-options.ts';
export { defaultSessionPolicy } from './session-options.ts';
export type { SessionSteps } from './session-steps.ts';
export {
  accept,
  blocksFor,
  decrypt,
  encrypt,
  initiate,
  makeSessionSteps,
  walkLength,
} from './session-steps.ts';
export { isBehind } from './walk-length.ts';
export {
  decodeBlock,
  decodeCold,
  decodeHot,
  encodeBlock,
  encodeCold,
  encodeHot,
} from './state-codec.ts';
