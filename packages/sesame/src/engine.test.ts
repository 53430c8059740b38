import fc from 'fast-check';
import { deviceListHash, PRE_KEY_ID_MAX, signDeviceList } from '@simsim/relay-protocol';
import type { DeviceList, MessageId, SignedDeviceList } from '@simsim/relay-protocol';
import { describe, expect, it } from 'vitest';
import { crypto, deviceNumbered, entropyOf, userNamed } from '../test/arbitraries.ts';
import { MemorySlice } from '../test/memory-slice.ts';
import type { Effect } from './decision.ts';
import { decide, evolveRecord, foldRefusal } from './engine.ts';
import { encodeFact, eventSchema, eventType } from './fact-codec.ts';
import type { Input } from './input.ts';
import {
  BODY_BYTES_MAX,
  CONVERSATION_BYTES_MAX,
  ONE_TIME_TARGET_KEYS,
  RECIPIENTS_MAX,
  SEND_RECORD_MS,
} from './limits.ts';
import { createLinkOffer, openProvision } from './link.ts';
import { answerOffer } from './own-list.ts';
import { decodeRegistration } from './registration.ts';
import { valueOfKind } from './stream-codec.ts';
import { DEVICE_STREAM, PRE_KEYS_STREAM, sendStream, userStream } from './streams.ts';
import { emptyUserRecord } from './user-record.ts';
import { encodeUserRecord } from './user-record-codec.ts';
import type { EngineEnv } from './workspace.ts';

const ada = userNamed('ada');
const bo = userNamed('bo');
const messageId = 'ab'.repeat(16) as MessageId;
const body = new Uint8Array(3);
const send = (more: Partial<Extract<Input, { type: 'send' }>> = {}): Input => ({
  type: 'send',
  messageId,
  to: [bo],
  body,
  ...more,
});
const create: Input = { type: 'create', userId: ada, oneTimeKeys: 2 };

function created(): MemorySlice {
  const slice = new MemorySlice();
  slice.take(create);
  return slice;
}

function registered(): MemorySlice {
  const slice = created();
  slice.take({ type: 'registered' });
  return slice;
}

function ownOf(slice: MemorySlice) {
  const own = valueOfKind('device', slice.value(DEVICE_STREAM));
  const record = valueOfKind('user', slice.value(userStream(ada)));
  if (own === undefined || record === undefined) throw new Error('the device was made');
  return { own, record };
}

/** What links a device to the one in a slice. */
function linkInput(slice: MemorySlice): Extract<Input, { type: 'linked' }> {
  const env = { crypto, entropy: entropyOf(5) };
  const { keys, offer } = createLinkOffer(env);
  const answer = answerOffer(ownOf(slice), { offer, contacts: [] }, env);
  if (!answer.ok) throw new Error('an honest offer is answered');
  const { ciphertext } = answer.value;
  const opened = openProvision({ keys, offer, ciphertext }, crypto);
  if (!opened.ok) throw new Error('an honest answer opens');
  const { registrationId } = offer;
  return { type: 'linked', provision: opened.value, keys, registrationId, oneTimeKeys: 1 };
}

/** The lists of another user, version by version; the last one may say other things, well signed. */
function listsOf(count: number, last: Partial<DeviceList> = {}): SignedDeviceList[] {
  const other = new MemorySlice(9);
  other.take({ type: 'create', userId: bo, oneTimeKeys: 0 });
  const own = valueOfKind('device', other.value(DEVICE_STREAM));
  const first = own && decodeRegistration(own.registration)?.list;
  if (own === undefined || first === undefined) throw new Error('the device was made');
  const lists = [first];
  for (let version = 2; version <= count; version++) {
    const before = lists.at(-1)?.list ?? first.list;
    const deviceId = deviceNumbered(own.deviceId === version ? 100 : version);
    const device = {
      deviceId,
      registrationId: version,
      deviceKey: new Uint8Array(32).fill(version),
    };
    const list: DeviceList = {
      ...before,
      version,
      previous: deviceListHash(before, crypto),
      devices: [...before.devices, device],
      signer: own.deviceId,
      ...(version === count ? last : {}),
    };
    const { deviceKey, identity } = own;
    const signers = { deviceKey, identity, entropy64: entropyOf(version)(64) };
    lists.push(signDeviceList(list, signers, crypto));
  }
  return lists;
}

