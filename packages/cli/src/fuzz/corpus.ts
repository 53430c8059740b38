/** A folder of cases that reached something new: read before a batch, added to while it runs. */

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { encodeCase } from '@simsim/simulator';
import type { Case } from '@simsim/simulator';
import { environmentError, errorText, usageError } from '../cli-error.ts';
import { readCase, writeCase } from './saved-case.ts';

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
    const hash = createHash('sha256').update(encodeCase(one)).digest('hex').slice(0, NAME_LENGTH);
    this.added++;
    writeCase(join(this.#folder, `${hash}.json`), one);
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
  const { failure: _, ...one } = readCase(path);
  const isOurs = one.actions.every((action) => action.do !== 'own');
  if (isOurs) return one;
  throw usageError(
    `${path} has an action of somebody's own.`,
    'Take it out of the folder, or run it with simulate.',
  );
}
