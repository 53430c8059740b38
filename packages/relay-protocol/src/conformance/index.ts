export { ConformanceError } from '@simsim/bytes/conformance';
export { LineProbe } from './line-probe.ts';
export type { LineDown, LineEvent } from './line-probe.ts';
export { within } from './patience.ts';
export type { Timer } from './patience.ts';
export { proveTransport, transportConformance } from './transport-conformance.ts';
export type {
  TransportCase,
  TransportHooks,
  TransportLevel,
  TransportPair,
} from './transport-hooks.ts';
export { TRANSPORT_SABOTEURS } from './broken-transports.ts';
export type { TransportSaboteur } from './reroutes.ts';
