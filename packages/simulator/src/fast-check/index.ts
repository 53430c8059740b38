/** The parts of the simulator for fast-check: arbitraries, commands, interleavings. */

export { actionArbitrary, caseArbitrary, knobsArbitrary } from './case-arbitrary.ts';
export { racingWriters } from './racing-writers.ts';
export type { AsyncStore, RaceOptions } from './racing-writers.ts';
export { scheduledPort } from './scheduled-port.ts';
export type { AsyncPort } from './scheduled-port.ts';
export { storeCommands, StoreDiffersError, storeSetup } from './store-commands.ts';
export type { StoreModel, StoreUnderTest } from './store-commands.ts';
export { worldCommands } from './world-commands.ts';
export type { WorldCommandsOptions } from './world-commands.ts';