/** An input is refused by its code. */
function codeOf(slice: MemorySlice, input: Input): string {
  const result = slice.decide(input);
  return result.kind === 'refused' ? result.rejection.code : 'taken';
}

describe('a device', () => {
  it('is made once', () => {
    expect(codeOf(created(), create)).toBe('ALREADY_CREATED');
    expect(codeOf(created(), linkInput(registered()))).toBe('ALREADY_CREATED');
  });

  it.each(['registered', 'revoked'] as const)('that was not made cannot be %s', (type) => {
    expect(codeOf(new MemorySlice(), { type })).toBe('NOT_REGISTERED');
  });

  it('is linked by exactly what was approved for it', () => {
    const input = linkInput(registered());
    expect(codeOf(new MemorySlice(2), input)).toBe('taken');
    const { provision } = input;
    const { approval, list } = provision;
    const other = crypto.signingKeyPair(new Uint8Array(32).fill(9));
    const spoilt: Partial<typeof input>[] = [
      { registrationId: input.registrationId === 1 ? 2 : 1 },
      { keys: { ...input.keys, deviceKey: other } },
      {
        provision: {
          ...provision,
          approval: { ...approval, deviceId: deviceNumbered(approval.deviceId === 1 ? 2 : 1) },
        },
      },
      { provision: { ...provision, approval: { ...approval, userId: bo } } },
      { provision: { ...provision, identity: crypto.keyPair(new Uint8Array(32).fill(8)) } },
      { provision: { ...provision, list: { ...list, list: { ...list.list, version: 9 } } } },
    ];
    for (const change of spoilt) {
      expect(codeOf(new MemorySlice(2), { ...input, ...change })).toBe('MALFORMED_PROVISION');
    }
  });

  it('that is removed stays removed, and says so once', () => {
    const slice = registered();
    const { changes } = slice.take({ type: 'revoked' });
    expect(changes.filter(({ fact }) => fact.name === 'DeviceRemoved')).toHaveLength(1);
    expect(slice.take({ type: 'revoked' }).changes).toEqual([]);
    expect(codeOf(slice, send())).toBe('DEVICE_REVOKED');
    const early = created();
    for (const type of ['revoked', 'registered'] as const) early.take({ type });
    expect(codeOf(early, send())).toBe('DEVICE_REVOKED');
  });

  it('registers until the relay took it, also after a restart', () => {
    const slice = created();
    expect(slice.take({ type: 'started' }).effects).toEqual([{ type: 'register' }]);
    slice.take({ type: 'registered' });
    expect(slice.take({ type: 'started' }).effects).toEqual([]);
    expect(slice.take({ type: 'registered' }).changes).toEqual([]);
  });
});

const setsOf = (effects: readonly Effect[]): unknown[] =>
  effects.flatMap((effect) =>
    effect.type === 'post'
      ? [[effect.post.recipient, effect.post.scope, effect.post.envelopes.length]]
      : [],
  );

