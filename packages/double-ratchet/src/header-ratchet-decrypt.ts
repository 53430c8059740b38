/** RatchetDecryptHE: the header's key tells the chain. Proposes a state, then checks the tag. */

import type { Result } from '@simsim/bytes';
import { compareBytes, err, ok } from '@simsim/bytes';
import type { Secret } from '@simsim/crypto';
import { exceedsJump, skipTo, walkTo } from './chain-walk.ts';
import { headerRootStep } from './header-ratchet-start.ts';
import type {
  HeaderRatchetState,
  HeaderReceiving,
  HeaderRejection,
} from './header-ratchet-state.ts';
import { checkLimits } from './limits.ts';
import { openHeader, sealedHeaderBytes } from './header-seal.ts';
import type { DecryptStep, Proposal, ReceivedMessage } from './message-seal.ts';
import { openProposal } from './message-seal.ts';
import type { DecryptEnv } from './ratchet-message.ts';
import type { RatchetHeader } from './ratchet-state.ts';
import type { BlockTime } from './skipped-blocks.ts';
import type { ClosedChain, DatedSeed } from './skipped-chains.ts';
import { dateSeeds, isOver, pruneChains } from './skipped-chains.ts';

/**
 * Decrypts a message; on a refusal the given state is as good as before.
 *
 * Limits: at most 2 + `headerKeysMax` trials of a header; skips at most `forwardJumpMax` messages of
 * a chain and as many of the one before it, checked before anything is derived.
 * Rejects: `MALFORMED`, `UNKNOWN_HEADER`, `DUPLICATE`, `TOO_FAR_AHEAD`, `CHAIN_EXHAUSTED`, `BAD_KEY`,
 * `UNKNOWN_RATCHET_KEY`, `BAD_MAC`.   Spec: Double Ratchet §4.5.
 * Differs: the current key is tried before those of skipped messages. Header keys are never shared
 * by two chains, so the order decides nothing but the cost of an ordinary message.
 */
export function headerDecrypt(
  state: HeaderRatchetState,
  received: ReceivedMessage,
  env: DecryptEnv,
): Result<DecryptStep<HeaderRatchetState>, HeaderRejection> {
  const sealed = received.message.header;
  if (sealed.length !== sealedHeaderBytes(env.crypto)) return err({ code: 'MALFORMED' });
  const found = findHeader(state, sealed, env);
  if (found === undefined) return err({ code: 'UNKNOWN_HEADER' });
  const proposal = propose(state, found, env);
  if (!proposal.ok) return proposal;
  return openProposal({ before: state, proposal: proposal.value }, received, env);
}

type Proposed = Result<Proposal<HeaderRatchetState>, HeaderRejection>;

/** A header and the chain whose key opened it. */
type Found = { readonly header: RatchetHeader } & (
  | { readonly place: 'current'; readonly receiving: HeaderReceiving }
  | { readonly place: 'next' }
  | { readonly place: 'closed'; readonly chain: ClosedChain }
);

function findHeader(
  { receiving, nextReceivingKey, closed }: HeaderRatchetState,
  sealed: Uint8Array,
  { crypto, options }: DecryptEnv,
): Found | undefined {
  const open = (key: Secret<'header'>): RatchetHeader | undefined =>
    openHeader(sealed, key, { crypto, suite: options.suite });
  if (receiving !== undefined) {
    if (options.sabotage === 'tries-every-key') {
      for (const _ of receiving.skipped) open(receiving.headerKey);
    }
    const header = open(receiving.headerKey);
    if (header !== undefined) return { header, place: 'current', receiving };
  }
  const next = open(nextReceivingKey);
  if (next !== undefined) return { header: next, place: 'next' };
  for (const chain of closed.toReversed()) {
    const header = open(chain.headerKey);
    if (header !== undefined) return { header, place: 'closed', chain };
  }
  return undefined;
}

function propose(state: HeaderRatchetState, found: Found, env: DecryptEnv): Proposed {
  const { header } = found;
  if (header.counter >= env.options.limits.chainMessagesMax)
    return err({ code: 'CHAIN_EXHAUSTED' });
  if (found.place === 'next') return turn(state, header, env);
  if (found.place === 'closed') return takeStored(state, { header, from: found.chain }, env);
  const { receiving } = found;
  const isPast = header.counter < receiving.counter;
  if (isPast) return takeStored(state, { header, from: receiving }, env);
  return advance(state, { header, receiving }, env);
}

/** A message of the current receiving chain, in order or ahead. */
function advance(
  state: HeaderRatchetState,
  { header, receiving }: { readonly header: RatchetHeader; readonly receiving: HeaderReceiving },
  env: DecryptEnv,
): Proposed {
  const { counter } = header;
  const isTooFar = exceedsJump(counter - receiving.counter, env.options);
  if (isTooFar) return err({ code: 'TOO_FAR_AHEAD' });
  const { next, keys, seeds } = walkTo(receiving, counter, env);
  const fresh = dateSeeds(seeds, timeAfter(state, env));
  const skipped = fresh.length === 0 ? receiving.skipped : [...receiving.skipped, ...fresh];
  const stepped = { ...state, receiving: { ...receiving, ...next, skipped } };
  const change = { consumed: [receiving.chain], created: [next.chain], fresh, didTurn: false };
  return settle(stepped, { ...change, keys }, env);
}

