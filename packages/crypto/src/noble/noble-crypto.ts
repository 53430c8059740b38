/**
 * The portable backend: everything from noble, no platform. It runs wherever ES2023 runs and is the
 * yardstick of the faster ones: equal entropy must give equal bytes.
 */

import { cbc } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, equalBytes, invariant, wipe } from '@simsim/bytes';
import type { Crypto, Part, Secret } from '../crypto.ts';
import {
  clamp,
  edwardsPublicKey,
  isAcceptableDeviceKey,
  isAcceptablePublicKey,
  signXeddsa,
  splitXeddsa,
  toEdwardsKey,
  verifyEdwards,
} from '../edwards.ts';
import { anyBytesOf, bytesOf, heldBy, lengthOf, splitSecrets, toHandle } from '../handle-brand.ts';
import { decapsulate, encapsulate, kemKeyPair, kemKeyPairOf } from '../kem.ts';
import { CIPHER_KEY, IV, MAC_KEY, SEAL_STEP_LABEL, isTagLength } from '../layout.ts';

/** Edwards public keys of private keys that signed: saves the slow half of the next signature. */
const edwardsByPrivateKey = new WeakMap<Secret<'dh'>, Uint8Array>();

/** The {@link Crypto} of noble's curves, hashes and ciphers. Stateless; share it freely. */
export const nobleCrypto: Crypto = {
  publicKey: (bytes) => (isAcceptablePublicKey(bytes) ? { bytes: bytes.slice() } : undefined),
  keyPair: (entropy32) => nobleCrypto.keyPairOf(toHandle('dh', clamp(entropy32))),
  keyPairOf: (privateKey) => ({
    privateKey,
    publicKey: { bytes: x25519.getPublicKey(bytesOf(privateKey)) },
  }),
  dh(own, peer) {
    try {
      return toHandle('shared', x25519.getSharedSecret(bytesOf(own), peer.bytes));
    } catch {
      return undefined; // noble throws on an all-zero result
    }
  },

  hkdf(ikm, salt, info, out) {
    const input = joinParts(ikm);
    const pseudoRandomKey = extract(sha256, input, salt === undefined ? undefined : toBytes(salt));
    const output = expand(sha256, pseudoRandomKey, info, lengthOf(out));
    wipe(input);
    wipe(pseudoRandomKey);
    return splitSecrets(output, out);
  },
  chainStep: (chain) => [
    toHandle('chain', hmac(sha256, bytesOf(chain), Uint8Array.of(2))),
    toHandle('seed', hmac(sha256, bytesOf(chain), Uint8Array.of(1))),
  ],
  messageKeys: (seed, salt, info) => nobleCrypto.hkdf([seed], salt, info, ['message'])[0],
  chainMessage(chain, info) {
    const [next, seed] = nobleCrypto.chainStep(chain);
    const keys = nobleCrypto.messageKeys(seed, undefined, info);
    nobleCrypto.wipe(seed);
    return [next, keys];
  },

  encrypt: (keys, plaintext) => aes(keys).encrypt(plaintext),
  decrypt(keys, ciphertext) {
    try {
      // Noble answers a view that leaves the padding behind it.
      return aes(keys).decrypt(ciphertext).slice();
    } catch {
      return undefined; // noble throws on a broken length or padding
    }
  },
  tag(keys, parts, length) {
    invariant(isTagLength(length), 'a tag has 8 to 32 bytes');
    return hmac(sha256, bytesOf(keys).subarray(...MAC_KEY), concatBytes(parts)).slice(0, length);
  },
  tagMatches: (keys, parts, tag) =>
    isTagLength(tag.length) && equalBytes(nobleCrypto.tag(keys, parts, tag.length), tag),

  sign(own, parts, entropy64) {
    invariant(entropy64.length === 64, 'XEdDSA takes 64 bytes of entropy');
    const privateKey = bytesOf(own.privateKey);
    const edwards = edwardsByPrivateKey.get(own.privateKey) ?? edwardsPublicKey(privateKey);
    edwardsByPrivateKey.set(own.privateKey, edwards);
    return signXeddsa({ privateKey, edwards, message: concatBytes(parts), entropy64 });
  },
  verify(peer, parts, signature) {
    const split = splitXeddsa(signature);
    if (split === undefined) return false;
    return verifyEdwards(toEdwardsKey(peer.bytes, split.sign), concatBytes(parts), split.plain);
  },
  kemKeyPair,
  kemKeyPairOf,
  encapsulate,
  decapsulate,
  signingKeyPair: (entropy32) => nobleCrypto.signingKeyPairOf(toHandle('sign', entropy32.slice())),
  signingKeyPairOf: (privateKey) => ({
    privateKey,
    publicKey: ed25519.getPublicKey(bytesOf(privateKey)),
  }),
  signWithDeviceKey: (own, parts) => ed25519.sign(concatBytes(parts), bytesOf(own.privateKey)),
  verifyDeviceKey: (publicKey, parts, signature) =>
    isAcceptableDeviceKey(publicKey) && verifyEdwards(publicKey, concatBytes(parts), signature),

  seal(key, nonce12, ad, plaintext) {
    const input = joinParts(plaintext);
    const sealed = chacha20poly1305(bytesOf(key), nonce12, concatBytes(ad)).encrypt(input);
    wipe(input);
    return sealed;
  },
  open(key, nonce12, ad, sealed) {
    try {
      return chacha20poly1305(bytesOf(key), nonce12, concatBytes(ad)).decrypt(sealed);
    } catch {
      return undefined; // noble throws on a wrong tag or a length below 16
    }
  },
  sealStep(key) {
    const input = concatBytes([bytesOf(key), SEAL_STEP_LABEL]);
    const output = sha512(input);
    wipe(input);
    return splitSecrets(output, ['stream', 'seal']);
  },
  mac: (key, parts) => hmac(sha256, bytesOf(key), concatBytes(parts)),
  digest: (parts) => sha256(concatBytes(parts)),

  importSecret: (role, bytes) => toHandle(role, bytes.slice()),
  exportSecret: (secret) => anyBytesOf(secret).slice(),
  wipe(secret) {
    const held = heldBy(secret);
    if (held instanceof Uint8Array) wipe(held);
    else held.wipe();
    edwardsByPrivateKey.delete(secret as Secret<'dh'>);
  },
};

function aes(keys: Secret<'message'>): ReturnType<typeof cbc> {
  const bytes = bytesOf(keys);
  return cbc(bytes.subarray(...CIPHER_KEY), bytes.subarray(...IV));
}

function toBytes(part: Part): Uint8Array {
  return part instanceof Uint8Array ? part : anyBytesOf(part);
}

function joinParts(parts: readonly Part[]): Uint8Array {
  return concatBytes(parts.map(toBytes));
}
