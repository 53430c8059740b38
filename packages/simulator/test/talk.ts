/** Two parties with a session, over the shipping packages and any backend. */

import type { Result } from '@simsim/bytes';
import { seededEntropy } from '@simsim/crypto';
import type { Crypto, Entropy, KemKeyPair, KeyPair } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import { signKemPreKey, signPreKey, signalPqxdh, signalX3dh } from '@simsim/key-agreement';
import {
  accept,
  decrypt,
  encodeCold,
  encodeHot,
  encrypt,
  initiate,
  parseMessage,
} from '@simsim/session';
import type { ParsedMessage, PreKeyBundle, Session } from '@simsim/session';

/** The success of a step that must succeed. */
function must<T>(result: Result<T, { readonly code: string }>): T {
  if (!result.ok) throw new Error(`refused: ${result.error.code}`);
  return result.value;
}

/** What is offered to begin a session with. */
export interface Offer {
  readonly version: 3 | 4;
  readonly oneTime: boolean;
}

/** One end. */
export interface End {
  session: Session;
}

interface Keys {
  readonly identity: KeyPair;
  readonly signedPreKey: KeyPair;
  readonly oneTimePreKey: KeyPair;
  readonly kem: KemKeyPair;
}

/** A conversation of two. */
export class Talk {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly offer: Offer;
  readonly bobKeys: Keys;
  readonly alice: End;
  #bob: End | undefined;

  constructor(crypto: Crypto, offer: Offer, seed = 1) {
    this.crypto = crypto;
    this.offer = offer;
    this.entropy = seededEntropy(Uint8Array.of(seed), nodeCrypto);
    const alice = this.#keys();
    this.bobKeys = this.#keys();
    const { identity } = alice;
    const input = { bundle: this.#bundle(), identity, registrationId: 1 };
    this.alice = { session: must(initiate(input, this)).session };
  }

  /** Bob's end; begins with the first message that reaches him. */
  get bob(): End {
    if (this.#bob === undefined) throw new Error('Bob has received nothing yet');
    return this.#bob;
  }

  send(from: End, text: string): Uint8Array {
    const sent = must(encrypt(from.session, new TextEncoder().encode(text), this));
    from.session = sent.session;
    for (const secret of sent.consumed) this.crypto.wipe(secret);
    return sent.message;
  }

  /** The text of a message, or the code of its refusal. */
  receive(to: 'alice' | 'bob', bytes: Uint8Array): string {
    const message = must(parseMessage(bytes));
    const end = to === 'alice' ? this.alice : this.#bob;
    const received =
      end === undefined ? this.#accept(message) : decrypt(end.session, message, this);
    if (!received.ok) return received.error.code;
    if (end === undefined) this.#bob = { session: received.value.session };
    else end.session = received.value.session;
    for (const secret of received.value.consumed) this.crypto.wipe(secret);
    return new TextDecoder().decode(received.value.plaintext);
  }

  /** A session's secrets as a store would be given them. */
  written({ session }: End): Uint8Array[] {
    const { crypto } = this;
    return [...encodeHot(session.hot), ...encodeCold(session.cold)].map((part) =>
      part instanceof Uint8Array ? part : crypto.exportSecret(part),
    );
  }

  #accept(message: ParsedMessage): ReturnType<typeof accept> {
    if (message.kind !== 'initiation') throw new Error('a conversation begins with an initiation');
    const { oneTimePreKey, kem, ...keys } = this.bobKeys;
    return accept(
      {
        ...keys,
        message,
        registrationId: 2,
        ...(this.offer.oneTime ? { oneTimePreKey } : {}),
        ...(this.offer.version === 4 ? { kemPreKey: { pair: kem, use: 'lastResort' } } : {}),
      },
      this,
    );
  }

  #keys(): Keys {
    const { crypto, entropy } = this;
    return {
      identity: crypto.keyPair(entropy(32)),
      signedPreKey: crypto.keyPair(entropy(32)),
      oneTimePreKey: crypto.keyPair(entropy(32)),
      kem: crypto.kemKeyPair('kyber1024', entropy(64)),
    };
  }

  #bundle(): PreKeyBundle {
    const { identity, signedPreKey, oneTimePreKey, kem } = this.bobKeys;
    const { crypto, entropy, offer } = this;
    const pre = { suite: signalX3dh, crypto, entropy };
    const signature = signPreKey(signedPreKey.publicKey, identity, pre);
    const kemSignature = signKemPreKey(kem.publicKey, identity, { ...pre, suite: signalPqxdh });
    return {
      identityKey: identity.publicKey.bytes,
      registrationId: 2,
      signedPreKey: { id: 7, publicKey: signedPreKey.publicKey.bytes, signature },
      ...(offer.oneTime
        ? { oneTimePreKey: { id: 9, publicKey: oneTimePreKey.publicKey.bytes } }
        : {}),
      ...(offer.version === 4
        ? { kemPreKey: { id: 11, publicKey: kem.publicKey, signature: kemSignature } }
        : {}),
    };
  }
}
