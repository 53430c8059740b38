/** A refused first message changes nothing, and nothing that matters can be changed unnoticed. */

import { bytesToHex } from '@simsim/bytes';
import type { Secret } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import { describe, expect, it } from 'vitest';
import type { SessionOptions } from '../src/index.ts';
import {
  emptyReplayRecord,
  encodeReplayRecord,
  makeSessionSteps,
  parseMessage,
} from '../src/index.ts';
import { acceptInputOf, bundleOf, bytesOf, initiationOf, makeParty, must } from './conversation.ts';
import { secretsOf, trackSecrets } from './tracking-crypto.ts';

const versions = [3, 4] as const;

interface Flip {
  readonly bit: number;
  readonly outcome: string;
}

/**
 * Flips bits of a first message and looks at what every refusal left behind. Answers how each flip
 * ended. Every bit outside the KEM ciphertext, one in 37 of it: each costs a whole agreement.
 */
function flips(version: 3 | 4, options: SessionOptions = {}): Flip[] {
  const { crypto, alive } = trackSecrets(nodeCrypto);
  const steps = makeSessionSteps(options);
  const alice = makeParty(nodeCrypto, 50);
  const bob = makeParty(nodeCrypto, 51);
  const env = { ...bob.env, crypto };
  for (const pair of [bob.identity, bob.signedPreKey, bob.oneTimePreKey]) {
    const secret = nodeCrypto.exportSecret(pair.privateKey);
    Object.assign(pair, crypto.keyPairOf(crypto.importSecret('dh', secret)));
  }
  const bundle = bundleOf(bob, { version, withOneTimeKey: false });
  const { session } = must(steps.initiate({ ...alice, bundle }, alice.env));
  const genuine = must(steps.encrypt(session, bytesOf('hello'), alice.env)).message;
  const held = new Set<Secret>(alive);
  const replays = emptyReplayRecord();
  const before = bytesToHex(encodeReplayRecord(replays));
  const kemFrom = version === 4 ? genuine.length - 1569 : genuine.length;
  const found: Flip[] = [];
  for (let bit = 0; bit < genuine.length * 8; bit += bit >> 3 < kemFrom ? 1 : 37) {
    const damaged = genuine.slice();
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const parsed = parseMessage(damaged);
    if (!parsed.ok || parsed.value.kind !== 'initiation') {
      found.push({ bit, outcome: parsed.ok ? 'regular' : parsed.error.code });
      continue;
    }
    const input = { ...acceptInputOf(bob, parsed.value), replays };
    const result = steps.accept(input, env);
    found.push({ bit, outcome: result.ok ? 'taken' : result.error.code });
    if (result.ok) {
      expect(result.value.plaintext).toEqual(bytesOf('hello'));
      for (const secret of alive) if (!held.has(secret)) crypto.wipe(secret);
      continue;
    }
    expect(new Set(alive)).toEqual(held);
  }
  expect(bytesToHex(encodeReplayRecord(replays))).toBe(before);
  const first = acceptInputOf(bob, initiationOf(genuine));
  expect(must(steps.accept({ ...first, replays }, env)).plaintext).toEqual(bytesOf('hello'));
  return found;
}

/** Which bytes of a first message no tag covers, by what they are. */
function uncovered(version: 3 | 4): (bit: number) => boolean {
  const alice = makeParty(nodeCrypto, 50);
  const bob = makeParty(nodeCrypto, 51);
  const bundle = bundleOf(bob, { version, withOneTimeKey: false });
  const { session } = must(makeSessionSteps().initiate({ ...alice, bundle }, alice.env));
  const { message } = must(makeSessionSteps().encrypt(session, bytesOf('hello'), alice.env));
  const innerEnd = message.length - (version === 4 ? 1574 : 0) - 4;
  // The low nibble of the outer version, the registration id and the ids of prekeys.
  return (bit) => {
    const at = bit >> 3;
    const isVersion = at === 0 && (bit & 7) < 4;
    const isIds = at >= innerEnd && at < message.length - (version === 4 ? 1569 : 0);
    return isVersion || isIds;
  };
}

describe.each(versions)('a damaged first message of version %i', (version) => {
  const found = flips(version);

  it('leaves no secret and no entry behind, and burns no prekey', () => {
    expect(found.filter(({ outcome }) => outcome !== 'taken').length).toBeGreaterThan(1000);
  });

  it('is taken only where no tag covers what was changed', () => {
    const isUncovered = uncovered(version);
    const taken = found.filter(({ outcome }) => outcome === 'taken');
    expect(taken.filter(({ bit }) => !isUncovered(bit))).toEqual([]);
    // The low nibble of the version, the registration id and prekey ids: known and documented.
    expect(taken.length).toBeGreaterThan(4);
  });

  it('fails by its tag where header, body, tag or KEM ciphertext is changed', () => {
    const codes = new Set(found.map(({ outcome }) => outcome));
    expect(codes).toContain('BAD_MAC');
    if (version === 4) {
      const last = found.slice(-300).map(({ outcome }) => outcome);
      expect(new Set(last)).toEqual(new Set(['BAD_MAC']));
    }
  });
});

describe.each(versions)('beginning a session of version %i', (version) => {
  it.each(['required', 'optional', 'off'] as const)(
    'leaves alive what the sessions hold and nothing else, post-quantum ratchet %s',
    (pqRatchet) => {
      const { crypto, alive } = trackSecrets(nodeCrypto);
      const steps = makeSessionSteps({ policy: { pqRatchet } });
      const alice = makeParty(crypto, 52);
      const bob = makeParty(crypto, 53);
      const bundle = bundleOf(bob, { version });
      const prekeys = new Set<Secret>(alive);
      const begun = must(steps.initiate({ ...alice, bundle }, alice.env));
      expect(newSecrets(alive, prekeys)).toEqual(secretsOf(begun.session));
      const sent = must(steps.encrypt(begun.session, bytesOf('x'), alice.env));
      for (const secret of sent.consumed) crypto.wipe(secret);
      const ours = secretsOf(sent.session);
      expect(newSecrets(alive, prekeys)).toEqual(ours);
      const input = acceptInputOf(bob, initiationOf(sent.message), 'oneTime');
      const accepted = must(steps.accept({ ...input, replays: emptyReplayRecord() }, bob.env));
      const theirs = secretsOf(accepted.session);
      expect(newSecrets(alive, prekeys)).toEqual(new Set([...ours, ...theirs]));
      // What is used up was there before, and nothing of it is in the session.
      for (const secret of accepted.consumed) {
        expect(secret === input.kemPreKey?.pair.privateKey || prekeys.has(secret)).toBe(true);
        expect(theirs.has(secret)).toBe(false);
      }
    },
  );
});

function newSecrets(alive: ReadonlySet<Secret>, before: ReadonlySet<Secret>): Set<Secret> {
  return new Set([...alive].filter((secret) => !before.has(secret)));
}

describe('the law of damaged first messages', () => {
  it('notices secrets left behind', () => {
    expect(() => flips(4, { sabotage: 'moves-before-tag' })).toThrow();
  });
});
