/** A backend that remembers which secrets are alive, to find those that a step forgot to wipe. */

import type { Crypto, KeyPair, Secret } from '@simsim/crypto';
import type { Session } from '../src/index.ts';

export interface TrackingCrypto {
  readonly crypto: Crypto;
  /** Made and not wiped. */
  readonly alive: ReadonlySet<Secret>;
}

/** Wraps a backend. Using a wiped secret throws, as does wiping one twice. */
export function trackSecrets(inner: Crypto): TrackingCrypto {
  const alive = new Set<Secret>();
  const made = <S extends Secret>(secret: S): S => {
    alive.add(secret);
    return secret;
  };
  const madeAll = <S extends readonly Secret[]>(secrets: S): S => {
    for (const secret of secrets) alive.add(secret);
    return secrets;
  };
  const live = <S extends Secret>(secret: S): S => {
    if (!alive.has(secret)) throw new Error('a wiped secret was used');
    return secret;
  };
  const madePair = (pair: KeyPair): KeyPair => {
    alive.add(pair.privateKey);
    return pair;
  };
  const crypto: Crypto = {
    ...inner,
    keyPair: (entropy) => madePair(inner.keyPair(entropy)),
    dh(own, peer) {
      const shared = inner.dh(live(own), peer);
      return shared && made(shared);
    },
    encapsulate(kind, publicKey, entropy) {
      const encapsulated = inner.encapsulate(kind, publicKey, entropy);
      if (encapsulated) made(encapsulated.shared);
      return encapsulated;
    },
    decapsulate(pair, ciphertext) {
      const shared = inner.decapsulate(pair, ciphertext);
      return shared && made(shared);
    },
    mac: (key, parts) => inner.mac(live(key), parts),
    hkdf(ikm, salt, info, out) {
      for (const part of ikm) if (!(part instanceof Uint8Array)) live(part);
      return madeAll(inner.hkdf(ikm, salt, info, out));
    },
    chainStep: (chain) => madeAll(inner.chainStep(live(chain))),
    messageKeys: (seed, salt, info) =>
      made(inner.messageKeys(live(seed), salt && live(salt), info)),
    chainMessage: (chain, info) => madeAll(inner.chainMessage(live(chain), info)),
    encrypt: (keys, plaintext) => inner.encrypt(live(keys), plaintext),
    decrypt: (keys, ciphertext) => inner.decrypt(live(keys), ciphertext),
    importSecret: (role, bytes) => made(inner.importSecret(role, bytes)),
    exportSecret: (secret) => inner.exportSecret(live(secret)),
    wipe(secret) {
      alive.delete(live(secret));
      inner.wipe(secret);
    },
  };
  return { crypto, alive };
}

/** Every secret a session holds; the blocks that are loaded count. */
export function secretsOf(session: Session): Set<Secret> {
  const { hot, cold, blocks } = session;
  const secrets = new Set<Secret>([hot.root]);
  if (hot.sending.kind === 'ready') {
    secrets.add(hot.sending.own.privateKey).add(hot.sending.chain.chain);
  }
  if (hot.receiving) secrets.add(hot.receiving.chain);
  if (hot.pq) secrets.add(hot.pq.sending.chain).add(hot.pq.receiving.chain);
  for (const { chain } of cold.ratchet.olderChains) secrets.add(chain);
  for (const { seeds } of blocks.values()) for (const { seed } of seeds) secrets.add(seed);
  return secrets;
}
