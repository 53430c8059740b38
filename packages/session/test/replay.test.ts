/** A first message that used up no one-time prekey is taken once, whatever is done to its base key. */

import { bytesToHex } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import { describe, expect, it } from 'vitest';
import type {
  AcceptInput,
  InitiationMessage,
  ReplayRecord,
  Session,
  SessionSabotage,
} from '../src/index.ts';
import {
  decodeReplayRecord,
  emptyReplayRecord,
  encodeReplayRecord,
  makeSessionSteps,
  sessionIdOf,
} from '../src/index.ts';
import type { Party } from './conversation.ts';
import {
  acceptInputOf,
  backends,
  bundleOf,
  bytesOf,
  initiationOf,
  makeParty,
  must,
  parse,
  refusal,
} from './conversation.ts';
import { torsionTwins } from './torsion.ts';

const versions = [3, 4] as const;

interface Scene {
  readonly steps: ReturnType<typeof makeSessionSteps>;
  readonly alice: Party;
  /** Alice's session after her first message. */
  readonly begun: Session;
  readonly bob: Party;
  readonly message: InitiationMessage;
  readonly input: AcceptInput;
}

interface SceneChoice {
  readonly version: 3 | 4;
  readonly sabotage?: SessionSabotage;
  readonly seed?: number;
}

/** Alice's first message to Bob without a one-time prekey, in version 4 under his last resort. */
function scene(crypto: Crypto, { version, sabotage, seed = 90 }: SceneChoice): Scene {
  const steps = makeSessionSteps(sabotage === undefined ? {} : { sabotage });
  const alice = makeParty(crypto, seed);
  const bob = makeParty(crypto, 91);
  const bundle = bundleOf(bob, { version, withOneTimeKey: false });
  const { session } = must(steps.initiate({ ...alice, bundle }, alice.env));
  const sent = must(steps.encrypt(session, bytesOf('once'), alice.env));
  const message = initiationOf(sent.message);
  const input = acceptInputOf(bob, message);
  return { steps, alice, begun: sent.session, bob, message, input };
}

function twinsAreRepeats(crypto: Crypto, choice: SceneChoice): void {
  const { steps, bob, message, input } = scene(crypto, choice);
  const twins = torsionTwins(message.baseKey);
  expect(new Set(twins.map(bytesToHex)).size).toBe(8);
  expect(new Set(twins.map((twin) => sessionIdOf(twin, crypto))).size).toBe(8);
  for (const first of twins) {
    const accepted = must(
      steps.accept(
        { ...input, message: { ...message, baseKey: first }, replays: emptyReplayRecord() },
        bob.env,
      ),
    );
    expect(accepted.plaintext).toEqual(bytesOf('once'));
    const { replays } = accepted;
    if (replays === undefined) throw new Error('a record was given');
    for (const baseKey of twins) {
      const repeat = { ...input, message: { ...message, baseKey }, replays };
      expect(refusal(steps.accept(repeat, bob.env))).toBe('REPLAYED');
    }
  }
}

describe.each(backends)('a repeated first message on %s', (_name, crypto) => {
  it.each(versions)('of version %i is refused under all eight base keys', (version) => {
    twinsAreRepeats(crypto, { version });
  });

  it.each(versions)('of version %i begins a session that works under any of them', (version) => {
    const { steps, alice, begun, bob, message, input } = scene(crypto, { version });
    for (const baseKey of torsionTwins(message.baseKey)) {
      const accepted = must(steps.accept({ ...input, message: { ...message, baseKey } }, bob.env));
      const reply = must(steps.encrypt(accepted.session, bytesOf('reply'), bob.env));
      const received = must(steps.decrypt(begun, parse(reply.message), alice.env));
      expect(received.plaintext).toEqual(bytesOf('reply'));
    }
  });

  it.each(versions)('of version %i has one identity key: that is under the tag', (version) => {
    const { steps, bob, message, input } = scene(crypto, { version });
    const [own, ...twins] = torsionTwins(message.identityKey);
    expect(own).toEqual(message.identityKey);
    for (const identityKey of twins) {
      const result = steps.accept({ ...input, message: { ...message, identityKey } }, bob.env);
      expect(refusal(result)).toBe('BAD_MAC');
    }
  });

  it('is noticed to come through where base keys tell repeats', () => {
    for (const version of versions) {
      const choice = { version, sabotage: 'replays-by-base-key' } as const;
      expect(() => twinsAreRepeats(crypto, choice)).toThrow(/not refused/);
    }
  });
});

