/**
 * Keeping a device's own word where its log stands, and giving it back: a state that was put back, or
 * a copy that runs elsewhere, shows by it. The newest head of the current incarnation is kept.
 */

import { equalBytes } from '@simsim/bytes';
import type { DeviceHead, PostRequest } from '@simsim/relay-protocol';
import { isDeviceHeadOf, isSameHead } from '@simsim/relay-protocol';
import type { Change } from './change.ts';
import type { CallerInput, Decision, Reads, RelayEnv } from './decision.ts';
import { answer, refuse } from './decision.ts';
import type { DeviceAddress, OwnEntry, Slice } from './slice.ts';

/** Reads the caller's entry and head. */
export const readsForExchangeHead = (): Reads => ({ ownEntry: true });

/**
 * Answers with the head that was here, and keeps the given one if it is further on.
 *
 * Refuses: `BAD_HEAD`.
 */
export function decideExchangeHead(input: CallerInput<'exchangeHead'>): Decision {
  const { request, slice, env, caller } = input;
  const own = slice.ownEntry;
  if (own === undefined || !isOwnHead(request.head, own, env)) return refuse('BAD_HEAD');
  const changes = keptHead(request.head, own, caller);
  const { head: before } = own;
  return answer({ kind: 'exchangeHead', ...(before && { before }) }, changes);
}

/** What comes of the head that a device posts with. */
export type PostingCheck =
  | { readonly ok: true; readonly changes: readonly Change[] }
  | { readonly ok: false; readonly code: 'BAD_HEAD' | 'HEAD_MOVED' };

/**
 * A device that gives a head posts only where the relay has the one it expects: of two copies that
 * run side by side, the first post of one stops the other's before anything of it is stored.
 */
export function checkPostingHead(
  from: PostRequest['from'],
  { slice, env, caller }: { slice: Slice; env: RelayEnv; caller: DeviceAddress },
): PostingCheck {
  if (from === undefined) return { ok: true, changes: [] };
  const own = slice.ownEntry;
  if (own === undefined || !isOwnHead(from.head, own, env)) return { ok: false, code: 'BAD_HEAD' };
  const { head } = own;
  const isExpected =
    head === undefined || equalBytes(head.hash, from.expected) || isSameHead(head, from.head);
  if (!isExpected) return { ok: false, code: 'HEAD_MOVED' };
  return { ok: true, changes: keptHead(from.head, own, caller) };
}

function isOwnHead(head: DeviceHead, { entry }: OwnEntry, env: RelayEnv): boolean {
  return isDeviceHeadOf(head, entry, env.crypto);
}

function keptHead(head: DeviceHead, own: OwnEntry, device: DeviceAddress): readonly Change[] {
  const isFurther = own.head === undefined || head.seq > own.head.seq;
  return isFurther ? [{ kind: 'headStored', device, head }] : [];
}
