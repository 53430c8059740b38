import { sha512 } from '@noble/hashes/sha2.js';
import { bytesToHex, encodeUtf8 } from '@simsim/bytes';
import { describe, expect, it } from 'vitest';
import { CURVE25519, clamp, isAcceptableDeviceKey } from '../src/curve25519.ts';
import { edwardsPublicKey } from '../src/xed-curve.ts';
import { signRev1 } from '../src/xeddsa.ts';
import type { Crypto, KeyPair, PublicKey } from '../src/index.ts';
import { backends, exportHex, hex, readVectors } from './backends.ts';

interface XeddsaVectors {
  rev1: {
    privateKey: string;
    publicKey: string;
    message: string;
    entropy: string;
    signature: string;
    edwardsSign: number;
  }[];
  chain10000: { result: string };
  carriedSign: { privateKey: string; publicKey: string; message: string; signature: string };
}
interface X25519Vectors {
  functions: { scalar: string; u: string; result: string }[];
  iterated1: string;
  iterated1000: string;
  agreement: { privateB: string; publicB: string; publicA: string; shared: string };
  lowOrder: string[];
  notCanonical: string[];
}
interface KdfVectors {
  hkdf: { ikm: string; salt: string; info: string; okm: string }[];
  chain: Record<'chainKey' | 'next' | 'seed' | 'cipherKey' | 'macKey' | 'iv' | 'info', string>;
  root: Record<
    | 'root'
    | 'ownPrivate'
    | 'peerPublic'
    | 'shared'
    | 'info'
    | 'nextRoot'
    | 'chain'
    | 'seed0'
    | 'seed1',
    string
  >;
}
interface SigningVectors {
  ed25519: { seed: string; publicKey: string; message: string; signature: string }[];
  chacha20poly1305: Record<'key' | 'nonce' | 'ad' | 'plaintext' | 'sealed', string>;
}

const xeddsa = readVectors<XeddsaVectors>('xeddsa');
const x25519 = readVectors<X25519Vectors>('x25519');
const kdf = readVectors<KdfVectors>('kdf');
const signing = readVectors<SigningVectors>('signing-and-sealing');