describe.each(versions)('the replay record of a prekey, version %i,', (version) => {
  const [, crypto] = backends[1] ?? backends[0] ?? [];
  if (crypto === undefined) throw new Error('there is a backend');

  /** Fills a record of ten with agreements of ten strangers. */
  function fill(sabotage?: SessionSabotage): {
    first: Scene;
    record: ReplayRecord;
    told: boolean[];
  } {
    const choice = { version, ...(sabotage === undefined ? {} : { sabotage }) };
    const first = scene(crypto as Crypto, { ...choice, seed: 200 });
    let record = emptyReplayRecord(10);
    const told: boolean[] = [];
    for (let i = 0; i < 10; i++) {
      const { steps, bob, input } = scene(crypto as Crypto, { ...choice, seed: 200 + i });
      const accepted = must(steps.accept({ ...input, replays: record }, bob.env));
      record = accepted.replays ?? record;
      told.push(accepted.mustReplacePreKey);
    }
    return { first, record, told };
  }

  it('tells of nine tenths, then refuses strangers and still knows everybody', () => {
    const { first, record, told } = fill();
    expect(told).toEqual([...Array.from({ length: 8 }, () => false), true, true]);
    const { steps, bob, input } = scene(crypto, { version, seed: 300 });
    const stranger = steps.accept({ ...input, replays: record }, bob.env);
    expect(refusal(stranger)).toBe('REPLAY_RECORD_FULL');
    expect(refusal(first.steps.accept({ ...first.input, replays: record }, bob.env))).toBe(
      'REPLAYED',
    );
    // Under a new prekey's record the stranger is welcome.
    must(steps.accept({ ...input, replays: emptyReplayRecord(10) }, bob.env));
  });

  it('is noticed to forget', () => {
    const { first, record } = fill('forgets-replays');
    const { steps, bob, input } = scene(crypto, {
      version,
      seed: 300,
      sabotage: 'forgets-replays',
    });
    const flushed = must(steps.accept({ ...input, replays: record }, bob.env)).replays;
    if (flushed === undefined) throw new Error('a record was given');
    expect(first.steps.accept({ ...first.input, replays: flushed }, bob.env).ok).toBe(true);
  });

  it('survives being saved', () => {
    const { record } = fill();
    expect(must(decodeReplayRecord(encodeReplayRecord(record)))).toEqual(record);
  });

  it('does not change where a message fails', () => {
    const { steps, bob, message, input } = scene(crypto, { version });
    const tag = message.inner.tag.map((byte) => byte ^ 1);
    const forged = { ...message, inner: { ...message.inner, tag } };
    const replays = emptyReplayRecord();
    expect(refusal(steps.accept({ ...input, message: forged, replays }, bob.env))).toBe('BAD_MAC');
    must(steps.accept({ ...input, replays }, bob.env));
  });

  it('is not needed where a one-time prekey is used up', () => {
    const alice = makeParty(crypto, 70);
    const bob = makeParty(crypto, 71);
    const steps = makeSessionSteps();
    const bundle = bundleOf(bob, { version });
    const { session } = must(steps.initiate({ ...alice, bundle }, alice.env));
    const sent = must(steps.encrypt(session, bytesOf('x'), alice.env));
    const input = acceptInputOf(bob, initiationOf(sent.message));
    const replays = emptyReplayRecord(1);
    const accepted = must(steps.accept({ ...input, replays }, bob.env));
    expect(accepted.replays).toBeUndefined();
    expect(accepted.consumed).toContain(bob.oneTimePreKey.privateKey);
  });
});

describe('a one-time KEM prekey', () => {
  it('is used up with the session, needs no record, and stays where a message fails', () => {
    const [, crypto] = backends[0] ?? [];
    if (crypto === undefined) throw new Error('there is a backend');
    const { steps, bob, message } = scene(crypto, { version: 4 });
    const input = acceptInputOf(bob, message, 'oneTime');
    const { consumed, replays } = must(
      steps.accept({ ...input, replays: emptyReplayRecord() }, bob.env),
    );
    expect(consumed).toEqual([bob.kem().privateKey]);
    expect(replays).toBeUndefined();
  });
});
