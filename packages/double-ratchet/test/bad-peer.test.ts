/** A peer's key that gives no shared secret: refused at every place, the pair made for it wiped. */

import type { Crypto, Secret } from '@simsim/crypto';
import { nobleCrypto } from '@simsim/crypto/noble';
import { describe, expect, it } from 'vitest';
import { deriveStartSecrets, startHeaderInitiator, startInitiator } from '../src/index.ts';
import { AD, Talk, fingerprint, headers, must, variants } from './variants.ts';

const BAD_KEY = { ok: false, error: { code: 'BAD_KEY', key: 'ratchet' } };

/** A backend whose agreements give nothing, and the private keys it made and did not wipe. */
function failing(): { readonly crypto: Crypto; readonly alive: ReadonlySet<Secret> } {
  const alive = new Set<Secret>();
  const crypto: Crypto = {
    ...nobleCrypto,
    dh: () => undefined,
    keyPair(entropy) {
      const pair = nobleCrypto.keyPair(entropy);
      alive.add(pair.privateKey);
      return pair;
    },
    wipe(secret) {
      alive.delete(secret);
      nobleCrypto.wipe(secret);
    },
  };
  return { crypto, alive };
}

describe.each(variants)('the %s ratchet', (_name, variant) => {
  it('makes no turn with it, in either direction', () => {
    const talk = new Talk(variant, nobleCrypto);
    const { crypto, alive } = failing();
    const message = talk.send('alice');
    const received = { message, associatedData: AD };
    const env = { ...talk.receiveEnv(), crypto };
    expect(variant.decrypt(talk.states.bob, received, env)).toEqual(BAD_KEY);
    talk.deliver('bob', message);
    const before = fingerprint(talk.states.bob);
    const input = { plaintext: AD, associatedData: AD };
    const sendEnv = { ...talk.sendEnv(), crypto };
    expect(variant.encrypt(talk.states.bob, input, sendEnv)).toEqual(BAD_KEY);
    expect(fingerprint(talk.states.bob)).toBe(before);
    expect(alive.size).toBe(0);
  });
});

it('no ratchet begins with it', () => {
  const talk = new Talk(headers, nobleCrypto);
  const { crypto, alive } = failing();
  const env = { ...talk.sendEnv(), crypto };
  const peer = talk.prekey.publicKey;
  const root = nobleCrypto.importSecret('root', new Uint8Array(32).fill(1));
  expect(startInitiator({ root, peer }, env, env.options)).toEqual(BAD_KEY);
  const secrets = deriveStartSecrets(root, { crypto, suite: headers.suite });
  const before = fingerprint(secrets);
  expect(startHeaderInitiator({ secrets, peer }, env)).toEqual(BAD_KEY);
  expect(fingerprint(secrets)).toBe(before);
  expect(alive.size).toBe(0);
  // Where it begins, the agreed root is gone, and the state owns the rest.
  must(startHeaderInitiator({ secrets, peer }, talk.sendEnv()));
  expect(nobleCrypto.exportSecret(secrets.root)).toEqual(new Uint8Array(32));
  expect(nobleCrypto.exportSecret(secrets.initiatorHeaderKey)).not.toEqual(new Uint8Array(32));
});
