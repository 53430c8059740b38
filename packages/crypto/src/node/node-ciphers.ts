/** The ciphers outside the seam: CTR from OpenSSL; GCM-SIV, which OpenSSL 3.0 lacks, from noble. */

import { createCipheriv } from 'node:crypto';
import type { Ciphers } from '../ciphers.ts';
import { bytesOf } from '../handle-brand.ts';
import { nobleCiphers } from '../noble/noble-ciphers.ts';
import { joinAndWipe } from './buffers.ts';

/** {@link Ciphers} over the handles of Node backends. Stateless; share it freely. */
export const nodeCiphers: Ciphers = {
  ...nobleCiphers,
  ctr(key, counter16, data) {
    const cipher = createCipheriv('aes-256-ctr', bytesOf(key), counter16);
    return joinAndWipe(cipher.update(data), cipher.final());
  },
};
