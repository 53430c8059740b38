/** PQXDH, and the handshake on the specifications' own parameter sets. */

import { bytesToHex, concatBytes, encodeUtf8 } from '@simsim/bytes';
import type { Crypto, Entropy, KemKeyPair, KeyPair, ParameterChoice, Secret } from '@simsim/crypto';
import { createNobleCrypto, nobleCrypto } from '@simsim/crypto/noble';
import { createNodeCrypto, nodeCrypto } from '@simsim/crypto/node';
import { describe, expect, it } from 'vitest';
import type { AgreementSuite, PeerPreKeys } from '../src/index.ts';
import {
  agreeAsInitiator,
  agreeAsResponder,
  isKemPreKeySigned,
  isPreKeySigned,
  pqxdhSuite,
  signKemPreKey,
  signPreKey,
  signalPqxdh,
  signalX3dh,
  x3dhSuite,
} from '../src/index.ts';

const backends = [
  ['noble', nobleCrypto, createNobleCrypto],
  ['node', nodeCrypto, createNodeCrypto],
] as const;

interface Owner {
  readonly identity: KeyPair;
  readonly signedPreKey: KeyPair;
  readonly oneTimePreKey?: KeyPair;
  readonly kem: KemKeyPair;
}

interface Setting {
  readonly crypto: Crypto;
  readonly suite: AgreementSuite;
}

const zeros: Entropy = (length) => new Uint8Array(length);

/** 0, 1, 2… so that no two draws are equal. */
function counting(): Entropy {
  let next = 40;
  return (length) => new Uint8Array(length).fill(next++);
}

const pairOf = (crypto: Crypto, byte: number): KeyPair =>
  crypto.keyPair(new Uint8Array(crypto.parameters.keyBytes).fill(byte));

function ownerOf({ crypto, suite }: Setting, { hasOneTimeKey = false } = {}): Owner {
  return {
    identity: pairOf(crypto, 3),
    signedPreKey: pairOf(crypto, 4),
    ...(hasOneTimeKey ? { oneTimePreKey: pairOf(crypto, 5) } : {}),
    kem: crypto.kemKeyPair(suite.kem?.kind ?? 'kyber1024', new Uint8Array(64).fill(6)),
  };
}

function bundleOf({ identity, signedPreKey, oneTimePreKey, kem }: Owner, at: Setting): PeerPreKeys {
  const env = { ...at, entropy: zeros };
  const kemPreKey = {
    publicKey: kem.publicKey,
    signature: at.suite.kem ? signKemPreKey(kem.publicKey, identity, env) : new Uint8Array(0),
  };
  return {
    identityKey: identity.publicKey.bytes,
    signedPreKey: signedPreKey.publicKey.bytes,
    signature: signPreKey(signedPreKey.publicKey, identity, env),
    oneTimePreKey: oneTimePreKey?.publicKey.bytes,
    kemPreKey,
  };
}

/** Both ends' secrets; they must be the same. */
function agree(
  at: Setting,
  choice: { hasOneTimeKey?: boolean; preShared?: number; theirPreShared?: number } = {},
): string[] {
  const { crypto } = at;
  const owner = ownerOf(at, choice);
  const identity = pairOf(crypto, 1);
  const shared = (byte: number | undefined): { preShared?: Secret<'shared'> } => {
    const bytes = new Uint8Array(crypto.parameters.keyBytes).fill(byte ?? 0);
    return byte === undefined ? {} : { preShared: crypto.importSecret('shared', bytes) };
  };
  const sent = agreeAsInitiator({
    ...at,
    entropy: counting(),
    identity,
    peer: bundleOf(owner, at),
    ...shared(choice.preShared),
  });
  if (!sent.ok) throw new Error(sent.error.code);
  expect(sent.value.kemCiphertext?.length).toBe(at.suite.kem ? 1568 : undefined);
  const received = agreeAsResponder({
    ...at,
    ...owner,
    kemPreKey: owner.kem,
    kemCiphertext: sent.value.kemCiphertext,
    peerIdentity: identity.publicKey,
    peerBaseKey: sent.value.baseKey,
    ...shared(choice.theirPreShared ?? choice.preShared),
  });
  if (!received.ok) throw new Error(received.error.code);
  const shown = (secrets: readonly Secret[]): string[] =>
    secrets.map((secret) => bytesToHex(crypto.exportSecret(secret)));
  const [ours, theirs] = [shown(sent.value.secrets), shown(received.value)];
  if (choice.theirPreShared === undefined) expect(theirs).toEqual(ours);
  else expect(theirs).not.toEqual(ours);
  return ours;
}

