/**
 * A law: a property that holds for the engine, and that fails for each of its saboteurs, which are
 * broken variants of our own code. Cases once found stand in `regressions/<name>.json` and run
 * first; `SIMSIM_RECORD=1` writes a newly found one there, and pins a saboteur's smallest case.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Sabotage } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';

/** What a law says. */
export interface Law<T> {
  /** Names its regression file. */
  readonly name: string;
  readonly cases: fc.Arbitrary<T>;
  /** Throws where the law is broken. */
  readonly check: (value: T, sabotage: readonly Sabotage[]) => unknown;
  readonly saboteurs: readonly Sabotage[];
  /** Of the usual runs, how many: below 1 where one is dear. */
  readonly share?: number;
}

interface Regressions<T> {
  /** Cases that once broke the law. */
  readonly cases: readonly T[];
  /** A small case for each saboteur that shows it. */
  readonly caught: Partial<Record<Sabotage, T>>;
}

const folder = join(import.meta.dirname, '..', 'regressions');
const isRecording = process.env['SIMSIM_RECORD'] === '1';

/** Tests a law and its saboteurs. */
export function testLaw<T>(law: Law<T>): void {
  const { name, cases, check, saboteurs, share = 1 } = law;
  const numRuns = Math.ceil((fc.readConfigureGlobal().numRuns ?? 100) * share);
  const known = readRegressions<T>(name);
  describe(name, () => {
    it('holds', () => {
      const property = fc.property(cases, (value) => void check(value, []));
      const examples = known.cases.map((value): [T] => [value]);
      const details = fc.check(property, { examples, numRuns });
      if (details.failed && isRecording && details.counterexample !== null) {
        record<T>(name, (all) => ({
          ...all,
          cases: [...all.cases, ...(details.counterexample ?? [])],
        }));
      }
      if (details.failed)
        throw new Error(fc.defaultReportMessage(details), { cause: details.errorInstance });
    });
    it.each(saboteurs)('is broken by %s', (sabotage) => {
      const pinned = known.caught[sabotage];
      if (pinned !== undefined && shows(law, pinned, sabotage)) return;
      const property = fc.property(cases, (value) => !shows(law, value, sabotage));
      const details = fc.check(property, { endOnFailure: !isRecording, numRuns });
      expect(details.failed, `${sabotage} was not noticed in ${details.numRuns} runs`).toBe(true);
      const found = details.counterexample?.[0];
      if (isRecording && found !== undefined) {
        record<T>(name, (all) => ({ ...all, caught: { ...all.caught, [sabotage]: found } }));
      }
    });
  });
}

/** A case shows a saboteur if it breaks with it and holds without it. */
function shows<T>(law: Law<T>, value: T, sabotage: Sabotage): boolean {
  return breaks(law, value, [sabotage]) && !breaks(law, value, []);
}

function breaks<T>(law: Law<T>, value: T, sabotage: readonly Sabotage[]): boolean {
  try {
    law.check(value, sabotage);
    return false;
  } catch {
    return true;
  }
}

function readRegressions<T>(name: string): Regressions<T> {
  const path = join(folder, `${name}.json`);
  if (!existsSync(path)) return { cases: [], caught: {} };
  return JSON.parse(readFileSync(path, 'utf8')) as Regressions<T>;
}

function record<T>(name: string, change: (all: Regressions<T>) => Regressions<T>): void {
  const text = JSON.stringify(change(readRegressions(name)), undefined, 2);
  writeFileSync(join(folder, `${name}.json`), `${text}\n`);
}
