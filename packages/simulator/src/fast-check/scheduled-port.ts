/** Interleavings: what answers by promises, in the hands of fast-check's scheduler. */

import fc from 'fast-check';

/** Functions that answer by promises. */
export type AsyncPort = Readonly<Record<string, (...given: never[]) => Promise<unknown>>>;

/**
 * The same port, of which the scheduler decides when each call happens: between two awaits of a caller
 * anything else may come in.
 *
 * @example
 * fc.asyncProperty(fc.scheduler(), async (scheduler) => {
 *   const disk = scheduledPort(memoryDisk(), scheduler);
 *   await scheduler.waitFor(Promise.all([facade(disk).put('a'), facade(disk).put('b')]));
 * });
 */
export function scheduledPort<Port extends AsyncPort>(port: Port, scheduler: fc.Scheduler): Port {
  return new Proxy(port, {
    get(target, name, receiver): unknown {
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof value !== 'function') return value;
      return async (...given: unknown[]): Promise<unknown> => {
        await scheduler.schedule(Promise.resolve(), String(name));
        return Reflect.apply(value, target, given);
      };
    },
  });
}
