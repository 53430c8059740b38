/**
 * RatchetEncrypt and RatchetDecrypt: whole messages of the plain variant, for those who bring no
 * wire format of their own. Sessions use the steps below them with Signal's format instead.
 */

import type { Result } from '@simsim/bytes';
import { err, ok } from '@simsim/bytes';
import type { Crypto, Entropy } from '@simsim/crypto';
import type {
  DecryptStep,
  EncryptStep,
  MessageOptions,
  MessageRejection,
  PlainMessage,
  ReceivedMessage,
} from './message-seal.ts';
import { openProposal, sealMessage } from './message-seal.ts';
import { decodeHeader, encodeHeader } from './ratchet-header.ts';
import type { ReceiveEnv } from './ratchet-receive.ts';
import { ratchetReceive } from './ratchet-receive.ts';
import { ratchetSend } from './ratchet-send.ts';
import type { RatchetRejection, RatchetState } from './ratchet-state.ts';

/** What encrypting needs. */
export interface EncryptEnv {
  readonly crypto: Crypto;
  readonly entropy: Entropy;
  readonly options: MessageOptions;
}

/** What decrypting needs; it draws no entropy. */
export interface DecryptEnv extends ReceiveEnv {
  readonly options: MessageOptions;
}

/**
 * Encrypts the next message.
 *
 * Entropy: 32 bytes on the first message after a received turn, else none.
 * Rejects: `NO_SENDING_CHAIN`, `CHAIN_EXHAUSTED`, `BAD_KEY`.   Spec: Double Ratchet §3.4.
 */
export function ratchetEncrypt(
  state: RatchetState,
  { plaintext, associatedData }: PlainMessage,
  env: EncryptEnv,
): Result<EncryptStep<RatchetState>, RatchetRejection> {
  const step = ratchetSend(state, env, env.options);
  if (!step.ok) return step;
  const { state: next, keys, consumed } = step.value;
  const header = encodeHeader(step.value.header);
  const output = sealMessage(keys, { header, associatedData, plaintext }, env);
  return ok({ state: next, output, consumed });
}

/**
 * Decrypts a message; on a refusal the given state is as good as before.
 *
 * Rejects: `MALFORMED`, `BAD_KEY`, `UNKNOWN_RATCHET_KEY`, `TOO_FAR_AHEAD`, `CHAIN_EXHAUSTED`,
 * `DUPLICATE`, `BLOCKS_NEEDED`, `BAD_MAC`.   Spec: Double Ratchet §3.4.
 */
export function ratchetDecrypt(
  state: RatchetState,
  received: ReceivedMessage,
  env: DecryptEnv,
): Result<DecryptStep<RatchetState>, MessageRejection> {
  const header = decodeHeader(received.message.header, env.crypto);
  if (header === undefined) return err({ code: 'MALFORMED' });
  const step = ratchetReceive(state, header, env);
  if (!step.ok) return step;
  return openProposal({ before: state, proposal: step.value }, received, env);
}
