/** What is particular to messages of version 4: KEM fields, the post-quantum field, addresses. */

import { concatBytes, createProtobufWriter } from '@simsim/bytes';
import { nodeCrypto } from '@simsim/crypto/node';
import { describe, expect, it } from 'vitest';
import type { RegularMessage } from '../src/index.ts';
import {
  decodeWireKemKey,
  decodeWireKey,
  encodeWireKemKey,
  encodeWireKey,
  parseMessage,
} from '../src/index.ts';
import type { TalkOptions } from './conversation.ts';
import { Conversation, bytesOf, fingerprint, parse, refusal } from './conversation.ts';

const key = (byte: number): Uint8Array => encodeWireKey(new Uint8Array(32).fill(byte));
const ciphertext = new Uint8Array(1568).fill(6);

interface Fields {
  readonly pq?: Uint8Array;
  readonly addresses?: Uint8Array;
  readonly kem?: Uint8Array;
  readonly without?: string;
  readonly innerVersion?: number;
  readonly version?: number;
}

function regular({ pq, addresses, innerVersion = 0x44 }: Fields = {}): Uint8Array {
  const writer = createProtobufWriter().bytes(1, key(3)).uint32(2, 4).uint32(3, 2);
  writer.bytes(4, new Uint8Array(16));
  if (pq !== undefined) writer.bytes(5, pq);
  if (addresses !== undefined) writer.bytes(6, addresses);
  return concatBytes([Uint8Array.of(innerVersion), writer.finish(), new Uint8Array(8)]);
}

function initiation(fields: Fields = {}): Uint8Array {
  const { kem = encodeWireKemKey(ciphertext), without, version = 0x44 } = fields;
  const writer = createProtobufWriter().bytes(2, key(1)).bytes(3, key(2));
  writer.bytes(4, regular(fields)).uint32(5, 9).uint32(6, 22);
  if (without !== 'kemId') writer.uint32(7, 777);
  if (without !== 'kem') writer.bytes(8, kem);
  return concatBytes([Uint8Array.of(version), writer.finish()]);
}

describe('parsing a message of version 4', () => {
  it('reads both kinds', () => {
    const pq = Uint8Array.of(1, 1, 5, 0);
    expect(parse(initiation({ pq }))).toMatchObject({
      kind: 'initiation',
      version: 4,
      kem: { preKeyId: 777, ciphertext },
      inner: { kind: 'regular', version: 4, pq: { kind: 'key', epoch: 1, index: 5 } },
    });
    expect(parse(regular())).not.toHaveProperty('pq');
    expect(parse(regular({ pq: new Uint8Array(0) }))).not.toHaveProperty('pq');
    const addresses = new Uint8Array(36).fill(1);
    expect(parse(regular({ addresses }))).toMatchObject({ addresses });
  });

  it('takes any low nibble of the version', () => {
    for (const version of [0x40, 0x44, 0x4f])
      expect(parse(initiation({ version })).version).toBe(4);
  });

  it('refuses one KEM field without the other', () => {
    for (const without of ['kem', 'kemId']) {
      expect(refusal(parseMessage(initiation({ without })))).toBe('MALFORMED');
    }
  });

  it('refuses a KEM ciphertext of another type or length', () => {
    const typed = encodeWireKemKey(ciphertext);
    const other = typed.slice();
    other[0] = 0x0a;
    for (const kem of [other, typed.subarray(1), new Uint8Array(0), concatBytes([typed, key(1)])]) {
      expect(refusal(parseMessage(initiation({ kem })))).toBe('BAD_KEM_CIPHERTEXT');
    }
  });

  it('refuses versions that differ inside and outside', () => {
    expect(refusal(parseMessage(initiation({ innerVersion: 0x33 })))).toBe('MALFORMED');
    expect(refusal(parseMessage(initiation({ version: 0x34 })))).toBe('MALFORMED');
  });

  it('refuses a malformed post-quantum field or addresses', () => {
    expect(refusal(parseMessage(regular({ pq: Uint8Array.of(1, 1) })))).toBe('MALFORMED');
    expect(refusal(parseMessage(regular({ addresses: new Uint8Array(35) })))).toBe('MALFORMED');
  });

  it('knows none of these fields in version 3', () => {
    const bad = { pq: Uint8Array.of(1, 1), addresses: new Uint8Array(3), innerVersion: 0x33 };
    expect(parse(regular(bad))).toMatchObject({ version: 3, kind: 'regular' });
    const older = parse(initiation({ ...bad, version: 0x33, kem: new Uint8Array(2) }));
    expect(older).toMatchObject({ version: 3, kind: 'initiation' });
    expect(older).not.toHaveProperty('kem');
  });
});

