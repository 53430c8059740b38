/**
 * The Node backend: OpenSSL for ciphers, hashes, Diffie-Hellman and signature checks, our own
 * SHA-256 for the short KDFs, noble for XEdDSA signing. Byte for byte equal to the noble backend.
 */

import { createCipheriv, createDecipheriv, diffieHellman, hash, sign, verify } from 'node:crypto';
import { concatBytes, equalBytes, invariant, newBytes, wipe } from '@simsim/bytes';
import type { Crypto, Secret } from '../crypto.ts';
import {
  CURVE25519,
  clamp,
  isAcceptableDeviceKey,
  isAcceptablePublicKey,
  toMontgomeryKey,
  toMontgomeryScalar,
} from '../curve25519.ts';
import { anyBytesOf, bytesOf, heldBy, lengthOf, splitSecrets } from '../handle-brand.ts';
import { decapsulate, encapsulate, kemKeyPair, kemKeyPairOf } from '../kem.ts';
import {
  CIPHER_KEY,
  HKDF_BLOCKS_MAX,
  IV,
  MAC_KEY,
  SEAL_STEP_LABEL,
  isTagLength,
} from '../layout.ts';
import { parameterSet } from '../parameters.ts';
import { joinParts, toBytes } from '../parts.ts';
import { signCarried, splitSign } from '../xeddsa.ts';
import { hkdfOf, hmac, joinAndWipe, ownBytes, takeBytes } from './buffers.ts';
import {
  NodePublicKey,
  importPublicKey,
  nodePublicKey,
  privateKeyOf,
  toNodeHandle,
} from './keys.ts';
import { publicMac, writeLatin1 } from './public-mac.ts';
import { chainMessage, chainStep, hkdfSha256, isShortInput } from './sha256-kdf.ts';

