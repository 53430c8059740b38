export type { RatchetLimits } from './limits.ts';
export { defaultRatchetLimits, ratchetLimits, signalPeerLimits } from './limits.ts';
export type { MessageSuite, RatchetSuite } from './ratchet-suite.ts';
export { signalRatchet, specSuite } from './ratchet-suite.ts';
export type {
  MessageSabotage,
  RatchetEnv,
  RatchetOptions,
  RatchetSabotage,
} from './ratchet-env.ts';
export { defaultRatchetOptions } from './ratchet-env.ts';
export type {
  Chain,
  OlderChain,
  RatchetCold,
  RatchetHeader,
  RatchetHot,
  RatchetRejection,
  RatchetState,
  SendingHalf,
} from './ratchet-state.ts';
export type { BlockEntry, BlockTime, SkippedBlock, SkippedSeed } from './skipped-blocks.ts';
export type { PqChains, PqReceiveEnv, PqReceiveStep, PqSendStep } from './pq-chains.ts';
export { pqBlocksToLoad, pqReceive, pqSend, startPqChains } from './pq-chains.ts';
export { startInitiator, startResponder } from './start-ratchet.ts';
export type { SendStep } from './ratchet-send.ts';
export { ratchetSend } from './ratchet-send.ts';
export type { ReceiveEnv, ReceiveStep } from './ratchet-receive.ts';
export { blocksToLoad, ratchetReceive } from './ratchet-receive.ts';
export type { ExpireStep } from './ratchet-secrets.ts';
export { eraseRatchet, expireSkipped, ratchetSecrets } from './ratchet-secrets.ts';
export type {
  DecryptStep,
  EncryptStep,
  MessageOptions,
  MessageRejection,
  PlainMessage,
  RatchetMessage,
  ReceivedMessage,
  SealRejection,
} from './message-seal.ts';
export type { DecryptEnv, EncryptEnv } from './ratchet-message.ts';
export { ratchetDecrypt, ratchetEncrypt } from './ratchet-message.ts';
export { decodeHeader, encodeHeader } from './ratchet-header.ts';
export type { ClosedChain, DatedSeed } from './skipped-chains.ts';
export type {
  HeaderRatchetState,
  HeaderReceiving,
  HeaderRejection,
  HeaderSending,
} from './header-ratchet-state.ts';
export { eraseHeaderRatchet, headerRatchetSecrets } from './header-ratchet-state.ts';
export type { StartSecrets } from './header-ratchet-start.ts';
export {
  deriveStartSecrets,
  startHeaderInitiator,
  startHeaderResponder,
} from './header-ratchet-start.ts';
export { headerEncrypt } from './header-ratchet-encrypt.ts';
export { headerDecrypt } from './header-ratchet-decrypt.ts';
export type { HeaderStateRejection } from './header-ratchet-codec.ts';
export {
  HEADER_STATE_BYTES_MAX,
  decodeHeaderRatchet,
  encodeHeaderRatchet,
} from './header-ratchet-codec.ts';
