import { readFileSync } from 'node:fs';
import { bytesToHex, encodeUtf8, hexToBytes } from '@simsim/bytes';
import type { Crypto, KeyPair } from '@simsim/crypto';
import { signPreKey, signalX3dh } from '@simsim/key-agreement';
import { describe, expect, it } from 'vitest';
import type { PreKeyBundle, Session } from '../src/index.ts';
import { accept, decrypt, encrypt, initiate } from '../src/index.ts';
import { backends, must, parse } from './conversation.ts';

interface Scenario {
  kdf_output_root: string;
  alice_root_after_first_dh_step: string;
  alice_first_sending_chain_key: string;
  messages: { plaintext: string; signal_message: string; pre_key_signal_message: string }[];
}
interface Vectors {
  keys: Record<string, { priv: string; pub: string }>;
  ids: Record<string, number>;
  x3dh_v3_with_otp: Scenario;
  x3dh_v3_no_otp: Scenario;
}

const vectors = JSON.parse(
  readFileSync(new URL('./vectors/signal-wire-v3.json', import.meta.url), 'utf8'),
) as Vectors;

function hex(text: string | undefined): Uint8Array {
  const bytes = text === undefined ? undefined : hexToBytes(text);
  if (bytes === undefined) throw new Error('not hex');
  return bytes;
}

function pairOf(crypto: Crypto, name: string): KeyPair {
  const pair = crypto.keyPairOf(crypto.importSecret('dh', hex(vectors.keys[name]?.priv)));
  expect(bytesToHex(pair.publicKey.bytes)).toBe(vectors.keys[name]?.pub.slice(2));
  return pair;
}

function idOf(name: string): number {
  const id = vectors.ids[name];
  if (id === undefined) throw new Error(`no id ${name}`);
  return id;
}

/** Hands out the vector's private keys in the order a session draws them. */
function scriptedEntropy(names: readonly string[]): (length: number) => Uint8Array {
  const left = [...names];
  return (length) => {
    const drawn = hex(vectors.keys[left.shift() ?? '']?.priv);
    expect(drawn).toHaveLength(length);
    return drawn;
  };
}

describe.each(backends)('Signal version 3 on %s', (_name, crypto) => {
  const alice = pairOf(crypto, 'alice_identity');
  const bob = pairOf(crypto, 'bob_identity');
  const signedPreKey = pairOf(crypto, 'bob_signed_prekey');
  const oneTimePreKey = pairOf(crypto, 'bob_one_time_prekey');

  function initiated(scenario: Scenario): { session: Session; hasOneTimeKey: boolean } {
    const hasOneTimeKey = scenario === vectors.x3dh_v3_with_otp;
    const entropy = (length: number): Uint8Array => new Uint8Array(length);
    const env = { crypto, suite: signalX3dh, entropy };
    const signature = signPreKey(signedPreKey.publicKey, bob, env);
    const bundle: PreKeyBundle = {
      identityKey: bob.publicKey.bytes,
      registrationId: idOf('registration_id_bob'),
      signedPreKey: {
        id: idOf('signed_prekey_id'),
        publicKey: signedPreKey.publicKey.bytes,
        signature,
      },
      ...(hasOneTimeKey
        ? {
            oneTimePreKey: {
              id: idOf('one_time_prekey_id'),
              publicKey: oneTimePreKey.publicKey.bytes,
            },
          }
        : {}),
    };
    const registrationId = idOf('registration_id_alice');
    const { session } = must(
      initiate(
        { bundle, identity: alice, registrationId },
        { crypto, entropy: scriptedEntropy(['alice_base', 'alice_ratchet']) },
      ),
    );
    return { session, hasOneTimeKey };
  }

  it.each([
    ['with a one-time prekey', vectors.x3dh_v3_with_otp],
    ['without one', vectors.x3dh_v3_no_otp],
  ])('speaks byte for byte %s', (_title, scenario) => {
    const env = { crypto, entropy: scriptedEntropy([]) };
    const { session: initial, hasOneTimeKey } = initiated(scenario);
    expect(bytesToHex(crypto.exportSecret(initial.hot.root))).toBe(
      scenario.alice_root_after_first_dh_step,
    );
    let sender = initial;
    let receiver: Session | undefined;
    for (const vector of scenario.messages) {
      const sent = must(encrypt(sender, encodeUtf8(vector.plaintext), env));
      sender = sent.session;
      expect(bytesToHex(sent.message)).toBe(vector.pre_key_signal_message);
      expect(sent.isInitiation).toBe(true);

      const message = parse(sent.message);
      if (message.kind !== 'initiation') throw new Error('an initiation message');
      const whole = bytesToHex(message.inner.covered) + bytesToHex(message.inner.tag);
      expect(whole).toBe(vector.signal_message);
      const keys = { identity: bob, signedPreKey, ...(hasOneTimeKey ? { oneTimePreKey } : {}) };
      const received =
        receiver === undefined
          ? must(accept({ ...keys, message, registrationId: 9 }, env))
          : must(decrypt(receiver, message, env));
      expect(received.plaintext).toEqual(encodeUtf8(vector.plaintext));
      receiver = received.session;
    }
  });

  it('takes both low nibbles of the version, and nothing else', () => {
    const { session } = initiated(vectors.x3dh_v3_no_otp);
    const env = { crypto, entropy: scriptedEntropy([]) };
    const { message } = must(encrypt(session, new Uint8Array(1), env));
    const outer34 = message.slice();
    outer34[0] = 0x34;
    expect(parse(outer34)).toEqual(parse(message));
  });
});
