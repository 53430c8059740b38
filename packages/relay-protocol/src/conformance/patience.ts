/** Waiting for what ought to come, and not for ever. */

import { ConformanceError } from '@simsim/bytes/conformance';

/** A timer of the platform: calls `run` once after so many milliseconds, unless it is cancelled. */
export type Timer = (ms: number, run: () => void) => () => void;

/** What has not come after this time does not come. Nothing waits that long that holds. */
const PATIENCE_MS = 10_000;

/** What comes of it in time. Throws: ConformanceError where nothing does. */
export function within<T>(timer: Timer, coming: Promise<T>, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = timer(PATIENCE_MS, () =>
      reject(new ConformanceError(`${what} has not come in time`)),
    );
    coming.then(resolve, reject).finally(cancel);
  });
}
