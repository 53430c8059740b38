export type { ActingWorld } from './actions/acting-world.ts';
export { UnknownActionError } from './actions/own-action.ts';
export type { OwnAction, There } from './actions/own-action.ts';
export type {
  Action,
  Case,
  CryptoName,
  Deed,
  DiskDeed,
  FailedCase,
  Json,
  Knobs,
  Label,
  Lie,
  RowPart,
  StoreName,
} from './case/case.ts';
export { LIES, ROW_PARTS } from './case/case.ts';
export { decodeCase, encodeCase } from './case/case-codec.ts';
export type { CaseRejection, SavedCase } from './case/case-codec.ts';
export { drawCase } from './case/draw-case.ts';
export type { DrawOptions } from './case/draw-case.ts';
export { mutateCase } from './case/mutate-case.ts';
export { Situations, SITUATIONS, situationsOver } from './case/situations.ts';
export type { Situation, SituationPair } from './case/situations.ts';
export type { Process } from './device/process.ts';
export type { StorePart } from './disk/store-parts.ts';
export { drawDiagram } from './diagram.ts';
export { Dice } from './dice.ts';
export { withoutOutside } from './guard.ts';
export { hunt } from './hunt.ts';
export type { Hunt } from './hunt.ts';
export { INVARIANTS } from './invariants/all-invariants.ts';
export { InvariantBroken } from './invariants/invariant.ts';
export type { Invariant, Problems, Watch } from './invariants/invariant.ts';
export { CRASHED, runCase } from './run-case.ts';
export type { Failure, Plant, RunOptions, RunResult } from './run-case.ts';
export { SABOTEURS } from './saboteurs.ts';
export type { Saboteur } from './saboteurs.ts';
export type { Shrinking } from './shrink.ts';
export { simulate, Simulation, SURE_RUNS, UNSTABLE } from './simulate.ts';
export type {
  CaseSource,
  Pairs,
  SimulateOptions,
  SimulateReport,
  SimulationStep,
} from './simulate.ts';
export { storeConformance } from '@simsim/event-log/conformance';
export { relayConformance } from '@simsim/relay/conformance';
export { transportConformance } from '@simsim/relay-protocol/conformance';
export type { WatchedWorld } from './invariants/watched-world.ts';
export { SteppedWorld } from './world/stepped-world.ts';
export type { SteppedWorldOptions } from './world/stepped-world.ts';
export { loadWasmSqlite } from '@simsim/event-log-sqlite/power-loss';
export type { WasmSqlite } from '@simsim/event-log-sqlite/power-loss';
