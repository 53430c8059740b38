/** Every parameter set on both backends: equal bytes, laws, and refusals. */

import { createHmac, hkdfSync } from 'node:crypto';
import { bytesToHex, encodeUtf8 } from '@simsim/bytes';
import { describe, expect, it } from 'vitest';
import type { Crypto, ParameterChoice } from '../src/index.ts';
import { parameterSet } from '../src/index.ts';
import { createNobleCrypto, nobleCrypto } from '../src/noble/index.ts';
import { createNodeCrypto, nodeCrypto } from '../src/node/index.ts';
import { exportHex, factories, hex, readVectors } from './backends.ts';
import { laws } from './laws.ts';

const { agreement } = readVectors<{
  agreement: Record<'privateA' | 'publicA' | 'privateB' | 'publicB' | 'shared', string>;
}>('x448');
const CHOICES: readonly ParameterChoice[] = [
  {},
  { signatures: 'rev1' },
  { hash: 'sha512' },
  { hash: 'sha512', signatures: 'rev1' },
  { curve: 'x448' },
  { curve: 'x448', hash: 'sha512' },
];
const named = CHOICES.map(
  (choice) => [Object.values(choice).join(' ') || 'default', choice] as const,
);

describe('a choice', () => {
  it('of nothing is what Signal speaks', () => {
    expect(parameterSet()).toEqual({
      curve: 'x25519',
      hash: 'sha256',
      signatures: 'carried',
      keyBytes: 32,
      hashBytes: 32,
      signatureBytes: 64,
    });
    expect(createNodeCrypto()).toBe(nodeCrypto);
    expect(nobleCrypto.parameters).toEqual(nodeCrypto.parameters);
  });

  it('of X448 and SHA-512 is the specifications’ other half', () => {
    expect(parameterSet({ curve: 'x448', hash: 'sha512' })).toEqual({
      curve: 'x448',
      hash: 'sha512',
      signatures: 'rev1',
      keyBytes: 56,
      hashBytes: 64,
      signatureBytes: 114,
    });
  });

  it('of a carried sign on X448 does not compile', () => {
    // @ts-expect-error XEd448 has no carried form.
    expect(parameterSet({ curve: 'x448', signatures: 'carried' }).curve).toBe('x448');
  });
});

describe.each(named)('%s on both backends', (_name, choice) => {
  const both = [createNobleCrypto(choice), createNodeCrypto(choice)];
  const { keyBytes, hashBytes } = parameterSet(choice);
  it('says what it is', () => {
    for (const crypto of both) expect(crypto.parameters).toEqual(parameterSet(choice));
  });

  it.each(Object.entries(laws))('%s', (_law, check) => {
    check(both);
  });

  it('a tag shorter than 8 bytes or longer than the hash is a bug', () => {
    for (const crypto of both) {
      const keys = crypto.importSecret('message', new Uint8Array(80));
      for (const length of [0, 7, hashBytes + 1, 8.5]) {
        expect(() => crypto.tag(keys, [], length)).toThrow('a tag');
        expect(crypto.tagMatches(keys, [], new Uint8Array(hashBytes + 1))).toBe(false);
      }
    }
  });

  it('low-order and non-canonical keys and keys of the other curve are refused', () => {
    const order = keyBytes === 56 ? 2n ** 448n - 2n ** 224n - 1n : 2n ** 255n - 19n;
    const toBytes = (u: bigint): Uint8Array =>
      Uint8Array.from({ length: keyBytes }, (_, i) => Number((u >> BigInt(8 * i)) & 0xffn));
    const refused = [0n, 1n, order - 1n, order, order + 1n, order + 2n, order + 5n];
    for (const crypto of both) {
      for (const u of refused) expect(crypto.publicKey(toBytes(u)), String(u)).toBeUndefined();
      for (const u of [2n, 5n, 9n, order - 2n]) {
        expect(crypto.publicKey(toBytes(u)), String(u)).toBeDefined();
      }
      expect(crypto.publicKey(new Uint8Array(88 - keyBytes).fill(9))).toBeUndefined();
      const own = crypto.keyPair(new Uint8Array(keyBytes).fill(3)).privateKey;
      for (const u of [0n, 1n, order - 1n]) {
        expect(crypto.dh(own, { bytes: toBytes(u) })).toBeUndefined();
      }
      expect(crypto.dh(own, { bytes: new Uint8Array(88 - keyBytes).fill(9) })).toBeUndefined();
    }
  });

  it('a private key of the other curve is a bug, and wiping zeroes', () => {
    for (const crypto of both) {
      const wrong = new Uint8Array(88 - keyBytes).fill(1);
      expect(() => crypto.importSecret('dh', wrong)).toThrow('length of its role');
      expect(() => crypto.keyPair(wrong)).toThrow('length of its role');
      const own = crypto.keyPair(new Uint8Array(keyBytes).fill(3));
      crypto.sign(own, [], new Uint8Array(64));
      crypto.wipe(own.privateKey);
      expect(crypto.exportSecret(own.privateKey)).toEqual(new Uint8Array(keyBytes));
    }
  });
});

