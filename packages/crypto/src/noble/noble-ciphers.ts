/** The ciphers outside the seam, from noble. */

import { ctr, gcmsiv } from '@noble/ciphers/aes.js';
import { concatBytes, wipe } from '@simsim/bytes';
import type { Ciphers } from '../ciphers.ts';
import { bytesOf } from '../handle-brand.ts';
import { joinParts } from '../parts.ts';

/** {@link Ciphers} over the handles of noble backends. Stateless; share it freely. */
export const nobleCiphers: Ciphers = {
  ctr: (key, counter16, data) => ctr(bytesOf(key), counter16).encrypt(data),
  sealSiv(key, nonce12, ad, plaintext) {
    const input = joinParts(plaintext);
    const sealed = gcmsiv(bytesOf(key), nonce12, concatBytes(ad)).encrypt(input);
    wipe(input);
    return sealed;
  },
  openSiv(key, nonce12, ad, sealed) {
    try {
      return gcmsiv(bytesOf(key), nonce12, concatBytes(ad)).decrypt(sealed);
    } catch {
      return undefined; // noble throws on a wrong tag or a length below 16
    }
  },
};
