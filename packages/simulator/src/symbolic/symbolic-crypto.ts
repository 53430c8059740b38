/**
 * The symbolic backend: the whole seam over terms. Every secret is a term and every public thing the
 * digest of one, so the shipping codecs and protocols run on it unchanged; it knows no mathematics but
 * that a Diffie-Hellman commutes. What is noted on the way, who could derive what, is for
 * {@link Knowledge} to work out. See docs/decisions/041-simulator.md.
 */

import { concatBytes, copyBytes, encodeUtf8, equalBytes, invariant } from '@simsim/bytes';
import { parameterSet, ROLE_LENGTHS } from '@simsim/crypto';
import type { Crypto, KemKind, KeyPair, PublicKey, Secret } from '@simsim/crypto';
import { forget, lengthOf, termOf, toSecret, toSecrets } from './symbolic-secret-brand.ts';
import { isBefore, joined, KIND, Table } from './table.ts';
import { NAME_BYTES } from './term-hash.ts';
import type { Term, Terms } from './terms.ts';

/** A backend and what it noted. */
export interface SymbolicCrypto {
  readonly crypto: Crypto;
  readonly terms: Terms;
  /** The key that a ciphertext of `encrypt` or `seal` lies under. */
  readonly keyOf: (ciphertext: Uint8Array) => Term | undefined;
  /** The term of a handle. */
  readonly termOf: (secret: Secret) => Term;
}

const KEM_BYTES = 1568;
const AEAD_TAG_BYTES = 16;
const CBC_BLOCK_BYTES = 16;

/** Makes a backend with a table of its own; handles of another one mean nothing to it. */
export function createSymbolicCrypto(): SymbolicCrypto {
  const table = new Table();
  const crypto: Crypto = {
    parameters: parameterSet(),
    ...curveCalls(table),
    ...kdfCalls(table),
    ...messageCalls(table),
    ...kemCalls(table),
    ...deviceKeyCalls(table),
    ...sealCalls(table),
    mac: (key, parts) => table.name(KIND.mac, [key, ...parts], 32),
    digest: (parts) => table.name(KIND.digest, parts, 32),
    importSecret(role, bytes) {
      invariant(bytes.length === ROLE_LENGTHS[role], 'a secret has the length of its role');
      return toSecret(role, table.terms.ofBytes(bytes));
    },
    exportSecret: (secret) => table.terms.bytesOf(termOf(secret), lengthOf(secret)),
    wipe: forget,
  };
  const keyOf = (ciphertext: Uint8Array): Term | undefined => table.terms.boxAt(ciphertext)?.key;
  return { crypto, terms: table.terms, keyOf, termOf };
}

function curveCalls(
  table: Table,
): Pick<Crypto, 'publicKey' | 'keyPair' | 'keyPairOf' | 'dh' | 'sign' | 'verify'> {
  const keyPairOf = (privateKey: Secret<'dh'>): KeyPair => ({
    privateKey,
    publicKey: { bytes: table.publicOf(KIND.public, privateKey, 32) },
  });
  const signature = (bytes: Uint8Array, parts: readonly Uint8Array[]): Uint8Array =>
    table.name(KIND.sign, [bytes, joined(parts)], 64);
  return {
    // Any bytes are a key of somebody; zero is the one of low order.
    publicKey(bytes): PublicKey | undefined {
      return bytes.length === 32 && bytes.some((byte) => byte !== 0) ? { bytes } : undefined;
    },
    keyPair: (entropy) => keyPairOf(toSecret('dh', table.terms.ofBytes(entropy))),
    keyPairOf,
    dh(own, peer) {
      const mine = table.publicOf(KIND.public, own, 32);
      const isFirst = isBefore(mine, peer.bytes);
      const pair = isFirst ? [mine, peer.bytes] : [peer.bytes, mine];
      const { term, isNew } = table.terms.intern(table.hash(KIND.dh, pair));
      if (isNew) {
        table.terms.derive([termOf(own)], [term]);
        const other = table.ownerOf(peer.bytes);
        if (other !== undefined) table.terms.derive([other], [term]);
      }
      return toSecret('shared', term);
    },
    sign: (own, parts) => signature(own.publicKey.bytes, parts),
    verify: (peer, parts, given) => equalBytes(signature(peer.bytes, parts), given),
  };
}

function kdfCalls(
  table: Table,
): Pick<Crypto, 'hkdf' | 'chainStep' | 'messageKeys' | 'chainMessage'> {
  const chainStep: Crypto['chainStep'] = (chain) => [
    table.derive(KIND.next, 'chain', [chain]),
    table.derive(KIND.seed, 'seed', [chain]),
  ];
  const messageKeys: Crypto['messageKeys'] = (seed, salt, info) =>
    table.derive(KIND.message, 'message', salt === undefined ? [seed, info] : [seed, salt, info]);
  return {
    hkdf(ikm, salt, info, out) {
      const parts = [...ikm, salt ?? NO_SALT, info];
      return toSecrets(out, (role, i) =>
        table.derive(KIND.hkdf, role, [...parts, Uint8Array.of(i, ROLE_LENGTHS[role])]),
      );
    },
    chainStep,
    messageKeys,
    chainMessage(chain, info) {
      const [next, seed] = chainStep(chain);
      return [next, messageKeys(seed, undefined, info)];
    },
  };
}

