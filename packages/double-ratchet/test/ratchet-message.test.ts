/** Whole messages of the plain variant: vectors, the start, and what each byte is bound to. */

import { bytesToHex, concatBytes, hexToBytes } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import { createNobleCrypto, nobleCrypto } from '@simsim/crypto/noble';
import { createNodeCrypto, nodeCrypto } from '@simsim/crypto/node';
import { describe, expect, it } from 'vitest';
import type { RatchetMessage } from '../src/index.ts';
import {
  decodeHeader,
  defaultRatchetLimits,
  defaultRatchetOptions,
  encodeHeader,
  eraseRatchet,
  expireSkipped,
  ratchetLimits,
  ratchetReceive,
  ratchetSecrets,
  ratchetSend,
  specSuite,
  startInitiator,
  startResponder,
} from '../src/index.ts';
import { sealMessage } from '../src/message-seal.ts';
import type { Variant } from './variants.ts';
import { AD, Talk, fingerprint, headers, must, plain, variants } from './variants.ts';

/** From a published two-party transcript (spec-vectors V-7 and V-9). */
const vector = {
  root: '99ca9fe1d0946f2061adca394c2e574fb3b525e2ee1b9f94691fd1ee75a37701',
  ratchetPrivate: '082e6391deb7154bd0375df3fc07f87020a3b0fd7a8c6c90e73f0e054bc2bf5d',
  signedPreKey: 'a9ecf666ec55fc27988ecc417db0d62dd5e1fa751da1f7a2dd2eca0d14c8bd46',
  nextRoot: 'fa60bc6d0df90cf1522dad256d0e82e6ca6d21b26fe14282021910cbbe88314d',
  sendingChain: 'd21bdeb579fa982e9aa9c8345b57d45ddb6880ece0a7d9d172e751062db69296',
  seeds: [
    '8fa1fda3ae1d8a501b28dc11dfcbb48190bdd75c1d8da95dd7ecbea316a3581c',
    'e109159839d73c7ac02825ddf10d0b754f03df8e67423f211f7ba2175073dc83',
  ],
};

function hex(text: string): Uint8Array {
  const bytes = hexToBytes(text);
  if (bytes === undefined) throw new Error('a vector is hex');
  return bytes;
}

const backends: readonly (readonly [string, Crypto])[] = [
  ['noble', nobleCrypto],
  ['node', nodeCrypto],
];

describe.each(backends)('on %s', (_name, crypto) => {
  const shown = (secret: Secret | undefined): string =>
    secret === undefined ? '' : bytesToHex(crypto.exportSecret(secret));

  it('the initiator begins as the published transcript does', () => {
    const root = crypto.importSecret('root', hex(vector.root));
    const peer = crypto.publicKey(hex(vector.signedPreKey));
    if (peer === undefined) throw new Error('a good key');
    const env = { crypto, entropy: () => hex(vector.ratchetPrivate) };
    let state = must(startInitiator({ root, peer }, env, defaultRatchetOptions));
    const { hot } = state;
    expect(shown(hot.root)).toBe(vector.nextRoot);
    if (hot.sending.kind !== 'ready') throw new Error('the initiator can send');
    expect(shown(hot.sending.chain.chain)).toBe(vector.sendingChain);
    expect(hot.sending.chain.counter).toBe(0);
    expect([hot.previousCount, hot.receivedCount, hot.receiving]).toEqual([0, 0, undefined]);
    expect(hot.peer?.bytes).toEqual(peer.bytes);
    for (const [i, seed] of vector.seeds.entries()) {
      const step = must(ratchetSend(state, env, defaultRatchetOptions));
      const info = defaultRatchetOptions.suite.messageInfo;
      const seedSecret = crypto.importSecret('seed', hex(seed));
      expect(shown(step.keys)).toBe(shown(crypto.messageKeys(seedSecret, undefined, info)));
      expect(step.header.counter).toBe(i);
      state = step.state;
    }
  });

  it('the responder begins with its prekey, the shared root and nothing else', () => {
    const root = crypto.importSecret('root', hex(vector.root));
    const own = crypto.keyPair(hex(vector.ratchetPrivate));
    const { hot, cold, blocks } = startResponder(root, own);
    expect(hot).toEqual({
      root,
      sending: { kind: 'borrowed', own },
      peer: undefined,
      receiving: undefined,
      previousCount: 0,
      receivedCount: 0,
    });
    expect([cold.olderChains, cold.directory, blocks.size]).toEqual([[], [], 0]);
  });
});