describe('keys on the wire', () => {
  it('come back without their type byte, and nothing else does', () => {
    const raw = new Uint8Array(32).fill(9);
    expect(decodeWireKey(encodeWireKey(raw))).toEqual(raw);
    expect(decodeWireKemKey(encodeWireKemKey(ciphertext))).toEqual(ciphertext);
    expect(decodeWireKey(encodeWireKemKey(raw))).toBeUndefined();
    expect(decodeWireKemKey(encodeWireKey(ciphertext))).toBeUndefined();
    expect(decodeWireKey(raw)).toBeUndefined();
    expect(decodeWireKemKey(encodeWireKemKey(raw))).toBeUndefined();
  });
});

/** A conversation of version 4 after one turn each way. */
function started(options: TalkOptions = {}): Conversation {
  const talk = new Conversation(nodeCrypto, { ...options, version: 4 });
  talk.toBob(talk.send(talk.alice, bytesOf('1')));
  talk.deliver(talk.alice, talk.send(talk.bob, bytesOf('2')));
  return talk;
}

function regularOf(bytes: Uint8Array): RegularMessage {
  const message = parse(bytes);
  if (message.kind !== 'regular') throw new Error('the initiation is over');
  return message;
}

describe('the post-quantum ratchet on receiving', () => {
  it('refuses epochs it never began, and changes nothing', () => {
    const talk = started();
    const { bob } = talk;
    const genuine = talk.send(talk.alice, bytesOf('x'));
    const message = regularOf(genuine);
    const before = fingerprint(bob.session, nodeCrypto);
    for (const [pq, code] of [
      [{ kind: 'key', epoch: 2, index: 3 }, 'PQ_EPOCH_UNKNOWN'],
      [{ kind: 'keyless' }, 'PQ_RATCHET_MISMATCH'],
      [{ kind: 'key', epoch: 1, index: 1 }, 'DUPLICATE'],
      [{ kind: 'key', epoch: 1, index: 3 }, 'BAD_MAC'],
      [{ kind: 'key', epoch: 1, index: 8_003 }, 'TOO_FAR_AHEAD'],
      [{ kind: 'key', epoch: 1, index: 0xffff_ffff }, 'TOO_FAR_AHEAD'],
    ] as const) {
      const result = talk.steps.decrypt(bob.session, { ...message, pq }, bob.party.env);
      expect(refusal(result)).toBe(code);
      expect(fingerprint(bob.session, nodeCrypto)).toEqual(before);
    }
    expect(talk.deliver(bob, genuine)).toEqual(bytesOf('x'));
  });

  it('salts every message key: without its key nothing opens', () => {
    const talk = started();
    const message = regularOf(talk.send(talk.alice, bytesOf('x')));
    const { pq: _, ...hot } = talk.bob.session.hot;
    const { pq: __, ...unsalted } = message;
    const bare = { ...talk.bob.session, hot };
    expect(refusal(talk.steps.decrypt(bare, unsalted, talk.bob.party.env))).toBe('BAD_MAC');
  });

  it('goes past a peer that negotiates, where the policy says so', () => {
    // Such a peer sends index 0 and no salt until it has been answered.
    const talk = started({ policy: { pqRatchet: 'optional' } });
    const { alice, bob } = talk;
    const { pq, ...hot } = alice.session.hot;
    if (pq === undefined) throw new Error('the ratchet runs');
    const keyless = talk.steps.encrypt({ ...alice.session, hot }, bytesOf('x'), alice.party.env);
    if (!keyless.ok) throw new Error('an unsalted message');
    const message = regularOf(keyless.value.message);
    const result = talk.steps.decrypt(
      bob.session,
      { ...message, pq: { kind: 'keyless' } },
      bob.party.env,
    );
    if (!result.ok) throw new Error(result.error.code);
    expect(result.value.plaintext).toEqual(bytesOf('x'));
    expect(result.value.session.hot.pq).toBe(bob.session.hot.pq);
    bob.session = result.value.session;
    alice.session = { ...keyless.value.session, hot: { ...keyless.value.session.hot, pq } };
    expect(talk.deliver(bob, talk.send(alice, bytesOf('y')))).toEqual(bytesOf('y'));
  });

  it('counts on over turns, and takes what several chains lost', () => {
    const talk = started();
    const { alice, bob } = talk;
    const late: Uint8Array[] = [];
    for (let turn = 0; turn < 3; turn++) {
      for (let i = 0; i < 5; i++) late.push(talk.send(alice, Uint8Array.of(late.length)));
      talk.deliver(bob, talk.send(alice, bytesOf('carrier')));
      talk.deliver(alice, talk.send(bob, bytesOf('turn')));
    }
    expect(bob.session.hot.pq?.receiving.counter).toBe(19);
    expect(bob.session.hot.pq?.sending.counter).toBe(4);
    for (const [at, bytes] of late.toReversed().entries()) {
      expect(talk.deliver(bob, bytes)).toEqual(Uint8Array.of(late.length - 1 - at));
      expect(refusal(talk.tryDeliver(bob, bytes))).toBe('DUPLICATE');
    }
    expect(bob.session.blocks.size).toBe(0);
  });

  it('jumps to its limit and not one further', () => {
    const talk = started({ limits: { pqForwardJumpMax: 10, forwardJumpMax: 100 } });
    const ahead = Array.from({ length: 12 }, () => talk.send(talk.alice, bytesOf('x')));
    const start = talk.bob.session;
    const beyond = talk.tryDeliver(talk.bob, ahead[11] ?? new Uint8Array());
    expect(refusal(beyond)).toBe('TOO_FAR_AHEAD');
    expect(talk.bob.session).toBe(start);
    expect(talk.tryDeliver(talk.bob, ahead[10] ?? new Uint8Array()).ok).toBe(true);
  });

  it('is never taken for a ratchet key', () => {
    const talk = started();
    const skipped = talk.send(talk.alice, bytesOf('x'));
    talk.deliver(talk.bob, talk.send(talk.alice, bytesOf('y')));
    const message = regularOf(skipped);
    const header = { ...message.header, ratchetKey: new Uint8Array(32).fill(0xff), counter: 2 };
    const result = talk.steps.decrypt(talk.bob.session, { ...message, header }, talk.bob.party.env);
    expect(refusal(result)).toBe('BAD_KEY');
  });
});

