/**
 * A toy symbolic backend: every value is a term, and bytes are only its name. It knows no
 * mathematics but that dh commutes, so the protocol runs on it only as long as it treats secrets as
 * handles and everything public as bytes: what this file is for.
 */

import { createReader, createWriter, equalBytes } from '@simsim/bytes';
import type { Crypto, Part, Role, Secret, Secrets } from '@simsim/crypto';
import { parameterSet } from '@simsim/crypto';

/** Names start with these bytes; everything else is plain data. */
const MAGIC = 0x73796d21;

/** The backend and the term behind a name, written out. */
export function symbolicCrypto(): { readonly crypto: Crypto; readonly terms: readonly string[] } {
  const terms: string[] = [];
  const secretByTerm = new Map<string, Secret>();
  const termBySecret = new Map<unknown, string>();
  const plaintexts = new Map<string, Uint8Array>();
  /** Bytes of a wanted length that name a term. */
  const nameOf = (term: string, length: number): Uint8Array => {
    const known = terms.indexOf(term);
    const number = known >= 0 ? known : terms.push(term) - 1;
    const name = createWriter().u32(MAGIC).u32(number).finish();
    return Uint8Array.from({ length }, (_, i) => name[i] ?? 0);
  };
  const termOf = (part: Part): string => {
    const secret = termBySecret.get(part);
    if (secret !== undefined) return secret;
    if (!(part instanceof Uint8Array)) throw new Error('a secret of another backend');
    const reader = createReader(part);
    const isName = reader.u32() === MAGIC;
    const term = terms[reader.u32()];
    return isName && term !== undefined ? term : `bytes(${part.join()})`;
  };
  // One frozen object for a term: opaque, and the same whenever the same term comes up.
  const secretOf = <R extends Role>(term: string): Secret<R> => {
    const secret = secretByTerm.get(term) ?? (Object.freeze({ term }) as unknown as Secret);
    secretByTerm.set(term, secret);
    termBySecret.set(secret, term);
    return secret as Secret<R>;
  };
  const call = (kind: string, ...parts: readonly Part[]): string =>
    `${kind}(${parts.map(termOf).join(' ')})`;
  const publicOf = (own: Secret<'dh'>): Uint8Array => nameOf(call('public', own), 32);
  const crypto: Crypto = {
    parameters: parameterSet(),
    publicKey: (bytes) => (termOf(bytes).startsWith('public(') ? { bytes } : undefined),
    keyPair: (entropy) => crypto.keyPairOf(secretOf(call('private', entropy))),
    keyPairOf: (privateKey) => ({ privateKey, publicKey: { bytes: publicOf(privateKey) } }),
    dh: (own, peer) =>
      secretOf(`dh(${[termOf(publicOf(own)), termOf(peer.bytes)].toSorted().join(' ')})`),
    hkdf: <const R extends readonly Role[]>(
      ikm: readonly Part[],
      salt: Part | undefined,
      info: Uint8Array,
      out: R,
    ) => {
      const term = call('hkdf', ...ikm, salt ?? new Uint8Array(0), info);
      return out.map((role, i) => secretOf(`${role}${i}:${term}`)) as unknown as Secrets<R>;
    },
    chainStep: (chain) => [secretOf(call('next', chain)), secretOf(call('seed', chain))],
    messageKeys: (seed, salt, info) =>
      secretOf(call('keys', seed, salt ?? new Uint8Array(0), info)),
    chainMessage(chain, info) {
      const [next, seed] = crypto.chainStep(chain);
      return [next, crypto.messageKeys(seed, undefined, info)];
    },
    encrypt(keys, plaintext) {
      const term = call('encrypt', keys, plaintext);
      plaintexts.set(`${termOf(keys)} ${term}`, plaintext.slice());
      return nameOf(term, 32);
    },
    decrypt: (keys, ciphertext) => plaintexts.get(`${termOf(keys)} ${termOf(ciphertext)}`)?.slice(),
    tag: (keys, parts, length) => nameOf(call('tag', keys, ...parts), length),
    tagMatches: (keys, parts, tag) => equalBytes(crypto.tag(keys, parts, tag.length), tag),
    sign: (own, parts) => nameOf(call('sign', own.publicKey.bytes, ...parts), 64),
    verify: (peer, parts, signature) =>
      equalBytes(nameOf(call('sign', peer.bytes, ...parts), 64), signature),
    kemKeyPair: (kind, entropy) =>
      crypto.kemKeyPairOf(kind, secretOf(call(`${kind}Private`, entropy))),
    kemKeyPairOf: (kind, privateKey) => ({
      kind,
      privateKey,
      publicKey: nameOf(call(`${kind}Public`, privateKey), 1568),
    }),
    encapsulate(kind, publicKey, entropy) {
      if (!termOf(publicKey).startsWith(`${kind}Public(`)) return undefined;
      const shared = secretOf<'kemShared'>(call('kemShared', publicKey, entropy));
      return { ciphertext: nameOf(call('kemCiphertext', publicKey, entropy), 1568), shared };
    },
    decapsulate: ({ publicKey }, ciphertext) => {
      const [head, tail] = [call('kemCiphertext', publicKey).slice(0, -1), termOf(ciphertext)];
      return tail.startsWith(head)
        ? secretOf(tail.replace('kemCiphertext', 'kemShared'))
        : secretOf(call('kemRejected', publicKey, ciphertext));
    },
    digest: (parts) => nameOf(call('digest', ...parts), 32),
    wipe: () => undefined,
    importSecret: () => unused(),
    exportSecret: () => unused(),
    signingKeyPair: () => unused(),
    signingKeyPairOf: () => unused(),
    signWithDeviceKey: () => unused(),
    verifyDeviceKey: () => unused(),
    agreementKeyOf: () => unused(),
    agreementPairOf: () => unused(),
    seal: () => unused(),
    open: () => unused(),
    sealStep: () => unused(),
    mac: () => unused(),
  };
  return { crypto, terms };
}

function unused(): never {
  throw new Error('sessions do not call this');
}
