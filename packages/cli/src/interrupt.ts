/** Ctrl-C, noticed by a command that has something to say before it ends. */

/** Whether somebody wants the command to end. */
export interface Interrupt {
  isRaised(): boolean;
  /** Signals do again what they do by themselves. */
  ignore(): void;
}

/** Notices the first SIGINT or SIGTERM; the next one ends the process at once. */
export function watchForInterrupt(): Interrupt {
  let isRaised = false;
  const ignore = (): void => {
    process.off('SIGINT', raise);
    process.off('SIGTERM', raise);
  };
  function raise(): void {
    isRaised = true;
    ignore();
  }
  process.on('SIGINT', raise);
  process.on('SIGTERM', raise);
  return { isRaised: () => isRaised, ignore };
}
