/** A relay that may lie: honest decisions, and what it makes of them on their way out. */

import { PRE_KEY_ID_MAX } from '@simsim/relay-protocol';
import type {
  IncomingEnvelope,
  Post,
  PostResult,
  RelayAnswer,
  RelayOutcome,
  RelayRequest,
  SignedDeviceList,
  SignedPreKey,
  UserId,
} from '@simsim/relay-protocol';
import type { Lie } from '../case/case.ts';
import type { Situation } from '../case/situations.ts';
import { RelayHost } from './relay-host.ts';
import type { RelayHostParts } from './relay-host.ts';

/** Mail of before that it keeps to give again. */
const REMEMBERED_MAX = 8;

/** How often keys are given, where they are: more often than a device may have sessions. */
const REPEATS = 8;

type ClaimAnswer = Extract<RelayAnswer, { kind: 'claimKeys' }>;

/** A relay nobody has to trust. */
export class LyingRelay {
  /** What it lies about now. */
  readonly lies: Set<Lie> = new Set();
  readonly #host: RelayHost;
  readonly #met: (situation: Situation) => void;
  readonly #lists = new Map<UserId, SignedDeviceList[]>();
  readonly #mail = new Map<string, IncomingEnvelope[]>();
  /** The first signed prekey that was handed out of each incarnation. */
  readonly #firstPreKeys = new Map<string, SignedPreKey>();
  /** Mail that was acknowledged, by mailbox. */
  readonly #acknowledged = new Map<string, Set<number>>();

  constructor(parts: RelayHostParts & { readonly met: (situation: Situation) => void }) {
    this.#host = new RelayHost(parts);
    this.#met = parts.met;
  }

  prune(): void {
    this.#host.prune();
  }

  /** Its owner lets a user begin anew. */
  forget(userId: UserId): void {
    this.#host.forget(userId);
  }

  /** Decides a request, and says what it likes. */
  decide(request: RelayRequest, token: Uint8Array | undefined): RelayOutcome {
    const dropped = this.#drop(request);
    if (dropped !== undefined) return dropped;
    const heard = this.#heard(request);
    const outcome = this.#host.decide(this.#withoutDenied(heard), token);
    if (!outcome.ok) return outcome;
    if (request.kind === 'ack') this.#read(`${token?.join()}`, request.seqs);
    if ('list' in request) this.#remember(request.list);
    const answer = this.#withDenied(heard, outcome.value);
    return { ok: true, value: this.#told(request, answer, token) };
  }

  /** The newest list of a user, honestly. */
  list(userId: UserId): SignedDeviceList | undefined {
    return this.#lists.get(userId)?.at(-1);
  }

  /** Whether it has mail that a device has not acknowledged, honestly; of a device it does not know: so. */
  hasMail(token: Uint8Array): boolean {
    const outcome = this.#host.decide({ kind: 'fetch', after: 0, limit: 1 }, token);
    return !outcome.ok || outcome.value.kind !== 'fetch' || !outcome.value.isEmpty;
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

  /** Whether it says of a post that nobody is there: of a message for one device alone. */
  #isDenied({ scope, envelopes }: Post): boolean {
    if (!this.lies.has('nobodyThere') || scope !== 'device') return false;
    return envelopes.every(({ kind }) => kind === 'message');
  }

  #withoutDenied(request: RelayRequest): RelayRequest {
    if (request.kind !== 'post') return request;
    return { ...request, posts: request.posts.filter((post) => !this.#isDenied(post)) };
  }

  /** Answers to the posts that it decided, and its word on the others between them. */
  #withDenied(request: RelayRequest, answer: RelayAnswer): RelayAnswer {
    if (request.kind !== 'post' || answer.kind !== 'post') return answer;
    const decided = [...answer.results];
    const results = request.posts.flatMap((post): PostResult[] => {
      if (!this.#isDenied(post)) return decided.splice(0, 1);
      this.#met('relay said that nobody is there');
      return [{ kind: 'gone' }];
    });
    return { ...answer, results };
  }

  #told(request: RelayRequest, answer: RelayAnswer, token: Uint8Array | undefined): RelayAnswer {
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- about the rest it is honest
    switch (answer.kind) {
      case 'exchangeHead':
        return this.#lies('hideHeads', 'relay hid heads') ? { kind: 'exchangeHead' } : answer;
      case 'getList':
        return request.kind === 'getList' ? this.#listFor(request.userId, answer, token) : answer;
      case 'claimKeys':
        return this.#repeated(this.#withOldPreKeys(request, this.#withoutOneTimeKeys(answer)));
      case 'checkKeys':
        return this.#withImpossibleIds(answer);
      case 'fetch':
        return this.#mailOf(answer, `${token?.join()}`);
      default:
        return answer;
    }
  }

  #listFor(
    userId: UserId,
    answer: Extract<RelayAnswer, { kind: 'getList' }>,
    token: Uint8Array | undefined,
  ): Extract<RelayAnswer, { kind: 'getList' }> {
    const before = this.#lists.get(userId)?.at(-2);
    if (before === undefined) return answer;
    // Half of all devices are of the kind that is misled.
    const isMisled = ((token?.[0] ?? 0) & 1) === 1;
    const isOld =
      this.#lies('oldLists', 'relay gave an old list') ||
      (isMisled && this.#lies('splitViews', 'relay showed different lists'));
    return isOld ? { kind: 'getList', result: { kind: 'list', list: before } } : answer;
  }

  #withOldPreKeys(request: RelayRequest, answer: ClaimAnswer): ClaimAnswer {
    if (request.kind !== 'claimKeys') return answer;
    const results = answer.results.map((result) => {
      if ('gone' in result) return result;
      const { bundle, deviceId } = result;
      const { signedPreKey, registrationId } = bundle;
      const whose = `${request.userId}.${deviceId}/${registrationId}`;
      const first = this.#firstPreKeys.get(whose) ?? signedPreKey;
      this.#firstPreKeys.set(whose, first);
      const isOld = first.id !== signedPreKey.id;
      if (!isOld || !this.#lies('oldPreKeys', 'relay gave an old signed prekey')) return result;
      return { ...result, bundle: { ...bundle, signedPreKey: first } };
    });
    return { ...answer, results };
  }

  #withoutOneTimeKeys(answer: ClaimAnswer): ClaimAnswer {
    if (!this.#lies('noOneTimeKeys', 'relay kept one-time prekeys back')) return answer;
    const results = answer.results.map((result) => {
      if ('gone' in result) return result;
      const { oneTimePreKey: _, ...bundle } = result.bundle;
      return { ...result, bundle };
    });
    return { ...answer, results };
  }

  /** The keys of a device again and again, whatever else a relay lies about: one session is what comes of them. */
  #repeated(answer: ClaimAnswer): ClaimAnswer {
    if (this.lies.size === 0 || answer.results.length === 0) return answer;
    this.#met('relay gave keys again and again');
    const results = Array.from({ length: REPEATS }, () => answer.results).flat();
    return { ...answer, results };
  }

