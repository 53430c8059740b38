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
  Secret,
  Secrets,
  SigningKeyPair,
} from './crypto.ts';
export { ROLE_LENGTHS } from './crypto.ts';
export { seededEntropy } from './seeded-entropy.ts';
