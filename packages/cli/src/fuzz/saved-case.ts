/** Cases in files: written where they can be found again, and refused by what is wrong with them. */

import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeCase, encodeCase } from '@simsim/simulator';
import type { Case, CaseRejection, FailedCase, SavedCase } from '@simsim/simulator';
import { environmentError, errorText, usageError } from '../cli-error.ts';

/** Where a failing case is kept. */
export function failurePath({ seed }: FailedCase): string {
  return join(tmpdir(), `simsim-case-${seed}.json`);
}

/** Writes a case. Throws: CliError 3 where it cannot be written. */
export function writeCase(path: string, one: Case): void {
  try {
    writeFileSync(path, encodeCase(one));
  } catch (error) {
    throw environmentError(`The case cannot be written: ${errorText(error)}.`, 'Make room.');
  }
}

/** Reads a case. Throws: CliError 2 for what cannot be read, or is none, with the field that is wrong. */
export function readCase(path: string): SavedCase {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw usageError(`The case cannot be read: ${errorText(error)}.`, 'Name a readable file.');
  }
  const read = decodeCase(text);
  if (read.ok) return read.value;
  const [what, next] = wordsOf(read.error);
  throw usageError(`${path} is no case: ${what}.`, next);
}

function wordsOf(rejection: CaseRejection): readonly [what: string, next: string] {
  switch (rejection.code) {
    case 'NOT_JSON':
      return ['it is not JSON', 'Name one that simsim fuzz wrote.'];
    case 'TOO_LARGE':
      return ['it is larger than any', 'Name one that simsim fuzz wrote.'];
    case 'OTHER_FORMAT':
      return ['it has the format of another release', 'Play it with that release.'];
    case 'NOT_A_CASE':
      return [`${rejection.field} takes ${rejection.takes}`, 'Correct it there.'];
  }
}
