/** All invariants, in their order. */

import { S10 } from './age-invariants.ts';
import { L1, P5, S4 } from './delivery-invariants.ts';
import type { Invariant } from './invariant.ts';
import { S6, S8 } from './log-invariants.ts';
import { S5 } from './pre-key-invariants.ts';
import { S9 } from './record-invariants.ts';
import { L2, L3, L4 } from './rest-invariants.ts';
import { P3 } from './healing-invariant.ts';
import { S13 } from './rollback-invariants.ts';
import { P1, P2, P4, P6 } from './secrecy-invariants.ts';
import { S12 } from './size-invariants.ts';
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
  S8,
  S9,
  S10,
  S11,
  S12,
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
