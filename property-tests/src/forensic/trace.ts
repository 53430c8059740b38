/** What a process did with secrets, as bytes: the universe in which an attacker looks. */

import type { Role } from '@simsim/crypto';

/** One step, in the order of the process. Secrets are named by their bytes as hex. */
export type TraceEntry =
  /** A secret was alive. */
  | { readonly type: 'secret'; readonly role: Role; readonly secret: string }
  /** Whoever has all secrets among `from` can make all of `to`; anything else is public. */
  | { readonly type: 'derived'; readonly from: readonly string[]; readonly to: readonly string[] }
  /** Whoever has the key reads the plaintext where the ciphertext is. */
  | {
      readonly type: 'sealed';
      readonly key: string;
      readonly plaintext: Uint8Array;
      readonly ciphertext: Uint8Array;
    };
