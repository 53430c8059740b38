/** Arbitrary protocol values for the laws of this package. */

import fc from 'fast-check';
import type {
  ClaimId,
  ClaimResult,
  DeviceApproval,
  DeviceHead,
  DeviceId,
  DeviceList,
  FormerDevice,
  EnvelopeId,
  Heir,
  IncomingEnvelope,
  KemPreKey,
  Post,
  PostId,
  PostResult,
  PreKeyBundle,
  PreKeyUpload,
  RelayAnswer,
  RelayOutcome,
  RelayRefusal,
  RelayRequest,
  ServerFrame,
  SignedDeviceList,
  UserId,
} from '../src/index.ts';
import {
  DEVICES_MAX,
  KEM_PUBLIC_KEY_BYTES,
  LIST_VERSION_MAX,
  parseDeviceId,
  parseUserId,
  PRE_KEY_ID_MAX,
  REFUSAL_STATUS,
  REGISTRATION_ID_MAX,
  SEALED_IDENTITY_BYTES_MAX,
} from '../src/index.ts';

type Arb<T> = fc.Arbitrary<T>;

const bytes = (length: number): Arb<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const content = fc.uint8Array({ maxLength: 80 });

const userId: Arb<UserId> = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .map((text) => parseUserId(text))
  .filter((parsed) => parsed.ok)
  .map((parsed) => parsed.value);

const deviceId: Arb<DeviceId> = fc
  .integer({ min: 1, max: 127 })
  .map((value) => parseDeviceId(value))
  .filter((parsed) => parsed.ok)
  .map((parsed) => parsed.value);

const deviceIds = (minLength: number): Arb<DeviceId[]> =>
  fc
    .uniqueArray(deviceId, { minLength, maxLength: DEVICES_MAX })
    .map((ids) => ids.toSorted((a, b) => a - b));
const registrationId = fc.integer({ min: 1, max: REGISTRATION_ID_MAX });
const version = fc.integer({ min: 1, max: LIST_VERSION_MAX });
const hexId = fc.stringMatching(/^[0-9a-f]{32}$/);
const postId = hexId as Arb<PostId>;
const claimId = hexId as Arb<ClaimId>;
const envelopeId = hexId as Arb<EnvelopeId>;

const listFields = { userId, version, previous: bytes(32), signer: deviceId };
const entryFields = { registrationId, deviceKey: bytes(32) };

const formerDevices: Arb<FormerDevice[]> = deviceIds(0).chain((ids) =>
  fc.tuple(
    ...ids.map((id) =>
      fc.record({ deviceId: fc.constant(id), deviceKey: bytes(32), identityKey: bytes(32) }),
    ),
  ),
);

/** In either identity model. */
export const deviceList: Arb<DeviceList> = deviceIds(1).chain((ids) => {
  const shared = ids.map((id) => fc.record({ deviceId: fc.constant(id), ...entryFields }));
  const own = ids.map((id) =>
    fc.record({ deviceId: fc.constant(id), ...entryFields, identityKey: bytes(32) }),
  );
  return fc.oneof(
    fc.record({ ...listFields, identityKey: bytes(32), devices: fc.tuple(...shared) }),
    fc
      .record({ ...listFields, devices: fc.tuple(...own), former: formerDevices })
      .map(({ former, ...list }) => {
        const apart = former.filter((each) => !ids.includes(each.deviceId));
        return apart.length === 0 ? list : { ...list, former: apart };
      }),
  );
});

export const signedDeviceList: Arb<SignedDeviceList> = fc.record({
  list: deviceList,
  deviceSignature: bytes(64),
  identitySignature: bytes(64),
});

export const deviceApproval: Arb<DeviceApproval> = fc.record({
  userId,
  deviceId,
  registrationId,
  deviceKey: bytes(32),
  listVersion: version,
  approver: deviceId,
  signature: bytes(64),
});