describe.each([
  ['noble', createNobleCrypto({ curve: 'x448', hash: 'sha512' })],
  ['node', createNodeCrypto({ curve: 'x448', hash: 'sha512' })],
])('with X448 and SHA-512 on %s', (_name, crypto) => {
  it.each(variants)('the %s ratchet talks', (_variant, variant) => {
    const talk = new Talk(variant, crypto);
    for (let turn = 0; turn < 2; turn++) {
      const late = talk.send('alice', 700 + turn);
      talk.roundTrip();
      expect(talk.deliver('bob', late)).toBe(700 + turn);
    }
    expect(talk.send('bob').header).toHaveLength(variant === headers ? 96 : 64);
  });
});

/** A responder and a first message for it. */
function first(): { readonly talk: Talk<object>; readonly message: RatchetMessage } {
  const talk = new Talk<object>(plain, nobleCrypto);
  return { talk, message: talk.send('alice', 7) };
}

describe('a message', () => {
  it('counts itself and the chain before it in its header', () => {
    const talk = new Talk(plain, nobleCrypto);
    const read = (message: RatchetMessage): readonly (number | undefined)[] => {
      const header = decodeHeader(message.header, nobleCrypto);
      return [header?.previousCount, header?.counter];
    };
    const sent = [talk.send('alice'), talk.send('alice'), talk.send('alice')];
    expect(sent.map(read)).toEqual([
      [0, 0],
      [0, 1],
      [0, 2],
    ]);
    for (const message of sent) talk.deliver('bob', message);
    talk.deliver('alice', talk.send('bob'));
    expect(read(talk.send('alice'))).toEqual([3, 0]);
  });

  it('does not open when a byte moves from associated data to header or back', () => {
    const { talk, message } = first();
    const env = talk.receiveEnv();
    const state = startResponderOf(talk);
    const [byte] = message.header;
    const moves: readonly { readonly header: Uint8Array; readonly associatedData: Uint8Array }[] = [
      { header: message.header.slice(1), associatedData: Uint8Array.of(...AD, byte ?? 0) },
      { header: Uint8Array.of(AD[2] ?? 0, ...message.header), associatedData: AD.slice(0, 2) },
    ];
    for (const { header, associatedData } of moves) {
      const moved = { message: { ...message, header }, associatedData };
      expect(plain.decrypt(state, moved, env).ok).toBe(false);
    }
  });

  it('covers associated data and header so that no two pairs look the same', () => {
    const covered = (associatedData: Uint8Array, header: Uint8Array): string => {
      let seen = '';
      const crypto: Crypto = {
        ...nobleCrypto,
        tag(keys, parts, length) {
          seen = bytesToHex(concatBytes([...parts]));
          return nobleCrypto.tag(keys, parts, length);
        },
      };
      const { options } = first().talk;
      const keys = nobleCrypto.importSecret('message', new Uint8Array(80));
      sealMessage(keys, { associatedData, header, plaintext: AD }, { crypto, options });
      return seen;
    };
    const one = covered(Uint8Array.of(1, 2, 3), Uint8Array.of(4));
    expect(covered(Uint8Array.of(1, 2), Uint8Array.of(3, 4))).not.toBe(one);
    expect(covered(Uint8Array.of(1, 2, 3), Uint8Array.of(5))).not.toBe(one);
  });

  it('is refused with one code whatever happens to its ciphertext', () => {
    const { talk, message } = first();
    const { length } = message.ciphertext;
    const codes = new Set<string>();
    for (let at = 0; at < length; at++) {
      for (const bit of [1, 128]) {
        const ciphertext = message.ciphertext.slice();
        ciphertext[at] = (ciphertext[at] ?? 0) ^ bit;
        codes.add(talk.refused('bob', { ...message, ciphertext }));
      }
    }
    for (let end = 0; end < length; end++) {
      codes.add(talk.refused('bob', { ...message, ciphertext: message.ciphertext.slice(0, end) }));
    }
    expect([...codes]).toEqual(['BAD_MAC']);
  });

  it('is refused for bad padding only under a good tag', () => {
    const { talk, message } = first();
    const crypto: Crypto = { ...nobleCrypto, decrypt: () => undefined };
    const env = { ...talk.receiveEnv(), crypto };
    const { bob } = talk.states;
    const before = fingerprint(bob);
    const result = plain.decrypt(startResponderOf(talk), { message, associatedData: AD }, env);
    expect(result).toEqual({ ok: false, error: { code: 'MALFORMED' } });
    expect(fingerprint(bob)).toBe(before);
    expect(talk.deliver('bob', message)).toBe(7);
  });

  it('is refused with a header of another length', () => {
    const { talk, message } = first();
    for (const length of [0, 39, 41, 72]) {
      const header = new Uint8Array(length);
      expect(talk.refused('bob', { ...message, header })).toBe('MALFORMED');
    }
  });

  it('is refused with a ratchet key that is none', () => {
    const { talk, message } = first();
    for (const fill of [0, 0xff]) {
      const ratchetKey = new Uint8Array(32).fill(fill);
      const header = encodeHeader({ ratchetKey, counter: 0, previousCount: 0 });
      expect(talk.refused('bob', { ...message, header })).toBe('BAD_KEY');
    }
  });
});