describe('addresses', () => {
  const [a, b] = [new Uint8Array(18).fill(1), new Uint8Array(18).fill(2)];

  it('ride on initiation messages only, and name just these two', () => {
    const talk = new Conversation(nodeCrypto, { version: 4 });
    const env = { ...talk.alice.party.env, addresses: { own: a, peer: b } };
    const sent = talk.steps.encrypt(talk.alice.session, bytesOf('x'), env);
    if (!sent.ok) throw new Error(sent.error.code);
    const message = parse(sent.value.message);
    const inner = message.kind === 'initiation' ? message.inner : message;
    expect(inner.addresses).toEqual(concatBytes([a, b]));
    talk.alice.session = sent.value.session;
    talk.toBob(talk.send(talk.alice, bytesOf('y')));
    const { bob } = talk;
    const receive = (own: Uint8Array, peer: Uint8Array) =>
      talk.steps.decrypt(bob.session, message, { ...bob.party.env, addresses: { own, peer } });
    expect(refusal(receive(a, b))).toBe('WRONG_ADDRESSES');
    expect(refusal(receive(b, b))).toBe('WRONG_ADDRESSES');
    expect(receive(b, a).ok).toBe(true);
    talk.deliver(talk.alice, talk.send(bob, bytesOf('z')));
    const later = talk.steps.encrypt(talk.alice.session, bytesOf('x'), env);
    expect(later.ok && regularOf(later.value.message).addresses).toBeUndefined();
  });
});
