/** The transport within a process is proved by the suite that strangers run. */

import type { FarLine, RelayEnd } from '@simsim/relay-protocol';
import {
  ConformanceError,
  proveTransport,
  TRANSPORT_SABOTEURS,
  transportConformance,
} from '@simsim/relay-protocol/conformance';
import type { TransportHooks, TransportPair } from '@simsim/relay-protocol/conformance';
import { describe, expect, test } from 'vitest';
import { createMemoryTransport } from '../src/memory/index.ts';

/** A relay whose answers can be lost, whose lines can be cut, and which can go away. */
class FrailEnd implements RelayEnd {
  readonly lines = new Set<FarLine>();
  lost = 0;
  isAway = false;
  readonly #end: RelayEnd;

  constructor(end: RelayEnd) {
    this.#end = end;
  }

  async answer(...asked: Parameters<RelayEnd['answer']>): ReturnType<RelayEnd['answer']> {
    if (this.isAway) throw new Error('away');
    const outcome = await this.#end.answer(...asked);
    if (this.lost-- > 0) throw new Error('lost');
    this.lost = 0;
    return outcome;
  }

  accept(...[line, token]: Parameters<RelayEnd['accept']>): ReturnType<RelayEnd['accept']> {
    if (this.isAway) {
      line.close('lost');
      return { onAck: () => undefined, onDown: () => undefined };
    }
    this.lines.add(line);
    return this.#end.accept(line, token);
  }

  cut(): void {
    for (const line of this.lines) line.close('lost');
  }
}

interface MemoryPair extends TransportPair {
  readonly end: FrailEnd;
}

const hooks: TransportHooks<MemoryPair> = {
  make(relay) {
    const end = new FrailEnd(relay);
    const stop = (): Promise<void> => {
      end.isAway = true;
      return Promise.resolve(end.cut());
    };
    return Promise.resolve({ end, transport: createMemoryTransport(end), stop });
  },
  timer(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  loseAnswer: ({ end }) => void end.lost++,
  cutLines: ({ end }) => end.cut(),
};

describe('the transport within a process', () => {
  for (const { name, level, run } of transportConformance(hooks)) test(`${level}: ${name}`, run);

  test('is proved as far as there are no bytes to spoil', async () => {
    expect(await proveTransport(hooks)).toEqual({ level: 'L1', failed: [], notRun: ['L2'] });
  });
});

describe('the suite catches, here as well, a transport that', () => {
  const hasty: TransportHooks<MemoryPair> = {
    ...hooks,
    timer: (ms, run) => hooks.timer(ms / 50, run),
  };

  test.each(TRANSPORT_SABOTEURS.map((each) => [each.name, each] as const))(
    '%s',
    async (_name, { caughtBy, sabotage }) => {
      const cases = transportConformance(sabotage(hasty));
      const found = cases.filter(({ name }) => caughtBy.includes(name));
      expect(found).not.toEqual([]);
      for (const { name, run } of found)
        await expect(run(), name).rejects.toThrow(ConformanceError);
    },
  );
});
