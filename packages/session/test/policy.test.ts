/** Which versions of a session may begin. */

import { nodeCrypto } from '@simsim/crypto/node';
import { describe, expect, it } from 'vitest';
import type { PreKeyBundle, SessionOptions, SessionPolicy, WireVersion } from '../src/index.ts';
import {
  defaultSessionPolicy,
  hasPqRatchet,
  makeSessionSteps,
  sessionVersion,
} from '../src/index.ts';
import {
  Conversation,
  acceptInputOf,
  bundleOf,
  bytesOf,
  initiationOf,
  makeParty,
  must,
  refusal,
} from './conversation.ts';

const alice = makeParty(nodeCrypto, 40);
const bob = makeParty(nodeCrypto, 41);
const bundles: { readonly [V in WireVersion]: PreKeyBundle } = {
  3: bundleOf(bob, { version: 3 }),
  4: bundleOf(bob, { version: 4 }),
};

function firstMessage(bundle: PreKeyBundle, options: SessionOptions = {}, version?: WireVersion) {
  const steps = makeSessionSteps(options);
  const asked = version === undefined ? {} : { version };
  const { session } = must(steps.initiate({ ...alice, bundle, ...asked }, alice.env));
  return initiationOf(must(steps.encrypt(session, bytesOf('x'), alice.env)).message);
}

const withPolicy = (policy: Partial<SessionPolicy>) => makeSessionSteps({ policy });

describe('the initiator', () => {
  const version = (bundle: PreKeyBundle, steps = makeSessionSteps()): WireVersion =>
    sessionVersion(must(steps.initiate({ ...alice, bundle }, alice.env)).session);

  it('begins the best session the bundle offers', () => {
    expect([version(bundles[3]), version(bundles[4])]).toEqual([3, 4]);
  });

  it('begins none below the minimum', () => {
    const steps = withPolicy({ minimumVersion: 4 });
    expect(version(bundles[4], steps)).toBe(4);
    const refused = steps.initiate({ ...alice, bundle: bundles[3] }, alice.env);
    expect(refused).toEqual({ ok: false, error: { code: 'VERSION_TOO_LOW', version: 3 } });
  });

  it('begins none below the offer unless the policy allows it', () => {
    const input = { ...alice, bundle: bundles[4], version: 3 } as const;
    expect(refusal(makeSessionSteps().initiate(input, alice.env))).toBe('DOWNGRADE');
    const allowed = must(withPolicy({ downgrade: 'allow' }).initiate(input, alice.env));
    expect(sessionVersion(allowed.session)).toBe(3);
    const sabotaged = makeSessionSteps({ sabotage: 'takes-downgrade' });
    expect(sabotaged.initiate(input, alice.env).ok).toBe(true);
  });

  it('begins none above the offer', () => {
    const input = { ...alice, bundle: bundles[3], version: 4 } as const;
    expect(refusal(makeSessionSteps().initiate(input, alice.env))).toBe('NO_KEM_PREKEY');
  });

  it('takes no KEM prekey that is unsigned, malformed, or signed as a curve key', () => {
    const steps = makeSessionSteps();
    const { kemPreKey } = bundles[4];
    if (kemPreKey === undefined) throw new Error('version 4 has one');
    const other = makeParty(nodeCrypto, 43);
    const swapped = bundleOf(other, { version: 4 }).kemPreKey?.signature ?? new Uint8Array();
    const flipped = kemPreKey.publicKey.slice();
    flipped[700] = (flipped[700] ?? 0) ^ 1;
    for (const [change, code] of [
      [{ signature: new Uint8Array(64) }, 'BAD_SIGNATURE'],
      [{ signature: new Uint8Array(0) }, 'BAD_SIGNATURE'],
      [{ signature: swapped }, 'BAD_SIGNATURE'],
      [{ signature: bundles[4].signedPreKey.signature }, 'BAD_SIGNATURE'],
      [{ publicKey: flipped }, 'BAD_SIGNATURE'],
      [{ publicKey: flipped.subarray(1) }, 'BAD_SIGNATURE'],
    ] as const) {
      const bundle = { ...bundles[4], kemPreKey: { ...kemPreKey, ...change } };
      expect(refusal(steps.initiate({ ...alice, bundle }, alice.env))).toBe(code);
    }
  });
});

