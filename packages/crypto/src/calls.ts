/** The seam's calls, by what they depend on. */

import type { Crypto } from './crypto.ts';

/** The calls of the seam that depend on the curve. */
export type CurveCalls = Pick<
  Crypto,
  'publicKey' | 'keyPair' | 'keyPairOf' | 'dh' | 'sign' | 'verify'
>;

/** The calls of the seam that depend on the hash, and for their output's lengths on the curve. */
export type HashCalls = Pick<
  Crypto,
  'hkdf' | 'chainStep' | 'messageKeys' | 'chainMessage' | 'tag' | 'tagMatches'
>;
