export { createNobleCrypto, nobleCrypto } from './noble-crypto.ts';
