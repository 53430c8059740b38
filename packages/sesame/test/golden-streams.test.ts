/** Values of every kind of stream in every version there ever was. Their keys are a test's. */

import { bytesToHex, encodeUtf8 } from '@simsim/bytes';
import type { PublicKey } from '@simsim/crypto';
import { decodeBlock, decodeCold, decodeHot, decodeReplayRecord } from '@simsim/session';
import type { SessionHot } from '@simsim/session';
import { envelopeIdFromBytes, messageIdFromBytes, postIdFromBytes } from '@simsim/relay-protocol';
import { describe, expect, it } from 'vitest';
import { describeGolden, toPlain } from '../../../.ci/golden.ts';
import type { GoldenKey, GoldenSample } from '../../../.ci/golden.ts';
import { makeOneTimeKemBatch } from '../src/kem-pre-keys.ts';
import type { OwnDevice } from '../src/own-device.ts';
import { makeOneTimeBatch, makeSignedPreKey } from '../src/pre-keys.ts';
import type { Recipient, SentCopy } from '../src/send-state.ts';
import { decodeStreamValue, encodeStreamValue, STREAM_VERSIONS } from '../src/stream-codec.ts';
import type { StoredValue, StreamKind, StreamValue, StreamValues } from '../src/stream-codec.ts';
import type { UserRecord } from '../src/user-record.ts';
import { crypto, deviceNumbered, entropyOf, nameOf, stored, userNamed } from './arbitraries.ts';

const entropy = entropyOf(3);
/** Of what came later: what was drawn before stays as it is. */
const later = entropyOf(4);
const env = { crypto, entropy };
const pair = () => crypto.keyPair(entropy(32));
const chain = (counter: number) => ({ chain: crypto.importSecret('chain', entropy(32)), counter });
const [ali, bo, zoe] = ['ali', 'bo', 'zoë'].map(userNamed) as [
  ReturnType<typeof userNamed>,
  ReturnType<typeof userNamed>,
  ReturnType<typeof userNamed>,
];
const [one, two] = [deviceNumbered(1), deviceNumbered(2)];
const at = 1_700_000_000_000;
const sessionA = 'a0'.repeat(16);
const sessionB = 'b1'.repeat(16);

/** A stream of each kind, for the kind is read off its name. */
const STREAMS: Readonly<Record<StreamKind, string>> = {
  device: 'device',
  prekeys: 'prekeys',
  opk: 'opk/1',
  kpk: 'kpk/101',
  replays: 'replays/100',
  user: 'user/zoë',
  session: `session/bo.1/${sessionA}`,
  chains: `chains/bo.1/${sessionA}`,
  skip: `skip/bo.1/${sessionA}/0`,
  send: `send/${'c2'.repeat(16)}`,
  heads: 'heads',
};

const identity = pair();
const device: OwnDevice = {
  userId: ali,
  deviceId: one,
  registrationId: 12_345,
  identity,
  deviceKey: crypto.signingKeyPair(entropy(32)),
  token: crypto.importSecret('name', entropy(32)),
  status: 'registering',
  registration: entropy(40),
};

const signed = [2, 1].map((id) => makeSignedPreKey({ id, identity, madeAt: at + id }, env));
const kemBatch = makeOneTimeKemBatch({ firstId: 101, count: 2, identity }, env);
const lastResorts = [...kemBatch.keys].map(([id, key]) => ({ ...key, id: id + 99, madeAt: at }));

const STAGES = ['receipted', 'sent', 'asked', 'healing', 'dead'] as const;
const copy = (resends: number): SentCopy => ({
  envelopeId: envelopeIdFromBytes(entropy(16)),
  session: sessionB,
  resends,
  stage: STAGES[resends] ?? 'sent',
});
const recipients = (
  [
    { userId: bo, status: 'posting', round: 1, postId: postIdFromBytes(entropy(16)) },
    { userId: zoe, status: 'accepted', round: 3 },
    { userId: ali, status: 'claiming', round: 2 },
    { userId: userNamed('d'), status: 'unknown', round: 1 },
    { userId: userNamed('e'), status: 'failed', round: 5 },
    { userId: userNamed('f'), status: 'held', round: 4 },
  ] as const
).map((who): Recipient => ({
  ...who,
  listVersion: who.round * 100,
  copies: new Map([
    [one, copy(who.round - 1)],
    [two, copy(0)],
  ]),
}));

const knownUser: UserRecord = {
  userId: zoe,
  identityKey: pair().publicKey.bytes,
  listVersion: 4,
  listHash: entropy(32),
  devices: new Map([
    [
      one,
      {
        deviceId: one,
        registrationId: 77,
        deviceKey: entropy(32),
        active: sessionA,
        inactive: [sessionB],
      },
    ],
    [
      two,
      {
        deviceId: two,
        registrationId: 0,
        deviceKey: new Uint8Array(0),
        inactive: [sessionB],
        staleAt: at,
      },
    ],
  ]),
};
const frozenUser: UserRecord = {
  ...knownUser,
  staleAt: 0,
  devices: new Map([
    [
      one,
      {
        deviceId: one,
        registrationId: 77,
        deviceKey: entropy(32),
        inactive: [],
        frozen: [sessionA, sessionB],
      },
    ],
  ]),
};

