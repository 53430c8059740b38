import { readFileSync } from 'node:fs';
import { bytesToHex, encodeUtf8, hexToBytes } from '@simsim/bytes';
import type { Crypto, Entropy, KeyPair, Secret } from '@simsim/crypto';
import { nobleCrypto } from '@simsim/crypto/noble';
import { nodeCrypto } from '@simsim/crypto/node';
import { describe, expect, it } from 'vitest';
import type { AgreementSuite, PeerPreKeys } from '../src/index.ts';
import {
  agreeAsInitiator,
  agreeAsResponder,
  isPreKeySigned,
  signPreKey,
  signalX3dh,
} from '../src/index.ts';

interface Vectors {
  withoutOneTimeKey: Record<
    'identityA' | 'baseA' | 'identityB' | 'signedPreKeyB' | 'root' | 'chain',
    string
  >;
  withOneTimeKey: Record<
    | 'identityA'
    | 'baseA'
    | 'publicIdentityB'
    | 'publicSignedPreKeyB'
    | 'publicOneTimePreKeyB'
    | 'root',
    string
  >;
  ownReference: Record<'info' | 'threeAgreements' | 'fourAgreements', string>;
}
const vectors = JSON.parse(
  readFileSync(new URL('./vectors/x3dh.json', import.meta.url), 'utf8'),
) as Vectors;

const specification: AgreementSuite<readonly ['root']> = {
  ...signalX3dh,
  info: encodeUtf8(vectors.ownReference.info),
  outputs: ['root'],
};

function hex(text: string | undefined): Uint8Array {
  const bytes = text === undefined ? undefined : hexToBytes(text);
  if (bytes === undefined) throw new Error('not hex');
  return bytes;
}

/** Gives each of the bytes once, and nothing that was not planned. */
function scripted(...draws: Uint8Array[]): Entropy {
  return (length) => {
    const drawn = draws.shift();
    if (drawn?.length !== length) throw new Error('unplanned entropy');
    return drawn;
  };
}

interface Responder {
  readonly identity: KeyPair;
  readonly signedPreKey: KeyPair;
  readonly oneTimePreKey?: KeyPair;
}

function bundleOf(
  { identity, signedPreKey, oneTimePreKey }: Responder,
  crypto: Crypto,
): PeerPreKeys {
  const env = { suite: signalX3dh, crypto, entropy: scripted(new Uint8Array(64)) };
  return {
    identityKey: identity.publicKey.bytes,
    signedPreKey: signedPreKey.publicKey.bytes,
    signature: signPreKey(signedPreKey.publicKey, identity, env),
    oneTimePreKey: oneTimePreKey?.publicKey.bytes,
  };
}

