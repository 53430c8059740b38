/**
 * All that can befall mail on its way, at once (SES-10): it is damaged, lost, turned around, late,
 * doubled and forged. Nothing throws, what is refused changes nothing, no line comes twice; a line
 * that was only damaged comes again, and once the storm is over all lines arrive.
 */

import fc from 'fast-check';
import type { IncomingEnvelope } from '@simsim/relay-protocol';
import type { Sabotage } from '@simsim/sesame';
import { RESENDS_MAX } from '@simsim/sesame';
import { expect } from 'vitest';
import { checkDevice } from './checks.ts';
import { testLaw } from './law.ts';
import { stateOf } from './log-state.ts';
import { deliver, spoilt, write } from './scene.ts';
import type { TestDevice } from './test-device.ts';
import { World } from './world.ts';

const weather = fc.constantFrom(
  'fair' as const,
  'damaged' as const,
  'lost' as const,
  'turned' as const,
  'late' as const,
  'doubled' as const,
  'forged' as const,
);
type Weather = typeof weather extends fc.Arbitrary<infer T> ? T : never;

interface Case {
  readonly seed: number;
  readonly oneTimeKeys: number;
  /** Who writes a line, and what befalls the other's mail afterwards, one word an envelope. */
  readonly turns: readonly { readonly from: number; readonly sky: readonly Weather[] }[];
}

const cases: fc.Arbitrary<Case> = fc.record({
  seed: fc.nat(1 << 20),
  oneTimeKeys: fc.constantFrom(0, 2),
  turns: fc.array(
    fc.record({ from: fc.nat(1), sky: fc.array(weather, { minLength: 1, maxLength: 3 }) }),
    { minLength: 1, maxLength: 9 },
  ),
});

testLaw({
  name: 'storm',
  cases,
  check,
  saboteurs: ['drop-damaged-mail', 'forget-dedupe', 'trust-any-identity', 'rewind-chain'],
  share: 0.3,
});

function check({ seed, oneTimeKeys, turns }: Case, sabotage: readonly Sabotage[]): void {
  const world = new World({ seed, oneTimeKeys, sabotage });
  const [a, b] = [world.create('ada'), world.create('bo')] as const;
  const mallory = world.create('mallory');
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    write(from, to, 'before');
    world.settle();
  }
  const storm = new Storm(mallory);
  const lines = new Map<TestDevice, string[]>([
    [a, ['before']],
    [b, ['before']],
  ]);
  turns.forEach(({ from, sky }, turn) => {
    const [writer, reader] = from === 0 ? [a, b] : [b, a];
    writer.send([reader.userId], `line ${turn}`);
    deliver(writer);
    lines.get(reader)?.push(`line ${turn}`);
    storm.pass(reader, writer, sky);
    deliver(reader);
  });
  world.settle();
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    write(from, to, 'after');
    lines.get(to)?.push('after');
    world.settle();
  }
  for (const [device, sent] of lines) {
    const kept = [...device.kept().values()];
    for (const { count, line } of kept) expect(count, line).toBe(1);
    const texts = kept.map(({ line }) => line.slice(line.indexOf(': ') + 2));
    for (const text of texts) expect(sent).toContain(text);
    if (storm.mayHaveTaken) expect(texts).toContain('after');
    else expect(texts.sort()).toEqual([...sent].sort());
    checkDevice(device);
  }
}

/** What befalls mail. */
class Storm {
  readonly #mallory: TestDevice;
  #isLossy = false;
  #damaged = 0;

  constructor(mallory: TestDevice) {
    this.#mallory = mallory;
  }

  /** Whether a line may be gone for good: it, or what asks for it again, did not get through. */
  get mayHaveTaken(): boolean {
    return this.#isLossy || this.#damaged > RESENDS_MAX;
  }

  /** Gives a device its mail, each envelope through its own weather. */
  pass(reader: TestDevice, writer: TestDevice, sky: readonly Weather[]): void {
    const mail = [...reader.fetch()];
    if (sky.includes('turned')) mail.reverse();
    mail.forEach((envelope, i) => this.#befall(reader, writer, [envelope, sky[i % sky.length]]));
  }

  #befall(
    reader: TestDevice,
    writer: TestDevice,
    [envelope, what]: [IncomingEnvelope, Weather | undefined],
  ): void {
    switch (what) {
      case 'damaged':
        if (envelope.kind === 'retry') break;
        this.#damaged++;
        return refuse(reader, { ...spoilt(envelope), seq: envelope.seq });
      case 'lost':
        this.#isLossy = true;
        reader.ask({ kind: 'ack', seqs: [envelope.seq] });
        return;
      case 'late':
        return;
      case 'doubled':
        reader.takeIn([envelope, envelope]);
        break;
      case 'forged': {
        const { userId: sender, deviceId: senderDevice } = writer.own();
        const forged = write(this.#mallory, reader, 'forged');
        reader.ask({ kind: 'ack', seqs: [forged.seq] });
        refuse(reader, { ...forged, seq: 1_000_000, sender, senderDevice });
        break;
      }
      case 'fair':
      case 'turned':
      case undefined:
        break;
    }
    reader.receive([envelope]);
  }
}

/** Mail that must change nothing; what asks for it again may leave. */
function refuse(reader: TestDevice, envelope: IncomingEnvelope): void {
  const before = withoutOutbox(reader);
  reader.takeIn([envelope]);
  expect(withoutOutbox(reader)).toEqual(before);
}

function withoutOutbox(device: TestDevice): Record<string, string> {
  const entries = Object.entries(stateOf(device.log));
  return Object.fromEntries(entries.filter(([key]) => !key.startsWith('outbox ')));
}
