import type { Result } from '@simsim/bytes';
import type { Crypto, KeyPair, PublicKey, Secret } from '@simsim/crypto';
import { seededEntropy } from '@simsim/crypto';
import { nodeCrypto } from '@simsim/crypto/node';
import { describe, expect, it } from 'vitest';
import type { RatchetHeader, RatchetOptions, RatchetState } from '../src/index.ts';
import {
  blocksToLoad,
  defaultRatchetOptions,
  ratchetReceive,
  ratchetSend,
  startInitiator,
  startResponder,
} from '../src/index.ts';

const entropy = seededEntropy(Uint8Array.of(1), nodeCrypto);
const options = defaultRatchetOptions;

function must<T>(result: Result<T, { readonly code: string }>): T {
  if (!result.ok) throw new Error(result.error.code);
  return result.value;
}

/** A backend that counts its Diffie-Hellmans: the dear part of a forged message. */
function counting(): { readonly crypto: Crypto; readonly agreements: () => number } {
  let count = 0;
  const crypto: Crypto = {
    ...nodeCrypto,
    dh(own, peer) {
      count += 1;
      return nodeCrypto.dh(own, peer);
    },
  };
  return { crypto, agreements: () => count };
}

interface Ends {
  readonly alice: RatchetState;
  readonly bob: RatchetState;
  readonly signedPreKey: KeyPair;
}

function start(): Ends {
  const root = (): Secret<'root'> => nodeCrypto.importSecret('root', new Uint8Array(32).fill(4));
  const signedPreKey = nodeCrypto.keyPair(entropy(32));
  const env = { crypto: nodeCrypto, entropy };
  const peer: PublicKey = signedPreKey.publicKey;
  const alice = must(startInitiator({ root: root(), peer }, env, options));
  return { alice, bob: startResponder(root(), signedPreKey), signedPreKey };
}

function send(state: RatchetState): { state: RatchetState; header: RatchetHeader; keys: string } {
  const step = must(ratchetSend(state, { crypto: nodeCrypto, entropy }, options));
  return { state: step.state, header: step.header, keys: shown(step.keys) };
}

function receive(
  state: RatchetState,
  header: RatchetHeader,
  using: RatchetOptions = options,
): { state: RatchetState; keys: string; didTurn: boolean } {
  const step = must(ratchetReceive(state, header, { crypto: nodeCrypto, options: using }));
  return { state: step.state, keys: shown(step.keys), didTurn: step.didTurn };
}

function refused(state: RatchetState, header: RatchetHeader, crypto: Crypto = nodeCrypto): string {
  const result = ratchetReceive(state, header, { crypto, options });
  if (result.ok) throw new Error('not refused');
  return result.error.code;
}

function shown(secret: Secret): string {
  return nodeCrypto.exportSecret(secret).join();
}

