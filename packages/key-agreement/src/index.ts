export type { AgreementSuite } from './suite.ts';
export { signalX3dh } from './suite.ts';
export type { PreKeySignature } from './prekey-signature.ts';
export { isPreKeySigned, signPreKey } from './prekey-signature.ts';
export type {
  AgreementRejection,
  InitiatorAgreement,
  InitiatorInput,
  PeerPreKeys,
  ResponderInput,
} from './x3dh.ts';
export { agreeAsInitiator, agreeAsResponder } from './x3dh.ts';
