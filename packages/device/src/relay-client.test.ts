import { RelayUnavailableError } from '@simsim/relay-protocol';
import type { RelayOutcome, RelayTransport } from '@simsim/relay-protocol';
import { expect, test } from 'vitest';
import { RelayClient } from './relay-client.ts';

const noLine: RelayTransport['connect'] = () => {
  throw new Error('nobody connects here');
};

/** A client whose transport answers like this, and the tokens that it was given. */
function clientOf(ask: () => Promise<RelayOutcome>): {
  client: RelayClient;
  tokens: (Uint8Array | undefined)[];
} {
  const tokens: (Uint8Array | undefined)[] = [];
  const client = new RelayClient({
    connect: noLine,
    ask(_request, token) {
      tokens.push(token);
      return ask();
    },
  });
  return { client, tokens };
}

test.each<[string, () => Promise<RelayOutcome>]>([
  ['the answer was lost', () => Promise.reject(new RelayUnavailableError('lost'))],
  [
    'another copy of our package says so',
    () => Promise.reject(Object.assign(new Error('lost'), { code: 'RELAY_UNAVAILABLE' })),
  ],
  [
    'the relay says that it cannot',
    () => Promise.resolve({ ok: false, error: { code: 'UNAVAILABLE' } }),
  ],
])('a relay is unavailable where %s', async (_name, ask) => {
  const { client } = clientOf(ask);
  await expect(client.ask({ kind: 'nonce' })).rejects.toMatchObject({
    name: 'SessionError',
    code: 'RELAY_UNAVAILABLE',
    retryable: true,
  });
});

test('other refusals are answers, and other errors pass', async () => {
  const refusal: RelayOutcome = { ok: false, error: { code: 'LIST_MOVED' } };
  const { client } = clientOf(() => Promise.resolve(refusal));
  expect(await client.ask({ kind: 'nonce' })).toEqual(refusal);
  const { client: other } = clientOf(() => Promise.reject(new TypeError('a bug')));
  await expect(other.ask({ kind: 'nonce' })).rejects.toThrow(TypeError);
});

test('a token is a copy, and the one before is wiped', async () => {
  const { client, tokens } = clientOf(() => Promise.resolve({ ok: true, value: { kind: 'ack' } }));
  const mine = new Uint8Array(32).fill(1);
  client.setToken(mine);
  mine.fill(0);
  await client.ask({ kind: 'ack', seqs: [] });
  expect(tokens[0]).toEqual(new Uint8Array(32).fill(1));
  client.setToken(new Uint8Array(32).fill(2));
  await client.ask({ kind: 'ack', seqs: [] });
  expect(tokens).toEqual([new Uint8Array(32), new Uint8Array(32).fill(2)]);
});
