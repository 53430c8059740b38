export type { RatchetLimits } from './limits.ts';
export { defaultRatchetLimits, signalPeerLimits } from './limits.ts';
export type { RatchetSuite } from './ratchet-suite.ts';
export { signalRatchet } from './ratchet-suite.ts';
export type { RatchetEnv, RatchetOptions, RatchetSabotage } from './ratchet-env.ts';
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
export type { BlockEntry, SkippedBlock, SkippedSeed } from './skipped-blocks.ts';
export type { PqChains, PqReceiveStep, PqSendStep } from './pq-chains.ts';
export { pqBlocksToLoad, pqReceive, pqSend, startPqChains } from './pq-chains.ts';
export { startInitiator, startResponder } from './start-ratchet.ts';
export type { SendStep } from './ratchet-send.ts';
export { ratchetSend } from './ratchet-send.ts';
export type { ReceiveEnv, ReceiveStep } from './ratchet-receive.ts';
export { blocksToLoad, ratchetReceive } from './ratchet-receive.ts';
