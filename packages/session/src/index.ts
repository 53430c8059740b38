export type { SkippedBlock } from '@simsim/double-ratchet';
export { MESSAGE_BYTES_MAX, PLAINTEXT_BYTES_MAX } from './limits.ts';
export type { SessionRejection, StateRejection } from './rejection.ts';
export type {
  PendingInitiation,
  Session,
  SessionChanges,
  SessionCold,
  SessionEnv,
  SessionHot,
} from './session-state.ts';
export {
  changesOf,
  isInitiating,
  remoteIdentity,
  sessionId,
  sessionIdOf,
  withBlocks,
} from './session-state.ts';
export type { InitiationMessage, ParsedMessage, RegularMessage } from './wire.ts';
export { parseMessage } from './wire.ts';
export type { AcceptInput, Accepted, InitiateInput, Initiated, PreKeyBundle } from './establish.ts';
export type { Encrypted } from './encrypt.ts';
export type { Decrypted } from './decrypt.ts';
export type { SessionOptions, SessionSabotage } from './session-options.ts';
export type { SessionSteps } from './session-steps.ts';
export {
  accept,
  blocksFor,
  decrypt,
  encrypt,
  initiate,
  makeSessionSteps,
} from './session-steps.ts';
export {
  decodeBlock,
  decodeCold,
  decodeHot,
  encodeBlock,
  encodeCold,
  encodeHot,
} from './state-codec.ts';
