import fc from 'fast-check';
import { concatBytes, createProtobufWriter, decodeProtobuf } from '@simsim/bytes';
import { nodeCrypto } from '@simsim/crypto/node';
import { describe, expect, it } from 'vitest';
import type { InitiationMessage } from '../src/index.ts';
import {
  MESSAGE_BYTES_MAX,
  PLAINTEXT_BYTES_MAX,
  accept,
  decrypt,
  encrypt,
  parseMessage,
} from '../src/index.ts';
import {
  Conversation,
  bundleOf,
  bytesOf,
  makeParty,
  must,
  parse,
  refusal,
} from './conversation.ts';

const key = (byte: number, type = 5): Uint8Array =>
  Uint8Array.from({ length: 33 }, (_, i) => (i === 0 ? type : byte));

interface Fields {
  readonly base?: Uint8Array;
  readonly identity?: Uint8Array;
  readonly ratchet?: Uint8Array;
  readonly outerVersion?: number;
  readonly innerVersion?: number;
  readonly without?: string;
}

/** Messages by hand, with one thing wrong. */
function regular({ ratchet = key(3), innerVersion = 0x33, without }: Fields = {}): Uint8Array {
  const writer = createProtobufWriter();
  if (without !== 'ratchet') writer.bytes(1, ratchet);
  if (without !== 'counter') writer.uint32(2, 4);
  if (without !== 'previous') writer.uint32(3, 2);
  if (without !== 'ciphertext') writer.bytes(4, new Uint8Array(16));
  return concatBytes([Uint8Array.of(innerVersion), writer.finish(), new Uint8Array(8)]);
}

function initiation(fields: Fields = {}): Uint8Array {
  const { base = key(1), identity = key(2), outerVersion = 0x33, without } = fields;
  const writer = createProtobufWriter();
  if (without !== 'oneTime') writer.uint32(1, 31);
  if (without !== 'base') writer.bytes(2, base);
  if (without !== 'identity') writer.bytes(3, identity);
  if (without !== 'message') writer.bytes(4, regular(fields));
  if (without !== 'registration') writer.uint32(5, 9);
  if (without !== 'signedPreKey') writer.uint32(6, 22);
  return concatBytes([Uint8Array.of(outerVersion), writer.finish()]);
}

