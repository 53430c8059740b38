/**
 * Keeps the outside out of a run: clocks, timers and randomness that do not come from the seed throw.
 * A run that reads one would not be the same twice.
 */

import nodeCrypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/** What a guard lets through. */
export interface GuardOptions {
  /**
   * Noble blinds its multiplications with randomness that shows in no result. On real primitives it gets
   * ones; over symbolic ones, where most runs are, nothing may ask for any.
   */
  readonly allowsBlinding?: boolean;
}

/** Runs `work` in a process that has no time and no chance of its own. */
export function withoutOutside<T>(work: () => T, { allowsBlinding }: GuardOptions = {}): T {
  const ones = (bytes: Uint8Array): Uint8Array => bytes.fill(1);
  const restore = [
    ...['Date', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'].map((name) =>
      replace(globalThis, name, name === 'Date' ? DateOfArguments : forbidden(name)),
    ),
    replace(Math, 'random', forbidden('Math.random')),
    replace(performance, 'now', forbidden('performance.now')),
    replace(process, 'hrtime', forbidden('process.hrtime')),
    replace(
      crypto,
      'getRandomValues',
      allowsBlinding === true ? ones : forbidden('crypto.getRandomValues'),
    ),
    replace(crypto, 'randomUUID', forbidden('crypto.randomUUID')),
    ...['randomBytes', 'randomFillSync', 'randomInt', 'randomUUID', 'generateKeyPairSync'].map(
      (name) => replace(nodeCrypto, name, forbidden(`node:crypto ${name}`)),
    ),
  ];
  syncBuiltinESMExports();
  try {
    return work();
  } finally {
    for (const undo of restore.reverse()) undo();
    syncBuiltinESMExports();
  }
}

function forbidden(name: string): () => never {
  return () => {
    throw new Error(`${name} is outside of the seed: take time and randomness from the world`);
  };
}

/** Dates may be calculated with; only what time it is may not be asked. */
const DateOfArguments = new Proxy(Date, {
  construct(target, args: [unknown, ...unknown[]]): object {
    if (args.length === 0) forbidden('new Date()')();
    const made: unknown = Reflect.construct(target, args);
    if (typeof made !== 'object' || made === null) throw new Error('a date is an object');
    return made;
  },
  apply: forbidden('Date()'),
  get: (target, name, receiver): unknown =>
    name === 'now' ? forbidden('Date.now') : Reflect.get(target, name, receiver),
});

function replace(owner: object, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(owner, name);
  Object.defineProperty(owner, name, { value, configurable: true, writable: true });
  return () => {
    if (before === undefined) Reflect.deleteProperty(owner, name);
    else Object.defineProperty(owner, name, before);
  };
}
