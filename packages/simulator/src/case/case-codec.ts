/** Cases as JSON: written for people to read, read without trust. */

import { err, ok } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import type { Action, Case, FailedCase } from './case.ts';

/** Why a text is no case. */
export interface CaseRejection {
  readonly code: 'NOT_JSON' | 'NOT_A_CASE' | 'OTHER_FORMAT';
}

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
 * Reads a case. It checks the frame; an action that names what is not there does nothing when it is
 * played.
 */
export function decodeCase(text: string): Result<SavedCase, CaseRejection> {
  const parsed = parseJson(text);
  if (parsed === undefined) return err({ code: 'NOT_JSON' });
  if (!isRecord(parsed)) return err({ code: 'NOT_A_CASE' });
  if (parsed['format'] !== 1) return err({ code: 'OTHER_FORMAT' });
  const { seed, crypto, store, users, knobs, actions, failure } = parsed;
  const isFramed =
    typeof seed === 'number' &&
    ['symbolic', 'node', 'noble'].includes(String(crypto)) &&
    ['memory', 'sqlite', 'disk'].includes(String(store)) &&
    Array.isArray(users) &&
    users.every((name) => typeof name === 'string') &&
    isRecord(knobs) &&
    Array.isArray(actions) &&
    actions.every(isAction) &&
    (failure === undefined || isRecord(failure));
  return isFramed ? ok(parsed as unknown as SavedCase) : err({ code: 'NOT_A_CASE' });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAction(value: unknown): value is Action {
  if (!isRecord(value) || typeof value['do'] !== 'string') return false;
  const isNamed = value['do'] !== 'own' || typeof value['name'] === 'string';
  return isNamed && typeof value['atMs'] === 'number';
}