describe.each(backends)('the handshake on %s', (_name, crypto, create) => {
  it('gives both ends the same in every version, with and without a one-time prekey', () => {
    const seen = new Set<string>();
    for (const suite of [signalX3dh, signalPqxdh]) {
      for (const hasOneTimeKey of [false, true]) {
        const secrets = agree({ crypto, suite }, { hasOneTimeKey });
        expect(secrets).toHaveLength(suite.outputs.length);
        for (const secret of secrets) seen.add(secret);
      }
    }
    expect(seen.size).toBe(2 + 2 + 3 + 3);
  });

  it('changes every secret with the application, the KEM and a pre-shared secret', () => {
    const make = (application: string, kem: 'kyber1024' | 'mlKem1024'): AgreementSuite =>
      pqxdhSuite({ application, kem, outputs: ['root'] });
    const runs = [
      agree({ crypto, suite: make('Simsim test', 'kyber1024') }),
      agree({ crypto, suite: make('Simsim other', 'kyber1024') }),
      agree({ crypto, suite: make('Simsim test', 'mlKem1024') }),
      agree({ crypto, suite: make('Simsim test', 'kyber1024') }, { preShared: 1 }),
      agree({ crypto, suite: make('Simsim test', 'kyber1024') }, { preShared: 2 }),
    ];
    expect(new Set(runs.flat()).size).toBe(5);
    agree({ crypto, suite: signalX3dh }, { preShared: 1, theirPreShared: 2 });
  });

  const choices: readonly ParameterChoice[] = [
    { hash: 'sha512' },
    { signatures: 'rev1' },
    { curve: 'x448' },
    { curve: 'x448', hash: 'sha512' },
  ];
  it.each(choices)('runs on the parameter set %o', (choice) => {
    const other = create(choice);
    const { curve, hash } = other.parameters;
    const base = { application: 'Simsim test', outputs: ['root'] as const, curve, hash };
    for (const suite of [x3dhSuite(base), pqxdhSuite({ ...base, kem: 'mlKem1024' })]) {
      for (const hasOneTimeKey of [false, true]) agree({ crypto: other, suite }, { hasOneTimeKey });
    }
  });

  it('will not run a suite on a backend of other parameters (X3-1)', () => {
    const suite = x3dhSuite({ application: 'Simsim test', outputs: ['root'], hash: 'sha512' });
    expect(() => agree({ crypto, suite })).toThrow(/backend of the suite/);
  });

  it('agrees with the reference run on SHA-512', () => {
    const other = create({ hash: 'sha512' });
    const suite = x3dhSuite({ application: 'MyProtocol', outputs: ['root'], hash: 'sha512' });
    for (const [hasOneTimeKey, expected] of [
      [false, 'd11d40ecdaf1072fee99e33f51e0e6788e28a8bca8d153ee8684ad102a9d4fba'],
      [true, '2e125a33c66aab040d875e44c481b33c0b91eca98c2b6a0af3d23d6880a501a4'],
    ] as const) {
      const owner = ownerOf({ crypto: other, suite }, { hasOneTimeKey });
      const sent = agreeAsInitiator({
        crypto: other,
        suite,
        entropy: () => new Uint8Array(32).fill(2),
        identity: pairOf(other, 1),
        peer: bundleOf(owner, { crypto: other, suite }),
      });
      if (!sent.ok) throw new Error(sent.error.code);
      expect(bytesToHex(other.exportSecret(sent.value.secrets[0]))).toBe(expected);
    }
  });
});

