/** The relay that is shipped, reached as devices reach it, is proved by the suite that strangers run. */

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHttpTransport } from '@simsim/device';
import type { RelayTransport } from '@simsim/device';
import { startRelay } from '@simsim/relay';
import type { RunningRelay } from '@simsim/relay';
import { relayConformance } from '@simsim/relay/conformance';
import type { RelayUnderTest } from '@simsim/relay/conformance';
import { afterAll, beforeAll, describe, test, vi } from 'vitest';

const HOUR_MS = 3_600_000;
const folders: string[] = [];

beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});

afterAll(() => {
  vi.useRealTimers();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'simsim-real-'));
  folders.push(folder);
  return folder;
}

/** A relay with its file, its port, and a clock that is ahead. */
class RealRelay implements RelayUnderTest {
  readonly folder: string;
  transport: RelayTransport;
  #running: RunningRelay;
  #aheadMs = 0;

  private constructor(folder: string, running: RunningRelay) {
    this.folder = folder;
    this.#running = running;
    this.transport = createHttpTransport(running.url);
  }

  static async start(folder: string): Promise<RealRelay> {
    return new RealRelay(folder, await startRelay({ file: join(folder, 'relay.db') }));
  }

  /** Old rows go an hour after a relay has started, and every hour. */
  async pass(ms: number): Promise<void> {
    this.#aheadMs += ms;
    const now = (): number => Date.now() + this.#aheadMs;
    await this.#running.stop();
    this.#running = await startRelay({ file: join(this.folder, 'relay.db'), now });
    vi.advanceTimersByTime(HOUR_MS);
    this.transport = createHttpTransport(this.#running.url);
  }

  stop(): Promise<void> {
    return this.#running.stop();
  }
}

describe('the relay over HTTP and WebSocket', () => {
  const cases = relayConformance({
    make: () => RealRelay.start(newFolder()),
    timer(ms, run) {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    passTime: (relay: RealRelay, ms) => relay.pass(ms),
    // What a killed process leaves: the files as they are now, without a word of farewell.
    async kill(relay) {
      const folder = newFolder();
      cpSync(relay.folder, folder, { recursive: true });
      await relay.stop();
      return RealRelay.start(folder);
    },
  });
  for (const { name, level, run } of cases) test(`${level}: ${name}`, run);
});
