/**
 * Reads Project Wycheproof's sets from where they lie: `wycheproof` in the folder that
 * SIMSIM_VECTORS names, or in `../shared/vectors` beside the checkout. They are not part of this
 * project. Where the folder is missing, every suite says so and counts as skipped.
 */

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const beside = fileURLToPath(new URL('../../../../shared/vectors', import.meta.url));
export const vectorFolder: string = `${process.env['SIMSIM_VECTORS'] ?? beside}/wycheproof`;

export interface Case {
  readonly tcId: number;
  readonly result: 'valid' | 'invalid' | 'acceptable';
  readonly flags?: readonly string[];
  readonly comment?: string;
}

/** A case with the fields of its group beside its own. */
type Cases<T> = readonly (T & Case)[];

interface WycheproofFile<G, T> {
  readonly numberOfTests: number;
  readonly testGroups: readonly (G & { readonly tests: Cases<T> })[];
}

/** Whether the sets are there. */
export const isPresent: boolean = existsSync(vectorFolder);
if (!isPresent) {
  process.stdout.write('Wycheproof not run: no folder wycheproof in SIMSIM_VECTORS or beside us\n');
}

function readCases<G, T>(file: string): Cases<G & T> {
  const text = readFileSync(`${vectorFolder}/${file}_test.json`, 'utf8');
  const { numberOfTests, testGroups } = JSON.parse(text) as WycheproofFile<G, T>;
  const cases = testGroups.flatMap(({ tests, ...group }) =>
    tests.map((each) => ({ ...(group as G), ...each })),
  );
  if (cases.length !== numberOfTests) throw new Error(`${file} is not whole`);
  return cases;
}

/**
 * What we say to a case: `accept` means that our result is the expected one, `refuse` that the
 * seam answers `undefined` or `false`, `bug` that it throws because no correct caller can ask (a
 * key of a length that no role has).
 */
export type Verdict = 'accept' | 'refuse' | 'bug';

export interface Suite<T> {
  readonly file: string;
  /** The stated verdict of every case. */
  readonly verdict: (test: T & Case) => Verdict;
  /** How many cases get which verdict; a set that shrank or moved is noticed. */
  readonly expected: { readonly [V in Verdict]?: number };
  /** What the backend says: `refuse`, `accept`, or text that shows a wrong result. */
  readonly run: (test: T & Case) => string;
}

/** Holds every case of a set against its stated verdict. */
export function wycheproof<T>(name: string, suite: Suite<T>): void {
  describe(`Wycheproof ${suite.file}`, () => {
    it.skipIf(!isPresent)(isPresent ? name : `${name} (not run: no vectors there)`, () => {
      const tally: Record<string, number> = {};
      const wrong: string[] = [];
      for (const test of readCases<unknown, T>(suite.file) as Cases<T>) {
        const stated = suite.verdict(test);
        tally[stated] = (tally[stated] ?? 0) + 1;
        const said = answerOf(() => suite.run(test));
        if (said !== stated) wrong.push(`${test.tcId} ${stated}: ${said} (${test.comment ?? ''})`);
      }
      expect(wrong).toEqual([]);
      expect(tally).toEqual(suite.expected);
    });
  });
}

function answerOf(run: () => string): string {
  try {
    return run();
  } catch (error) {
    return error instanceof Error && error.name === 'InvariantError' ? 'bug' : String(error);
  }
}

/** `accept` where the result is the expected one, `refuse` where there is none. */
export function compare(result: string | undefined, expected: string): string {
  if (result === undefined) return 'refuse';
  return result === expected ? 'accept' : `wrong result ${result}`;
}