/** The {@link Crypto} of Signal's parameters from Node's own crypto module. Stateless; share it. */
export const nodeCrypto: Crypto = {
  parameters: parameterSet(),
  publicKey: (bytes) =>
    isAcceptablePublicKey(bytes) ? new NodePublicKey(ownBytes(bytes)) : undefined,
  keyPair: (entropy32) => nodeCrypto.keyPairOf(toNodeHandle('dh', clamp(entropy32))),
  keyPairOf: (privateKey) => ({
    privateKey,
    publicKey: new NodePublicKey(privateKeyOf(privateKey).publicBytes()),
  }),
  dh(own, peer) {
    const privateKey = privateKeyOf(own).object();
    try {
      const shared = diffieHellman({ privateKey, publicKey: nodePublicKey(peer).object() });
      return toNodeHandle('shared', takeBytes(shared));
    } catch {
      return undefined; // OpenSSL throws on an all-zero result
    }
  },

  hkdf(ikm, salt, info, out) {
    const input = joinParts(ikm);
    const saltBytes = salt === undefined ? undefined : toBytes(salt);
    const output = hkdf(input, saltBytes, info, lengthOf(out));
    wipe(input);
    return splitSecrets(output, out, toNodeHandle);
  },
  chainStep(chain) {
    const { next, output } = chainStep(bytesOf(chain));
    return [toNodeHandle('chain', next), toNodeHandle('seed', output)];
  },
  messageKeys: (seed, salt, info) => nodeCrypto.hkdf([seed], salt, info, ['message'])[0],
  chainMessage(chain, info) {
    const { next, output } = chainMessage(bytesOf(chain), info);
    return [toNodeHandle('chain', next), toNodeHandle('message', output)];
  },

  encrypt(keys, plaintext) {
    const bytes = bytesOf(keys);
    const cipher = createCipheriv(
      'aes-256-cbc',
      bytes.subarray(...CIPHER_KEY),
      bytes.subarray(...IV),
    );
    return concatBytes([cipher.update(plaintext), cipher.final()]);
  },
  decrypt(keys, ciphertext) {
    const bytes = bytesOf(keys);
    const decipher = createDecipheriv(
      'aes-256-cbc',
      bytes.subarray(...CIPHER_KEY),
      bytes.subarray(...IV),
    );
    try {
      return joinAndWipe(decipher.update(ciphertext), decipher.final());
    } catch {
      return undefined; // OpenSSL throws on a broken length or padding
    }
  },
  tag(keys, parts, length) {
    invariant(isTagLength(length), 'a tag has 8 to 32 bytes');
    return publicMac(bytesOf(keys).subarray(...MAC_KEY), parts).slice(0, length);
  },
  tagMatches: (keys, parts, tag) =>
    isTagLength(tag.length) && equalBytes(nodeCrypto.tag(keys, parts, tag.length), tag),

  sign(own, parts, entropy64) {
    invariant(entropy64.length === 64, 'XEdDSA takes 64 bytes of entropy');
    const key = privateKeyOf(own.privateKey);
    const message = concatBytes(parts);
    return signCarried(CURVE25519, {
      privateKey: key.bytes,
      edwards: key.edwards(),
      message,
      entropy64,
    });
  },
  verify(peer, parts, signature) {
    const split = splitSign(CURVE25519, signature);
    if (split === undefined) return false;
    const key = nodePublicKey(peer).verifying(split.sign);
    return verify(null, concatBytes(parts), key, split.plain);
  },
  kemKeyPair,
  kemKeyPairOf,
  encapsulate,
  decapsulate,
  signingKeyPair: (entropy32) =>
    nodeCrypto.signingKeyPairOf(toNodeHandle('sign', ownBytes(entropy32))),
  signingKeyPairOf: (privateKey) => ({
    privateKey,
    publicKey: privateKeyOf(privateKey).publicBytes(),
  }),
  signWithDeviceKey: (own, parts) =>
    takeBytes(sign(null, concatBytes(parts), privateKeyOf(own.privateKey).object())),
  verifyDeviceKey: (publicKey, parts, signature) =>
    isAcceptableDeviceKey(publicKey) &&
    verify(null, concatBytes(parts), importPublicKey('Ed25519', publicKey), signature),
  agreementKeyOf(publicKey) {
    const bytes = toMontgomeryKey(publicKey);
    return bytes && new NodePublicKey(bytes);
  },
  agreementPairOf(own) {
    const seedHash = takeBytes(hash('sha512', privateKeyOf(own.privateKey).bytes, 'buffer'));
    const privateKey = toNodeHandle('dh', toMontgomeryScalar(seedHash));
    wipe(seedHash);
    return {
      privateKey,
      publicKey: new NodePublicKey(privateKeyOf(privateKey).publicBytes()),
    };
  },

  seal(key, nonce12, ad, plaintext) {
    invariant(nonce12.length === 12, 'a nonce has 12 bytes'); // OpenSSL would take fewer
    const cipher = createCipheriv('chacha20-poly1305', bytesOf(key), nonce12, AEAD_OPTIONS);
    const plaintextLength = plaintext.reduce((sum, part) => sum + toBytes(part).length, 0);
    cipher.setAAD(joinShared(ad), { plaintextLength });
    const input = joinShared(plaintext.map(toBytes));
    const sealed = newBytes(input.length + AEAD_OPTIONS.authTagLength);
    sealed.set(cipher.update(input));
    cipher.final(); // a stream cipher holds nothing back
    sealed.set(cipher.getAuthTag(), input.length);
    wipe(input);
    return sealed;
  },
  open(key, nonce12, ad, sealed) {
    const bodyLength = sealed.length - AEAD_OPTIONS.authTagLength;
    if (bodyLength < 0 || nonce12.length !== 12) return undefined;
    const decipher = createDecipheriv('chacha20-poly1305', bytesOf(key), nonce12, AEAD_OPTIONS);
    decipher.setAAD(joinShared(ad), { plaintextLength: bodyLength });
    decipher.setAuthTag(sealed.subarray(bodyLength));
    const opened = decipher.update(sealed.subarray(0, bodyLength));
    try {
      return joinAndWipe(opened, decipher.final());
    } catch {
      wipe(opened); // OpenSSL throws on a wrong tag, after it handed out the plaintext
      return undefined;
    }
  },
  sealStep(key) {
    const input = concatBytes([bytesOf(key), SEAL_STEP_LABEL]);
    const output = hash('sha512', input, 'buffer');
    wipe(input);
    return splitSecrets(takeBytes(output), ['stream', 'seal']);
  },
  mac: (key, parts) => publicMac(bytesOf(key), parts),
  digest(parts) {
    const input = joinShared(parts);
    const output = new Uint8Array(32);
    writeLatin1(output, 0, hash('sha256', input, 'binary'));
    wipe(input); // bearer tokens are hashed too
    return output;
  },

  importSecret: (role, bytes) => toNodeHandle(role, ownBytes(bytes)),
  exportSecret: (secret) => ownBytes(anyBytesOf(secret)),
  wipe(secret) {
    const held = heldBy(secret);
    if (held instanceof Uint8Array) wipe(held);
    else held.wipe();
  },
};

