/** What a measuring process prints for the one that started it. */

import { invariant } from '@simsim/bytes';
import type { Costs } from './measure.ts';

const KEYS: readonly (keyof Costs)[] = [
  'establish',
  'encrypt',
  'decrypt',
  'pingPong',
  'reverse',
  'reverseOpened',
  'decryptBesideSkipped',
  'decryptBesideNone',
  'wireFirst',
  'wireSteady',
];

/** Reads a line of JSON. Throws where it is not what {@link JSON.stringify} made of costs. */
export function decodeCosts(text: string): Costs {
  const value: unknown = JSON.parse(text);
  const isWhole =
    typeof value === 'object' &&
    value !== null &&
    KEYS.every((key) => typeof Reflect.get(value, key) === 'number');
  invariant(isWhole, 'a measuring process prints its costs');
  return value as Costs;
}
