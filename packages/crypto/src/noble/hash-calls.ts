/** The hash's share of the noble backend. */

import { expand, extract } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, wipe } from '@simsim/bytes';
import { toHandle } from '../handle-brand.ts';
import { hashCalls } from '../hash-calls.ts';
import type { HashCalls } from '../calls.ts';
import type { ParameterSet } from '../parameters.ts';

/** HKDF, chain steps and tags from noble. */
export function nobleHashCalls(parameters: ParameterSet): HashCalls {
  const hash = parameters.hash === 'sha512' ? sha512 : sha256;
  return hashCalls(parameters, {
    hmac: (key, parts) => hmac(hash, key, concatBytes(parts)),
    hkdf(ikm, salt, { info, length }) {
      const pseudoRandomKey = extract(hash, ikm, salt);
      const output = expand(hash, pseudoRandomKey, info, length);
      wipe(pseudoRandomKey);
      return output;
    },
    make: toHandle,
  });
}
