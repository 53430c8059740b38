/**
 * The portable backend: everything from noble, no platform. It runs wherever ES2023 runs and is the
 * yardstick of the faster ones: equal entropy must give equal bytes.
 */

import { cbc } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { concatBytes, wipe } from '@simsim/bytes';
import type { Crypto, Secret } from '../crypto.ts';
import { ROLE_LENGTHS, ROLE_LENGTHS_X448 } from '../crypto.ts';
import {
  CURVE25519,
  isAcceptableDeviceKey,
  toMontgomeryKey,
  toMontgomeryScalar,
} from '../curve25519.ts';
import { anyBytesOf, bytesOf, heldBy, splitSecrets, toHandle } from '../handle-brand.ts';
import { decapsulate, encapsulate, kemKeyPair, kemKeyPairOf } from '../kem.ts';
import { CIPHER_KEY, IV, SEAL_STEP_LABEL } from '../layout.ts';
import type { CurveCalls, HashCalls } from '../calls.ts';
import type { ParameterChoice } from '../parameters.ts';
import { parameterSet } from '../parameters.ts';
import { joinParts } from '../parts.ts';
import { verifyEdwards } from '../xeddsa.ts';
import { forgetEdwards, nobleCurveCalls } from './curve-calls.ts';
import { nobleHashCalls } from './hash-calls.ts';

/**
 * Makes the {@link Crypto} of noble's curves, hashes and ciphers for a parameter set. Stateless;
 * make one and share it. Handles of one curve mean nothing to a backend of the other.
 */
export function createNobleCrypto(choice: ParameterChoice = {}): Crypto {
  const parameters = parameterSet(choice);
  const lengths = parameters.curve === 'x448' ? ROLE_LENGTHS_X448 : ROLE_LENGTHS;
  return {
    ...fixedCalls,
    ...nobleCurveCalls(parameters),
    ...nobleHashCalls(parameters),
    parameters,
    importSecret: (role, bytes) => toHandle(role, new Uint8Array(bytes), lengths),
  };
}

/** What no parameter changes. */
const fixedCalls: Omit<Crypto, keyof CurveCalls | keyof HashCalls | 'parameters' | 'importSecret'> =
  {
    encrypt: (keys, plaintext) => aes(keys).encrypt(plaintext),
    decrypt(keys, ciphertext) {
      try {
        // Noble answers a view that leaves the padding behind it.
        return aes(keys).decrypt(ciphertext).slice();
      } catch {
        return undefined; // noble throws on a broken length or padding
      }
    },

    kemKeyPair,
    kemKeyPairOf,
    encapsulate,
    decapsulate,
    signingKeyPair: (entropy32) =>
      fixedCalls.signingKeyPairOf(toHandle('sign', new Uint8Array(entropy32))),
    signingKeyPairOf: (privateKey) => ({
      privateKey,
      publicKey: ed25519.getPublicKey(bytesOf(privateKey)),
    }),
    signWithDeviceKey: (own, parts) => ed25519.sign(concatBytes(parts), bytesOf(own.privateKey)),
    verifyDeviceKey: (publicKey, parts, signature) =>
      isAcceptableDeviceKey(publicKey) &&
      verifyEdwards(CURVE25519, publicKey, concatBytes(parts), signature),
    agreementKeyOf(publicKey) {
      const bytes = toMontgomeryKey(publicKey);
      return bytes && { bytes };
    },
    agreementPairOf(own) {
      const seedHash = sha512(bytesOf(own.privateKey));
      const privateKey = toHandle('dh', toMontgomeryScalar(seedHash));
      wipe(seedHash);
      return { privateKey, publicKey: { bytes: x25519.getPublicKey(bytesOf(privateKey)) } };
    },

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

    exportSecret: (secret) => anyBytesOf(secret).slice(),
    wipe(secret) {
      const held = heldBy(secret);
      if (held instanceof Uint8Array) wipe(held);
      else held.wipe();
      forgetEdwards(secret);
    },
  };

/** The {@link Crypto} of Signal's parameters: X25519, SHA-256, carried sign. */
export const nobleCrypto: Crypto = createNobleCrypto();

function aes(keys: Secret<'message'>): ReturnType<typeof cbc> {
  const bytes = bytesOf(keys);
  return cbc(bytes.subarray(...CIPHER_KEY), bytes.subarray(...IV));
}
