/** RatchetEncryptHE. */

import type { Result } from '@simsim/bytes';
import { err, ok } from '@simsim/bytes';
import type { Secret } from '@simsim/crypto';
import { headerRootStep } from './header-ratchet-start.ts';
import type { HeaderRatchetState, HeaderRejection, HeaderSending } from './header-ratchet-state.ts';
import { sealHeader } from './header-seal.ts';
import type { EncryptStep, PlainMessage } from './message-seal.ts';
import { sealMessage } from './message-seal.ts';
import type { EncryptEnv } from './ratchet-message.ts';
import { messageStep, newPair } from './ratchet-send.ts';

/**
 * Encrypts the next message and its header. The tag covers the header as encrypted.
 *
 * Hides the ratchet key and the counters. It does not hide the sender's identity key: the messages
 * that begin a session carry that outside of this one (HE-10).
 *
 * Entropy: 16 bytes; before them one private key on the first message after a received turn.
 * Rejects: `NO_SENDING_CHAIN`, `CHAIN_EXHAUSTED`, `BAD_KEY`.   Spec: Double Ratchet §4.4.
 */
export function headerEncrypt(
  state: HeaderRatchetState,
  { plaintext, associatedData }: PlainMessage,
  env: EncryptEnv,
): Result<EncryptStep<HeaderRatchetState>, HeaderRejection> {
  const { crypto, entropy, options } = env;
  const turned = readyHalf(state, env);
  if (!turned.ok) return turned;
  const { root, sending, isFresh } = turned.value;
  const { own, chain, headerKey } = sending;
  if (chain.counter >= options.limits.chainMessagesMax) return err({ code: 'CHAIN_EXHAUSTED' });
  const [next, keys] = messageStep(env, chain.chain, options);
  const { previousCount } = state;
  const plain = { ratchetKey: own.publicKey.bytes, counter: chain.counter, previousCount };
  const header = sealHeader(plain, headerKey, { crypto, entropy, suite: options.suite });
  const output = sealMessage(keys, { header, associatedData, plaintext }, env);
  if (isFresh) crypto.wipe(chain.chain); // made a moment ago and in no state
  const stalls = options.sabotage === 'stalls-sending';
  const stepped = { chain: stalls ? chain.chain : next, counter: chain.counter + 1 };
  const consumed: Secret[] = isFresh ? [state.root] : [chain.chain];
  return ok({
    state: { ...state, root, sending: { ...sending, chain: stepped } },
    output,
    consumed,
  });
}

interface ReadyHalf {
  readonly root: Secret<'root'>;
  readonly sending: Extract<HeaderSending, { readonly kind: 'ready' }>;
  /** Whether this step made the half, and with it a new root. */
  readonly isFresh: boolean;
}

/** The sending half of a turn (DHRatchetHE), made when it is first needed (DR-16). */
function readyHalf(
  { root, sending, peer }: HeaderRatchetState,
  env: EncryptEnv,
): Result<ReadyHalf, HeaderRejection> {
  if (sending.kind === 'ready') return ok({ root, sending, isFresh: false });
  if (sending.kind === 'borrowed' || peer === undefined) return err({ code: 'NO_SENDING_CHAIN' });
  const own = newPair(env, peer, env.options);
  const shared = env.crypto.dh(own.privateKey, peer);
  if (shared === undefined) {
    env.crypto.wipe(own.privateKey);
    return err({ code: 'BAD_KEY', key: 'ratchet' });
  }
  const [nextRoot, chain, nextHeaderKey] = headerRootStep({ root, shared }, env);
  const { headerKey } = sending;
  const made = {
    kind: 'ready',
    own,
    chain: { chain, counter: 0 },
    headerKey,
    nextHeaderKey,
  } as const;
  return ok({ root: nextRoot, sending: made, isFresh: true });
}
