/** A backend that writes down every secret it ever holds and how one follows from another. */

import { bytesToHex, concatBytes } from '@simsim/bytes';
import type { Crypto, Part, Role, Secret } from '@simsim/crypto';
import type { TraceEntry } from './trace.ts';

/** Wraps a backend; `note` gets copies, so wiping leaves them alone. */
export function recordingCrypto(crypto: Crypto, note: (entry: TraceEntry) => void): Crypto {
  const nameOf = (secret: Secret): string => bytesToHex(crypto.exportSecret(secret));
  const made = <R extends Role>(role: R, secret: Secret<R>): Secret<R> => {
    note({ type: 'secret', role, secret: nameOf(secret) });
    return secret;
  };
  const derived = (from: readonly Part[], to: readonly Secret[]): void => {
    // A handle may be bytes itself; which bytes are secret is known from all that were noted.
    const inputs = from.map((part) =>
      part instanceof Uint8Array ? bytesToHex(part) : nameOf(part),
    );
    note({ type: 'derived', from: inputs, to: to.map(nameOf) });
  };
  return {
    ...crypto,
    keyPair(entropy) {
      const pair = crypto.keyPair(entropy);
      made('dh', pair.privateKey);
      return pair;
    },
    keyPairOf(privateKey) {
      made('dh', privateKey);
      return crypto.keyPairOf(privateKey);
    },
    dh(own, peer) {
      const shared = crypto.dh(own, peer);
      if (shared !== undefined) derived([own], [made('shared', shared)]);
      return shared;
    },
    hkdf(ikm, salt, info, out) {
      const secrets = crypto.hkdf(ikm, salt, info, out);
      secrets.forEach((secret: Secret, i: number) => made(out[i] ?? 'root', secret));
      derived(salt === undefined ? ikm : [...ikm, salt], secrets);
      return secrets;
    },
    chainStep(chain) {
      const [next, seed] = crypto.chainStep(chain);
      derived([chain], [made('chain', next), made('seed', seed)]);
      return [next, seed];
    },
    messageKeys(seed, salt, info) {
      const keys = made('message', crypto.messageKeys(seed, salt, info));
      derived(salt === undefined ? [seed] : [seed, salt], [keys]);
      return keys;
    },
    chainMessage(chain, info) {
      const [next, keys] = crypto.chainMessage(chain, info);
      derived([chain], [made('chain', next), made('message', keys)]);
      return [next, keys];
    },
    kemKeyPair(kind, entropy64) {
      const pair = crypto.kemKeyPair(kind, entropy64);
      made('kem', pair.privateKey);
      return pair;
    },
    encapsulate(kind, publicKey, entropy32) {
      const result = crypto.encapsulate(kind, publicKey, entropy32);
      if (result !== undefined) made('kemShared', result.shared);
      return result;
    },
    decapsulate(pair, ciphertext) {
      const shared = crypto.decapsulate(pair, ciphertext);
      if (shared !== undefined) derived([pair.privateKey], [made('kemShared', shared)]);
      return shared;
    },
    signingKeyPair(entropy32) {
      const pair = crypto.signingKeyPair(entropy32);
      made('sign', pair.privateKey);
      return pair;
    },
    sealStep(key) {
      const [next, seal] = crypto.sealStep(key);
      derived([key], [made('stream', next), made('seal', seal)]);
      return [next, seal];
    },
    seal(key, nonce12, ad, plaintext) {
      const ciphertext = crypto.seal(key, nonce12, ad, plaintext);
      const parts = plaintext.map((part) =>
        part instanceof Uint8Array ? part : crypto.exportSecret(part),
      );
      note({
        type: 'sealed',
        key: nameOf(made('seal', key)),
        plaintext: concatBytes(parts),
        ciphertext,
      });
      return ciphertext;
    },
    importSecret: (role, bytes) => made(role, crypto.importSecret(role, bytes)),
  };
}