/** One flaw in one backend, and the law that must see it. */
const saboteurs: readonly (readonly [
  string,
  keyof typeof laws,
  (good: Crypto) => Partial<Crypto>,
])[] = [
  [
    'clamps differently',
    'equal keys, agreements and signatures',
    (good) => ({ keyPair: (entropy) => good.keyPair(entropy.toReversed()) }),
  ],
  [
    'agrees with itself only',
    'equal keys, agreements and signatures',
    (good) => ({
      dh: (own, peer) => good.dh(own, peer) && good.dh(own, good.keyPairOf(own).publicKey),
    }),
  ],
  [
    'draws its own randomness for signatures',
    'equal keys, agreements and signatures',
    (good) => ({ sign: (own, parts) => good.sign(own, parts, new Uint8Array(64).fill(1)) }),
  ],
  [
    'signs nothing of the message',
    'equal keys, agreements and signatures',
    (good) => ({
      sign: (own, _parts, entropy64) => good.sign(own, [], entropy64),
      verify: (peer, _parts, signature) => good.verify(peer, [], signature),
    }),
  ],
  ['takes every key', 'equal verdicts on any bytes', () => ({ publicKey: (bytes) => ({ bytes }) })],
  ['takes every signature', 'equal verdicts on any bytes', () => ({ verify: () => true })],
  [
    'forgets the salt',
    'equal KDFs, chains and tags',
    (good) => ({ hkdf: (ikm, _salt, info, out) => good.hkdf(ikm, undefined, info, out) }),
  ],
  [
    'swaps the constants of a chain step',
    'equal KDFs, chains and tags',
    (good) => ({
      chainStep(chain) {
        const [next, seed] = good.chainStep(chain).map((each) => good.exportSecret(each));
        if (next === undefined || seed === undefined) throw new Error('a step has two results');
        return [good.importSecret('chain', seed), good.importSecret('seed', next)];
      },
    }),
  ],
  [
    'fuses with another result',
    'equal KDFs, chains and tags',
    (good) => ({ chainMessage: (chain) => good.chainMessage(chain, hex('ff')) }),
  ],
  [
    'matches any tag',
    'equal KDFs, chains and tags',
    () => ({ tagMatches: (_keys, _parts, tag) => tag.length >= 8 }),
  ],
  [
    'leaves out what makes Kyber Kyber',
    'equal key encapsulation',
    (good) => ({
      encapsulate: (_kind, key, entropy) => good.encapsulate('mlKem1024', key, entropy),
    }),
  ],
  [
    'rejects a forged ciphertext aloud',
    'equal key encapsulation',
    (good) => ({
      decapsulate: (pair, ciphertext) =>
        ciphertext[0] === 0xff ? undefined : good.decapsulate(pair, ciphertext),
    }),
  ],
];

describe('a backend that', () => {
  it.each(saboteurs)('%s breaks: %s', (_flaw, law, sabotage) => {
    const [good, other] = [createNobleCrypto(), createNodeCrypto()];
    expect(() => laws[law]([good, { ...other, ...sabotage(other) }])).toThrow();
  });
});

describe.each(factories)('X448 of %s', (_name, create) => {
  const crypto = create({ curve: 'x448' });

  it('agrees with RFC 7748', () => {
    const { privateA, publicA, privateB, publicB, shared } = agreement;
    const [alice, bob] = [crypto.keyPair(hex(privateA)), crypto.keyPair(hex(privateB))];
    expect(bytesToHex(alice.publicKey.bytes)).toBe(publicA);
    expect(bytesToHex(bob.publicKey.bytes)).toBe(publicB);
    const secret = crypto.dh(alice.privateKey, bob.publicKey);
    expect(secret && exportHex(crypto, secret)).toBe(shared);
  });

  it('seals a private key as 56 bytes', () => {
    const own = crypto.keyPair(hex(agreement.privateA));
    const key = crypto.importSecret('seal', new Uint8Array(32).fill(1));
    const sealed = crypto.seal(key, new Uint8Array(12), [], [own.privateKey]);
    const opened = crypto.open(key, new Uint8Array(12), [], sealed);
    expect(opened).toEqual(crypto.exportSecret(own.privateKey));
  });
});

describe.each(factories)('SHA-512 of %s', (_name, create) => {
  const crypto = create({ hash: 'sha512' });
  const key = new Uint8Array(32).fill(0xaa);
  const info = encodeUtf8('info');

  it('cuts chain and seed to the first 32 bytes of OpenSSL’s HMAC', () => {
    const [next, seed] = crypto.chainStep(crypto.importSecret('chain', key));
    const expected = [2, 1].map((constant) =>
      createHmac('sha512', key).update(Uint8Array.of(constant)).digest('hex').slice(0, 64),
    );
    expect([exportHex(crypto, next), exportHex(crypto, seed)]).toEqual(expected);
  });

  it('derives as OpenSSL’s HKDF, salt absent or given', () => {
    const shared = crypto.importSecret('shared', key);
    for (const salt of [undefined, encodeUtf8('salt'), new Uint8Array(200).fill(1)]) {
      const [root, message] = crypto.hkdf([key, shared], salt, info, ['root', 'message']);
      const ikm = new Uint8Array(64).fill(0xaa);
      const expected = hkdfSync('sha512', ikm, salt ?? new Uint8Array(64), info, 112);
      const derived = exportHex(crypto, root) + exportHex(crypto, message);
      expect(derived).toBe(bytesToHex(new Uint8Array(expected)));
    }
  });

  it('more than 255 blocks of output are a bug', () => {
    const roles = Array.from({ length: 2 * 255 + 1 }, () => 'root' as const);
    expect(() => crypto.hkdf([hex('00')], undefined, hex(''), roles)).toThrow('255 blocks');
    expect(crypto.hkdf([hex('00')], undefined, hex(''), roles.slice(1))).toHaveLength(510);
  });
});
