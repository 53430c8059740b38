/** A relay that may lie: honest decisions, and what it makes of them on their way out. */

import type {
  IncomingEnvelope,
  PostResult,
  RelayAnswer,
  RelayOutcome,
  RelayRequest,
  SignedDeviceList,
  UserId,
} from '@simsim/relay-protocol';
import type { Lie } from '../case/case.ts';
import type { Situation } from '../case/situations.ts';
import { RelayHost } from './relay-host.ts';
import type { RelayHostParts } from './relay-host.ts';

/** Mail of before that it keeps to give again. */
const REMEMBERED_MAX = 8;

/** A relay nobody has to trust. */
export class LyingRelay {
  /** What it lies about now. */
  readonly lies: Set<Lie> = new Set();
  readonly #host: RelayHost;
  readonly #met: (situation: Situation) => void;
  readonly #lists = new Map<UserId, SignedDeviceList[]>();
  readonly #mail = new Map<string, IncomingEnvelope[]>();

  constructor(parts: RelayHostParts & { readonly met: (situation: Situation) => void }) {
    this.#host = new RelayHost(parts);
    this.#met = parts.met;
  }

  prune(): void {
    this.#host.prune();
  }

  /** Decides a request, and says what it likes. */
  decide(request: RelayRequest, token: Uint8Array | undefined): RelayOutcome {
    const dropped = this.#drop(request);
    if (dropped !== undefined) return dropped;
    const outcome = this.#host.decide(this.#heard(request), token);
    if (!outcome.ok) return outcome;
    if ('list' in request) this.#remember(request.list);
    return { ok: true, value: this.#told(request, outcome.value, token) };
  }

  /** The newest list of a user, honestly. */
  list(userId: UserId): SignedDeviceList | undefined {
    return this.#lists.get(userId)?.at(-1);
  }

  #remember(list: SignedDeviceList): void {
    const { userId } = list.list;
    this.#lists.set(userId, [...(this.#lists.get(userId) ?? []), list]);
  }

  #lies(how: Lie, situation: Situation): boolean {
    if (!this.lies.has(how)) return false;
    this.#met(situation);
    return true;
  }

  #drop(request: RelayRequest): RelayOutcome | undefined {
    if (request.kind !== 'post' || !this.#lies('dropPosts', 'relay dropped a post'))
      return undefined;
    const results = request.posts.map(({ recipient }): PostResult => {
      const listVersion = this.list(recipient)?.list.version ?? 1;
      return { kind: 'accepted', listVersion };
    });
    return { ok: true, value: { kind: 'post', results } };
  }

  /** What it hears: a relay that hides heads does not look at them. */
  #heard(request: RelayRequest): RelayRequest {
    if (request.kind !== 'post' || !this.lies.has('hideHeads')) return request;
    return { kind: 'post', posts: request.posts };
  }

  #told(request: RelayRequest, answer: RelayAnswer, token: Uint8Array | undefined): RelayAnswer {
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- about the rest it is honest
    switch (answer.kind) {
      case 'exchangeHead':
        return this.#lies('hideHeads', 'relay hid heads') ? { kind: 'exchangeHead' } : answer;
      case 'getList':
        return request.kind === 'getList' ? this.#oldList(request.userId, answer) : answer;
      case 'claimKeys':
        return this.#withoutOneTimeKeys(answer);
      case 'fetch':
        return this.#mailOf(answer, `${token?.join()}`);
      default:
        return answer;
    }
  }

  #oldList(
    userId: UserId,
    answer: Extract<RelayAnswer, { kind: 'getList' }>,
  ): Extract<RelayAnswer, { kind: 'getList' }> {
    const before = this.#lists.get(userId)?.at(-2);
    if (before === undefined || !this.#lies('oldLists', 'relay gave an old list')) return answer;
    return { kind: 'getList', result: { kind: 'list', list: before } };
  }

  #withoutOneTimeKeys(
    answer: Extract<RelayAnswer, { kind: 'claimKeys' }>,
  ): Extract<RelayAnswer, { kind: 'claimKeys' }> {
    if (!this.#lies('noOneTimeKeys', 'relay kept one-time prekeys back')) return answer;
    const results = answer.results.map((result) => {
      if ('gone' in result) return result;
      const { oneTimePreKey: _, ...bundle } = result.bundle;
      return { ...result, bundle };
    });
    return { ...answer, results };
  }

  #mailOf(
    answer: Extract<RelayAnswer, { kind: 'fetch' }>,
    mailbox: string,
  ): Extract<RelayAnswer, { kind: 'fetch' }> {
    const before = this.#mail.get(mailbox) ?? [];
    this.#mail.set(mailbox, [...before, ...answer.envelopes].slice(-REMEMBERED_MAX));
    if (this.#lies('holdMail', 'relay kept mail back')) {
      return { kind: 'fetch', envelopes: [], isEmpty: true };
    }
    if (before.length === 0 || !this.#lies('replayMail', 'relay gave mail again')) return answer;
    return { ...answer, envelopes: [...before, ...answer.envelopes] };
  }
}
