/** Where a bench's files live while it runs. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Works in a folder of its own, below `SIMSIM_BENCH_DIR` where that is set, and removes it. */
export async function withScratch<T>(work: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(process.env['SIMSIM_BENCH_DIR'] ?? tmpdir(), 'simsim-bench-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
