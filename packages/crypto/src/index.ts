export type { Ciphers } from './ciphers.ts';
export type {
  Crypto,
  Encapsulated,
  Entropy,
  KemKeyPair,
  KemKind,
  KeyPair,
  Part,
  PublicKey,
  Role,
  RoleLength,
  RoleLengths,
  Secret,
  Secrets,
  SigningKeyPair,
} from './crypto.ts';
export type { ParameterChoice, ParameterSet } from './parameters.ts';
export { ROLE_LENGTHS, ROLE_LENGTHS_X448 } from './crypto.ts';
export { parameterSet } from './parameters.ts';
export { drawKeyPair, drawSigningKeyPair } from './draw-key.ts';
export type { DrawEnv } from './draw-key.ts';
export { verifyStrict } from './verify-strict.ts';
export { seededEntropy } from './seeded-entropy.ts';
