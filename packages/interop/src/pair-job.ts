/**
 * One row of the table as a process of its own: a peer that crashes, hangs, prints secrets or brings
 * a native library of another release disturbs nobody else.
 */

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { WireVersion } from '@simsim/session';
import type { PairResult, Role } from './pair.ts';

/** Which row. */
export interface PairJob {
  /** From the catalog. */
  readonly peer: string;
  readonly version: WireVersion;
  readonly role: Role;
  readonly seed: number;
}

/**
 * What a row came to: `crash` where its process left no result, `unavailable` where the peer cannot
 * be loaded on this machine, which says nothing about anybody.
 */
export type PairOutcome = PlayedOutcome | { readonly unavailable: string };

/** What a row came to that was played, to its end or not. */
export type PlayedOutcome = PairResult | { readonly crash: string };

/** The slowest peer takes ten seconds on an idle machine. */
const PAIR_MS_MAX = 90_000;

const WORKER = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './pair-main.ts' : './pair-main.js', import.meta.url),
);

/** Plays one row in a fresh process. Never rejects. */
export function runPairJob(job: PairJob): Promise<PairOutcome> {
  return new Promise((resolve) => {
    const child = fork(WORKER, [JSON.stringify(job)], {
      // Peers print what they please, private keys among it.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      timeout: PAIR_MS_MAX,
    });
    let outcome: PairOutcome | undefined;
    let errors = '';
    child.on('message', (message) => {
      if (isOutcome(message)) outcome = message;
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = `${errors}${chunk.toString('utf8')}`.slice(-2000);
    });
    child.on('error', (error) => resolve({ crash: error.message }));
    child.on('close', (code, signal) => {
      const how = signal === null ? `ended with ${code}` : `was ended by ${signal}`;
      resolve(outcome ?? { crash: `its process ${how}: ${lastErrorLine(errors)}` });
    });
  });
}

/** Our own worker sends nothing else. */
function isOutcome(message: unknown): message is PairOutcome {
  return (
    typeof message === 'object' &&
    message !== null &&
    ('failures' in message || 'crash' in message || 'unavailable' in message)
  );
}

function lastErrorLine(errors: string): string {
  const lines = errors.split('\n').filter((line) => line.includes('Error'));
  return (lines.at(-1) ?? 'no error was printed').trim().slice(0, 200);
}