describe.each(backends)('published vectors on %s', (_name, crypto) => {
  it('agrees with RFC 7748', () => {
    for (const { scalar, u, result } of x25519.functions) {
      const bytes = hex(u);
      bytes[31] = (bytes[31] ?? 0) & 0x7f;
      expect(agree(crypto, hex(scalar), bytes)).toBe(result);
    }
    const { privateB, publicA, publicB, shared } = x25519.agreement;
    expect(agree(crypto, hex(privateB), hex(publicA))).toBe(shared);
    expect(bytesToHex(crypto.keyPair(hex(privateB)).publicKey.bytes)).toBe(publicB);
  });

  it('agrees with RFC 7748 iterated', () => {
    let k = hex(`09${'00'.repeat(31)}`);
    let u = k;
    const rounds = crypto === backends[1]?.[1] ? 1000 : 1;
    for (let i = 0; i < rounds; i++) {
      u[31] = (u[31] ?? 0) & 0x7f;
      [k, u] = [hex(agree(crypto, k, u)), k.slice()];
    }
    expect(bytesToHex(k)).toBe(rounds === 1 ? x25519.iterated1 : x25519.iterated1000);
  });

  it('refuses low-order and non-canonical public keys', () => {
    for (const key of [...x25519.lowOrder, ...x25519.notCanonical]) {
      expect(crypto.publicKey(hex(key)), key).toBeUndefined();
    }
    expect(crypto.publicKey(new Uint8Array(31).fill(9))).toBeUndefined();
    expect(crypto.publicKey(new Uint8Array(33).fill(9))).toBeUndefined();
    // The largest canonical keys that are not of low order.
    expect(crypto.publicKey(hex(`eb${'ff'.repeat(30)}7f`))).toBeDefined();
    expect(crypto.publicKey(hex(`09${'00'.repeat(31)}`))).toBeDefined();
  });

  it('answers undefined where a Diffie-Hellman gives zero', () => {
    const own = crypto.keyPair(new Uint8Array(32).fill(5)).privateKey;
    for (const key of x25519.lowOrder) expect(crypto.dh(own, { bytes: hex(key) })).toBeUndefined();
  });

  it('agrees with RFC 5869', () => {
    for (const { ikm, salt, info, okm } of kdf.hkdf) {
      const saltBytes = salt === '' ? undefined : hex(salt);
      const [head, tail] = crypto.hkdf([hex(ikm)], saltBytes, hex(info), ['root', 'chain']);
      const output = exportHex(crypto, head) + exportHex(crypto, tail);
      expect(output.slice(0, okm.length)).toBe(okm);
    }
  });

  it('agrees with the chain step of libsignal', () => {
    const { chain } = kdf;
    const info = encodeUtf8(chain.info);
    const [next, seed] = crypto.chainStep(crypto.importSecret('chain', hex(chain.chainKey)));
    expect([exportHex(crypto, next), exportHex(crypto, seed)]).toEqual([chain.next, chain.seed]);
    const keys = chain.cipherKey + chain.macKey + chain.iv;
    expect(exportHex(crypto, crypto.messageKeys(seed, undefined, info))).toBe(keys);
    const fused = crypto.chainMessage(crypto.importSecret('chain', hex(chain.chainKey)), info);
    expect(fused.map((secret) => exportHex(crypto, secret))).toEqual([chain.next, keys]);
  });

  it('agrees with the root step of a published transcript', () => {
    const { root } = kdf;
    const own = crypto.importSecret('dh', hex(root.ownPrivate));
    const shared = crypto.dh(own, publicKeyOf(crypto, root.peerPublic));
    if (shared === undefined) throw new Error('the vector has a good key');
    expect(exportHex(crypto, shared)).toBe(root.shared);
    const salt = crypto.importSecret('root', hex(root.root));
    const step = crypto.hkdf([shared], salt, encodeUtf8(root.info), ['root', 'chain']);
    expect(step.map((secret) => exportHex(crypto, secret))).toEqual([root.nextRoot, root.chain]);
    const [next, seed0] = crypto.chainStep(step[1]);
    const [, seed1] = crypto.chainStep(next);
    expect([seed0, seed1].map((secret) => exportHex(crypto, secret))).toEqual([
      root.seed0,
      root.seed1,
    ]);
  });

  it('verifies both published forms of XEdDSA', () => {
    for (const { publicKey, message, signature } of [...xeddsa.rev1, xeddsa.carriedSign]) {
      const key = publicKeyOf(crypto, publicKey);
      expect(crypto.verify(key, [hex(message)], hex(signature))).toBe(true);
      for (let i = 0; i < 64; i++) {
        const flipped = hex(signature);
        flipped[i] = (flipped[i] ?? 0) ^ 1;
        expect(crypto.verify(key, [hex(message)], flipped), `byte ${i}`).toBe(false);
      }
    }
  });

  it('signs with the natural sign in the top bit', () => {
    for (const vector of [...xeddsa.rev1, { ...xeddsa.carriedSign, edwardsSign: 1 }]) {
      const own = crypto.keyPairOf(crypto.importSecret('dh', hex(vector.privateKey)));
      expect(bytesToHex(own.publicKey.bytes)).toBe(vector.publicKey);
      const signature = crypto.sign(own, [hex(vector.message)], new Uint8Array(64).fill(0x5a));
      expect((signature[63] ?? 0) >> 7).toBe(vector.edwardsSign);
      expect(crypto.verify(own.publicKey, [hex(vector.message)], signature)).toBe(true);
    }
  });

  it('hashes the unreduced private key into the nonce', () => {
    // These were made with the reduced key: the same equation, other bytes.
    const reduced = xeddsa.rev1.filter(({ edwardsSign }) => edwardsSign === 0);
    expect(reduced).toHaveLength(2);
    for (const vector of reduced) {
      const own = crypto.keyPairOf(crypto.importSecret('dh', hex(vector.privateKey)));
      const signature = crypto.sign(own, [hex(vector.message)], hex(vector.entropy));
      expect(bytesToHex(signature)).not.toBe(vector.signature);
    }
  });

  it('agrees with RFC 8032 and refuses small-order device keys', () => {
    for (const { seed, publicKey, message, signature } of signing.ed25519) {
      const own = crypto.signingKeyPair(hex(seed));
      expect(bytesToHex(own.publicKey)).toBe(publicKey);
      expect(bytesToHex(crypto.signWithDeviceKey(own, [hex(message)]))).toBe(signature);
      expect(crypto.verifyDeviceKey(hex(publicKey), [hex(message)], hex(signature))).toBe(true);
      expect(crypto.verifyDeviceKey(hex(publicKey), [hex('01')], hex(signature))).toBe(false);
    }
    // R = identity, s = 0 is a forgery for any message under a key of order 1.
    const identity = hex(`01${'00'.repeat(31)}`);
    const forged = hex(`01${'00'.repeat(63)}`);
    expect(crypto.verifyDeviceKey(identity, [hex('00')], forged)).toBe(false);
  });

  it('refuses signatures whose s has the group order added', () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const malleate = (signature: Uint8Array): Uint8Array => {
      const copy = signature.slice();
      let rest = order;
      let carry = 0;
      for (let i = 32; i < 64; i++, rest >>= 8n) {
        const sum = (copy[i] ?? 0) + Number(rest & 0xffn) + carry;
        copy[i] = sum & 0xff;
        carry = sum >> 8;
      }
      return copy;
    };
    const device = crypto.signingKeyPair(new Uint8Array(32).fill(3));
    const signed = crypto.signWithDeviceKey(device, [hex('aa')]);
    expect(crypto.verifyDeviceKey(device.publicKey, [hex('aa')], signed)).toBe(true);
    expect(crypto.verifyDeviceKey(device.publicKey, [hex('aa')], malleate(signed))).toBe(false);
    for (let k = 1; k < 9; k++) {
      const own = crypto.keyPair(new Uint8Array(32).fill(k));
      const signature = crypto.sign(own, [hex('aa')], new Uint8Array(64).fill(k));
      expect(crypto.verify(own.publicKey, [hex('aa')], signature)).toBe(true);
      expect(crypto.verify(own.publicKey, [hex('aa')], malleate(signature))).toBe(false);
    }
  });

  it('agrees with RFC 8439', () => {
    const { key, nonce, ad, plaintext, sealed } = signing.chacha20poly1305;
    const sealKey = crypto.importSecret('seal', hex(key));
    const result = crypto.seal(sealKey, hex(nonce), [hex(ad)], [hex(plaintext)]);
    expect(bytesToHex(result)).toBe(sealed);
    const opened = crypto.open(sealKey, hex(nonce), [hex(ad)], result);
    expect(opened && bytesToHex(opened)).toBe(plaintext);
  });
});

