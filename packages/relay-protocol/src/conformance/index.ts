export { ConformanceError } from '@simsim/bytes/conformance';
export { LineProbe } from './line-probe.ts';
export type { LineDown, LineEvent } from './line-probe.ts';
export { within } from './patience.ts';
export type { Timer } from './patience.ts';