function messageCalls(table: Table): Pick<Crypto, 'encrypt' | 'decrypt' | 'tag' | 'tagMatches'> {
  const tag: Crypto['tag'] = (keys, parts, length) => {
    invariant(length >= 8 && length <= 32, 'a tag has 8 to 32 bytes');
    return table.name(KIND.tag, [keys, joined(parts)], length);
  };
  return {
    encrypt(keys, plaintext) {
      const length = (Math.floor(plaintext.length / CBC_BLOCK_BYTES) + 1) * CBC_BLOCK_BYTES;
      const copy = copyBytes(plaintext);
      return table.box(KIND.encrypt, { key: keys, context: [], plaintext: copy, length });
    },
    decrypt: (keys, ciphertext) =>
      table.unbox(KIND.encrypt, ciphertext, { key: keys, context: [] }),
    tag,
    tagMatches: (keys, parts, given) =>
      given.length >= 8 && given.length <= 32 && equalBytes(tag(keys, parts, given.length), given),
  };
}

function kemCalls(
  table: Table,
): Pick<Crypto, 'kemKeyPair' | 'kemKeyPairOf' | 'encapsulate' | 'decapsulate'> {
  const kindOf = (kind: KemKind): Uint8Array => Uint8Array.of(kind === 'kyber1024' ? 1 : 2);
  const sharedOf = (publicKey: Uint8Array, ciphertext: Uint8Array): Secret<'kemShared'> => {
    const name = table.hash(KIND.kemShared, [publicKey.subarray(0, NAME_BYTES), ciphertext]);
    const { term, isNew } = table.terms.intern(name);
    const owner = table.ownerOf(publicKey);
    if (isNew && owner !== undefined) table.terms.derive([owner], [term]);
    return toSecret('kemShared', term);
  };
  const kemKeyPairOf: Crypto['kemKeyPairOf'] = (kind, privateKey) => ({
    kind,
    privateKey,
    publicKey: table.publicOf(KIND.kemPublic, privateKey, KEM_BYTES),
  });
  return {
    kemKeyPair: (kind, entropy64) =>
      kemKeyPairOf(kind, toSecret('kem', table.terms.ofBytes(entropy64))),
    kemKeyPairOf,
    encapsulate(kind, publicKey, entropy32) {
      if (publicKey.length !== KEM_BYTES) return undefined;
      const parts = [kindOf(kind), publicKey, entropy32];
      const ciphertext = table.name(KIND.kemCiphertext, parts, KEM_BYTES);
      return { ciphertext, shared: sharedOf(publicKey, ciphertext) };
    },
    decapsulate({ publicKey }, ciphertext) {
      return ciphertext.length === KEM_BYTES ? sharedOf(publicKey, ciphertext) : undefined;
    },
  };
}

function deviceKeyCalls(
  table: Table,
): Pick<
  Crypto,
  | 'signingKeyPair'
  | 'signingKeyPairOf'
  | 'signWithDeviceKey'
  | 'verifyDeviceKey'
  | 'agreementKeyOf'
  | 'agreementPairOf'
> {
  /** The X25519 form of a device key is a key of its own that follows from it. */
  const agreementPairOf = (privateKey: Secret<'sign'>): KeyPair => {
    const agreement = table.derive(KIND.agreement, 'dh', [privateKey]);
    return {
      privateKey: agreement,
      publicKey: { bytes: table.publicOf(KIND.public, agreement, 32) },
    };
  };
  const signature = (bytes: Uint8Array, parts: readonly Uint8Array[]): Uint8Array =>
    table.name(KIND.deviceSign, [bytes, joined(parts)], 64);
  const signingKeyPairOf: Crypto['signingKeyPairOf'] = (privateKey) => ({
    privateKey,
    publicKey: table.publicOf(KIND.devicePublic, privateKey, 32),
  });
  return {
    signingKeyPair: (entropy32) =>
      signingKeyPairOf(toSecret('sign', table.terms.ofBytes(entropy32))),
    signingKeyPairOf,
    signWithDeviceKey: (own, parts) => signature(own.publicKey, parts),
    verifyDeviceKey: (publicKey, parts, given) => equalBytes(signature(publicKey, parts), given),
    agreementKeyOf(publicKey) {
      if (publicKey.length !== 32) return undefined;
      const owner = table.ownerOf(publicKey);
      if (owner !== undefined) return agreementPairOf(toSecret('sign', owner)).publicKey;
      return { bytes: table.name(KIND.agreement, [publicKey], 32) };
    },
    agreementPairOf: (own) => agreementPairOf(own.privateKey),
  };
}

function sealCalls(table: Table): Pick<Crypto, 'seal' | 'open' | 'sealStep'> {
  const contextOf = (nonce12: Uint8Array, ad: readonly Uint8Array[]): Uint8Array[] => {
    invariant(nonce12.length === 12, 'a nonce has 12 bytes');
    return [nonce12, joined(ad)];
  };
  return {
    seal(key, nonce12, ad, parts) {
      const written = parts.map((part) =>
        part instanceof Uint8Array ? part : table.terms.bytesOf(termOf(part), lengthOf(part)),
      );
      const plaintext = concatBytes(written);
      const length = plaintext.length + AEAD_TAG_BYTES;
      const context = contextOf(nonce12, ad);
      return table.box(KIND.seal, { key, context, plaintext, length, isVault: isOfVault(ad) });
    },
    open(key, nonce12, ad, sealed) {
      if (nonce12.length !== 12) return undefined;
      return table.unbox(KIND.seal, sealed, { key, context: contextOf(nonce12, ad) });
    },
    sealStep: (key) => [
      table.derive(KIND.nextStream, 'stream', [key]),
      table.derive(KIND.sealKey, 'seal', [key]),
    ],
  };
}

const VAULT_LABEL = encodeUtf8('simsim/vault/');

/** What the parts of a vault's file are bound to begins so. */
function isOfVault([label]: readonly Uint8Array[]): boolean {
  return label !== undefined && VAULT_LABEL.every((byte, i) => label[i] === byte);
}

const NO_SALT = new Uint8Array(0);