export const deviceHead: Arb<DeviceHead> = fc.record({
  logId: bytes(16),
  incarnation: registrationId,
  seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  hash: bytes(32),
  at: fc.maxSafeNat(),
  signature: bytes(64),
});

const preKeyId = fc.integer({ min: 1, max: PRE_KEY_ID_MAX });
const oneTimePreKey = fc.record({ id: preKeyId, publicKey: bytes(32) });
const signedPreKey = fc.record({ id: preKeyId, publicKey: bytes(32), signature: bytes(64) });

/** 1.6 KB each: a random key would only make runs slow. */
const kemPreKey: Arb<KemPreKey> = fc
  .record({ id: preKeyId, fill: fc.nat(255), signature: bytes(64) })
  .map(({ id, fill, signature }) => ({
    id,
    publicKey: new Uint8Array(KEM_PUBLIC_KEY_BYTES).fill(fill),
    signature,
  }));

const rising = <T extends { readonly id: number }>(key: Arb<T>, maxLength: number): Arb<T[]> =>
  fc
    .uniqueArray(key, { selector: ({ id }) => id, maxLength })
    .map((keys) => keys.toSorted((a, b) => a.id - b.id));

export const preKeyUpload: Arb<PreKeyUpload> = fc
  .record({
    signedPreKey,
    oneTimePreKeys: rising(oneTimePreKey, 6),
    lastResortKemPreKey: kemPreKey,
    oneTimeKemPreKeys: rising(kemPreKey, 3),
  })
  .map((upload) => ({
    ...upload,
    oneTimeKemPreKeys: upload.oneTimeKemPreKeys.filter(
      ({ id }) => id !== upload.lastResortKemPreKey.id,
    ),
  }));

const preKeySignature = fc.record({ id: preKeyId, signature: bytes(64) });
const sealedIdentity = fc.uint8Array({ maxLength: SEALED_IDENTITY_BYTES_MAX });

const heirs: Arb<Heir[]> = deviceIds(1).chain((ids) =>
  fc.tuple(
    ...ids.map((id) =>
      fc.record(
        {
          deviceId: fc.constant(id),
          sealed: sealedIdentity,
          signedPreKey: preKeySignature,
          lastResort: preKeySignature,
        },
        { requiredKeys: ['deviceId', 'sealed', 'signedPreKey'] },
      ),
    ),
  ),
);

const bundle: Arb<PreKeyBundle> = fc.record(
  { deviceId, registrationId, identityKey: bytes(32), signedPreKey, oneTimePreKey, kemPreKey },
  { requiredKeys: ['deviceId', 'registrationId', 'identityKey', 'signedPreKey'] },
);

const sealed = fc.oneof(
  fc.record({ kind: fc.constant('message' as const), content }),
  fc.record({ kind: fc.constant('retry' as const), content: bytes(16) }),
);

const outgoing = (id: Arb<DeviceId>): Arb<Post['envelopes'][number]> =>
  fc
    .record({ deviceId: id, registrationId, envelopeId, sealed })
    .map(({ sealed: inner, ...rest }) => ({ ...rest, ...inner }));

export const post: Arb<Post> = fc.oneof(
  deviceIds(0).chain((ids) =>
    fc.record({
      postId,
      recipient: userId,
      scope: fc.constant('all' as const),
      envelopes: fc.tuple(...ids.map((id) => outgoing(fc.constant(id)))),
    }),
  ),
  fc.record({
    postId,
    recipient: userId,
    scope: fc.constant('device' as const),
    envelopes: fc.tuple(outgoing(deviceId)),
  }),
);

const postResult: Arb<PostResult> = fc.oneof(
  fc.record({ kind: fc.constant('accepted' as const), listVersion: version }),
  fc.record({
    kind: fc.constant('mismatch' as const),
    missing: deviceIds(0),
    extra: deviceIds(0),
    stale: deviceIds(0),
    list: signedDeviceList,
  }),
  fc
    .constantFrom('unknownUser', 'gone', 'conflict', 'tooLarge', 'mailboxFull')
    .map((kind): PostResult => ({ kind })),
);