/** Where parts are joined: an array of its own for each would cost more than hashing it. */
const joined = new Uint8Array(4096);

/** Parts in one piece, which lasts until the next call: to be used at once. */
function joinShared(parts: readonly Uint8Array[]): Uint8Array {
  let at = 0;
  for (const part of parts) {
    if (at + part.length > joined.length) return concatBytes(parts);
    joined.set(part, at);
    at += part.length;
  }
  return joined.subarray(0, at);
}

const AEAD_OPTIONS = { authTagLength: 16 } as const;

/** HKDF-SHA-256; the rare long inputs take OpenSSL's HMAC. */
function hkdf(
  ikm: Uint8Array,
  salt: Uint8Array | undefined,
  info: Uint8Array,
  length: number,
): Uint8Array {
  invariant(length <= HKDF_BLOCKS_MAX * 32, 'HKDF puts out at most 255 blocks');
  if (isShortInput(ikm.length, salt?.length ?? 0, info.length)) {
    return hkdfSha256(ikm, salt, info, length);
  }
  return hkdfOf('sha256', ikm, salt, { info, length });
}

/**
 * What this backend takes for granted about the platform, checked once: OpenSSL ignores a private
 * JWK's `x` and clamps (RFC 7748 §6.1), and our SHA-256 and MAC agree with OpenSSL's.
 */
function selfTest(): void {
  const entropy = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
  const pair = nodeCrypto.keyPair(entropy);
  const base = nodeCrypto.publicKey(Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 9 : 0)));
  const shared = base === undefined ? undefined : nodeCrypto.dh(pair.privateKey, base);
  invariant(
    shared !== undefined && equalBytes(bytesOf(shared), pair.publicKey.bytes),
    'X25519 with the base point gives the exported public key',
  );
  const info = Uint8Array.of(1, 2, 3);
  const chain: Secret<'chain'> = nodeCrypto.importSecret('chain', entropy);
  const [next, keys] = nodeCrypto.chainMessage(chain, info);
  const seed = hmac('sha256', entropy, [Uint8Array.of(1)]);
  const pseudoRandomKey = hmac('sha256', new Uint8Array(32), [seed]);
  const first = hmac('sha256', pseudoRandomKey, [info, Uint8Array.of(1)]);
  invariant(
    equalBytes(bytesOf(next), hmac('sha256', entropy, [Uint8Array.of(2)])) &&
      equalBytes(bytesOf(keys).subarray(0, 32), first),
    'the KDF agrees with OpenSSL',
  );
  invariant(
    equalBytes(publicMac(entropy, [info, info]), hmac('sha256', entropy, [info, info])),
    'a MAC of two hashes agrees with OpenSSL',
  );
}

selfTest();
