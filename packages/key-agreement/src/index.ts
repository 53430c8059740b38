export type { AgreementSuite, KemSuite, SuiteChoice } from './suite.ts';
export { pqxdhSuite, signalPqxdh, signalX3dh, x3dhSuite } from './suite.ts';
export type { KemPreKeySignature, PreKeySignature, SigningEnv } from './prekey-signature.ts';
export {
  isKemPreKeySigned,
  isPreKeySigned,
  signKemPreKey,
  signPreKey,
} from './prekey-signature.ts';
export type {
  AgreementRejection,
  InitiatorAgreement,
  InitiatorInput,
  PeerPreKeys,
  ResponderInput,
} from './handshake.ts';
export { agreeAsInitiator, agreeAsResponder } from './handshake.ts';
export type {
  Remembered,
  ReplayRecord,
  ReplayRecordRejection,
  ReplayRejection,
} from './replay-record.ts';
export {
  REPLAY_RECORD_MAX,
  agreementFingerprint,
  agreementsIn,
  decodeReplayRecord,
  emptyReplayRecord,
  encodeReplayRecord,
  rememberAgreement,
} from './replay-record.ts';
