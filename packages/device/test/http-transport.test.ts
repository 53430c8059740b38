/** The transport that is shipped is proved by the suite that strangers run, and that by its saboteurs. */

import {
  ConformanceError,
  TRANSPORT_SABOTEURS,
  transportConformance,
} from '@simsim/relay-protocol/conformance';
import type { TransportHooks, TransportPair } from '@simsim/relay-protocol/conformance';
import { describe, expect, test } from 'vitest';
import { createHttpTransport } from '../src/index.ts';
import { HttpFarEnd } from './http-far-end.ts';

interface HttpPair extends TransportPair {
  readonly far: HttpFarEnd;
}

const hooks: TransportHooks<HttpPair> = {
  async make(end) {
    const far = new HttpFarEnd(end);
    const transport = createHttpTransport(await far.listen());
    return { far, transport, stop: () => far.stop() };
  },
  timer(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  loseAnswer: ({ far }) => far.fates.push({ kind: 'lost' }),
  cutLines: ({ far }) => far.cut(),
  garbleAnswer: ({ far }, bytes) => far.fates.push({ kind: 'garbled', bytes }),
  floodAnswer: ({ far }, length) => far.fates.push({ kind: 'flooded', length }),
  garbleLines: ({ far }, bytes) => far.say(bytes),
  floodLines: ({ far }, length) => far.flood(length),
};

describe('HTTP and WebSocket', () => {
  for (const { name, level, run } of transportConformance(hooks)) test(`${level}: ${name}`, run);
});

describe('the suite catches a transport that', () => {
  /** Nothing on this machine takes that long. */
  const hasty: TransportHooks<HttpPair> = {
    ...hooks,
    timer: (ms, run) => hooks.timer(ms / 20, run),
  };

  test.each(TRANSPORT_SABOTEURS.map((each) => [each.name, each] as const))(
    '%s',
    async (_name, { caughtBy, sabotage }) => {
      const cases = transportConformance(sabotage(hasty));
      for (const name of caughtBy) {
        const found = cases.find((each) => each.name === name);
        if (found === undefined) throw new Error(`a case called: ${name}`);
        await expect(found.run(), name).rejects.toThrow(ConformanceError);
      }
    },
  );

  test('and has a saboteur for every case', () => {
    const names = transportConformance(hooks).map(({ name }) => name);
    const caught = TRANSPORT_SABOTEURS.flatMap(({ caughtBy }) => caughtBy);
    expect(new Set(caught)).toEqual(new Set(names));
    expect(new Set(names).size).toBe(names.length);
  });
});