describe('parsing a message', () => {
  it('reads both kinds', () => {
    expect(parse(regular())).toMatchObject({
      kind: 'regular',
      header: { ratchetKey: new Uint8Array(32).fill(3), counter: 4 },
      tag: new Uint8Array(8),
    });
    expect(parse(initiation())).toMatchObject({
      kind: 'initiation',
      baseKey: new Uint8Array(32).fill(1),
      identityKey: new Uint8Array(32).fill(2),
      registrationId: 9,
      signedPreKeyId: 22,
      oneTimePreKeyId: 31,
      inner: { kind: 'regular' },
    });
  });

  it('takes what real peers leave out', () => {
    expect(parse(initiation({ without: 'oneTime' }))).not.toHaveProperty('oneTimePreKeyId');
    expect(parse(initiation({ without: 'registration' }))).toMatchObject({ registrationId: 0 });
    expect(parse(regular({ without: 'previous' })).kind).toBe('regular');
  });

  it.each(['ratchet', 'counter', 'ciphertext'])('refuses a regular message without %s', (field) => {
    expect(refusal(parseMessage(regular({ without: field })))).toBe('MALFORMED');
  });

  it.each(['base', 'identity', 'message', 'signedPreKey'])(
    'refuses an initiation message without %s',
    (field) => {
      expect(refusal(parseMessage(initiation({ without: field })))).toBe('MALFORMED');
    },
  );

  it('refuses keys that are not 05 and 32 bytes', () => {
    for (const bad of [key(1, 6), key(1).subarray(1), concatBytes([key(1), Uint8Array.of(0)])]) {
      expect(parseMessage(initiation({ base: bad }))).toMatchObject({
        error: { code: 'BAD_KEY', key: 'base' },
      });
      expect(parseMessage(initiation({ identity: bad }))).toMatchObject({
        error: { code: 'BAD_KEY', key: 'identity' },
      });
      expect(parseMessage(initiation({ ratchet: bad }))).toMatchObject({
        error: { code: 'BAD_KEY', key: 'ratchet' },
      });
    }
  });

  it('takes 33 and 34 and names every other version', () => {
    for (const version of [0x33, 0x34, 0x3f]) {
      expect(parse(regular({ innerVersion: version })).kind).toBe('regular');
      expect(parse(initiation({ outerVersion: version })).kind).toBe('initiation');
    }
    for (const version of [0x23, 0x54, 0x00, 0xff]) {
      const error = { code: 'UNSUPPORTED_VERSION', version: version >> 4 };
      expect(parseMessage(regular({ innerVersion: version }))).toMatchObject({ error });
      expect(parseMessage(initiation({ outerVersion: version }))).toMatchObject({ error });
      expect(parseMessage(initiation({ innerVersion: version }))).toMatchObject({ error });
    }
  });

  it('refuses what is too long, unread', () => {
    expect(refusal(parseMessage(new Uint8Array(MESSAGE_BYTES_MAX + 1)))).toBe('TOO_LARGE');
    expect(refusal(parseMessage(new Uint8Array(MESSAGE_BYTES_MAX)))).not.toBe('TOO_LARGE');
  });

  it('never throws, on noise or on damaged messages', () => {
    const damaged = fc
      .tuple(fc.constantFrom(regular(), initiation()), fc.nat(), fc.nat({ max: 255 }), fc.nat())
      .map(([bytes, at, value, cut]) => {
        const copy = bytes.slice(0, cut % 3 === 0 ? cut % bytes.length : bytes.length);
        copy[at % Math.max(1, copy.length)] = value;
        return copy;
      });
    const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => {
      if (bytes.length > 0) bytes[0] = 0x33;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(damaged, noise), (bytes) => {
        expect(typeof parseMessage(bytes).ok).toBe('boolean');
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the previous counter', () => {
  it('is one less than the messages of the previous chain, and at least 0', () => {
    const talk = new Conversation(nodeCrypto, { seed: 5 });
    const said: (number | undefined)[] = [];
    for (const messages of [1, 2, 3, 1]) {
      for (let i = 0; i < messages; i++) {
        const bytes = talk.send(talk.alice, bytesOf('x'));
        const message = parse(bytes);
        const inner = message.kind === 'regular' ? message : message.inner;
        said.push(decodeProtobuf(inner.covered.subarray(1), { 3: 'uint32' })?.[3]);
        talk.toBob(bytes);
      }
      talk.deliver(talk.alice, talk.send(talk.bob, bytesOf('turn')));
    }
    expect(said).toEqual([0, 0, 0, 1, 1, 1, 2]);
  });

  it('is not relied on: a wrong one under a good tag changes nothing', () => {
    const talk = new Conversation(nodeCrypto, { seed: 6 });
    talk.toBob(talk.send(talk.alice, bytesOf('first')));
    const late = talk.send(talk.alice, bytesOf('late'));
    talk.deliver(talk.alice, talk.send(talk.bob, bytesOf('turn')));
    const { hot } = talk.alice.session;
    const lying = { ...talk.alice.session, hot: { ...hot, previousCount: 0xffff_ffff } };
    const sent = must(encrypt(lying, bytesOf('next'), talk.alice.party.env));
    expect(talk.deliver(talk.bob, sent.message)).toEqual(bytesOf('next'));
    expect(talk.deliver(talk.bob, late)).toEqual(bytesOf('late'));
    expect(talk.bob.session.blocks.size).toBe(0);
  });
});

describe('the tag', () => {
  const talk = new Conversation(nodeCrypto);
  talk.toBob(talk.send(talk.alice, bytesOf('first')));
  talk.deliver(talk.alice, talk.send(talk.bob, bytesOf('reply')));

  it('covers the version byte as it was received', () => {
    const message = talk.send(talk.alice, bytesOf('x'));
    message[0] = 0x34;
    expect(refusal(talk.tryDeliver(talk.bob, message))).toBe('BAD_MAC');
  });

  it('covers both identities in the order of their roles', () => {
    const message = talk.send(talk.alice, bytesOf('x'));
    const { bob } = talk;
    for (const change of [
      {
        localIdentity: bob.session.cold.remoteIdentity,
        remoteIdentity: bob.session.cold.localIdentity,
      },
      { localIdentity: new Uint8Array(32).fill(1) },
      { remoteIdentity: new Uint8Array(32).fill(1) },
    ]) {
      const session = { ...bob.session, cold: { ...bob.session.cold, ...change } };
      const result = decrypt(session, parse(message), bob.party.env);
      expect(refusal(result)).toBe('BAD_MAC');
    }
  });

  it('fails where a message comes back to its sender', () => {
    const message = talk.send(talk.alice, bytesOf('x'));
    expect(talk.tryDeliver(talk.alice, message).ok).toBe(false);
  });
});

describe('session steps refuse', () => {
  const alice = makeParty(nodeCrypto, 60);
  const bob = makeParty(nodeCrypto, 61);
  const talk = new Conversation(nodeCrypto, { seed: 30 });
  const sent = must(encrypt(talk.alice.session, bytesOf('hi'), alice.env));
  const message = parse(sent.message);
  if (message.kind !== 'initiation') throw new Error('a new session initiates');

  it('a plaintext beyond the limit', () => {
    const most = new Uint8Array(PLAINTEXT_BYTES_MAX);
    const largest = must(encrypt(talk.alice.session, most, alice.env)).message;
    expect(largest.length).toBeLessThanOrEqual(MESSAGE_BYTES_MAX);
    expect(must(accept({ ...bob, message: initiationOf(largest) }, bob.env)).plaintext).toEqual(
      most,
    );
    const more = new Uint8Array(PLAINTEXT_BYTES_MAX + 1);
    expect(refusal(encrypt(talk.alice.session, more, alice.env))).toBe('TOO_LARGE');
  });

  it('a one-time prekey where none was named, and none where one was', () => {
    const { oneTimePreKey: _, ...withoutKey } = bob;
    expect(refusal(accept({ ...withoutKey, message }, bob.env))).toBe('ONE_TIME_KEY_MISMATCH');
    const { oneTimePreKeyId: __, ...unnamed } = message;
    expect(refusal(accept({ ...bob, message: unnamed }, bob.env))).toBe('ONE_TIME_KEY_MISMATCH');
  });

  it('the wrong prekey, identity or base key with nothing kept', () => {
    const other = makeParty(nodeCrypto, 77);
    const identityKey = other.identity.publicKey.bytes;
    for (const input of [
      { ...bob, signedPreKey: other.signedPreKey, message },
      { ...bob, oneTimePreKey: other.oneTimePreKey, message },
      { ...bob, identity: other.identity, message },
      { ...bob, message: { ...message, identityKey } },
      { ...bob, message: { ...message, baseKey: identityKey } },
    ]) {
      expect(refusal(accept(input, bob.env))).toBe('BAD_MAC');
    }
    for (const field of ['identityKey', 'baseKey'] as const) {
      const bad = { ...message, [field]: new Uint8Array(32) };
      expect(refusal(accept({ ...bob, message: bad }, bob.env))).toBe('BAD_KEY');
    }
    // The keys were not used up by the refusals.
    expect(must(accept({ ...bob, message }, bob.env)).plaintext).toEqual(bytesOf('hi'));
  });

  it('an initiation message of another session, without cryptography', () => {
    const { session } = must(accept({ ...bob, message }, bob.env));
    const other = new Conversation(nodeCrypto, { seed: 31 });
    const foreign = parse(other.send(other.alice, bytesOf('x')));
    expect(refusal(decrypt(session, foreign, bob.env))).toBe('WRONG_SESSION');
    expect(talk.steps.blocksFor(session, foreign)).toEqual([]);
    const renamed = { ...message, identityKey: new Uint8Array(32).fill(3) };
    expect(refusal(decrypt(session, renamed, bob.env))).toBe('WRONG_SESSION');
  });

  it('a bundle whose signature or keys are bad', () => {
    const bundle = bundleOf(bob);
    const steps = talk.steps;
    const signature = bundle.signedPreKey.signature.slice();
    signature[5] = (signature[5] ?? 0) ^ 1;
    const forged = { ...bundle, signedPreKey: { ...bundle.signedPreKey, signature } };
    expect(refusal(steps.initiate({ ...alice, bundle: forged }, alice.env))).toBe('BAD_SIGNATURE');
    const weak = { ...bundle, identityKey: new Uint8Array(32) };
    expect(refusal(steps.initiate({ ...alice, bundle: weak }, alice.env))).toBe('BAD_KEY');
  });

  it('nothing of a replay without a one-time prekey, but answer it with other keys (X3-26)', () => {
    const { oneTimePreKey: _, ...withoutKey } = bob;
    const bundle = bundleOf(bob, { withOneTimeKey: false });
    const { session } = must(talk.steps.initiate({ ...alice, bundle }, alice.env));
    const first = initiationOf(must(encrypt(session, bytesOf('once'), alice.env)).message);
    const answers = [1, 2].map(() => {
      const copy = must(accept({ ...withoutKey, message: first }, bob.env)).session;
      const answer = parse(must(encrypt(copy, bytesOf('same answer'), bob.env)).message);
      if (answer.kind !== 'regular') throw new Error('a responder does not initiate');
      return answer;
    });
    expect(answers[0]?.ciphertext).not.toEqual(answers[1]?.ciphertext);
    expect(answers[0]?.header.ratchetKey).not.toEqual(answers[1]?.header.ratchetKey);
  });

  it('padding that is broken under a good tag', () => {
    // Only a peer with the keys can do this: encrypt honestly, then claim a cut ciphertext.
    const cutting = {
      ...nodeCrypto,
      encrypt: (...args: Parameters<typeof nodeCrypto.encrypt>) =>
        nodeCrypto.encrypt(...args).subarray(0, 15),
    };
    const cut = must(
      encrypt(talk.alice.session, bytesOf('hi'), { ...alice.env, crypto: cutting }),
    ).message;
    expect(refusal(accept({ ...bob, message: initiationOf(cut) }, bob.env))).toBe('MALFORMED');
  });

  function initiationOf(bytes: Uint8Array): InitiationMessage {
    const parsed = parse(bytes);
    if (parsed.kind !== 'initiation') throw new Error('a new session initiates');
    return parsed;
  }
});
