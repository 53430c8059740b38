/** What only the header-encryption variant has: its start, its turns and its search. */

import { bytesToHex } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import { seededEntropy } from '@simsim/crypto';
import { nobleCrypto } from '@simsim/crypto/noble';
import { nodeCrypto } from '@simsim/crypto/node';
import { describe, expect, it } from 'vitest';
import { sealHeader } from '../src/header-seal.ts';
import { headerRootStep } from '../src/header-ratchet-start.ts';
import type { HeaderRatchetState, RatchetMessage } from '../src/index.ts';
import {
  defaultRatchetLimits,
  deriveStartSecrets,
  eraseHeaderRatchet,
  headerRatchetSecrets,
  startHeaderInitiator,
  startHeaderResponder,
} from '../src/index.ts';
import { AD, Talk, headers, must } from './variants.ts';

const { suite } = headers;
const crypto = nobleCrypto;
const entropy = seededEntropy(Uint8Array.of(3), crypto);

function shown(secret: Secret | undefined): string {
  return secret === undefined ? 'none' : bytesToHex(crypto.exportSecret(secret));
}

function newTalk(backend: Crypto = crypto): Talk<HeaderRatchetState> {
  return new Talk(headers, backend);
}

/** Counts trials of a header. */
function trials(): { readonly backend: Crypto; readonly count: (step: () => void) => number } {
  let opened = 0;
  const backend: Crypto = {
    ...nodeCrypto,
    open: (...given) => ((opened += 1), nodeCrypto.open(...given)),
  };
  return {
    backend,
    count(step) {
      opened = 0;
      step();
      return opened;
    },
  };
}

describe('the start', () => {
  it('derives three secrets that are the same at both ends and unlike each other', () => {
    const agreed = crypto.importSecret('root', new Uint8Array(32).fill(7));
    const one = deriveStartSecrets(agreed, { crypto, suite });
    const two = deriveStartSecrets(agreed, { crypto, suite });
    const all = [one.root, one.initiatorHeaderKey, one.responderHeaderKey].map(shown);
    expect(all).toEqual([two.root, two.initiatorHeaderKey, two.responderHeaderKey].map(shown));
    expect(new Set([...all, shown(agreed)]).size).toBe(4);
  });

  it('gives each end the header keys of the specification', () => {
    const talk = newTalk();
    const agreed = crypto.importSecret('root', new Uint8Array(32).fill(7));
    const secrets = deriveStartSecrets(agreed, { crypto, suite });
    const shared = [secrets.initiatorHeaderKey, secrets.responderHeaderKey];
    const bob = startHeaderResponder(secrets, talk.prekey);
    expect(bob.sending).toEqual({
      kind: 'borrowed',
      own: talk.prekey,
      nextHeaderKey: secrets.responderHeaderKey,
    });
    expect(bob.nextReceivingKey).toBe(secrets.initiatorHeaderKey);
    expect([bob.root, bob.receiving, bob.peer]).toEqual([secrets.root, undefined, undefined]);
    const peer = talk.prekey.publicKey;
    const before = shown(secrets.root);
    const alice = must(startHeaderInitiator({ secrets, peer }, talk.sendEnv()));
    if (alice.sending.kind !== 'ready') throw new Error('the initiator can send');
    expect([alice.sending.headerKey, alice.nextReceivingKey]).toEqual(shared);
    expect(alice.receiving).toBeUndefined();
    const made = [alice.root, alice.sending.chain.chain, alice.sending.nextHeaderKey].map(shown);
    expect(new Set([...made, before]).size).toBe(4);
    expect(alice.sending.chain.counter).toBe(0);
  });

  it('makes each end turn on the first message of the other, by its next key', () => {
    const talk = newTalk();
    const next = talk.states.bob.nextReceivingKey;
    const step = must(talk.try('bob', talk.send('alice')));
    expect(step.didTurn).toBe(true);
    expect(talk.states.bob.receiving?.headerKey).toBe(next);
    const nextOfAlice = talk.states.alice.nextReceivingKey;
    expect(must(talk.try('alice', talk.send('bob'))).didTurn).toBe(true);
    expect(talk.states.alice.receiving?.headerKey).toBe(nextOfAlice);
  });

  it('lets a responder send only once it has received', () => {
    const talk = newTalk();
    const input = { plaintext: AD, associatedData: AD };
    const result = headers.encrypt(talk.states.bob, input, talk.sendEnv());
    expect(result).toEqual({ ok: false, error: { code: 'NO_SENDING_CHAIN' } });
  });

  it('refuses a peer whose key gives nothing', () => {
    const talk = newTalk();
    const secrets = deriveStartSecrets(crypto.importSecret('root', new Uint8Array(32)), {
      crypto,
      suite,
    });
    const failing: Crypto = { ...crypto, dh: () => undefined };
    const env = { ...talk.sendEnv(), crypto: failing };
    const result = startHeaderInitiator({ secrets, peer: talk.prekey.publicKey }, env);
    expect(result).toEqual({ ok: false, error: { code: 'BAD_KEY', key: 'ratchet' } });
  });
});