/** An own user, with names of a device there is and of one there is no more. */
const namedUser: UserRecord = {
  ...knownUser,
  names: new Map(
    [0x11, 0xee].map((byte) => [
      bytesToHex(new Uint8Array(32).fill(byte)),
      {
        deviceKey: new Uint8Array(32).fill(byte),
        name: nameOf(byte === 0xee ? '' : 'Küchentablett'),
        counter: 1000 + byte,
        by: two,
      },
    ]),
  ),
};

/** Everything that a record of before knew nothing of. */
const trustedUser: UserRecord = {
  ...knownUser,
  trust: 'verified',
  offered: pair().publicKey.bytes,
  held: [{ deviceId: one, envelopeId: envelopeIdFromBytes(entropy(16)) }],
  devices: new Map(
    [...knownUser.devices].map(([id, each]) => [
      id,
      {
        ...each,
        frozen: ['d3'.repeat(16)],
        began: new Map([
          [sessionB, at],
          ['d3'.repeat(16), 0],
        ]),
        heals: { left: 2, refillAt: at },
      },
    ]),
  ),
};

/** A user whose devices have identity keys of their own. */
const { identityKey: sharedKey = entropy(32), ...unpinnedUser } = trustedUser;
const perDeviceUser: UserRecord = {
  ...unpinnedUser,
  devicePins: new Map([
    [one, { identityKey: sharedKey, trust: 'accepted', standing: 'former' }],
    [
      two,
      {
        identityKey: pair().publicKey.bytes,
        offered: pair().publicKey.bytes,
        voucher: { approver: one, listVersion: 3, signature: entropy(64) },
      },
    ],
    [deviceNumbered(127), { offered: pair().publicKey.bytes, standing: 'removed' }],
  ]),
};

const peer: PublicKey = pair().publicKey;
const root = () => crypto.importSecret('root', entropy(32));
const sendingOnly: SessionHot = {
  root: root(),
  sending: { kind: 'ready', own: pair(), chain: chain(3) },
  peer,
  receiving: undefined,
  previousCount: 0,
  receivedCount: 0,
};
const bothWays: SessionHot = {
  ...sendingOnly,
  receiving: chain(130),
  previousCount: 2,
  receivedCount: 1000,
};
const owed: SessionHot = { ...bothWays, root: root(), sending: { kind: 'owed' } };
const parties = {
  localIdentity: identity.publicKey.bytes,
  remoteIdentity: peer.bytes,
  localRegistrationId: 12_345,
  remoteRegistrationId: 9,
};
const block = (id: number, bornAt: number) => ({
  id,
  ratchetKey: entropy(32),
  from: 5,
  to: 9,
  count: 3,
  bornAt,
});

