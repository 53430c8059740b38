/** A KEM private key as both byte-holding backends keep it. */

import { ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import { wipe } from '@simsim/bytes';

/**
 * The 64-byte seed d ‖ z of FIPS 203 is the truth and all that is ever saved: the 3168 bytes of the
 * expanded key follow from it, are made on first use (0.4 ms) and dropped by `wipe`.
 */
export class KemPrivateKey {
  readonly bytes: Uint8Array;
  #expanded: ReturnType<typeof ml_kem1024.keygen> | undefined;

  constructor(seed: Uint8Array) {
    this.bytes = seed;
  }

  /** Both halves as FIPS 203 lays them out: 1568 and 3168 bytes. Not copies. */
  expanded(): { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array } {
    this.#expanded ??= ml_kem1024.keygen(this.bytes);
    return this.#expanded;
  }

  wipe(): void {
    wipe(this.bytes);
    if (this.#expanded !== undefined) wipe(this.#expanded.secretKey);
    this.#expanded = undefined;
  }
}