describe.each([
  ['noble', nobleCrypto],
  ['node', nodeCrypto],
])('X3DH on %s', (_name, crypto) => {
  const pair = (text: string | undefined): KeyPair =>
    crypto.keyPairOf(crypto.importSecret('dh', hex(text)));
  const filled = (byte: number): KeyPair => crypto.keyPair(new Uint8Array(32).fill(byte));
  const shown = (secrets: readonly Secret[]): string[] =>
    secrets.map((secret) => bytesToHex(crypto.exportSecret(secret)));

  it('agrees with the published transcript without a one-time prekey, on both sides', () => {
    const vector = vectors.withoutOneTimeKey;
    const bob = { identity: pair(vector.identityB), signedPreKey: pair(vector.signedPreKeyB) };
    const identity = pair(vector.identityA);
    const entropy = scripted(hex(vector.baseA));
    const peer = bundleOf(bob, crypto);
    const sent = agreeAsInitiator({ suite: signalX3dh, crypto, entropy, identity, peer });
    if (!sent.ok) throw new Error(sent.error.code);
    expect(shown(sent.value.secrets)).toEqual([vector.root, vector.chain]);
    const received = agreeAsResponder({
      suite: signalX3dh,
      crypto,
      ...bob,
      peerIdentity: identity.publicKey,
      peerBaseKey: sent.value.baseKey,
    });
    expect(received.ok && shown(received.value)).toEqual([vector.root, vector.chain]);
  });

  it('agrees with the published transcript with a one-time prekey', () => {
    const vector = vectors.withOneTimeKey;
    const peer = {
      identityKey: hex(vector.publicIdentityB),
      signedPreKey: hex(vector.publicSignedPreKeyB),
      oneTimePreKey: hex(vector.publicOneTimePreKeyB),
      signature: new Uint8Array(64),
    };
    // The transcript has no signature, and Bob's private keys are not published.
    const trusting: Crypto = { ...crypto, verify: () => true };
    const entropy = scripted(hex(vector.baseA));
    const identity = pair(vector.identityA);
    const sent = agreeAsInitiator({ suite: signalX3dh, crypto: trusting, entropy, identity, peer });
    expect(sent.ok && shown(sent.value.secrets)[0]).toBe(vector.root);
  });

  it.each([
    ['three', vectors.ownReference.threeAgreements],
    ['four', vectors.ownReference.fourAgreements],
  ])('runs the specification’s own parameters with %s agreements', (count, expected) => {
    const oneTimePreKey = count === 'four' ? { oneTimePreKey: filled(5) } : {};
    const bob = { identity: filled(3), signedPreKey: filled(4), ...oneTimePreKey };
    const input = { suite: specification, crypto, identity: filled(1) };
    const entropy = scripted(new Uint8Array(32).fill(2));
    const sent = agreeAsInitiator({ ...input, entropy, peer: bundleOf(bob, crypto) });
    expect(sent.ok && shown(sent.value.secrets)).toEqual([expected]);
  });

  it('refuses a prekey that the identity key did not sign, before drawing entropy', () => {
    const bob = { identity: filled(3), signedPreKey: filled(4) };
    const peer = bundleOf(bob, crypto);
    const input = { suite: signalX3dh, crypto, identity: filled(1), entropy: scripted() };
    for (let i = 0; i < 64; i += 9) {
      const signature = peer.signature.slice();
      signature[i] = (signature[i] ?? 0) ^ 4;
      expect(agreeAsInitiator({ ...input, peer: { ...peer, signature } })).toEqual({
        ok: false,
        error: { code: 'BAD_SIGNATURE' },
      });
    }
    const other = { ...peer, signedPreKey: filled(6).publicKey.bytes };
    expect(agreeAsInitiator({ ...input, peer: other })).toMatchObject({ ok: false });
  });

  it('covers the encoded key, not its raw bytes', () => {
    const { publicKey } = filled(4);
    const identity = filled(3);
    const raw = crypto.sign(identity, [publicKey.bytes], new Uint8Array(64));
    const signed = { identityKey: identity.publicKey, preKey: publicKey, signature: raw };
    expect(isPreKeySigned(signed, { suite: signalX3dh, crypto })).toBe(false);
  });

  it('names the key that is malformed or of low order', () => {
    const bob = { identity: filled(3), signedPreKey: filled(4), oneTimePreKey: filled(5) };
    const peer = bundleOf(bob, crypto);
    const input = { suite: signalX3dh, crypto, identity: filled(1), entropy: scripted() };
    for (const bad of [new Uint8Array(32), new Uint8Array(33), new Uint8Array(32).fill(0xff)]) {
      for (const [field, key] of [
        ['identityKey', 'identity'],
        ['signedPreKey', 'signedPreKey'],
        ['oneTimePreKey', 'oneTimePreKey'],
      ] as const) {
        const result = agreeAsInitiator({ ...input, peer: { ...peer, [field]: bad } });
        expect(result).toEqual({ ok: false, error: { code: 'BAD_KEY', key } });
      }
    }
  });

  it('refuses a zero agreement on either side', () => {
    const zeroing: Crypto = { ...crypto, dh: () => undefined };
    const bob = { identity: filled(3), signedPreKey: filled(4) };
    const input = { suite: signalX3dh, crypto: zeroing, identity: filled(1) };
    const entropy = scripted(new Uint8Array(32).fill(2));
    const sent = agreeAsInitiator({ ...input, entropy, peer: bundleOf(bob, crypto) });
    expect(sent).toMatchObject({ ok: false, error: { code: 'BAD_KEY' } });
    const [peerIdentity, peerBaseKey] = [filled(1).publicKey, filled(2).publicKey];
    const received = agreeAsResponder({ ...input, ...bob, peerIdentity, peerBaseKey });
    expect(received).toMatchObject({ ok: false, error: { code: 'BAD_KEY' } });
  });

  it('wipes the ephemeral key and every agreement, and nothing of the caller', () => {
    const wiped: Secret[] = [];
    const watching: Crypto = { ...crypto, wipe: (secret) => void wiped.push(secret) };
    const identity = filled(1);
    const bob = { identity: filled(3), signedPreKey: filled(4), oneTimePreKey: filled(5) };
    const entropy = scripted(new Uint8Array(32).fill(2));
    const input = { suite: signalX3dh, crypto: watching, entropy, identity };
    const sent = agreeAsInitiator({ ...input, peer: bundleOf(bob, crypto) });
    if (!sent.ok) throw new Error(sent.error.code);
    expect(wiped).toHaveLength(5);
    for (const kept of [identity.privateKey, ...sent.value.secrets]) {
      expect(wiped).not.toContain(kept);
    }
  });
});
