/** No secret crosses the store's contract: everything a store was ever given is searched for all. */

import { concatBytes, encodeUtf8, invariant } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import { nodeCrypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import { createMemoryStore } from '@simsim/event-log';
import type { EventStore } from '@simsim/event-log';
import { messageIdFromBytes, parseUserId } from '@simsim/relay-protocol';
import type { UserId } from '@simsim/relay-protocol';
import { expect, test } from 'vitest';
import { createDice } from '../kill/dice.ts';
import { createNetwork } from '../kill/network.ts';
import type { Party } from '../kill/party.ts';
import { createPeer } from '../kill/peer.ts';
import type { Peer } from '../kill/peer.ts';
import { SecretTrace } from './attacker.ts';
import { recordingCrypto } from './recording-crypto.ts';

const ROUNDS = 25;
const seed = Number(process.env['SIMSIM_SEED'] ?? 1);

/** A store that keeps a copy of every byte string in every change. */
function listeningStore(given: Uint8Array[]): EventStore {
  const store = createMemoryStore();
  const listen = (value: unknown): void => {
    if (value instanceof Uint8Array) given.push(value.slice());
    else if (typeof value === 'string') given.push(encodeUtf8(value));
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(listen);
  };
  return {
    ...store,
    commit(change) {
      listen(change);
      return store.commit(change);
    },
  };
}

/** A saboteur: sealing that only looks like it. */
const unsealing: Crypto = {
  ...nodeCrypto,
  seal: (_key, _nonce, _ad, plaintext) =>
    concatBytes([
      ...plaintext.map((part) =>
        part instanceof Uint8Array ? part : nodeCrypto.exportSecret(part),
      ),
      new Uint8Array(16),
    ]),
  open: (_key, _nonce, _ad, sealed) => sealed.slice(0, -16),
};

interface Overheard {
  readonly trace: SecretTrace;
  readonly given: Uint8Array;
  readonly texts: readonly Uint8Array[];
}

/** Two devices talk; what the store of one of them was given. */
async function overhear(crypto: Crypto): Promise<Overheard> {
  const trace = new SecretTrace();
  const given: Uint8Array[] = [];
  const texts: Uint8Array[] = [];
  const ask = createNetwork();
  const store = listeningStore(given);
  const recording = recordingCrypto(crypto, (entry) => trace.add([entry]));
  const ada = await createPeer({ userId: user('ada'), ask, crypto: recording, store });
  const bo = await createPeer({ userId: user('bo'), ask });
  const dice = createDice(seed, 'secrecy');
  for (let round = 0; round < ROUNDS; round++) {
    const [from, to] = dice(2) === 0 ? [ada, bo] : [bo, ada];
    const text = `line ${round} ${'open sesame '.repeat(1 + dice(5))}`;
    texts.push(encodeUtf8(text));
    await from.party.send(messageIdFromBytes(entropy(16)), [to.party.userId], text);
    for (let turn = 0; turn < 1 + dice(4); turn++) for (const peer of [ada, bo]) await act(peer);
    if (dice(4) === 0) ada.log.flush();
  }
  return { trace, given: concatBytes(given), texts };
}

async function act({ party }: Peer): Promise<Party> {
  await party.work();
  await party.takeIn(party.mailbox());
  party.acknowledge();
  await party.keep(party.inbox);
  return party;
}

function user(name: string): UserId {
  const parsed = parseUserId(name);
  invariant(parsed.ok, 'tests name users well');
  return parsed.value;
}

test('a store is never given a secret, nor what was written', async () => {
  const { trace, given, texts } = await overhear(nodeCrypto);
  expect(trace.roles.size).toBeGreaterThan(300);
  expect(given.length).toBeGreaterThan(20_000);
  expect(trace.secretsIn(given)).toEqual([]);
  for (const text of texts) expect(Buffer.from(given).includes(Buffer.from(text))).toBe(false);
});

test('the search finds them where sealing does not seal', async () => {
  const { trace, given, texts } = await overhear(unsealing);
  expect(trace.secretsIn(given).length).toBeGreaterThan(50);
  expect(texts.some((text) => Buffer.from(given).includes(Buffer.from(text)))).toBe(true);
});