  /** That it has seen the last prekey id there is, whatever else a relay lies about. */
  #withImpossibleIds(answer: Extract<RelayAnswer, { kind: 'checkKeys' }>): RelayAnswer {
    if (this.lies.size === 0) return answer;
    this.#met('relay made up prekey ids');
    return { ...answer, oneTime: { ...answer.oneTime, highestSeenId: PRE_KEY_ID_MAX } };
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
    const isReplaying = before.length > 0 && this.#lies('replayMail', 'relay gave mail again');
    const all = isReplaying ? [...before, ...answer.envelopes] : answer.envelopes;
    const strange = [...this.#inAnotherName(all, mailbox), ...this.#ofAnotherMailbox(mailbox)];
    return { ...answer, envelopes: [...strange, ...all] };
  }

  #read(mailbox: string, seqs: readonly number[]): void {
    const read = this.#acknowledged.get(mailbox) ?? new Set<number>();
    this.#acknowledged.set(mailbox, read);
    for (const seq of seqs) read.add(seq);
  }

  /** Mail of one user in the name of another, whom the device knows; whatever else a relay lies about. */
  #inAnotherName(all: readonly IncomingEnvelope[], mailbox: string): IncomingEnvelope[] {
    if (this.lies.size === 0) return [];
    const read = this.#acknowledged.get(mailbox);
    const remembered = this.#mail.get(mailbox) ?? [];
    // A request for mail proves nobody's key.
    const known = remembered.filter(
      ({ seq, kind }) => kind === 'message' && read?.has(seq) === true,
    );
    return all.flatMap((mail) => {
      const other = known.find(({ sender }) => sender !== mail.sender);
      if (mail.kind !== 'message' || other === undefined) return [];
      this.#met('relay gave mail in another name');
      // In the place of what was read: to acknowledge it costs nothing else.
      const { sender, senderDevice, seq } = other;
      return [{ ...mail, sender, senderDevice, seq }];
    });
  }

  /** What it last gave somebody else, whatever else a relay lies about; likewise in the place of what was read. */
  #ofAnotherMailbox(mailbox: string): IncomingEnvelope[] {
    if (this.lies.size === 0) return [];
    const read = this.#acknowledged.get(mailbox);
    const place = this.#mail.get(mailbox)?.findLast(({ seq }) => read?.has(seq) === true);
    const given = [...this.#mail].findLast(([each, mail]) => each !== mailbox && mail.length > 0);
    const mail = given?.[1].at(-1);
    if (place === undefined || mail === undefined) return [];
    this.#met('relay gave mail of another mailbox');
    return [{ ...mail, seq: place.seq }];
  }
}
