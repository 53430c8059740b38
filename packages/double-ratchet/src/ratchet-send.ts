/** RatchetSendKey: the keys of the next message to send. */

import type { Result } from '@simsim/bytes';
import { err, ok } from '@simsim/bytes';
import { drawKeyPair } from '@simsim/crypto';
import type { Crypto, KeyPair, PublicKey, Secret } from '@simsim/crypto';
import type { RatchetEnv, RatchetOptions } from './ratchet-env.ts';
import type {
  Chain,
  RatchetHeader,
  RatchetHot,
  RatchetRejection,
  RatchetState,
} from './ratchet-state.ts';

/** The next state, the message's keys, and the secrets of the old state that the new one lacks. */
export interface SendStep {
  readonly state: RatchetState;
  /** For one message; whoever encrypts wipes it. */
  readonly keys: Secret<'message'>;
  readonly header: RatchetHeader;
  readonly consumed: readonly Secret[];
}

/**
 * Steps the sending chain. After a received turn the sending half is made first: a new pair and a
 * new chain towards the peer's ratchet key. Only the hot state changes.
 *
 * Entropy: 32 bytes on a turn, else none.
 * Consumes: the chain key; on a turn the root key.
 * Rejects: `NO_SENDING_CHAIN`, `CHAIN_EXHAUSTED`, `BAD_KEY`.
 * Spec: Double Ratchet §3.4; the sending half is deferred as §3.5 allows (DR-16).
 */
export function ratchetSend(
  state: RatchetState,
  env: RatchetEnv,
  options: RatchetOptions,
): Result<SendStep, RatchetRejection> {
  const turned = readyHalf(state.hot, env, options);
  if (!turned.ok) return turned;
  const { hot, own, chain, rootConsumed } = turned.value;
  if (chain.counter >= options.limits.chainMessagesMax) return err({ code: 'CHAIN_EXHAUSTED' });
  const [next, keys] = messageStep(env, chain.chain, options);
  const stalls = options.sabotage === 'stalls-sending';
  const sending = {
    kind: 'ready',
    own,
    chain: { chain: stalls ? chain.chain : next, counter: chain.counter + 1 },
  } as const;
  const consumed: Secret[] = [];
  if (rootConsumed === undefined) {
    consumed.push(chain.chain);
  } else {
    env.crypto.wipe(chain.chain); // made a moment ago and in no state
    consumed.push(rootConsumed);
  }
  return ok({
    state: { ...state, hot: { ...hot, sending } },
    keys,
    header: {
      ratchetKey: own.publicKey.bytes,
      counter: chain.counter,
      previousCount: hot.previousCount,
    },
    consumed,
  });
}

interface ReadyHalf {
  readonly hot: RatchetHot;
  readonly own: KeyPair;
  readonly chain: Chain;
  /** The root key a turn replaced. */
  readonly rootConsumed: Secret<'root'> | undefined;
}

function readyHalf(
  hot: RatchetHot,
  env: RatchetEnv,
  options: RatchetOptions,
): Result<ReadyHalf, RatchetRejection> {
  const { sending, peer } = hot;
  if (sending.kind === 'ready') {
    return ok({ hot, own: sending.own, chain: sending.chain, rootConsumed: undefined });
  }
  if (sending.kind === 'borrowed' || peer === undefined) return err({ code: 'NO_SENDING_CHAIN' });
  const own = newPair(env, peer, options);
  const shared = env.crypto.dh(own.privateKey, peer);
  if (shared === undefined) {
    env.crypto.wipe(own.privateKey);
    return err({ code: 'BAD_KEY', key: 'ratchet' });
  }
  const [root, chain] = rootStep(env.crypto, {
    root: hot.root,
    shared,
    info: options.suite.rootInfo,
  });
  return ok({
    hot: { ...hot, root },
    own,
    chain: { chain, counter: 0 },
    rootConsumed: hot.root,
  });
}

/** GENERATE_DH. Entropy: 32 bytes, 56 on X448. */
export function newPair(
  { crypto, entropy }: RatchetEnv,
  peer: PublicKey,
  { sabotage }: RatchetOptions,
): KeyPair {
  const fresh = drawKeyPair({ crypto, entropy });
  const isReused = sabotage === 'reuses-ratchet-key';
  if (!isReused && sabotage !== 'predictable-ratchet-key') return fresh;
  crypto.wipe(fresh.privateKey);
  const { keyBytes } = crypto.parameters;
  return crypto.keyPair(isReused ? new Uint8Array(keyBytes) : crypto.digest([peer.bytes]));
}

/** KDF_CK and the message keys, under a salt where the session has one. Leaves `chain` usable. */
export function messageStep(
  { crypto, salt }: Pick<RatchetEnv, 'crypto' | 'salt'>,
  chain: Secret<'chain'>,
  { suite: { messageInfo } }: RatchetOptions,
): readonly [next: Secret<'chain'>, keys: Secret<'message'>] {
  if (salt === undefined) return crypto.chainMessage(chain, messageInfo);
  const [next, seed] = crypto.chainStep(chain);
  const keys = crypto.messageKeys(seed, salt, messageInfo);
  crypto.wipe(seed);
  return [next, keys];
}

/** KDF_RK. Wipes the shared secret, not the root. */
export function rootStep(
  crypto: Crypto,
  input: {
    readonly root: Secret<'root'>;
    readonly shared: Secret<'shared'>;
    readonly info: Uint8Array;
  },
): readonly [root: Secret<'root'>, chain: Secret<'chain'>] {
  const step = crypto.hkdf([input.shared], input.root, input.info, ['root', 'chain']);
  crypto.wipe(input.shared);
  return step;
}
