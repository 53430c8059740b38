/**
 * Device time: how old things are, whatever is done to the wall clock (SES-8, SES-27, SES-97).
 *
 * It starts at the wall time of the device's first start, moves with the time that passed since the
 * boot, and over a boot with the wall clock: never back, and at most {@link OFF_MS_MAX} at once. So a
 * clock that jumped by years makes nothing old, and one that stands still keeps nothing for ever.
 */

/** The time of one decision. Clocks of two devices are never compared (SES-8). */
export interface Clock {
  /** Milliseconds since 1970 by this device's wall clock; may jump. */
  readonly wallMs: number;
  /** Milliseconds that passed since this boot; only grows. */
  readonly elapsedMs: number;
  /** Names the boot that `elapsedMs` counts from. */
  readonly bootId: string;
}

/** A moment at which device time and the clocks were both known. */
export interface TimeAnchor {
  /** Device time, ms. */
  readonly atMs: number;
  readonly wallMs: number;
  readonly elapsedMs: number;
  readonly bootId: string;
}

/**
 * The most that the wall clock may move device time over a boot: a week, well below MAXLATENCY. A device
 * that was off for longer takes what it keeps for younger than it is, which only keeps it longer.
 */
const OFF_MS_MAX = 7 * 24 * 3600 * 1000;

/** How often an anchor is written while a process runs: what a kill can lose of device time. */
const ANCHOR_MS = 24 * 3600 * 1000;

/** Device time now, ms; whole, and never before its anchor. */
export function deviceTime(anchor: TimeAnchor | undefined, clock: Clock): number {
  if (anchor === undefined) return whole(clock.wallMs);
  const isSameBoot = anchor.bootId === clock.bootId;
  const passedMs = isSameBoot ? clock.elapsedMs - anchor.elapsedMs : clock.wallMs - anchor.wallMs;
  const most = isSameBoot ? Number.MAX_SAFE_INTEGER : OFF_MS_MAX;
  return anchor.atMs + Math.floor(Math.min(Math.max(0, passedMs), most));
}

/** The anchor to write now; `undefined` while the one there is will do. */
export function dueAnchor(anchor: TimeAnchor | undefined, clock: Clock): TimeAnchor | undefined {
  const atMs = deviceTime(anchor, clock);
  const isFresh = anchor?.bootId === clock.bootId && atMs - anchor.atMs < ANCHOR_MS;
  if (isFresh) return undefined;
  const { wallMs, elapsedMs, bootId } = clock;
  return { atMs, wallMs: whole(wallMs), elapsedMs: whole(elapsedMs), bootId };
}

/** Clocks of before 1970 are at 0. */
function whole(ms: number): number {
  return Math.max(0, Math.floor(ms));
}
