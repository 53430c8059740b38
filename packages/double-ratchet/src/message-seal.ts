/**
 * ENCRYPT and DECRYPT of the specification: AES-256-CBC, then HMAC over CONCAT(AD, header) and the
 * ciphertext, both under keys of one message. Shared by both variants.
 */

import type { Result } from '@simsim/bytes';
import { concatBytes, createWriter, err, ok } from '@simsim/bytes';
import type { Crypto, Secret } from '@simsim/crypto';
import type { RatchetOptions } from './ratchet-env.ts';
import type { RatchetRejection } from './ratchet-state.ts';
import type { MessageSuite } from './ratchet-suite.ts';

/** A message on its way. The caller frames it; both parts are authenticated. */
export interface RatchetMessage {
  /** Plain in the one variant, encrypted in the other. */
  readonly header: Uint8Array;
  /** With the tag at its end. */
  readonly ciphertext: Uint8Array;
}

/** What is encrypted, and what both ends know and nobody sends. */
export interface PlainMessage {
  readonly plaintext: Uint8Array;
  readonly associatedData: Uint8Array;
}

/** A message as it came in. */
export interface ReceivedMessage {
  readonly message: RatchetMessage;
  readonly associatedData: Uint8Array;
}

/** How whole messages run; both ends must agree on the suite. */
export interface MessageOptions extends RatchetOptions {
  readonly suite: MessageSuite;
}

/** Why the bytes of a message were refused. */
export type SealRejection =
  /** The header has a wrong length; or the padding is wrong under a good tag. */
  | { readonly code: 'MALFORMED' }
  /** The tag does not match: forged, damaged, or not for this state. */
  | { readonly code: 'BAD_MAC' };

/** Why a message was refused. The state is the same object as before, and as good. */
export type MessageRejection = RatchetRejection | SealRejection;

/** A message sent: the state after it and what to send. Commit the state before it leaves. */
export interface EncryptStep<State> {
  readonly state: State;
  readonly output: RatchetMessage;
  /** Secrets of the old state that the new one lacks: wipe after the commit. */
  readonly consumed: readonly Secret[];
}

/** A message opened: the state after it and the plaintext. */
export interface DecryptStep<State> {
  readonly state: State;
  readonly output: Uint8Array;
  /** Secrets of the old state that the new one lacks: wipe after the commit. */
  readonly consumed: readonly Secret[];
  /** Whether the message began a new receiving chain. */
  readonly didTurn: boolean;
}

/** A state proposed for a received message, with the keys that must open it. */
export interface Proposal<State> {
  readonly state: State;
  readonly keys: Secret<'message'>;
  readonly consumed: readonly Secret[];
  readonly created: readonly Secret[];
  readonly didTurn: boolean;
}

/** Encrypts under the keys of one message and wipes them. */
export function sealMessage(
  keys: Secret<'message'>,
  { header, associatedData, plaintext }: PlainMessage & { readonly header: Uint8Array },
  { crypto, options }: { readonly crypto: Crypto; readonly options: MessageOptions },
): RatchetMessage {
  const body = crypto.encrypt(keys, plaintext);
  const covered = [...concatOf(associatedData, header), body];
  const tag = crypto.tag(keys, covered, options.suite.tagBytes);
  crypto.wipe(keys);
  return { header, ciphertext: concatBytes([body, tag]) };
}

/**
 * Opens a message with a proposed state and only then gives that state away. Where it does not open,
 * everything the proposal made is wiped, and `before` is as good as it was (DR-12).
 *
 * Rejects: `BAD_MAC` before any padding is looked at, `MALFORMED`.
 */
export function openProposal<State extends object>(
  { before, proposal }: { readonly before: State; readonly proposal: Proposal<State> },
  { message, associatedData }: ReceivedMessage,
  { crypto, options }: { readonly crypto: Crypto; readonly options: MessageOptions },
): Result<DecryptStep<State>, SealRejection> {
  const { state, keys, consumed, created, didTurn } = proposal;
  if (options.sabotage === 'moves-before-tag') Object.assign(before, state);
  if (options.sabotage === 'wipes-before-tag') for (const secret of consumed) crypto.wipe(secret);
  const { header, ciphertext } = message;
  const end = Math.max(0, ciphertext.length - options.suite.tagBytes);
  const [body, tag] = [ciphertext.subarray(0, end), ciphertext.subarray(end)];
  const covered = [...concatOf(associatedData, header), body];
  const isWhole = tag.length === options.suite.tagBytes;
  const isAuthentic = isWhole && crypto.tagMatches(keys, covered, tag);
  const plaintext = isAuthentic ? crypto.decrypt(keys, body) : undefined;
  crypto.wipe(keys);
  if (plaintext !== undefined) return ok({ state, output: plaintext, consumed, didTurn });
  for (const secret of created) crypto.wipe(secret);
  return err({ code: isAuthentic ? 'MALFORMED' : 'BAD_MAC' });
}

/** CONCAT: the length of AD goes first, so that no two pairs of AD and header look the same. */
function concatOf(associatedData: Uint8Array, header: Uint8Array): readonly Uint8Array[] {
  const prefix = createWriter(4).u32(associatedData.length).finish();
  return [prefix, associatedData, header];
}
