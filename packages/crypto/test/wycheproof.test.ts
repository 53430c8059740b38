/**
 * Every case of Wycheproof's sets for what this package offers, on every backend. `acceptable`
 * cases, and sets for other parameters than ours, get their verdict here, by flag or by length.
 */

import { readdirSync } from 'node:fs';
import { hmac as hmacOfNoble } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes, equalBytes } from '@simsim/bytes';
import { describe, expect, it } from 'vitest';
import type { Ciphers, Crypto, ParameterChoice, Role } from '../src/index.ts';
import { createNobleCrypto, nobleCiphers } from '../src/noble/index.ts';
import { createNodeCrypto, nodeCiphers } from '../src/node/index.ts';
import { hmac as hmacOfOpenssl } from '../src/node/buffers.ts';
import { exportHex, hex } from './backends.ts';
import type { Case, Verdict } from './wycheproof.ts';
import { compare, isPresent, vectorFolder, wycheproof } from './wycheproof.ts';

type Hmac = (hash: 'sha256' | 'sha512', key: Uint8Array, message: Uint8Array) => Uint8Array;
interface Backend {
  readonly create: (choice?: ParameterChoice) => Crypto;
  readonly ciphers: Ciphers;
  /** What the backend's HKDF and tags are built on. */
  readonly hmac: Hmac;
}
const nobleHmac: Hmac = (hash, key, message) =>
  hmacOfNoble(hash === 'sha256' ? sha256 : sha512, key, message);
const nodeHmac: Hmac = (hash, key, message) => hmacOfOpenssl(hash, key, [message]);
const backends: readonly (readonly [string, Backend])[] = [
  ['noble', { create: createNobleCrypto, ciphers: nobleCiphers, hmac: nobleHmac }],
  ['node', { create: createNodeCrypto, ciphers: nodeCiphers, hmac: nodeHmac }],
];

const byResult = ({ result }: Case): Verdict => (result === 'valid' ? 'accept' : 'refuse');

interface XdhCase {
  readonly public: string;
  readonly private: string;
  readonly shared: string;
}
interface AeadCase {
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
}
interface HkdfCase {
  readonly ikm: string;
  readonly salt: string;
  readonly info: string;
  readonly size: number;
  readonly okm: string;
}
interface MacCase {
  readonly key: string;
  readonly msg: string;
  readonly tag: string;
}
interface KemCase {
  readonly seed: string;
  readonly ek: string;
  readonly c: string;
  readonly K: string;
  readonly m: string;
}

/**
 * Acceptable cases: we refuse keys that give zero and keys with a second encoding; a key on the
 * twist is a key like any other to X25519 and X448.
 */
function xdhVerdict({ result, flags = [], tcId }: Case, misflagged: readonly number[]): Verdict {
  if (misflagged.includes(tcId)) return 'accept';
  if (result === 'invalid') return 'refuse'; // too long
  const isRefused = ['LowOrderPublic', 'ZeroSharedSecret', 'NonCanonicalPublic'].some((flag) =>
    flags.includes(flag),
  );
  return isRefused ? 'refuse' : 'accept';
}

function agree(crypto: Crypto, test: XdhCase): string {
  const peer = crypto.publicKey(hex(test.public));
  const own = crypto.keyPair(hex(test.private));
  const shared = peer && crypto.dh(own.privateKey, peer);
  return compare(shared && exportHex(crypto, shared), test.shared);
}

/** HKDF through the seam: enough 32-byte roles, cut to the size asked for. */
function hkdf(crypto: Crypto, test: HkdfCase): string {
  const roles: Role[] = Array.from({ length: Math.ceil(test.size / 32) }, () => 'name');
  const salt = test.salt === '' ? undefined : hex(test.salt);
  const secrets = crypto.hkdf([hex(test.ikm)], salt, hex(test.info), roles);
  const output = concatBytes(secrets.map((secret) => crypto.exportSecret(secret)));
  return compare(bytesToHex(output.subarray(0, test.size)), test.okm);
}

/** A tag under a message's MAC key; the role has 32 bytes, so keys of other lengths are bugs. */
function tag(crypto: Crypto, test: MacCase): string {
  const keys = concatBytes([new Uint8Array(32), hex(test.key), new Uint8Array(16)]);
  const message = crypto.importSecret('message', keys);
  const expected = hex(test.tag);
  const isMatch = crypto.tagMatches(message, [hex(test.msg)], expected);
  const made = crypto.tag(message, [hex(test.msg)], expected.length);
  if (isMatch !== equalBytes(made, expected)) return 'tag and tagMatches disagree';
  return isMatch ? 'accept' : 'refuse';
}

