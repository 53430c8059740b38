/** All invariants, in their order. */

import { L1, P5, S4 } from './delivery-invariants.ts';
import type { Invariant } from './invariant.ts';
import { L2, L3, L4 } from './rest-invariants.ts';
import { P3 } from './healing-invariant.ts';
import { P1, P2, P4, P6 } from './secrecy-invariants.ts';
import { S13, S5, S6, S9 } from './state-invariants.ts';
import { S7 } from './vault-invariant.ts';
import { S1, S11, S2, S3 } from './wire-invariants.ts';

/** Every invariant of the house. */
export const INVARIANTS: readonly Invariant[] = [
  S1,
  S2,
  S3,
  S4,
  S5,
  S6,
  S7,
  S9,
  S11,
  S13,
  L1,
  L2,
  L3,
  L4,
  P1,
  P2,
  P3,
  P4,
  P5,
  P6,
];
