/** A folder of cases that reached something new: read before a batch, added to while it runs. */

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeCase, encodeCase } from '@simsim/simulator';
import type { Case } from '@simsim/simulator';
import { environmentError, errorText, usageError } from '../cli-error.ts';

/** Hex characters of a name: cases of one folder have different ones. */
const NAME_LENGTH = 12;

/** One folder. */
export class Corpus {
  readonly #folder: string;
  /** What was there when it was opened, by name. */
  readonly cases: readonly Case[];
  /** Cases added since. */
  added = 0;

  /** Opens a folder, or makes it. Throws: a CliError where it cannot, or a file of it is no case. */
  constructor(folder: string) {
    this.#folder = folder;
    this.cases = namesIn(folder).map((name) => readOne(join(folder, name)));
  }

  /** Keeps a case. Throws: a CliError where it cannot be written. */
  keep(one: Case): void {
    const text = encodeCase(one);
    const hash = createHash('sha256').update(text).digest('hex').slice(0, NAME_LENGTH);
    this.added++;
    try {
      writeFileSync(join(this.#folder, `${hash}.json`), text);
    } catch (error) {
      throw environmentError(`The case cannot be written: ${errorText(error)}.`, 'Make room.');
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    mkdirSync(folder, { recursive: true });
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .toSorted();
  } catch (error) {
    throw environmentError(
      `The corpus cannot be read: ${errorText(error)}.`,
      'Name a folder of yours.',
    );
  }
}

function readOne(path: string): Case {
  const read = decodeCase(readFileSync(path, 'utf8'));
  const isOurs = read.ok && read.value.actions.every((action) => action.do !== 'own');
  if (isOurs) return read.value;
  throw usageError(`${path} is no case of simsim fuzz.`, 'Take it out of the folder.');
}