const incoming: Arb<IncomingEnvelope> = fc
  .record({
    seq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    sender: userId,
    senderDevice: deviceId,
    envelopeId,
    sealed,
    waitedMs: fc.maxSafeNat(),
  })
  .map(({ sealed: inner, ...rest }) => ({ ...rest, ...inner }));

const seqs = fc.array(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { maxLength: 20 });

export const request: Arb<RelayRequest> = fc.oneof(
  fc.constant<RelayRequest>({ kind: 'nonce' }),
  fc.record({
    kind: fc.constant('createAccount' as const),
    userId,
    nonce: bytes(32),
    list: signedDeviceList,
    identityProof: bytes(64),
    deviceProof: bytes(64),
    tokenHash: bytes(32),
    keys: preKeyUpload,
  }),
  fc
    .record({
      kind: fc.constant('addDevice' as const),
      userId,
      nonce: bytes(32),
      deviceId,
      approval: deviceApproval,
      list: signedDeviceList,
      deviceProof: bytes(64),
      identityProof: bytes(64),
      tokenHash: bytes(32),
      keys: preKeyUpload,
    })
    .map(({ identityProof, ...request }) =>
      request.list.list.identityKey === undefined ? { ...request, identityProof } : request,
    ),
  fc.record({
    kind: fc.constant('renewDevice' as const),
    userId,
    nonce: bytes(32),
    deviceId,
    list: signedDeviceList,
    deviceProof: bytes(64),
    tokenHash: bytes(32),
    keys: preKeyUpload,
  }),
  fc.record({ kind: fc.constant('exchangeHead' as const), head: deviceHead }),
  fc.record(
    { kind: fc.constant('removeDevice' as const), list: signedDeviceList, heirs },
    { requiredKeys: ['kind', 'list'] },
  ),
  fc.record({
    kind: fc.constant('getSuccession' as const),
    userId,
    deviceId,
    since: fc.integer({ min: 0, max: LIST_VERSION_MAX }),
    signature: bytes(64),
  }),
  fc.record({ kind: fc.constant('getSignedKeys' as const), devices: deviceIds(1) }),
  fc.record({
    kind: fc.constant('getList' as const),
    userId,
    since: fc.integer({ min: 0, max: LIST_VERSION_MAX }),
  }),
  fc.record(
    {
      kind: fc.constant('uploadKeys' as const),
      keys: preKeyUpload,
      replacesOneTime: fc.constant(true as const),
      identityKey: bytes(32),
    },
    { requiredKeys: ['kind', 'keys'] },
  ),
  fc.record({ kind: fc.constant('checkKeys' as const), digest: bytes(32) }),
  fc.record({ kind: fc.constant('claimKeys' as const), claimId, userId, devices: deviceIds(1) }),
  fc.record(
    {
      kind: fc.constant('post' as const),
      posts: fc.array(post, { maxLength: 4 }),
      from: fc.record({ head: deviceHead, expected: bytes(32) }),
    },
    { requiredKeys: ['kind', 'posts'] },
  ),
  fc.record({
    kind: fc.constant('fetch' as const),
    after: fc.maxSafeNat(),
    limit: fc.integer({ min: 1, max: 64 }),
  }),
  fc.record({ kind: fc.constant('ack' as const), seqs }),
  fc.record({ kind: fc.constant('putLink' as const), address: bytes(16), ciphertext: content }),
  fc.record(
    { kind: fc.constant('takeLink' as const), address: bytes(16), taker: bytes(16) },
    { requiredKeys: ['kind', 'address'] },
  ),
);

const claimResult: Arb<ClaimResult> = fc.oneof(
  deviceId.map((id): ClaimResult => ({ deviceId: id, gone: true })),
  bundle.map((one): ClaimResult => ({ deviceId: one.deviceId, bundle: one })),
);

