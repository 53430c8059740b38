import { readFileSync } from 'node:fs';
import { bytesToHex, concatBytes, encodeUtf8, hexToBytes } from '@simsim/bytes';
import type { Crypto, KemKeyPair, KeyPair } from '@simsim/crypto';
import { pqReceive, pqSend, startPqChains } from '@simsim/double-ratchet';
import { signKemPreKey, signPreKey, signalPqxdh } from '@simsim/key-agreement';
import { describe, expect, it } from 'vitest';
import type { PreKeyBundle, Session, SessionEnv } from '../src/index.ts';
import { hasPqRatchet, makeSessionSteps, sessionVersion } from '../src/index.ts';
import { resolveOptions } from '../src/session-options.ts';
import { ratchetOf } from '../src/session-state.ts';
import { Conversation, backends, initiationOf, must, refusal } from './conversation.ts';

interface Scenario {
  kdf_output_root: string;
  alice_root_after_first_dh_step: string;
  alice_first_sending_chain_key: string;
  messages: {
    plaintext: string;
    pq_ratchet_field?: string;
    signal_message: string;
    pre_key_signal_message: string;
  }[];
}
interface Vectors {
  keys: Record<string, { priv: string; pub: string }>;
  ids: Record<string, number>;
  pqxdh_v4_plain: Scenario;
  pqxdh_v4_spqr_passive: Scenario;
  kem: Record<'keygen_seed_d' | 'keygen_seed_z' | 'public_key_sha256' | 'encaps_m', string>;
  spqr_chain: Record<'auth_key' | 'a2b_msg1' | 'a2b_msg2' | 'b2a_msg1', string>;
}

const vectors = JSON.parse(
  readFileSync(new URL('./vectors/signal-wire-v4.json', import.meta.url), 'utf8'),
) as Vectors;

function hex(text: string | undefined): Uint8Array {
  const bytes = text === undefined ? undefined : hexToBytes(text);
  if (bytes === undefined) throw new Error('not hex');
  return bytes;
}

function idOf(name: string): number {
  const id = vectors.ids[name];
  if (id === undefined) throw new Error(`no id ${name}`);
  return id;
}

/** Service id of kind 0 with a repeated digit, device 1. */
const address = (digit: number): Uint8Array => {
  const text = String(digit);
  const uuid = hex(`${text.repeat(12)}4${text.repeat(3)}8${text.repeat(15)}`);
  return concatBytes([Uint8Array.of(0), uuid, Uint8Array.of(1)]);
};

const noEntropy = (): Uint8Array => {
  throw new Error('nothing is drawn here');
};