describe('PQXDH', () => {
  const at = { crypto: nodeCrypto, suite: signalPqxdh };
  const owner = ownerOf(at, { hasOneTimeKey: true });
  const bundle = bundleOf(owner, at);
  const identity = pairOf(nodeCrypto, 1);
  const initiate = (
    peer: PeerPreKeys,
    entropy: Entropy = counting(),
  ): ReturnType<typeof agreeAsInitiator<readonly ['root', 'chain', 'pqAuth']>> =>
    agreeAsInitiator({ ...at, suite: signalPqxdh, entropy, identity, peer });
  const undrawn: Entropy = () => {
    throw new Error('entropy was drawn before the checks');
  };

  it('names curve, hash and KEM in its info, under an application of 8 characters', () => {
    expect(signalPqxdh.info).toEqual(encodeUtf8('WhisperText_X25519_SHA-256_CRYSTALS-KYBER-1024'));
    const short = { application: '7 chars', kem: 'mlKem1024', outputs: ['root'] } as const;
    expect(() => pqxdhSuite(short)).toThrow();
    expect(() => pqxdhSuite({ ...short, application: '8 chars.' })).not.toThrow();
  });

  it('needs a signed KEM prekey, checked before anything is drawn', () => {
    const { kemPreKey, ...without } = bundle;
    if (kemPreKey === undefined) throw new Error('the bundle has one');
    expect(initiate(without, undrawn)).toEqual({ ok: false, error: { code: 'NO_KEM_PREKEY' } });
    for (let at = 0; at < 64; at += 7) {
      const signature = kemPreKey.signature.slice();
      signature[at] = (signature[at] ?? 0) ^ 2;
      const forged = { ...bundle, kemPreKey: { ...kemPreKey, signature } };
      expect(initiate(forged, undrawn)).toEqual({ ok: false, error: { code: 'BAD_SIGNATURE' } });
    }
  });

  it('refuses a KEM prekey that is signed and malformed', () => {
    const env = { ...at, entropy: zeros };
    const large = owner.kem.publicKey.slice();
    large.fill(0xff, 0, 3); // a coefficient above q
    for (const publicKey of [large, owner.kem.publicKey.subarray(1), new Uint8Array(0)]) {
      const signature = signKemPreKey(publicKey, owner.identity, env);
      const result = initiate({ ...bundle, kemPreKey: { publicKey, signature } });
      expect(result).toEqual({ ok: false, error: { code: 'BAD_KEY', key: 'kemPreKey' } });
    }
  });

  it('has signatures for curve keys and KEM keys that never pass for each other (PQ-5)', () => {
    const { identity: own, signedPreKey, kem } = owner;
    const env = { ...at, entropy: zeros };
    const overKem = signKemPreKey(kem.publicKey, own, env);
    const raw = nodeCrypto.sign(own, [kem.publicKey], new Uint8Array(64));
    const kemPreKey = kem.publicKey;
    const identityKey = own.publicKey;
    expect(isKemPreKeySigned({ identityKey, kemPreKey, signature: overKem }, at)).toBe(true);
    expect(isKemPreKeySigned({ identityKey, kemPreKey, signature: raw }, at)).toBe(false);
    const overCurve = signPreKey(signedPreKey.publicKey, own, env);
    const asKem = { identityKey, kemPreKey: signedPreKey.publicKey.bytes, signature: overCurve };
    expect(isKemPreKeySigned(asKem, at)).toBe(false);
    const curve = { identityKey, preKey: signedPreKey.publicKey, signature: overCurve };
    expect(isPreKeySigned(curve, at)).toBe(true);
    const otherKem = pqxdhSuite({
      application: 'WhisperText',
      kem: 'mlKem1024',
      outputs: ['root'],
    });
    const other = { ...at, suite: otherKem };
    expect(isKemPreKeySigned({ identityKey, kemPreKey, signature: overKem }, other)).toBe(false);
  });

  it('gives the responder other secrets for a damaged ciphertext, and a refusal for a short one', () => {
    const sent = initiate(bundle);
    if (!sent.ok) throw new Error(sent.error.code);
    const { kemCiphertext = new Uint8Array(), baseKey, secrets } = sent.value;
    const respond = (
      ciphertext: Uint8Array | undefined,
    ): ReturnType<typeof agreeAsResponder<readonly ['root', 'chain', 'pqAuth']>> =>
      agreeAsResponder({
        ...at,
        suite: signalPqxdh,
        ...owner,
        kemPreKey: owner.kem,
        kemCiphertext: ciphertext,
        peerIdentity: identity.publicKey,
        peerBaseKey: baseKey,
      });
    const [root] = secrets;
    for (const at of [0, 700, 1567]) {
      const damaged = kemCiphertext.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      const received = respond(damaged);
      if (!received.ok) throw new Error(received.error.code);
      expect(nodeCrypto.exportSecret(received.value[0])).not.toEqual(nodeCrypto.exportSecret(root));
    }
    const short = { code: 'BAD_KEM_CIPHERTEXT' };
    expect(respond(kemCiphertext.subarray(1))).toEqual({ ok: false, error: short });
    expect(respond(undefined)).toEqual({ ok: false, error: { code: 'NO_KEM_PREKEY' } });
  });

  it('puts the KEM secret after the agreements and before a pre-shared secret', () => {
    const parts: (readonly unknown[])[] = [];
    const crypto: Crypto = {
      ...nodeCrypto,
      hkdf(ikm, salt, info, out) {
        // Copied at once: what is secret here is wiped in a moment.
        parts.push(
          ikm.map((part) =>
            concatBytes([part instanceof Uint8Array ? part : nodeCrypto.exportSecret(part)]),
          ),
        );
        return nodeCrypto.hkdf(ikm, salt, info, out);
      },
    };
    const preShared = nodeCrypto.importSecret('shared', new Uint8Array(32).fill(0xaa));
    const entropy = counting();
    const sent = agreeAsInitiator({ ...at, crypto, entropy, identity, peer: bundle, preShared });
    if (!sent.ok) throw new Error(sent.error.code);
    const { kemCiphertext = new Uint8Array() } = sent.value;
    const shared = nodeCrypto.decapsulate(owner.kem, kemCiphertext);
    if (shared === undefined) throw new Error('a genuine ciphertext');
    const [material] = parts;
    expect(material).toHaveLength(1 + 4 + 1 + 1);
    expect(material?.[0]).toEqual(new Uint8Array(32).fill(0xff));
    expect(material?.[5]).toEqual(nodeCrypto.exportSecret(shared));
    expect(material?.[6]).toEqual(new Uint8Array(32).fill(0xaa));
  });

  it('wipes the ephemeral key, every agreement and the KEM secret, on both sides', () => {
    const wiped: Secret[] = [];
    const crypto: Crypto = { ...nodeCrypto, wipe: (secret) => void wiped.push(secret) };
    const entropy = counting();
    const sent = agreeAsInitiator({ ...at, crypto, entropy, identity, peer: bundle });
    if (!sent.ok) throw new Error(sent.error.code);
    expect(wiped).toHaveLength(1 + 4 + 1);
    wiped.length = 0;
    const received = agreeAsResponder({
      ...at,
      crypto,
      ...owner,
      kemPreKey: owner.kem,
      kemCiphertext: sent.value.kemCiphertext,
      peerIdentity: identity.publicKey,
      peerBaseKey: sent.value.baseKey,
    });
    expect(received.ok).toBe(true);
    expect(wiped).toHaveLength(4 + 1);
    expect(wiped).not.toContain(owner.kem.privateKey);
  });

  it('has 57 bytes of domain separation on X448 (X3-6)', () => {
    const inner = createNodeCrypto({ curve: 'x448' });
    const seen: number[] = [];
    const crypto: Crypto = {
      ...inner,
      hkdf(ikm, salt, info, out) {
        const [domain] = ikm;
        if (domain instanceof Uint8Array) seen.push(domain.length);
        return inner.hkdf(ikm, salt, info, out);
      },
    };
    const suite = x3dhSuite({ application: 'Simsim test', outputs: ['root'], curve: 'x448' });
    agree({ crypto, suite });
    expect(seen).toEqual([57, 57]);
    const encoded = suite.encodePublicKey(pairOf(crypto, 1).publicKey);
    expect([encoded.length, encoded[0]]).toEqual([57, 6]);
  });
});
