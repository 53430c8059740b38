/** Cases as JSON: written for people to read, read without trust. */

import { err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import { caseField, faultTogether } from './case-fields.ts';
import type { Case, FailedCase } from './case.ts';
import { isRecord } from './field.ts';
import type { Fault } from './field.ts';

/** A case of ten thousand actions has a tenth of it. */
const CASE_CHARACTERS_MAX = 16 * 1024 * 1024;

/** Why a text is no case; of one that is none, the first field that is wrong, and what it takes. */
export type CaseRejection =
  | { readonly code: 'NOT_JSON' | 'OTHER_FORMAT' | 'TOO_LARGE' }
  | ({ readonly code: 'NOT_A_CASE' } & Fault);

/** A case of either kind. */
export type SavedCase = Case & { readonly failure?: FailedCase['failure'] };

/** Writes a case, one action a line. */
export function encodeCase(one: SavedCase): string {
  const { actions, ...rest } = one;
  const lines = actions.map((action) => `    ${JSON.stringify(action)}`).join(',\n');
  const head = JSON.stringify(rest, undefined, 2).replace(/\n}$/, '');
  return `${head},\n  "actions": [\n${lines}\n  ]\n}\n`;
}

/**
 * Reads a case: every field is of its kind and within its bounds, so that it can be run and its run ends.
 * An action that names what is not there does nothing when it is played.
 *
 * Rejects: `TOO_LARGE`, `NOT_JSON`, `OTHER_FORMAT`; `NOT_A_CASE` with the field and what it takes.
 */
export function decodeCase(text: string): Result<SavedCase, CaseRejection> {
  if (text.length > CASE_CHARACTERS_MAX) return err({ code: 'TOO_LARGE' });
  const parsed = parseJson(text);
  if (parsed === undefined) return err({ code: 'NOT_JSON' });
  if (!isRecord(parsed)) return notACase({ field: 'the case', takes: 'an object' });
  if (typeof parsed['format'] === 'number' && parsed['format'] !== 1)
    return err({ code: 'OTHER_FORMAT' });
  const fault = caseField(parsed, '');
  if (fault !== undefined) return notACase(fault);
  const one = parsed as unknown as SavedCase;
  const together = faultTogether(one);
  return together === undefined ? ok(one) : notACase(together);
}

function notACase({ field, takes }: Fault): Result<never, CaseRejection> {
  return err({ code: 'NOT_A_CASE', field: field === '' ? 'the case' : field, takes });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