describe('a send', () => {
  it.each<[string, () => MemorySlice, Input, string]>([
    ['before there is a device', () => new MemorySlice(), send(), 'NOT_REGISTERED'],
    ['before it is registered', created, send(), 'NOT_REGISTERED'],
    ['to nobody', registered, send({ to: [] }), 'NO_RECIPIENT'],
    [
      'to too many',
      registered,
      send({ to: Array.from({ length: RECIPIENTS_MAX + 1 }, (_, i) => userNamed(`user ${i}`)) }),
      'TOO_MANY_RECIPIENTS',
    ],
    [
      'too large',
      registered,
      send({ body: new Uint8Array(BODY_BYTES_MAX + 1) }),
      'MESSAGE_TOO_LARGE',
    ],
    [
      'whose copy for own devices is too large',
      registered,
      send({
        body: new Uint8Array(BODY_BYTES_MAX),
        to: Array.from({ length: RECIPIENTS_MAX }, (_, i) => userNamed(`a longer name ${i}`)),
      }),
      'MESSAGE_TOO_LARGE',
    ],
    [
      'with a long label',
      registered,
      send({ conversation: 'é'.repeat(CONVERSATION_BYTES_MAX / 2 + 1) }),
      'CONVERSATION_TOO_LONG',
    ],
    [
      'at every limit',
      registered,
      send({
        body: new Uint8Array(BODY_BYTES_MAX),
        conversation: 'x'.repeat(CONVERSATION_BYTES_MAX),
      }),
      'taken',
    ],
    ['of nothing at all', registered, send({ body: new Uint8Array(0) }), 'taken'],
  ])('%s', (_title, past, input, code) => {
    expect(codeOf(past(), input)).toBe(code);
  });

  it('of the same id is refused while it runs and when it is over', () => {
    const slice = registered();
    slice.take(send());
    expect(codeOf(slice, send())).toBe('ALREADY_SENT');
    slice.values.delete(sendStream(messageId));
    slice.closed.add(sendStream(messageId));
    expect(codeOf(slice, send())).toBe('ALREADY_SENT');
  });

  it('to a stranger begins with an empty set for each, the sender too (SES-37, SES-40)', () => {
    const slice = registered();
    const { effects, outboxPut } = slice.take(send({ to: [bo, bo] }));
    const begun = [
      [bo, 'all', 0],
      [ada, 'all', 0],
    ];
    expect(setsOf(effects)).toEqual(begun);
    expect(outboxPut, 'the send stream alone stands for an empty set').toEqual([]);
    expect(setsOf(slice.take({ type: 'started' }).effects), 'after a start').toEqual(begun);
  });

  /** Lets the time of a send pass. */
  function outlive(slice: MemorySlice): void {
    const { clock } = slice.env;
    const elapsedMs = clock.elapsedMs + SEND_RECORD_MS + 1;
    slice.env = { ...slice.env, clock: { ...clock, elapsedMs } };
  }

  /** What whoever sent is told; prekeys are due by then as well. */
  const toldOf = (effects: readonly Effect[]): Effect[] =>
    effects.filter(({ type }) => type === 'recipientDone' || type === 'sendDone');

  it('ends with its time', () => {
    const slice = registered();
    slice.take(send());
    expect(slice.take({ type: 'swept' }).changes).toEqual([]);
    outlive(slice);
    const { changes, outboxPut } = slice.take({ type: 'swept' });
    const ended = changes.filter((change) => change.closes === true);
    expect(ended).toMatchObject([
      { stream: sendStream(messageId), closes: true, fact: { fields: { reason: 'expired' } } },
    ]);
    expect(outboxPut).toEqual([]);
  });

  it('that ends with its time says so once, of those who were not done, and of nobody else', () => {
    const slice = registered();
    const { effects: begun } = slice.take(send());
    const postOf = (userId: string) => {
      const posts = begun.flatMap((effect) => (effect.type === 'post' ? [effect] : []));
      const found = posts.find(({ post }) => post.recipient === userId);
      if (found === undefined) throw new Error('a round for each');
      return { postId: found.post.postId, origin: found.origin };
    };
    const result = { kind: 'accepted', listVersion: 1 } as const;
    slice.take({ type: 'posted', ...postOf(ada), result });
    const failed = { messageId, userId: bo, failure: 'EXPIRED' };
    outlive(slice);
    const { effects, changes, outboxDone } = slice.take({ type: 'swept' });
    expect(toldOf(effects)).toMatchObject([
      { type: 'recipientDone', ...failed },
      { type: 'sendDone', messageId },
    ]);
    const facts = changes.map(({ fact }) => fact);
    const fields = { userId: bo, reason: 'EXPIRED' };
    expect(facts, 'durable').toContainEqual({ name: 'SendFailed', fields });
    expect(outboxDone, 'what has not left does not leave').toEqual([postOf(bo).postId]);
    const late = slice.take({ type: 'posted', ...postOf(bo), result });
    const { effects: after } = slice.take({ type: 'swept' });
    expect(toldOf([...late.effects, ...after])).toEqual([]);
  });

  it('that everybody was taken for ends with its time without another word', () => {
    const slice = registered();
    const { effects } = slice.take(send());
    for (const effect of effects) {
      if (effect.type !== 'post') continue;
      const { post, origin } = effect;
      const result = { kind: 'accepted', listVersion: 1 } as const;
      slice.take({ type: 'posted', postId: post.postId, origin, result });
    }
    outlive(slice);
    expect(toldOf(slice.take({ type: 'swept' }).effects)).toEqual([]);
  });
});

