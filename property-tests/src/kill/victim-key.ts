import type { VaultKey } from '@simsim/event-log-sqlite';

/** What opens the victim's vault: a scratch log needs no better one. */
export const VICTIM_KEY: VaultKey = { kind: 'raw', key: new Uint8Array(32).fill(7) };
