export { createNobleCrypto, nobleCrypto } from './noble-crypto.ts';
export { nobleCiphers } from './noble-ciphers.ts';
export { nobleEntropy } from './entropy.ts';