/** The state of Bob before his first message, typed. */
function startResponderOf(talk: Talk<object>): ReturnType<typeof startResponder> {
  const { bob } = talk.states;
  if (!('hot' in bob)) throw new Error('a plain state');
  return bob as ReturnType<typeof startResponder>;
}

describe('closing a chain at PN', () => {
  it('stores what is missing of it, and its key is gone', () => {
    const talk = new Talk(plain, nobleCrypto);
    talk.deliver('bob', talk.send('alice'));
    const missing = [talk.send('alice', 1), talk.send('alice', 2)];
    talk.deliver('alice', talk.send('bob'));
    const [, second] = [talk.send('alice', 3), talk.send('alice', 4)];
    const chain = talk.states.bob.hot.receiving?.chain;
    talk.deliver('bob', second);
    expect(plain.held(talk.states.bob)).toBe(3);
    expect(talk.states.bob.cold.olderChains).toEqual([]);
    expect(ratchetSecrets(talk.states.bob)).not.toContain(chain);
    for (const [i, message] of missing.entries()) expect(talk.deliver('bob', message)).toBe(i + 1);
    expect(plain.held(talk.states.bob)).toBe(1);
  });

  it('goes as far as allowed and not one further, before any agreement', () => {
    let agreements = 0;
    const crypto: Crypto = {
      ...nodeCrypto,
      dh: (own, peer) => ((agreements += 1), nodeCrypto.dh(own, peer)),
    };
    const talk = new Talk(plain, crypto);
    talk.deliver('bob', talk.send('alice'));
    talk.deliver('alice', talk.send('bob'));
    const header = decodeHeader(talk.send('alice').header, crypto);
    if (header === undefined) throw new Error('a good header');
    const { forwardJumpMax } = defaultRatchetLimits;
    const env = talk.receiveEnv();
    agreements = 0;
    const far = { ...header, previousCount: 1 + forwardJumpMax + 1 };
    const refused = ratchetReceive(talk.states.bob, far, env);
    expect(refused).toEqual({ ok: false, error: { code: 'TOO_FAR_AHEAD' } });
    expect(agreements).toBe(0);
    const near = { ...header, previousCount: 1 + forwardJumpMax };
    const step = must(ratchetReceive(talk.states.bob, near, env));
    expect(step.state.cold.directory.length).toBeGreaterThan(0);
    // A peer that counts too few has nothing stored, and nothing breaks.
    const few = must(ratchetReceive(talk.states.bob, { ...header, previousCount: 0 }, env));
    expect(few.state.cold.directory).toEqual([]);
  });

  it('makes and drops nothing unwiped', () => {
    const made = new Set<Secret>();
    const crypto: Crypto = {
      ...nodeCrypto,
      chainStep(chain) {
        const [next, seed] = nodeCrypto.chainStep(chain);
        made.add(next).add(seed);
        return [next, seed];
      },
      wipe(secret) {
        made.delete(secret);
        nodeCrypto.wipe(secret);
      },
    };
    const talk = new Talk(plain, crypto);
    talk.deliver('bob', talk.send('alice'));
    for (let i = 0; i < 5; i++) talk.send('alice');
    talk.deliver('alice', talk.send('bob'));
    for (let i = 0; i < 5; i++) talk.send('alice');
    const message = talk.send('alice');
    made.clear();
    talk.deliver('bob', message);
    const kept = new Set(ratchetSecrets(talk.states.bob));
    expect(made.size).toBe(10);
    for (const secret of made) expect(kept.has(secret)).toBe(true);
  });
});

