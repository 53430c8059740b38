/** How much memory this process has used at most. */

import { readFileSync } from 'node:fs';

let sampledBytes = 0;

/** Peak resident bytes: the kernel's own figure on Linux, else the greatest sample so far. */
export function peakMemoryBytes(): number {
  sampledBytes = Math.max(sampledBytes, process.memoryUsage.rss());
  return kernelPeakBytes() ?? sampledBytes;
}

function kernelPeakBytes(): number | undefined {
  try {
    const [, kilobytes] =
      /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}