describe('device keys', () => {
  it('are refused where they are not canonical or of small order, under either sign', () => {
    const smallOrder = [
      `01${'00'.repeat(31)}`,
      '00'.repeat(32),
      `ec${'ff'.repeat(30)}7f`,
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    ];
    const notCanonical = ['ed', 'ee', 'f0', 'ff'].map((low) => `${low}${'ff'.repeat(30)}7f`);
    for (const text of [...smallOrder, ...notCanonical]) {
      const key = hex(text);
      expect(isAcceptableDeviceKey(key), text).toBe(false);
      key[31] = (key[31] ?? 0) | 0x80;
      expect(isAcceptableDeviceKey(key), text).toBe(false);
    }
    expect(isAcceptableDeviceKey(new Uint8Array(31))).toBe(false);
    expect(isAcceptableDeviceKey(hex(signing.ed25519[0]?.publicKey ?? ''))).toBe(true);
  });
});

describe('XEdDSA revision 1', () => {
  it('gives the published signatures byte for byte', () => {
    const vector = xeddsa.rev1[0];
    if (vector === undefined) throw new Error('vector file is empty');
    const privateKey = hex(vector.privateKey);
    const edwards = edwardsPublicKey(CURVE25519, privateKey);
    const message = hex(vector.message);
    const entropy64 = hex(vector.entropy);
    const signature = signRev1(CURVE25519, { privateKey, edwards, message, entropy64 });
    expect(bytesToHex(signature)).toBe(vector.signature);
  });

  it('survives the 10,000 chained signatures of its authors', () => {
    let signature = new Uint8Array(64).fill(1);
    const message = new Uint8Array(200);
    for (let c = 1; c <= 10_000; c++) {
      const seed = sha512(signature);
      const privateKey = seed.slice(0, 32);
      const entropy64 = sha512(privateKey);
      const clamped = clamp(privateKey);
      const edwards = edwardsPublicKey(CURVE25519, clamped);
      const input = { privateKey: clamped, edwards, message, entropy64 };
      signature = signRev1(CURVE25519, input, 'clamped').slice();
      const target = ((entropy64[63] ?? 0) & 1) === 1 ? signature : message;
      const at = c % target.length;
      if (c < 10_000) target[at] = (target[at] ?? 0) ^ 1;
    }
    expect(bytesToHex(signature)).toBe(xeddsa.chain10000.result);
  });
});

function publicKeyOf(crypto: Crypto, text: string): PublicKey {
  const key = crypto.publicKey(hex(text));
  if (key === undefined) throw new Error('the vector has a good key');
  return key;
}

function agree(crypto: Crypto, scalar: Uint8Array, u: Uint8Array): string {
  const own: KeyPair = crypto.keyPair(scalar);
  const shared = crypto.dh(own.privateKey, { bytes: u });
  return shared === undefined ? '' : exportHex(crypto, shared);
}