const preKeysTaken = {
  count: fc.maxSafeNat(),
  lastIssuedId: fc.integer({ min: 0, max: PRE_KEY_ID_MAX }),
  highestSeenId: fc.integer({ min: 0, max: PRE_KEY_ID_MAX }),
  refusedIds: fc.array(preKeyId, { maxLength: 5 }),
};

const { refusedIds: _, ...preKeyCounters } = preKeysTaken;

const answer: Arb<RelayAnswer> = fc.oneof(
  fc.record({
    kind: fc.constant('checkKeys' as const),
    isSame: fc.boolean(),
    signedPreKeyId: preKeyId,
    lastResortId: fc.integer({ min: 0, max: PRE_KEY_ID_MAX }),
    oneTime: fc.record(preKeyCounters),
    kem: fc.record(preKeyCounters),
  }),
  fc.record({ kind: fc.constant('nonce' as const), nonce: bytes(32) }),
  fc
    .constantFrom('createAccount', 'addDevice', 'renewDevice', 'removeDevice', 'ack', 'putLink')
    .map((kind): RelayAnswer => ({ kind })),
  fc
    .oneof(
      fc.constant({ kind: 'unchanged' as const }),
      fc.constant({ kind: 'unknownUser' as const }),
      signedDeviceList.map((list) => ({ kind: 'list' as const, list })),
    )
    .map((result): RelayAnswer => ({ kind: 'getList', result })),
  fc.record({
    kind: fc.constant('uploadKeys' as const),
    ...preKeysTaken,
    kem: fc.record(preKeysTaken),
    isSignedPreKeyTaken: fc.boolean(),
    isLastResortTaken: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('claimKeys' as const),
    results: fc.array(claimResult, { maxLength: 4 }),
  }),
  fc.record({
    kind: fc.constant('post' as const),
    results: fc.array(postResult, { maxLength: 4 }),
  }),
  fc.record({
    kind: fc.constant('fetch' as const),
    envelopes: fc.array(incoming, { maxLength: 4 }),
    isEmpty: fc.boolean(),
  }),
  fc.record(
    {
      kind: fc.constant('getSuccession' as const),
      lists: fc.array(signedDeviceList, { maxLength: 3 }),
      sealed: sealedIdentity,
    },
    { requiredKeys: ['kind', 'lists'] },
  ),
  fc.record({
    kind: fc.constant('getSignedKeys' as const),
    devices: fc.array(
      fc.record(
        { deviceId, signedPreKey, lastResort: kemPreKey },
        { requiredKeys: ['deviceId', 'signedPreKey'] },
      ),
      { maxLength: 3 },
    ),
  }),
  fc.record(
    { kind: fc.constant('takeLink' as const), ciphertext: content },
    { requiredKeys: ['kind'] },
  ),
  fc.record(
    { kind: fc.constant('exchangeHead' as const), before: deviceHead },
    { requiredKeys: ['kind'] },
  ),
);

const refusal: Arb<RelayRefusal> = fc
  .tuple(fc.constantFrom(...Object.keys(REFUSAL_STATUS)), fc.maxSafeNat())
  .map(
    ([code, retryAfterMs]) =>
      (code === 'RATE_LIMITED' ? { code, retryAfterMs } : { code }) as RelayRefusal,
  );

export const outcome: Arb<RelayOutcome> = fc.oneof(
  answer.map((value): RelayOutcome => ({ ok: true, value })),
  refusal.map((error): RelayOutcome => ({ ok: false, error })),
);

export const serverFrame: Arb<ServerFrame> = fc.oneof(
  fc.record({
    kind: fc.constant('envelopes' as const),
    envelopes: fc.array(incoming, { maxLength: 4 }),
  }),
  fc.constant<ServerFrame>({ kind: 'queueEmpty' }),
  fc.record({
    kind: fc.constant('keysLow' as const),
    count: fc.maxSafeNat(),
    kemCount: fc.maxSafeNat(),
  }),
);

export const clientFrame: Arb<{ readonly kind: 'ack'; readonly seqs: number[] }> = fc.record({
  kind: fc.constant('ack' as const),
  seqs,
});
