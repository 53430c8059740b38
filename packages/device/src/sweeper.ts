/** Telling the engine that time passed. */

/** Often enough for what is counted in days, and nothing to a device that sleeps. */
const SWEEP_MS = 60 * 60 * 1000;

/** Sweeps now and every hour until the signal ends it; never keeps a process alive. */
export function sweepUntil(signal: AbortSignal, sweep: () => void): void {
  if (signal.aborted) return;
  sweep();
  const timer = setInterval(sweep, SWEEP_MS);
  timer.unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
