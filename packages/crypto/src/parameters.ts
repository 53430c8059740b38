/**
 * The parameter sets of the specifications: X25519 or X448, SHA-256 or SHA-512, and which form of
 * XEdDSA is signed. A backend is made for one set and says which in `parameters`; keys of another
 * curve have another length and never pass for its own.
 */

/** What a backend calculates with. */
export interface ParameterSet {
  readonly curve: 'x25519' | 'x448';
  /** The hash of HKDF, chain steps and message tags. Digests and keyed names stay SHA-256. */
  readonly hash: 'sha256' | 'sha512';
  /**
   * The form of XEdDSA that is signed. `carried` is what Signal's peers make: the natural sign of
   * the Edwards key rides in the top bit. `rev1` is the specification's, sign forced to 0. Both are
   * verified, whatever is signed. X448 knows `rev1` only.
   */
  readonly signatures: 'carried' | 'rev1';
  /** Length of a public key, a private key, its entropy and a shared secret: 32 or 56. */
  readonly keyBytes: 32 | 56;
  /** Length of the hash's output, the longest tag: 32 or 64. */
  readonly hashBytes: 32 | 64;
  /** Length of an XEdDSA signature: 64 or 114. */
  readonly signatureBytes: 64 | 114;
}

/** What one chooses; whatever is left out is as Signal's wire has it. */
export type ParameterChoice =
  | {
      readonly curve?: 'x25519';
      readonly hash?: 'sha256' | 'sha512';
      readonly signatures?: 'carried' | 'rev1';
    }
  | {
      readonly curve: 'x448';
      readonly hash?: 'sha256' | 'sha512';
      readonly signatures?: 'rev1';
    };

/** The whole set behind a choice; none gives Signal's: X25519, SHA-256, carried sign. */
export function parameterSet(choice: ParameterChoice = {}): ParameterSet {
  const { curve = 'x25519', hash = 'sha256' } = choice;
  const isX448 = curve === 'x448';
  return {
    curve,
    hash,
    signatures: choice.signatures ?? (isX448 ? 'rev1' : 'carried'),
    keyBytes: isX448 ? 56 : 32,
    hashBytes: hash === 'sha512' ? 64 : 32,
    signatureBytes: isX448 ? 114 : 64,
  };
}