describe('a state', () => {
  it('can be erased', () => {
    const talk = new Talk(plain, nobleCrypto);
    talk.deliver('bob', talk.send('alice'));
    talk.send('alice');
    talk.deliver('bob', talk.send('alice'));
    talk.send('bob');
    const secrets = ratchetSecrets(talk.states.bob);
    expect(secrets).toHaveLength(5);
    eraseRatchet(talk.states.bob, nobleCrypto);
    for (const secret of secrets) {
      expect(nobleCrypto.exportSecret(secret).every((byte) => byte === 0)).toBe(true);
    }
  });

  it('lets keys die by a timer too', () => {
    const talk = new Talk(plain, nobleCrypto, { limits: { blockLifeMs: 10 } });
    talk.elapsedMs = 100;
    const late = talk.send('alice');
    talk.deliver('bob', talk.send('alice'));
    const { options } = talk;
    const { bob } = talk.states;
    expect(expireSkipped(bob, { elapsedMs: 110, options }).state).toBe(bob);
    const { state, consumed } = expireSkipped(bob, { elapsedMs: 111, options });
    expect(state.cold.directory).toEqual([]);
    expect(consumed).toHaveLength(1);
    talk.states.bob = state;
    expect(talk.refused('bob', late)).toBe('DUPLICATE');
  });

  it('takes no more keys into a block that is past half its time', () => {
    const talk = new Talk(plain, nobleCrypto, { limits: { blockLifeMs: 10 } });
    for (const [elapsedMs, blocks] of [
      [100, 1],
      [105, 1],
      [106, 2],
    ] as const) {
      talk.elapsedMs = elapsedMs;
      talk.send('alice');
      talk.deliver('bob', talk.send('alice'));
      expect(talk.states.bob.cold.directory).toHaveLength(blocks);
    }
  });
});

describe('limits and suites', () => {
  it('cannot be without bound', () => {
    for (const limit of [Infinity, -1, 1.5, Number.NaN, 2 ** 32]) {
      expect(() => ratchetLimits({ forwardJumpMax: limit })).toThrow('forwardJumpMax');
      expect(() => new Talk(plain, nobleCrypto, { limits: { skippedKeysMax: limit } })).toThrow();
      expect(() => new Talk(headers, nobleCrypto, { limits: { headerKeysMax: limit } })).toThrow();
    }
    expect(() => ratchetLimits({ blockKeysMax: 0 })).toThrow('at least one key');
    expect(ratchetLimits({ forwardJumpMax: 7 })).toEqual({
      ...defaultRatchetLimits,
      forwardJumpMax: 7,
    });
    expect(ratchetLimits({ blockLifeMs: undefined })).toEqual(defaultRatchetLimits);
  });

  it('cannot be without bound at a responder, which meets them with its first message', () => {
    const both: readonly Variant<object>[] = [plain, headers];
    for (const variant of both) {
      const talk = new Talk(variant, nobleCrypto);
      const message = talk.send('alice');
      const limits = { ...talk.options.limits, forwardJumpMax: Infinity };
      const env = { ...talk.receiveEnv(), options: { ...talk.options, limits } };
      const { bob } = talk.states;
      expect(() => variant.decrypt(bob, { message, associatedData: AD }, env)).toThrow('Max');
    }
  });

  it('have tags of 64 bits or more', () => {
    expect(() => specSuite('App', { tagBytes: 7 })).toThrow('8 bytes');
    expect(() => specSuite('App', { tagBytes: 65 })).toThrow('8 bytes');
    expect(specSuite('App', { tagBytes: 8 }).tagBytes).toBe(8);
    expect(specSuite('App').tagBytes).toBe(32);
  });

  it('have labels unlike each other', () => {
    const { rootInfo, messageInfo, headerInfo, startInfo } = specSuite('App');
    expect(new Set([rootInfo, messageInfo, headerInfo, startInfo].map(bytesToHex)).size).toBe(4);
  });
});
