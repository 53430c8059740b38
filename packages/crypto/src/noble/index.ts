export { nobleCrypto } from './noble-crypto.ts';