describe.each(backends)('%s', (_name, { create, ciphers, hmac }) => {
  const crypto = create();

  wycheproof<XdhCase>('X25519; low order and second encodings are refused', {
    file: 'x25519',
    verdict: (test) => xdhVerdict(test, []),
    expected: { accept: 474, refuse: 44 },
    run: (test) => agree(crypto, test),
  });

  const crypto448 = create({ curve: 'x448' });
  wycheproof<XdhCase>('X448; low order and second encodings are refused', {
    file: 'x448',
    // Low-order keys with bit 447 turned, for those who would mask it: ordinary keys to X448.
    verdict: (test) => xdhVerdict(test, [67, 68, 69]),
    expected: { accept: 483, refuse: 27 },
    run: (test) => agree(crypto448, test),
  });

  wycheproof<{ publicKey: { pk: string }; msg: string; sig: string }>('Ed25519 of device keys', {
    file: 'ed25519',
    verdict: byResult,
    expected: { accept: 88, refuse: 63 },
    run: ({ publicKey, msg, sig }) =>
      crypto.verifyDeviceKey(hex(publicKey.pk), [hex(msg)], hex(sig)) ? 'accept' : 'refuse',
  });

  for (const [hash, counts] of [
    ['sha256', { accept: 83, bug: 3 }],
    ['sha512', { accept: 80, bug: 3 }],
  ] as const) {
    wycheproof<HkdfCase>(`HKDF; more than 255 blocks is a bug of the caller`, {
      file: `hkdf_${hash}`,
      verdict: ({ result }) => (result === 'valid' ? 'accept' : 'bug'),
      expected: counts,
      run: (test) => hkdf(create({ hash }), test),
    });
    wycheproof<MacCase>('HMAC of a message; its keys have 32 bytes', {
      file: `hmac_${hash}`,
      verdict: (test) => (test.key.length === 64 ? byResult(test) : 'bug'),
      expected: hash === 'sha256' ? { accept: 54, refuse: 108, bug: 12 } : { accept: 6, bug: 168 },
      run: (test) => tag(create({ hash }), test),
    });
    wycheproof<MacCase>('HMAC inside, with keys of any length', {
      file: `hmac_${hash}`,
      verdict: byResult,
      expected: { accept: 66, refuse: 108 },
      run(test) {
        const made = bytesToHex(hmac(hash, hex(test.key), hex(test.msg)));
        return made.slice(0, test.tag.length) === test.tag ? 'accept' : 'refuse';
      },
    });
  }

  wycheproof<Omit<AeadCase, 'aad' | 'tag'>>('AES-256-CBC; keys of other lengths are no role', {
    file: 'aes_cbc_pkcs5',
    verdict: (test) => (test.key.length === 64 ? byResult(test) : 'bug'),
    expected: { accept: 24, refuse: 48, bug: 144 },
    run({ key, iv, msg, ct, result }) {
      const keys = concatBytes([hex(key), new Uint8Array(32), hex(iv)]);
      const message = crypto.importSecret('message', keys);
      const opened = crypto.decrypt(message, hex(ct));
      const made = bytesToHex(crypto.encrypt(message, hex(msg)));
      if (result === 'valid' && made !== ct) return `encrypted to ${made}`;
      return compare(opened && bytesToHex(opened), msg);
    },
  });

  wycheproof<AeadCase>('ChaCha20-Poly1305; nonces of other lengths open nothing', {
    file: 'chacha20_poly1305',
    verdict: byResult,
    expected: { accept: 256, refuse: 69 },
    run(test) {
      const [key, nonce, ad] = [
        crypto.importSecret('seal', hex(test.key)),
        hex(test.iv),
        [hex(test.aad)],
      ];
      const opened = crypto.open(key, nonce, ad, hex(test.ct + test.tag));
      if (test.result === 'valid') {
        const sealed = bytesToHex(crypto.seal(key, nonce, ad, [hex(test.msg)]));
        if (sealed !== test.ct + test.tag) return `sealed to ${sealed}`;
      }
      return compare(opened && bytesToHex(opened), test.msg);
    },
  });

  wycheproof<AeadCase>('AES-256-GCM-SIV; keys of 128 bits are no role', {
    file: 'aes_gcm_siv',
    verdict: (test) => (test.key.length === 64 ? byResult(test) : 'bug'),
    expected: { accept: 69, refuse: 34, bug: 99 },
    run(test) {
      const [key, nonce, ad] = [
        crypto.importSecret('siv', hex(test.key)),
        hex(test.iv),
        [hex(test.aad)],
      ];
      const opened = ciphers.openSiv(key, nonce, ad, hex(test.ct + test.tag));
      if (test.result === 'valid') {
        const sealed = bytesToHex(ciphers.sealSiv(key, nonce, ad, [hex(test.msg)]));
        if (sealed !== test.ct + test.tag) return `sealed to ${sealed}`;
      }
      return compare(opened && bytesToHex(opened), test.msg);
    },
  });

  wycheproof<KemCase>('ML-KEM-1024: seeds of other lengths are no role', {
    file: 'mlkem_1024',
    verdict: (test) => (test.seed.length === 128 ? byResult(test) : 'bug'),
    expected: { accept: 153, refuse: 20, bug: 20 },
    run(test) {
      const pair = crypto.kemKeyPair('mlKem1024', hex(test.seed));
      if (test.result === 'valid' && bytesToHex(pair.publicKey) !== test.ek) return 'other key';
      const shared = crypto.decapsulate(pair, hex(test.c));
      return compare(shared && exportHex(crypto, shared), test.K);
    },
  });

  wycheproof<KemCase>('ML-KEM-1024: malformed public keys are refused', {
    file: 'mlkem_1024_encaps',
    verdict: byResult,
    expected: { accept: 133, refuse: 136 },
    run(test) {
      const made = crypto.encapsulate('mlKem1024', hex(test.ek), hex(test.m));
      if (made !== undefined && bytesToHex(made.ciphertext) !== test.c) return 'other ciphertext';
      return compare(made && exportHex(crypto, made.shared), test.K);
    },
  });

  wycheproof<KemCase>('ML-KEM-1024: key pairs from seeds', {
    file: 'mlkem_1024_keygen_seed',
    verdict: byResult,
    expected: { accept: 100 },
    run: (test) =>
      compare(bytesToHex(crypto.kemKeyPair('mlKem1024', hex(test.seed)).publicKey), test.ek),
  });

  wycheproof<KemCase>('ML-KEM-768, which we do not offer: its public keys are malformed', {
    file: 'mlkem_768_encaps',
    verdict: () => 'refuse',
    expected: { refuse: 265 },
    run(test) {
      const made = crypto.encapsulate('mlKem1024', hex(test.ek), hex(test.m));
      return compare(made && exportHex(crypto, made.shared), test.K);
    },
  });

  wycheproof<KemCase>('ML-KEM-768, which we do not offer: its ciphertexts are malformed', {
    file: 'mlkem_768',
    verdict: (test) => (test.seed.length === 128 ? 'refuse' : 'bug'),
    expected: { refuse: 173, bug: 20 },
    run(test) {
      const pair = crypto.kemKeyPair('mlKem1024', hex(test.seed));
      const shared = crypto.decapsulate(pair, hex(test.c));
      return compare(shared && exportHex(crypto, shared), test.K);
    },
  });
});

describe('Wycheproof', () => {
  it.skipIf(!isPresent)('no other set lies there that nobody looks at', () => {
    const looked =
      'aes_cbc_pkcs5 aes_gcm_siv chacha20_poly1305 ed25519 x25519 x448 ' +
      'hkdf_sha256 hkdf_sha512 hmac_sha256 hmac_sha512 ' +
      'mlkem_1024 mlkem_1024_encaps mlkem_1024_keygen_seed mlkem_768 mlkem_768_encaps';
    // Nothing here does AES-GCM or makes ML-KEM-768 keys.
    const notOurs = ['aes_gcm', 'mlkem_768_keygen_seed'];
    const files = readdirSync(vectorFolder).filter((name) => name.endsWith('_test.json'));
    const names = files.map((name) => name.replace('_test.json', ''));
    expect(names.toSorted()).toEqual([...looked.split(' '), ...notOurs].toSorted());
  });
});