/** The receiving half of a turn (DHRatchetHE), then the first walk along the new chain. */
function turn(state: HeaderRatchetState, header: RatchetHeader, env: DecryptEnv): Proposed {
  const { crypto, options } = env;
  const { sending, receiving } = state;
  if (state.peer === undefined) checkLimits(options.limits); // a responder's first message
  // Nobody can have turned before our answer, nor turn to the key we know already (DR-7).
  const isKnownKey = state.peer && compareBytes(state.peer.bytes, header.ratchetKey) === 0;
  if (sending.kind === 'owed' || isKnownKey) return err({ code: 'UNKNOWN_RATCHET_KEY' });
  const missing = receiving === undefined ? 0 : header.previousCount - receiving.counter;
  const isTooFar = exceedsJump(Math.max(missing, header.counter), options);
  if (isTooFar) return err({ code: 'TOO_FAR_AHEAD' });
  const peer = crypto.publicKey(header.ratchetKey);
  const shared = peer && crypto.dh(sending.own.privateKey, peer);
  if (peer === undefined || shared === undefined) return err({ code: 'BAD_KEY', key: 'ratchet' });
  const [root, chain, nextReceivingKey] = headerRootStep({ root: state.root, shared }, env);
  const { closed, missed } = closeCurrent(state, header.previousCount, env);
  const { next, keys, seeds } = walkTo({ chain, counter: 0 }, header.counter, env);
  crypto.wipe(chain); // the walk has gone past it
  const skipped = dateSeeds(seeds, timeAfter(state, env));
  const turned: HeaderRatchetState = {
    root,
    sending: { kind: 'owed', headerKey: sending.nextHeaderKey },
    receiving: { ...next, headerKey: state.nextReceivingKey, skipped },
    nextReceivingKey,
    peer,
    previousCount: sending.kind === 'ready' ? sending.chain.counter : 0,
    receivedCount: state.receivedCount,
    closed,
  };
  const consumed: Secret[] = [state.root];
  if (sending.kind === 'ready') {
    consumed.push(sending.own.privateKey, sending.chain.chain, sending.headerKey);
  }
  if (receiving !== undefined) consumed.push(receiving.chain);
  const created = [root, next.chain, nextReceivingKey];
  const change = { consumed, created, fresh: [...missed, ...skipped], didTurn: true };
  return settle(turned, { ...change, keys }, env);
}

/** The current receiving chain goes up to the announced PN and ends there. */
function closeCurrent(
  state: HeaderRatchetState,
  previousCount: number,
  env: DecryptEnv,
): { readonly closed: readonly ClosedChain[]; readonly missed: readonly DatedSeed[] } {
  const { receiving, closed } = state;
  if (receiving === undefined) return { closed, missed: [] };
  const { chain, seeds } = skipTo(receiving, previousCount, env);
  if (chain !== receiving) env.crypto.wipe(chain.chain);
  const missed = dateSeeds(seeds, timeAfter(state, env));
  const { headerKey, skipped } = receiving;
  return { closed: [...closed, { headerKey, skipped: [...skipped, ...missed] }], missed };
}

/** A message whose seed was stored when its chain went past it. */
function takeStored(
  state: HeaderRatchetState,
  {
    header,
    from,
  }: { readonly header: RatchetHeader; readonly from: ClosedChain | HeaderReceiving },
  env: DecryptEnv,
): Proposed {
  const { crypto, options } = env;
  const { receiving } = state;
  const stored = from.skipped.find(({ counter }) => counter === header.counter);
  if (stored === undefined && options.sabotage === 'derives-duplicates' && receiving) {
    return advance(state, { header, receiving }, env);
  }
  const now = { ...timeAfter(state, env), receivedCount: state.receivedCount };
  if (stored === undefined || isOver(stored, now)) return err({ code: 'DUPLICATE' });
  const keys = crypto.messageKeys(stored.seed, env.salt, options.suite.messageInfo);
  const isKept = options.sabotage === 'keeps-used-seed';
  const skipped = isKept ? from.skipped : from.skipped.filter((seed) => seed !== stored);
  const taken = {
    ...state,
    receiving: receiving && (from === receiving ? { ...receiving, skipped } : receiving),
    closed: state.closed.map((chain) => (chain === from ? { ...chain, skipped } : chain)),
  };
  const consumed = isKept ? [] : [stored.seed];
  return settle(taken, { consumed, created: [], fresh: [], didTurn: false, keys }, env);
}

/** What a step did besides the state. `fresh` are the seeds it stored. */
interface Change extends Omit<Proposal<HeaderRatchetState>, 'state'> {
  readonly fresh: readonly DatedSeed[];
}

/** Counts the message and lets skipped keys go that are over or too many. */
function settle(
  state: HeaderRatchetState,
  { keys, consumed, created, fresh, didTurn }: Change,
  env: DecryptEnv,
): Proposed {
  const { crypto, options } = env;
  const { receiving } = state;
  const time = timeAfter(state, env);
  const current = options.sabotage === 'forgets-skipped' ? [] : (receiving?.skipped ?? []);
  const pruned = pruneChains({ current, closed: state.closed }, time, options);
  // A seed that was made and dropped in this very step is in neither state.
  const made = new Set<Secret>(fresh.map(({ seed }) => seed));
  const gone: Secret[] = [];
  for (const secret of pruned.dropped) {
    if (made.delete(secret)) crypto.wipe(secret);
    else gone.push(secret);
  }
  return ok({
    state: {
      ...state,
      receiving: receiving && { ...receiving, skipped: pruned.current },
      receivedCount: time.receivedCount,
      closed: pruned.closed,
    },
    keys,
    consumed: [...consumed, ...gone],
    created: [...created, ...made],
    didTurn,
  });
}

/** The time at which a step of this state happens: it is the next message received. */
function timeAfter({ receivedCount }: HeaderRatchetState, env: DecryptEnv): BlockTime {
  const { elapsedMs, options } = env;
  return { receivedCount: receivedCount + 1, elapsedMs, limits: options.limits };
}