describe.each(backends)('Signal version 4 on %s', (_name, crypto: Crypto) => {
  const pairOf = (name: string): KeyPair =>
    crypto.keyPairOf(crypto.importSecret('dh', hex(vectors.keys[name]?.priv)));
  const alice = pairOf('alice_identity');
  const bob = pairOf('bob_identity');
  const signedPreKey = pairOf('bob_signed_prekey');
  const oneTimePreKey = pairOf('bob_one_time_prekey');
  const seed = concatBytes([hex(vectors.kem.keygen_seed_d), hex(vectors.kem.keygen_seed_z)]);
  const kem: KemKeyPair = crypto.kemKeyPair('kyber1024', seed);

  const drawn = [vectors.keys['alice_base']?.priv, vectors.kem.encaps_m];
  const entropyOf = (): ((length: number) => Uint8Array) => {
    const left = [...drawn, vectors.keys['alice_ratchet']?.priv];
    return (length) => {
      const bytes = hex(left.shift());
      expect(bytes).toHaveLength(length);
      return bytes;
    };
  };
  const zeros = { crypto, suite: signalPqxdh, entropy: (n: number) => new Uint8Array(n) };
  const bundle: PreKeyBundle = {
    identityKey: bob.publicKey.bytes,
    registrationId: idOf('registration_id_bob'),
    signedPreKey: {
      id: idOf('signed_prekey_id'),
      publicKey: signedPreKey.publicKey.bytes,
      signature: signPreKey(signedPreKey.publicKey, bob, zeros),
    },
    oneTimePreKey: { id: idOf('one_time_prekey_id'), publicKey: oneTimePreKey.publicKey.bytes },
    kemPreKey: {
      id: idOf('kyber_prekey_id'),
      publicKey: kem.publicKey,
      signature: signKemPreKey(kem.publicKey, bob, zeros),
    },
  };

  it.each([
    ['without the post-quantum ratchet', 'off', vectors.pqxdh_v4_plain],
    ['with it, passively', 'required', vectors.pqxdh_v4_spqr_passive],
  ] as const)('speaks byte for byte %s', (_title, pqRatchet, scenario) => {
    const steps = makeSessionSteps({ policy: { pqRatchet, minimumVersion: 4 } });
    const isPassive = pqRatchet === 'required';
    const own: SessionEnv = {
      crypto,
      entropy: noEntropy,
      ...(isPassive ? { addresses: { own: address(1), peer: address(2) } } : {}),
    };
    const peer: SessionEnv = {
      crypto,
      entropy: noEntropy,
      ...(isPassive ? { addresses: { own: address(2), peer: address(1) } } : {}),
    };
    const started = must(
      steps.initiate(
        { bundle, identity: alice, registrationId: idOf('registration_id_alice') },
        { crypto, entropy: entropyOf() },
      ),
    ).session;
    expect([sessionVersion(started), hasPqRatchet(started)]).toEqual([4, isPassive]);
    expect(bytesToHex(crypto.exportSecret(started.hot.root))).toBe(
      scenario.alice_root_after_first_dh_step,
    );
    let sender = started;
    let receiver: Session | undefined;
    for (const vector of scenario.messages) {
      const sent = must(steps.encrypt(sender, encodeUtf8(vector.plaintext), own));
      sender = sent.session;
      expect(bytesToHex(sent.message)).toBe(vector.pre_key_signal_message);
      const message = initiationOf(sent.message);
      const whole = bytesToHex(message.inner.covered) + bytesToHex(message.inner.tag);
      expect(whole).toBe(vector.signal_message);
      const received =
        receiver === undefined
          ? must(
              steps.accept(
                {
                  message,
                  identity: bob,
                  signedPreKey,
                  oneTimePreKey,
                  kemPreKey: { pair: kem, use: 'oneTime' },
                  registrationId: 9,
                  offeredVersion: 4,
                },
                peer,
              ),
            )
          : must(steps.decrypt(receiver, message, peer));
      expect(received.plaintext).toEqual(encodeUtf8(vector.plaintext));
      receiver = received.session;
      // Who is not told its own address, or is somebody else, takes no message that names one.
      if (!isPassive) continue;
      const elsewhere = { ...peer, addresses: { own: address(3), peer: address(1) } };
      for (const env of [{ crypto, entropy: noEntropy }, elsewhere]) {
        expect(refusal(steps.decrypt(receiver, message, env))).toBe('WRONG_ADDRESSES');
      }
    }
  });

  it('derives the keys of the post-quantum chains', () => {
    const auth = crypto.importSecret('pqAuth', hex(vectors.spqr_chain.auth_key));
    const options = resolveOptions({});
    const initiator = startPqChains(auth, 'initiator', crypto);
    const responder = startPqChains(auth, 'responder', crypto);
    const shown = (salt: Parameters<Crypto['exportSecret']>[0]): string =>
      bytesToHex(crypto.exportSecret(salt));
    const first = must(pqSend(initiator, { crypto, options }));
    const second = must(pqSend(first.chains, { crypto, options }));
    const answer = must(pqSend(responder, { crypto, options }));
    expect([first.index, second.index, answer.index]).toEqual([1, 2, 1]);
    expect([first, second, answer].map(({ salt }) => shown(salt))).toEqual([
      vectors.spqr_chain.a2b_msg1,
      vectors.spqr_chain.a2b_msg2,
      vectors.spqr_chain.b2a_msg1,
    ]);
    const state = ratchetOf(new Conversation(crypto).alice.session);
    const chains = responder;
    const received = must(pqReceive(state, { chains, index: 2 }, { crypto, options }));
    expect(shown(received.salt)).toBe(vectors.spqr_chain.a2b_msg2);
  });
});