describe('a device list', () => {
  const [first, second, third] = listsOf(3);
  if (first === undefined || second === undefined || third === undefined) throw new Error('three');
  const learn = (list: SignedDeviceList): Input => ({ type: 'listLearned', list });
  const versionOf = (slice: MemorySlice): number | undefined =>
    valueOfKind('user', slice.value(userStream(bo)))?.listVersion;

  it('is taken in rising versions; an older one changes nothing', () => {
    const slice = registered();
    for (const list of [first, third]) slice.take(learn(list));
    expect(versionOf(slice)).toBe(3);
    expect(slice.take(learn(second)).changes).toEqual([]);
    expect(slice.take(learn(third)).changes).toEqual([]);
  });

  it('that is altered or given for another user is refused', () => {
    const slice = registered();
    slice.take(learn(second));
    const { list } = third;
    const spoilt = [
      { devices: list.devices.slice(1) },
      { version: 4 },
      { userId: userNamed('cy') },
    ];
    for (const change of spoilt) {
      expect(codeOf(slice, learn({ ...third, list: { ...list, ...change } }))).toBe('BAD_LIST');
    }
    expect(versionOf(slice)).toBe(2);
  });

  it('that is forked is refused, however well it is signed', () => {
    const slice = registered();
    slice.take(learn(second));
    const [unchained] = listsOf(3, { previous: new Uint8Array(32).fill(1) }).slice(-1);
    const [otherThird] = listsOf(3, { devices: second.list.devices }).slice(-1);
    if (unchained === undefined || otherThird === undefined) throw new Error('three lists');
    expect(codeOf(slice, learn(unchained))).toBe('BAD_LIST');
    slice.take(learn(third));
    expect(codeOf(slice, learn(otherThird))).toBe('BAD_LIST');
  });

  it('under another identity key is told, kept beside the pinned one, and nothing else', () => {
    const slice = registered();
    const before = { ...emptyUserRecord(bo), identityKey: new Uint8Array(32).fill(1) };
    slice.values.set(userStream(bo), before);
    const { identityKey } = first.list;
    expect(slice.take(learn(first)).effects).toEqual([
      { type: 'identityChanged', userId: bo, identityKey },
    ]);
    expect(slice.value(userStream(bo))).toEqual({ ...before, offered: identityKey });
    const { changes, effects } = slice.take(learn(first));
    expect([...changes, ...effects]).toEqual([]);
  });
});

describe('trust', () => {
  it('moves a pin and drops what hung on the old one, but never the own key', () => {
    const slice = registered();
    const [key, other] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    slice.take({ type: 'trustIdentity', userId: bo, identityKey: key });
    slice.take({ type: 'trustIdentity', userId: bo, identityKey: other });
    const record = valueOfKind('user', slice.value(userStream(bo)));
    expect(record).toEqual({ ...emptyUserRecord(bo), identityKey: other, trust: 'accepted' });
    expect(codeOf(slice, { type: 'trustIdentity', userId: ada, identityKey: key })).toBe(
      'OWN_USER',
    );
  });
});

describe('prekeys', () => {
  const idsOf = (slice: MemorySlice, count: number, target?: number): number[] => {
    const more = target === undefined ? {} : { target };
    const { effects } = slice.take({ type: 'replenish', count, ...more });
    return effects.flatMap((effect) =>
      effect.type === 'uploadKeys' ? effect.keys.oneTimePreKeys.map((key) => key.id) : [],
    );
  };

  it('are made as many as are missing, under ids that were never used (X3-11)', () => {
    const slice = registered();
    const first = idsOf(slice, 2, 40);
    slice.take({ type: 'keysUploaded', oneTime: Math.max(...first), kem: 0 });
    const second = idsOf(slice, ONE_TIME_TARGET_KEYS - 3);
    expect(first.length).toBe(38);
    expect(second.length).toBe(3);
    expect(Math.min(...first)).toBeGreaterThan(3);
    expect(Math.min(...second)).toBe(Math.max(...first) + 1);
    slice.take({ type: 'keysUploaded', oneTime: Math.max(...second), kem: 0 });
    expect(idsOf(slice, ONE_TIME_TARGET_KEYS)).toEqual([]);
  });

  it('end at the highest id', () => {
    const slice = registered();
    const preKeys = valueOfKind('prekeys', slice.value(PRE_KEYS_STREAM));
    if (preKeys === undefined) throw new Error('a device has prekeys');
    slice.values.set(PRE_KEYS_STREAM, { ...preKeys, nextId: PRE_KEY_ID_MAX });
    expect(codeOf(slice, { type: 'replenish', count: 0 })).toBe('PRE_KEYS_EXHAUSTED');
  });
});

