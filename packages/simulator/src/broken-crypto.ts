/** Backends that are broken in one place: what a slip in the use of a KDF or a cipher would do. */

import { concatBytes } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';

/** A turn's root key stays next to the chain it gave: both ends agree, and no message is missed. */
export function keepingRoots(crypto: Crypto): Crypto {
  return {
    ...crypto,
    hkdf(ikm, salt, info, out) {
      const secrets = crypto.hkdf(ikm, salt, info, out);
      if (out.join() !== 'root,chain' || salt === undefined || salt instanceof Uint8Array) {
        return secrets;
      }
      const list: unknown = secrets;
      const kept = crypto.importSecret('root', crypto.exportSecret(salt));
      if (Array.isArray(list)) list[0] = kept;
      return secrets;
    },
  };
}

/** A turn's Diffie-Hellman goes into no root key: both ends agree, and nothing heals. */
export function rootsWithoutTurns(crypto: Crypto): Crypto {
  return {
    ...crypto,
    hkdf(ikm, salt, info, out) {
      const isTurn = out.join() === 'root,chain' && salt !== undefined;
      return crypto.hkdf(isTurn ? [] : ikm, salt, info, out);
    },
  };
}

/** A stream key of the log stays the same from state to state: erasing it erases nothing. */
export function keepingStreamKeys(crypto: Crypto): Crypto {
  return {
    ...crypto,
    sealStep(key) {
      const [, seal] = crypto.sealStep(key);
      return [crypto.importSecret('stream', crypto.exportSecret(key)), seal];
    },
  };
}

/** A chain key does not move on: every message of a chain has the same key. */
export function standingChains(crypto: Crypto): Crypto {
  const still = (chain: Parameters<Crypto['chainStep']>[0]): typeof chain =>
    crypto.importSecret('chain', crypto.exportSecret(chain));
  return {
    ...crypto,
    chainStep(chain) {
      const [, seed] = crypto.chainStep(chain);
      return [still(chain), seed];
    },
    chainMessage(chain, info) {
      const [, keys] = crypto.chainMessage(chain, info);
      return [still(chain), keys];
    },
  };
}

const KEY_BYTES = 32;

/** A message carries its own key. */
export function tellingKeys(crypto: Crypto): Crypto {
  return {
    ...crypto,
    encrypt(keys, plaintext) {
      const key = crypto.exportSecret(keys).slice(0, KEY_BYTES);
      return concatBytes([crypto.encrypt(keys, plaintext), key]);
    },
    decrypt: (keys, ciphertext) => crypto.decrypt(keys, ciphertext.slice(0, -KEY_BYTES)),
  };
}

/** A message carries the chain key it came of, beside its text. */
export function tellingSeeds(crypto: Crypto): Crypto {
  let seed: Uint8Array = new Uint8Array(KEY_BYTES);
  return {
    ...crypto,
    messageKeys(from, salt, info) {
      seed = crypto.exportSecret(from);
      return crypto.messageKeys(from, salt, info);
    },
    encrypt: (keys, plaintext) => concatBytes([crypto.encrypt(keys, plaintext), seed]),
    decrypt: (keys, ciphertext) => crypto.decrypt(keys, ciphertext.slice(0, -KEY_BYTES)),
  };
}

const INBOX_LABEL = 'simsim/inbox/1';

/** Unread mail is not authenticated: where it was damaged, other words come out. */
export function openingDamagedMail(crypto: Crypto): Crypto {
  const written = new Map<string, { readonly box: Uint8Array; readonly text: Uint8Array }>();
  const placeOf = (ad: readonly Uint8Array[]): string => ad.map((part) => part.join()).join('|');
  const isMail = ([label]: readonly Uint8Array[]): boolean =>
    label !== undefined && new TextDecoder().decode(label) === INBOX_LABEL;
  return {
    ...crypto,
    seal(key, nonce12, ad, parts) {
      const box = crypto.seal(key, nonce12, ad, parts);
      const texts = parts.filter((part) => part instanceof Uint8Array);
      if (isMail(ad)) written.set(placeOf(ad), { box, text: concatBytes(texts) });
      return box;
    },
    open(key, nonce12, ad, sealed) {
      const opened = crypto.open(key, nonce12, ad, sealed);
      const found = opened === undefined && isMail(ad) ? written.get(placeOf(ad)) : undefined;
      if (found?.box.length !== sealed.length) return opened;
      const last = found.text.length - 1;
      return found.text.map((byte, i) => (i === last ? byte ^ 1 : byte));
    },
  };
}