describe('the responder', () => {
  it('takes none below the minimum', () => {
    const message = firstMessage(bundles[3]);
    const refused = withPolicy({ minimumVersion: 4 }).accept(acceptInputOf(bob, message), bob.env);
    expect(refused).toEqual({ ok: false, error: { code: 'VERSION_TOO_LOW', version: 3 } });
  });

  it('takes none below what its own bundle offers', () => {
    const input = { ...acceptInputOf(bob, firstMessage(bundles[3])), offeredVersion: 4 } as const;
    expect(refusal(makeSessionSteps().accept(input, bob.env))).toBe('DOWNGRADE');
    must(withPolicy({ downgrade: 'allow' }).accept(input, bob.env));
    must(makeSessionSteps({ sabotage: 'takes-downgrade' }).accept(input, bob.env));
    const { offeredVersion: _, ...withoutKem } = input;
    must(makeSessionSteps().accept(withoutKem, bob.env));
  });

  it('wants a KEM prekey exactly in version 4', () => {
    const steps = makeSessionSteps();
    const { kemPreKey, ...without } = acceptInputOf(bob, firstMessage(bundles[4]));
    expect(refusal(steps.accept(without, bob.env))).toBe('KEM_KEY_MISMATCH');
    const older = acceptInputOf(bob, firstMessage(bundles[3]));
    const given = kemPreKey === undefined ? older : { ...older, kemPreKey };
    expect(refusal(steps.accept(given, bob.env))).toBe('KEM_KEY_MISMATCH');
  });

  it('names a KEM ciphertext of a wrong length, which no parsed message has', () => {
    const message = firstMessage(bundles[4]);
    const kem = { preKeyId: 1, ciphertext: new Uint8Array(1567) };
    const refused = makeSessionSteps().accept(acceptInputOf(bob, { ...message, kem }), bob.env);
    expect(refusal(refused)).toBe('BAD_KEM_CIPHERTEXT');
  });
});

describe('the post-quantum ratchet', () => {
  const cases: readonly (readonly [
    SessionPolicy['pqRatchet'],
    SessionPolicy['pqRatchet'],
    boolean | 'refused',
  ])[] = [
    ['required', 'required', true],
    ['required', 'optional', true],
    ['required', 'off', 'refused'],
    ['optional', 'required', true],
    ['optional', 'optional', true],
    ['optional', 'off', 'refused'],
    ['off', 'required', 'refused'],
    ['off', 'optional', false],
    ['off', 'off', false],
  ];

  it.each(cases)('of an initiator with %s and a responder with %s', (ours, theirs, outcome) => {
    const message = firstMessage(bundles[4], { policy: { pqRatchet: ours } });
    const result = withPolicy({ pqRatchet: theirs }).accept(acceptInputOf(bob, message), bob.env);
    expect(result.ok ? hasPqRatchet(result.value.session) : 'refused').toBe(outcome);
    if (!result.ok) expect(result.error.code).toBe('PQ_RATCHET_MISMATCH');
  });

  it('is required by default, and refuses a downgrade', () => {
    expect(defaultSessionPolicy).toEqual({
      minimumVersion: 3,
      downgrade: 'refuse',
      pqRatchet: 'required',
    });
  });

  it('cannot be left out or brought in within a session', () => {
    const [plain, ratcheted] = (['off', 'required'] as const).map((pqRatchet) => {
      const talk = new Conversation(nodeCrypto, { version: 4, policy: { pqRatchet } });
      talk.toBob(talk.send(talk.alice, bytesOf('1')));
      talk.deliver(talk.alice, talk.send(talk.bob, bytesOf('2')));
      return talk;
    });
    if (plain === undefined || ratcheted === undefined) throw new Error('two conversations');
    const without = plain.send(plain.alice, bytesOf('x'));
    const withKey = ratcheted.send(ratcheted.alice, bytesOf('x'));
    expect(refusal(ratcheted.tryDeliver(ratcheted.bob, without))).toBe('PQ_RATCHET_MISMATCH');
    expect(refusal(plain.tryDeliver(plain.bob, withKey))).toBe('PQ_RATCHET_MISMATCH');
  });
});

describe('a session', () => {
  it('takes only messages of its own version', () => {
    const three = new Conversation(nodeCrypto, { version: 3 });
    const four = new Conversation(nodeCrypto, { version: 4 });
    for (const talk of [three, four]) {
      talk.toBob(talk.send(talk.alice, bytesOf('1')));
      talk.deliver(talk.alice, talk.send(talk.bob, bytesOf('2')));
    }
    for (const [own, other] of [
      [three, four],
      [four, three],
    ] as const) {
      const foreign = other.send(other.alice, bytesOf('x'));
      expect(refusal(own.tryDeliver(own.bob, foreign))).toBe('WRONG_SESSION');
    }
  });
});
