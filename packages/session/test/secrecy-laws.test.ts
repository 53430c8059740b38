/** What a stolen state is good for: not for the past, and not for ever. Both wire versions. */

import { bytesToHex } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Session } from '../src/index.ts';
import type { TalkOptions } from './conversation.ts';
import { Conversation, bytesOf, parse } from './conversation.ts';
import { events, play } from './schedule.ts';
import { secretsOf } from './tracking-crypto.ts';

const versions = [{ version: 3 }, { version: 4 }] as const;

/** Whether a law holds under a variant of the code; a law that throws does not. */
function holds(law: () => void): boolean {
  try {
    law();
    return true;
  } catch {
    return false;
  }
}

interface Recorder {
  readonly crypto: Crypto;
  /** Message keys in the order of their use, by what they were used for. */
  readonly encrypted: string[];
  readonly opened: string[];
  /** Seeds of the message keys that opened a message. */
  readonly openedSeeds: string[];
}

/** A backend that notes which message keys encrypt and open. */
function record(): Recorder {
  const shown = (secret: Secret): string => bytesToHex(nodeCrypto.exportSecret(secret));
  const encrypted: string[] = [];
  const opened: string[] = [];
  const openedSeeds: string[] = [];
  let lastSeed = '';
  const crypto: Crypto = {
    ...nodeCrypto,
    chainMessage(chain, info) {
      const [next, seed] = nodeCrypto.chainStep(chain);
      return [next, crypto.messageKeys(seed, undefined, info)];
    },
    messageKeys(seed, salt, info) {
      lastSeed = shown(seed);
      return nodeCrypto.messageKeys(seed, salt, info);
    },
    encrypt(keys, plaintext) {
      encrypted.push(shown(keys));
      return nodeCrypto.encrypt(keys, plaintext);
    },
    decrypt(keys, ciphertext) {
      opened.push(shown(keys));
      openedSeeds.push(lastSeed);
      return nodeCrypto.decrypt(keys, ciphertext);
    },
  };
  return { crypto, encrypted, opened, openedSeeds };
}

function keysAreUsedOnce(options: TalkOptions): void {
  fc.assert(
    fc.property(events, (script) => {
      const { crypto, encrypted, opened } = record();
      play(script, crypto, options);
      expect(new Set(encrypted).size).toBe(encrypted.length);
      expect(new Set(opened).size).toBe(opened.length);
      // Only what was encrypted opens, each at most once.
      for (const key of opened) expect(encrypted).toContain(key);
    }),
  );
}

describe.each(versions)('a message key, version $version,', (base) => {
  it('encrypts one message and opens one message', () => keysAreUsedOnce(base));

  it('is noticed to be used again', () => {
    const sabotage = 'keeps-used-seed';
    expect(holds(() => keysAreUsedOnce({ ...base, sabotage }))).toBe(false);
  });
});

/** Every seed that follows from a state: those it stores and those its chains will give. */
function reachableSeeds(session: Session): Set<string> {
  const reachable = new Set<string>();
  const chains = [session.hot.receiving, ...session.cold.ratchet.olderChains];
  if (session.hot.sending.kind === 'ready') chains.push(session.hot.sending.chain);
  for (const held of chains) {
    if (held === undefined) continue;
    let { chain } = held;
    for (let i = 0; i < 80; i++) {
      const [next, seed] = nodeCrypto.chainStep(chain);
      reachable.add(bytesToHex(nodeCrypto.exportSecret(seed)));
      chain = next;
    }
  }
  for (const secret of secretsOf(session)) {
    reachable.add(bytesToHex(nodeCrypto.exportSecret(secret)));
  }
  return reachable;
}

/** Whoever takes both states at the end can reach the seed of no message that was opened. */
function pastIsClosed(options: TalkOptions): void {
  fc.assert(
    fc.property(events, (script) => {
      const { crypto, openedSeeds } = record();
      const { talk } = play(script, crypto, {
        ...options,
        observe({ consumed }) {
          for (const secret of consumed) nodeCrypto.wipe(secret);
        },
      });
      expect(openedSeeds.length).toBeGreaterThan(0);
      for (const { session } of [talk.alice, talk.bob]) {
        const reachable = reachableSeeds(session);
        for (const seed of openedSeeds)
          if (reachable.has(seed)) throw new Error('the past is open');
      }
    }),
  );
}

describe.each(versions)('the past, version $version,', (base) => {
  it('is closed to whoever takes both states', () => pastIsClosed(base));

  it('is noticed to be open', () => {
    const sabotage = 'keeps-used-seed';
    expect(holds(() => pastIsClosed({ ...base, sabotage }))).toBe(false);
  });
});

/** A thief with a copy of Bob's whole state reads on until both ends have answered once. */
function healsAfterRoundTrip(options: TalkOptions): void {
  const talk = new Conversation(nodeCrypto, options);
  const { alice } = talk;
  talk.toBob(talk.send(alice, bytesOf('first')));
  const { bob } = talk;
  talk.deliver(alice, talk.send(bob, bytesOf('reply')));
  talk.deliver(bob, talk.send(alice, bytesOf('second')));
  let thief = bob.session;
  const reads = (bytes: Uint8Array): boolean => {
    const env = { ...bob.party.env, entropy: (n: number) => new Uint8Array(n).fill(7) };
    const stolen = talk.steps.decrypt(thief, parse(bytes), env);
    if (stolen.ok) thief = stolen.value.session;
    return stolen.ok;
  };
  const third = talk.send(alice, bytesOf('third'));
  expect(reads(third)).toBe(true); // that is what a stolen state is good for
  talk.deliver(bob, third);
  for (let round = 0; round < 3; round++) {
    talk.deliver(alice, talk.send(bob, bytesOf('fresh key')));
    const answer = talk.send(alice, bytesOf('under it'));
    // The thief makes a turn of its own, as far as it can without Bob's new private key.
    const own = talk.steps.encrypt(thief, bytesOf('x'), {
      ...bob.party.env,
      entropy: (n) => new Uint8Array(n).fill(7),
    });
    if (own.ok) thief = own.value.session;
    expect(reads(answer)).toBe(false);
    talk.deliver(bob, answer);
  }
}

describe.each(versions)('a stolen state, version $version,', (base) => {
  it('is worth nothing after one round trip', () => healsAfterRoundTrip(base));

  it('is noticed to stay good', () => {
    const sabotage = 'reuses-ratchet-key';
    expect(holds(() => healsAfterRoundTrip({ ...base, sabotage }))).toBe(false);
  });
});
