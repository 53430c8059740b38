export { createMemoryStore } from './memory-store.ts';
export { createMemoryRelay } from './memory-relay.ts';
export type { MemoryRelay, MemoryRelayOptions } from './memory-relay.ts';
export { createMemoryTransport } from './memory-transport.ts';