describe('KDF_RK_HE', () => {
  it('gives three secrets unlike each other, the same at both ends', () => {
    const [one, two] = [crypto.keyPair(entropy(32)), crypto.keyPair(entropy(32))];
    const root = crypto.importSecret('root', new Uint8Array(32).fill(2));
    const env = { crypto, options: newTalk().options };
    const [a, b] = [[one, two.publicKey] as const, [two, one.publicKey] as const].map(
      ([own, peer]) => {
        const shared = crypto.dh(own.privateKey, peer);
        if (shared === undefined) throw new Error('good keys');
        return headerRootStep({ root, shared }, env).map(shown);
      },
    );
    expect(a).toEqual(b);
    expect(new Set(a).size).toBe(3);
  });
});

describe('a turn', () => {
  it('takes the next header keys before it makes new ones', () => {
    const talk = newTalk();
    talk.roundTrip();
    const { alice, bob } = talk.states;
    if (bob.sending.kind !== 'ready') throw new Error('bob has sent');
    const nextSending = bob.sending.nextHeaderKey;
    talk.deliver('bob', talk.send('alice'));
    const turned = talk.states.bob;
    expect(turned.sending).toEqual({ kind: 'owed', headerKey: nextSending });
    expect(turned.receiving?.headerKey).toBe(bob.nextReceivingKey);
    expect(shown(turned.nextReceivingKey)).not.toBe(shown(bob.nextReceivingKey));
    talk.send('bob');
    const { sending } = talk.states.bob;
    if (sending.kind !== 'ready') throw new Error('bob has sent');
    expect(sending.headerKey).toBe(nextSending);
    expect(shown(sending.headerKey)).toBe(shown(alice.nextReceivingKey));
    expect(shown(sending.nextHeaderKey)).not.toBe(shown(nextSending));
  });

  it('gives away what it replaced, and nothing that is still held', () => {
    const talk = newTalk();
    talk.roundTrip();
    for (const [from, to] of [
      ['alice', 'bob'],
      ['bob', 'alice'],
      ['alice', 'bob'],
    ] as const) {
      const before = talk.states[to];
      const step = must(talk.try(to, talk.send(from)));
      const held = new Set(headerRatchetSecrets(talk.states[to]));
      const spent = headerRatchetSecrets(before).filter((secret) => !held.has(secret));
      expect(new Set(step.consumed)).toEqual(new Set(spent));
      expect(step.consumed).toHaveLength(spent.length);
      expect(spent.length).toBeGreaterThanOrEqual(5);
    }
  });

  it('is refused before our answer went out, and to a key we know', () => {
    const talk = newTalk();
    const { alice } = talk.states;
    // A peer that breaks the rules: it turns without an answer, or to the key it has.
    const forge = (state: HeaderRatchetState, key: Secret<'header'>, ratchetKey: Uint8Array) => {
      if (state.sending.kind !== 'ready') throw new Error('can send');
      const sealed = sealHeader({ ratchetKey, counter: 0, previousCount: 0 }, key, {
        crypto,
        entropy,
        suite,
      });
      return { header: sealed, ciphertext: new Uint8Array(32) };
    };
    const signedPreKey = talk.prekey.publicKey.bytes;
    expect(talk.refused('alice', forge(alice, alice.nextReceivingKey, signedPreKey))).toBe(
      'UNKNOWN_RATCHET_KEY',
    );
    talk.deliver('bob', talk.send('alice'));
    const { bob } = talk.states;
    expect(bob.sending.kind).toBe('owed');
    const stranger = crypto.keyPair(entropy(32)).publicKey.bytes;
    expect(talk.refused('bob', forge(alice, bob.nextReceivingKey, stranger))).toBe(
      'UNKNOWN_RATCHET_KEY',
    );
    talk.send('bob');
    const low = forge(alice, talk.states.bob.nextReceivingKey, new Uint8Array(32));
    expect(talk.refused('bob', low)).toBe('BAD_KEY');
  });

  it('skips as far as allowed on the new chain and on the old, before any agreement', () => {
    let agreements = 0;
    const counting: Crypto = {
      ...crypto,
      dh: (own, peer) => ((agreements += 1), crypto.dh(own, peer)),
    };
    const talk = newTalk(counting);
    talk.roundTrip();
    talk.deliver('bob', talk.send('alice'));
    talk.send('bob');
    const { nextReceivingKey } = talk.states.bob;
    const max = defaultRatchetLimits.forwardJumpMax;
    const ratchetKey = crypto.keyPair(entropy(32)).publicKey.bytes;
    const refused = (counter: number, previousCount: number): string => {
      const plain = { ratchetKey, counter, previousCount };
      const sealed = sealHeader(plain, nextReceivingKey, { crypto, entropy, suite });
      return talk.refused('bob', { header: sealed, ciphertext: new Uint8Array(32) });
    };
    agreements = 0;
    expect(refused(max + 1, 0)).toBe('TOO_FAR_AHEAD');
    expect(refused(0, max + 2)).toBe('TOO_FAR_AHEAD');
    expect(refused(0xffff_ffff, 0)).toBe('CHAIN_EXHAUSTED');
    expect(agreements).toBe(0);
    // Within the limit everything is done, and only the tag tells that it is a forgery.
    expect(refused(max, max + 1)).toBe('BAD_MAC');
  });
});

