import { bytesToBase64url } from '@simsim/bytes';
import { nodeCrypto } from '@simsim/crypto/node';
import { CONTENT_TYPE, encodeRequest, requestPath } from '@simsim/relay-protocol';
import { expect, test } from 'vitest';
import { BareRelay } from '../conformance/bare-relay.ts';
import { TestUser } from '../conformance/people.ts';
import { createMemoryStore } from '../memory/index.ts';
import { createHttpServer } from './http-server.ts';
import { RateLimit } from './token-bucket.ts';

test('a token is hashed once a request', async () => {
  const store = createMemoryStore();
  const relay = new BareRelay(store);
  const ali = new TestUser('ali');
  const phone = ali.makeDevice(1);
  relay.call(ali.createAccount(phone, relay.nonce()));
  const digests: (readonly Uint8Array[])[] = [];
  const server = createHttpServer({
    store,
    commit: {
      submit: () => Promise.resolve({ ok: true, value: { kind: 'ack' } }),
      close: () => undefined,
    },
    crypto: {
      ...nodeCrypto,
      digest(parts) {
        digests.push(parts);
        return nodeCrypto.digest(parts);
      },
    },
    now: () => 0,
    links: new RateLimit({ burst: 1, perMinute: 1 }),
    log: 'off',
  });
  const { statusCode } = await server.inject({
    method: 'POST',
    url: requestPath('ack'),
    headers: {
      authorization: `Bearer ${bytesToBase64url(phone.token)}`,
      'content-type': CONTENT_TYPE,
    },
    payload: Buffer.from(encodeRequest({ kind: 'ack', seqs: [1] })),
  });
  expect([statusCode, digests]).toEqual([200, [[phone.token]]]);
  await server.close();
});