/** At least one value for each form that is written today. */
const VALUES: { readonly [K in StreamKind]: Readonly<Record<string, StreamValues[K]>> } = {
  device: {
    'never put back': device,
    'put back': { ...device, status: 'renewing', former: 200, quarantinedAt: at },
    'with its time': {
      ...device,
      time: { atMs: at, wallMs: at + 5, elapsedMs: 70_000, bootId: 'a boot' },
    },
    'with contacts to be told': { ...device, status: 'registered', toldUpTo: 'user/bo' },
    'about to have another identity': {
      ...device,
      status: 'registered',
      time: { atMs: at, wallMs: at + 5, elapsedMs: 70_000, bootId: 'a boot' },
      successor: {
        identity: crypto.keyPair(later(32)),
        list: {
          list: {
            userId: ali,
            version: 3,
            previous: later(32),
            identityKey: later(32),
            devices: [{ deviceId: one, registrationId: 12_345, deviceKey: later(32) }],
            signer: one,
          },
          deviceSignature: later(64),
          identitySignature: later(64),
        },
        removes: two,
        sealed: new Map([[one, later(90)]]),
      },
    },
  },
  prekeys: {
    'all kinds': {
      nextId: 300,
      signed,
      batches: [3, 103],
      lastResorts,
      kemBatches: [101],
      told: { oneTime: 27, kem: 0 },
    },
  },
  opk: { 'some used': makeOneTimeBatch(1, 3, env) },
  kpk: { whole: kemBatch },
  replays: {
    full: {
      capacity: 2,
      fingerprints: Uint8Array.from({ length: 64 }, (_, i) => (i < 32 ? 1 : 2)),
    },
  },
  user: {
    plain: knownUser,
    'with frozen sessions': frozenUser,
    'with trust and times': trustedUser,
    'with a key for each device': perDeviceUser,
    'with names': namedUser,
  },
  session: {
    'sending only': sendingOnly,
    'both ways': bothWays,
    'sending is owed': owed,
    'post-quantum': { ...bothWays, pq: { sending: chain(7), receiving: chain(200) } },
  },
  chains: {
    'at rest': {
      id: sessionA,
      version: 3,
      ...parties,
      pending: undefined,
      ratchet: {
        olderChains: [{ ratchetKey: entropy(32), ...chain(12) }],
        directory: [block(0, 10), block(1, 200)],
        nextBlockId: 2,
      },
    },
    'initiation of version 4 pending': {
      id: sessionB,
      version: 4,
      ...parties,
      pending: {
        baseKey: pair().publicKey.bytes,
        signedPreKeyId: 2,
        oneTimePreKeyId: 17,
        kem: { preKeyId: 101, ciphertext: new Uint8Array(1568).fill(0x5a) },
      },
      ratchet: {
        olderChains: [],
        directory: [{ ...block(0, 1), bornAtMs: at }],
        nextBlockId: 1,
      },
    },
  },
  skip: {
    'two keys': {
      id: 0,
      ratchetKey: entropy(32),
      seeds: [5, 260].map((counter) => ({
        counter,
        seed: crypto.importSecret('seed', entropy(32)),
      })),
    },
  },
  send: {
    'every status': {
      messageId: messageIdFromBytes(entropy(16)),
      sentAt: at,
      openedAt: at + 1,
      to: [bo, zoe],
      body: encodeUtf8('until all have it'),
      recipients: new Map(recipients.map((each) => [each.userId, each])),
      conversation: 'forty',
    },
    'of no conversation': {
      messageId: messageIdFromBytes(entropy(16)),
      sentAt: at,
      openedAt: at + 1,
      to: [],
      body: new Uint8Array(0),
      recipients: new Map(),
    },
  },
  heads: {
    'of two devices': new Map(
      [one, two].map((id) => [
        id,
        {
          logId: entropy(16),
          incarnation: id,
          seq: 1000 * id,
          hash: entropy(32),
          at,
          signature: entropy(64),
        },
      ]),
    ),
  },
};

function bytesOf(value: StoredValue): Uint8Array {
  return value.kind === 'record' ? value.bytes : stored(value.parts);
}

function sampleOf(kind: StreamKind, value: StreamValue, title?: string): GoldenSample {
  const bytes = bytesOf(encodeStreamValue(STREAMS[kind], value));
  const named = title === undefined ? {} : { title };
  return { kind, version: bytes[0] ?? 0, ...named, bytes };
}

function valueOf({ kind }: GoldenKey, bytes: Uint8Array): StreamValue {
  const value = decodeStreamValue(STREAMS[kind as StreamKind], bytes.slice(), crypto);
  if (value === undefined) throw new Error(`a golden ${kind} decodes`);
  return value;
}

describeGolden('stream values', {
  file: new URL('../golden/streams.json', import.meta.url),
  readable: [...STREAM_VERSIONS].flatMap(([kind, newest]) =>
    Array.from({ length: newest }, (_, i) => ({ kind, version: i + 1 })),
  ),
  samples: (Object.keys(VALUES) as StreamKind[]).flatMap((kind) =>
    Object.entries<StreamValue>(VALUES[kind]).map(([title, value]) => sampleOf(kind, value, title)),
  ),
  decode: (key, bytes) => toPlain(valueOf(key, bytes)),
  encode: (key, bytes) => sampleOf(key.kind as StreamKind, valueOf(key, bytes)),
});

describe('a version that no release has written', () => {
  const kinds = [...STREAM_VERSIONS.keys()];

  it.each(kinds)('of %s is refused, before and after those there are', (kind) => {
    const [value] = Object.values<StreamValue>(VALUES[kind]);
    if (value === undefined) throw new Error('each kind has a value');
    const { bytes } = sampleOf(kind, value);
    for (const version of [0, (STREAM_VERSIONS.get(kind) ?? 0) + 1, 255]) {
      expect(decodeStreamValue(STREAMS[kind], bytes.with(0, version), crypto)).toBeUndefined();
    }
  });

  it('of what sessions save is named as such, so that none is missing here', () => {
    const decoders = {
      session: decodeHot,
      chains: decodeCold,
      skip: decodeBlock,
      replays: decodeReplayRecord,
    };
    for (const kind of ['session', 'chains', 'skip', 'replays'] as const) {
      const version = (STREAM_VERSIONS.get(kind) ?? 0) + 1;
      const answer = decoders[kind](Uint8Array.of(version, 0, 0), crypto);
      expect(answer).toEqual({ ok: false, error: { code: 'UNSUPPORTED_VERSION', version } });
    }
  });
});