describe('the search for a header key', () => {
  it('does not consume a stored key for another number of the same chain', () => {
    const talk = newTalk();
    talk.roundTrip();
    const late = talk.send('alice', 4);
    const arrived = talk.send('alice');
    talk.deliver('bob', arrived);
    talk.deliver('alice', talk.send('bob'));
    talk.deliver('bob', talk.send('alice'));
    const { bob } = talk.states;
    expect(bob.closed).toHaveLength(1);
    expect(talk.refused('bob', arrived)).toBe('DUPLICATE');
    expect(talk.states.bob).toBe(bob);
    expect(talk.deliver('bob', late)).toBe(4);
    // With its last seed the header key of a closed chain is gone.
    expect(talk.states.bob.closed).toEqual([]);
    expect(talk.refused('bob', late)).toBe('UNKNOWN_HEADER');
  });

  it('finds stored keys by header key, whatever the ratchet key', () => {
    const talk = newTalk();
    talk.roundTrip();
    const late = talk.send('alice', 4);
    talk.deliver('bob', talk.send('alice'));
    const chainKey = talk.states.bob.receiving?.headerKey;
    talk.deliver('alice', talk.send('bob'));
    talk.deliver('bob', talk.send('alice'));
    const [closed] = talk.states.bob.closed;
    expect(closed?.headerKey).toBe(chainKey);
    // Another ratchet key in the header changes nothing for the search, only for the tag.
    const plain = { ratchetKey: new Uint8Array(32).fill(9), counter: 0, previousCount: 0 };
    if (chainKey === undefined) throw new Error('a chain');
    const forged = sealHeader(plain, chainKey, { crypto, entropy, suite });
    expect(talk.refused('bob', { header: forged, ciphertext: late.ciphertext })).toBe('BAD_MAC');
    expect(talk.deliver('bob', late)).toBe(4);
  });

  it('tries each header key once, however many messages it stands for', () => {
    const { backend, count } = trials();
    const talk = newTalk(backend);
    talk.roundTrip();
    const late: RatchetMessage[] = [];
    for (let chain = 0; chain < 3; chain++) {
      for (let i = 0; i < 100; i++) late.push(talk.send('alice', i));
      talk.deliver('bob', talk.send('alice'));
      talk.deliver('alice', talk.send('bob'));
    }
    const last = talk.send('alice');
    expect(count(() => talk.deliver('bob', last))).toBe(2);
    expect(talk.states.bob.closed).toHaveLength(3);
    const next = talk.send('alice');
    expect(count(() => talk.deliver('bob', next))).toBe(1);
    for (const message of late) {
      expect(count(() => talk.deliver('bob', message))).toBeLessThanOrEqual(5);
    }
    const stranger = { header: new Uint8Array(72), ciphertext: new Uint8Array(32) };
    expect(count(() => void talk.refused('bob', stranger))).toBe(2);
  });

  it('has no key for a stranger, and none for a header of another length', () => {
    const talk = newTalk();
    const other = new Talk(headers, crypto, { seed: 9 });
    expect(talk.refused('bob', other.send('alice'))).toBe('UNKNOWN_HEADER');
    const message = talk.send('alice');
    for (const length of [0, 40, 71, 73]) {
      const cut = { ...message, header: new Uint8Array(length) };
      expect(talk.refused('bob', cut)).toBe('MALFORMED');
    }
  });

  it('binds the ciphertext to the header as it was encrypted', () => {
    const talk = newTalk();
    const message = talk.send('alice', 6);
    const sending = talk.states.alice.sending;
    if (sending.kind !== 'ready') throw new Error('can send');
    // The same header, encrypted again: equal inside, other bytes outside.
    const plain = { ratchetKey: sending.own.publicKey.bytes, counter: 0, previousCount: 0 };
    const again = sealHeader(plain, sending.headerKey, { crypto, entropy, suite });
    expect(talk.refused('bob', { ...message, header: again })).toBe('BAD_MAC');
    expect(talk.deliver('bob', message)).toBe(6);
  });
});

describe('a state', () => {
  it('can be erased', () => {
    const talk = newTalk();
    talk.send('alice');
    talk.roundTrip();
    talk.send('alice');
    talk.deliver('bob', talk.send('alice'));
    talk.send('bob');
    const secrets = headerRatchetSecrets(talk.states.bob);
    expect(secrets).toHaveLength(2 + 4 + 3 + 2);
    eraseHeaderRatchet(talk.states.bob, crypto);
    for (const secret of secrets) {
      expect(crypto.exportSecret(secret).every((byte) => byte === 0)).toBe(true);
    }
  });

  it('does not count a chain beyond its last message', () => {
    const talk = newTalk();
    const { sending } = talk.states.alice;
    if (sending.kind !== 'ready') throw new Error('can send');
    const chain = { ...sending.chain, counter: defaultRatchetLimits.chainMessagesMax };
    const worn = { ...talk.states.alice, sending: { ...sending, chain } };
    const input = { plaintext: AD, associatedData: AD };
    const result = headers.encrypt(worn, input, talk.sendEnv());
    expect(result).toEqual({ ok: false, error: { code: 'CHAIN_EXHAUSTED' } });
  });
});