describe('a ratchet', () => {
  it('gives both ends the same keys, and a turn only on a new ratchet key', () => {
    const ends = start();
    let { alice, bob } = ends;
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 3; i++) {
        const sent = send(alice);
        const received = receive(bob, sent.header);
        expect(received.keys).toBe(sent.keys);
        expect(received.didTurn).toBe(i === 0);
        [alice, bob] = [sent.state, received.state];
      }
      const answer = send(bob);
      const received = receive(alice, answer.header);
      expect(received.keys).toBe(answer.keys);
      [alice, bob] = [received.state, answer.state];
    }
  });

  it('counts the previous chain as the specification does', () => {
    const ends = start();
    let { alice, bob } = ends;
    const counts: number[] = [];
    for (const messages of [1, 2, 3]) {
      for (let i = 0; i < messages; i++) {
        const sent = send(alice);
        counts.push(sent.header.previousCount);
        [alice, bob] = [sent.state, receive(bob, sent.header).state];
      }
      const answer = send(bob);
      [alice, bob] = [receive(alice, answer.header).state, answer.state];
    }
    expect(counts).toEqual([0, 1, 1, 2, 2, 2]);
  });

  it('lets a responder send only once it has received', () => {
    const result = ratchetSend(start().bob, { crypto: nodeCrypto, entropy }, options);
    expect(result).toEqual({ ok: false, error: { code: 'NO_SENDING_CHAIN' } });
  });

  it('drops its private ratchet key with the received turn and refuses strangers cheaply', () => {
    const { alice, bob } = start();
    const received = receive(bob, send(alice).header).state;
    expect(received.hot.sending).toEqual({ kind: 'owed' });
    const { crypto, agreements } = counting();
    const stranger = nodeCrypto.keyPair(entropy(32)).publicKey.bytes;
    const header = { ratchetKey: stranger, counter: 0, previousCount: 0 };
    expect(refused(received, header, crypto)).toBe('UNKNOWN_RATCHET_KEY');
    expect(agreements()).toBe(0);
    // Once it has answered, any good key could be the peer's next: only the tag can tell.
    const proposal = ratchetReceive(send(received).state, header, { crypto, options });
    expect(proposal.ok && proposal.value.didTurn).toBe(true);
  });

  it('refuses the signed prekey as a ratchet key before the first answer', () => {
    const { alice, signedPreKey } = start();
    const { crypto, agreements } = counting();
    const ratchetKey = signedPreKey.publicKey.bytes;
    const header = { ratchetKey, counter: 0, previousCount: 0 };
    expect(refused(alice, header, crypto)).toBe('UNKNOWN_RATCHET_KEY');
    expect(agreements()).toBe(0);
  });

  it('refuses low-order and malformed ratchet keys before any private key is touched', () => {
    const { alice, bob } = start();
    const { crypto, agreements } = counting();
    for (const state of [alice, bob]) {
      for (const ratchetKey of [
        new Uint8Array(32),
        new Uint8Array(32).fill(0xff),
        new Uint8Array(0),
      ]) {
        expect(refused(state, { ratchetKey, counter: 0, previousCount: 0 }, crypto)).toBe(
          'BAD_KEY',
        );
      }
    }
    expect(agreements()).toBe(0);
  });

  it('skips exactly as many messages as allowed, on every kind of chain', () => {
    const { alice, bob } = start();
    const first = send(alice);
    const max = options.limits.forwardJumpMax;
    const ahead = (counter: number): RatchetHeader => ({ ...first.header, counter });
    // A chain that has yet to begin: checked before the Diffie-Hellman.
    const { crypto, agreements } = counting();
    expect(refused(bob, ahead(max + 1), crypto)).toBe('TOO_FAR_AHEAD');
    expect(agreements()).toBe(0);
    expect(receive(bob, ahead(max)).didTurn).toBe(true);
    // The current chain, then the same chain once it is an older one.
    const current = receive(bob, first.header).state;
    const answered = send(current);
    const turned = send(receive(send(first.state).state, answered.header).state);
    const older = receive(answered.state, turned.header).state;
    expect(older.cold.olderChains).toHaveLength(1);
    for (const state of [current, older]) {
      expect(refused(state, ahead(max + 2))).toBe('TOO_FAR_AHEAD');
      expect(receive(state, ahead(max + 1)).state.hot.receivedCount).toBeGreaterThan(1);
    }
  });

  it('keeps the newest keys of a jump beyond what it may store', () => {
    const { alice, bob } = start();
    const { header } = send(alice);
    const limits = { ...options.limits, skippedKeysMax: 70 };
    const jumped = receive(bob, { ...header, counter: 100 }, { ...options, limits }).state;
    const counters = [...jumped.blocks.values()].flatMap((b) => b.seeds.map((s) => s.counter));
    expect(counters).toEqual(Array.from({ length: 70 }, (_, i) => 30 + i));
    expect(refused(jumped, { ...header, counter: 29 })).toBe('DUPLICATE');
    expect(receive(jumped, { ...header, counter: 30 }).keys).toBe(
      receive(bob, { ...header, counter: 30 }).keys,
    );
  });

  it('wipes what it made and dropped in one step', () => {
    const { alice, bob } = start();
    const made = new Set<Secret>();
    const crypto: Crypto = {
      ...nodeCrypto,
      chainStep(chain) {
        const [next, seed] = nodeCrypto.chainStep(chain);
        made.add(next).add(seed);
        return [next, seed];
      },
      wipe(secret) {
        made.delete(secret);
        nodeCrypto.wipe(secret);
      },
    };
    const limits = { ...options.limits, blockKeysMax: 3, blocksMax: 1 };
    const header = { ...send(alice).header, counter: 8 };
    const step = must(ratchetReceive(bob, header, { crypto, options: { ...options, limits } }));
    const kept = [...step.state.blocks.values()].flatMap(({ seeds }) => seeds);
    expect(kept.map(({ counter }) => counter)).toEqual([6, 7]);
    expect([...made]).toEqual(kept.map(({ seed }) => seed));
  });

  it('ends a chain at its last counter, in both directions', () => {
    const { alice, bob } = start();
    const max = options.limits.chainMessagesMax;
    const { sending } = alice.hot;
    if (sending.kind !== 'ready') throw new Error('the initiator can send');
    const chain = { ...sending.chain, counter: max };
    const worn = { ...alice, hot: { ...alice.hot, sending: { ...sending, chain } } };
    const result = ratchetSend(worn, { crypto: nodeCrypto, entropy }, options);
    expect(result).toEqual({ ok: false, error: { code: 'CHAIN_EXHAUSTED' } });
    expect(refused(bob, { ...send(alice).header, counter: max })).toBe('CHAIN_EXHAUSTED');
  });

  it('asks for exactly the block that could hold a late message', () => {
    const { alice, bob } = start();
    const { header } = send(alice);
    const jumped = receive(bob, { ...header, counter: 40 }).state;
    const bare = { ...jumped, blocks: new Map() };
    expect(blocksToLoad(bare, { ...header, counter: 3 }, options)).toEqual([0]);
    expect(blocksToLoad(bare, { ...header, counter: 33 }, options)).toEqual([1]);
    expect(blocksToLoad(bare, { ...header, counter: 41 }, options)).toEqual([]);
    // A further gap would join the open block, if that is at hand.
    expect(blocksToLoad(bare, { ...header, counter: 50 }, options)).toEqual([1]);
    expect(
      ratchetReceive(bare, { ...header, counter: 3 }, { crypto: nodeCrypto, options }),
    ).toEqual({
      ok: false,
      error: { code: 'BLOCKS_NEEDED', blocks: [0] },
    });
    expect(receive(bare, { ...header, counter: 50 }).state.cold.directory).toHaveLength(3);
    expect(receive(jumped, { ...header, counter: 50 }).state.cold.directory).toHaveLength(2);
  });

  it('opens late messages of a chain whose key is gone, while their seeds are kept', () => {
    const ends = start();
    let { alice, bob } = ends;
    const late = send(alice);
    alice = late.state;
    for (let turn = 0; turn < 7; turn++) {
      const sent = send(alice);
      const received = receive(bob, sent.header).state;
      const answer = send(received);
      [alice, bob] = [receive(sent.state, answer.header).state, answer.state];
    }
    expect(bob.cold.olderChains).toHaveLength(options.limits.olderChainsMax);
    expect(receive(bob, late.header).keys).toBe(late.keys);
    // Beyond the stored seed nothing of that chain is left.
    expect(refused(bob, { ...late.header, counter: 9 })).toBe('DUPLICATE');
  });
});
