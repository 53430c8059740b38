/** What the coordinator asks of the relay's process. */

import type { KillOrder } from './kill-hook.ts';

/** The calls of the relay's process. */
// A type alias, because an interface has no implicit index signature.
export type RelayCalls = {
  readonly start: {
    readonly ask: { readonly file: string; readonly port: number };
    readonly answer: { readonly url: string; readonly port: number };
  };
  readonly arm: { readonly ask: KillOrder; readonly answer: null };
  readonly disarm: { readonly ask: null; readonly answer: null };
  readonly memory: { readonly ask: null; readonly answer: number };
  readonly stop: { readonly ask: null; readonly answer: null };
};