describe('the decider', () => {
  /** Every input that needs no more than a device; each must load before it computes. */
  const inputs: Input[] = [
    create,
    linkInput(registered()),
    { type: 'registered' },
    { type: 'revoked' },
    { type: 'started' },
    send(),
    { type: 'claimFailed', userId: bo, sends: [messageId], resends: [] },
    { type: 'claimed', userId: bo, results: [], sends: [messageId], resends: [] },
    { type: 'receipted', userId: bo, deviceId: deviceNumbered(1), messageIds: [messageId] },
    { type: 'sendReceipts', userId: bo, deviceId: deviceNumbered(1), messageIds: [messageId] },
    { type: 'trustIdentity', userId: bo, identityKey: new Uint8Array(32) },
    { type: 'replenish', count: 0 },
    { type: 'swept' },
  ];

  it.each(inputs.map((input) => [input.type, input] as const))(
    'asks for what %s reads before any cryptography',
    (_type, input) => {
      const forbidden = (): never => {
        throw new Error('used before the streams were loaded');
      };
      const locked = new Proxy(crypto, { get: forbidden });
      const slice = new MemorySlice();
      const env: EngineEnv = { ...slice.env, crypto: locked, entropy: forbidden };
      const result = decide(slice, input, env);
      expect(result.kind).toBe('needMore');
    },
  );

  it('answers the same to the same', () => {
    const changesOf = (): unknown =>
      registered()
        .take(send())
        .changes.map(({ stream, fact }) => ({ stream, fact }));
    expect(changesOf()).toEqual(changesOf());
  });

  it('leaves its slice as it was', () => {
    const slice = registered();
    const before = new Map(slice.values);
    slice.decide(send());
    slice.decide(send({ to: [] }));
    expect(slice.values).toEqual(before);
  });
});

describe('folding events into rows', () => {
  const row = encodeUserRecord({ ...emptyUserRecord(bo), listVersion: 3 });
  const gone = encodeFact({ name: 'UserChanged', fields: { changes: [{ type: 'gone', at: 5 }] } });
  const stream = userStream(bo);
  const type = eventType('UserChanged');

  it('takes up where the row stands, or begins one', () => {
    const next = evolveRecord(row, { stream, type, schema: 1, facts: gone });
    expect(next).toEqual(encodeUserRecord({ ...emptyUserRecord(bo), listVersion: 3, staleAt: 5 }));
    const first = evolveRecord(undefined, { stream, type, schema: 1, facts: gone });
    expect(first).toEqual(encodeUserRecord({ ...emptyUserRecord(bo), staleAt: 5 }));
  });

  it('says what it cannot fold, where a row hangs on it', () => {
    const event = { stream, type, schema: 1, facts: gone };
    expect(foldRefusal(event)).toBeUndefined();
    expect(foldRefusal({ ...event, schema: eventSchema('UserChanged') + 1 })).toBe('UNKNOWN_EVENT');
    expect(foldRefusal({ ...event, type: 999 })).toBe('UNKNOWN_EVENT');
    expect(foldRefusal({ ...event, facts: gone.subarray(1) })).toBe('MALFORMED_FACTS');
    expect(foldRefusal({ ...event, stream: 'send/1', type: 999 })).toBeUndefined();
  });

  it('is total: what does not fit leaves the row as it is', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('user/bo', 'user/', 'session/bo.1/x', 'send/1', ''),
        fc.oneof(fc.constant(type), fc.nat(40)),
        fc.oneof(fc.constant(gone), fc.uint8Array({ maxLength: 60 })),
        (stream, number, facts) => {
          const next = evolveRecord(row, { stream, type: number, schema: 1, facts });
          const fits = stream === 'user/bo' && number === type;
          if (!fits) expect(next).toEqual(row);
          expect(next).toBeInstanceOf(Uint8Array);
        },
      ),
    );
  });
});
