/** What a process has to do with the relay: posts, claims, lists, uploads, mail. One of each at a time. */

import type { OutboxItem } from '@simsim/device-core';
import { claimIdFromBytes, POSTS_PER_REQUEST_MAX } from '@simsim/relay-protocol';
import type { IncomingEnvelope, RelayOutcome, RelayRequest, UserId } from '@simsim/relay-protocol';
import type { Effect, Input } from '@simsim/sesame';
import type { Host } from './host.ts';
import type { ShellSabotage } from './shell-sabotage.ts';
import { succeed } from './succession.ts';
import { refillKeys, uploadKeys } from './uploads.ts';

type Claim = Extract<Effect, { type: 'claim' }>;
type Waiting = Pick<Claim, 'userId' | 'sends' | 'resends'>;
type ListFetch = Extract<Effect, { type: 'fetchList' }>;
type Succession = Extract<Effect, { type: 'succeed' }>;
type KeyUpload = Extract<Effect, { type: 'uploadKeys' }>;
type Drain = Extract<Effect, { type: 'drain' }>;

/** Mail that is fetched at a time. */
const PAGE = 64;

/** The errands of one process. */
export class Errands {
  readonly #process: Host;
  /** Posts whose answer has not come. */
  posts: OutboxItem[] = [];
  #claims: Claim[] = [];
  readonly #claiming = new Set<UserId>();
  readonly #lists: ListFetch[] = [];
  readonly #successions: Succession[] = [];
  readonly #uploads: KeyUpload[] = [];
  readonly #drains: Drain[] = [];
  /** Drains that the fetch under way began after. */
  #draining: Drain[] = [];
  readonly #acks: number[] = [];
  #isPosting = false;
  #fetching: 'no' | 'page' | 'stale' = 'no';
  #isMailWanted = false;
  #isRefillWanted = false;
  /** Everything up to here was fetched. */
  #after = 0;

  constructor(process: Host) {
    this.#process = process;
  }

  /** Takes an effect of a commit. */
  take(effect: Effect): void {
    if (effect.type === 'post') this.posts.push(effect);
    if (effect.type === 'claim') this.#claims.push(effect);
    if (effect.type === 'fetchList') this.#lists.push(effect);
    if (effect.type === 'succeed') this.#successions.push(effect);
    if (effect.type === 'uploadKeys') this.#uploads.push(effect);
    if (effect.type === 'drain') this.#drains.push(effect);
    const neverAcknowledges = this.#isSabotaged('never-acknowledges');
    if (effect.type === 'acknowledge' && !neverAcknowledges) this.#acks.push(effect.seq);
    if (effect.type === 'drain') this.wantMail();
    if (effect.type === 'drain' && this.#isSabotaged('deletes-before-fetch')) this.#drainHastily();
  }

  /** Always false, but where an invariant must see it. */
  #isSabotaged(sabotage: ShellSabotage): boolean {
    return this.#process.place.shellSabotage.has(sabotage);
  }

  #drainHastily(): void {
    this.#draining.push(...this.#drains.splice(0));
    this.#drained();
  }

  /** Posts all that the core takes for kept. Only a sabotaged shell does. */
  postHastily(): void {
    this.posts = [...this.#process.core.outbox()];
    this.#isPosting = false;
    this.#post();
  }

  /** A quarantine keeps no ciphertext and no claim. */
  forget(): void {
    this.posts = [];
    this.#claims = [];
  }

  /** The relay says that prekeys run low. */
  keysLow(): void {
    this.#isRefillWanted = true;
    this.#process.stir();
  }

  /** There may be mail: all that was not acknowledged is fetched. */
  wantMail(): void {
    this.#isMailWanted = true;
    this.#after = 0;
    if (this.#fetching === 'page') this.#fetching = 'stale';
    this.#process.stir();
  }

  /** Whether nothing is to be done. */
  isIdle(): boolean {
    const { posts, core } = { posts: this.posts, core: this.#process.core };
    return posts.length + this.#claims.length + this.#uploads.length + core.inbox().length === 0;
  }

  /** Goes on every errand that is not under way. */
  run(): void {
    this.#post();
    for (const claim of this.#claims) this.#claim(claim);
    for (const fetch of this.#lists.splice(0)) this.#fetchList(fetch);
    for (const wanted of this.#successions.splice(0)) this.#succeed(wanted);
    const [upload] = this.#uploads;
    if (upload !== undefined) {
      if (uploadKeys(this.#process, upload)) this.#uploads.shift();
      if (this.#uploads.length > 0) this.#process.retry();
    }
    if (upload === undefined && this.#isRefillWanted) this.#refill();
    if (this.#acks.length > 0) this.#acknowledge();
    if (this.#isMailWanted) this.#fetch();
  }

  /** Follows the own list to the identity key it has, then decides what waited for that. */
  #succeed(wanted: Succession): void {
    if (!succeed(this.#process)) {
      this.#successions.push(wanted);
      this.#process.retry();
    } else if (wanted.envelope !== undefined) {
      this.#process.run({ type: 'envelope', envelope: wanted.envelope, isFollowed: true });
    }
  }

  #refill(): void {
    this.#isRefillWanted = !refillKeys(this.#process);
    if (this.#isRefillWanted) this.#process.retry();
    else this.#process.place.situations.met('prekeys replenished');
  }

  #ask(request: RelayRequest, then: (outcome: RelayOutcome | undefined) => void): void {
    this.#process.exchange(request, (outcome) =>
      this.#process.alive(() => {
        if (outcome !== undefined) this.#process.answered();
        then(outcome);
      }),
    );
  }

  #post(): void {
    const { core } = this.#process;
    if (this.#isPosting) return;
    // What was given up meanwhile does not leave.
    this.posts = this.posts.filter((item) => core.isOwed(item));
    if (this.posts.length === 0) return;
    this.#isPosting = true;
    const items = this.posts.slice(0, POSTS_PER_REQUEST_MAX);
    const from = { head: core.head(), expected: this.#process.expected };
    const isSilent = this.#process.machine.theft?.how === 'silently';
    const posts = items.map(({ post }) => post);
    for (const { post, origin } of items) {
      this.#process.place.ledger.origins.set(post.postId, origin);
    }
    this.#ask({ kind: 'post', posts, ...(!isSilent && { from }) }, (outcome) => {
      this.#isPosting = false;
      if (outcome?.ok !== true || outcome.value.kind !== 'post') {
        // Another head than the expected one: the answer to the last posts was lost, or a copy posted.
        this.#process.isProven = false;
        if (outcome === undefined) this.#process.retry();
        else this.#process.stir();
        return;
      }
      this.#process.expected = from.head.hash;
      const { results } = outcome.value;
      const there = new Set(this.posts);
      const isKept = this.#isSabotaged('keeps-answered-posts');
      this.posts = this.posts.filter((item) => isKept || !items.includes(item));
      const inputs = items.flatMap((item, i): Input[] => {
        const result = results[i];
        // A quarantine meanwhile has dropped the post, and whatever it said is sent anew.
        if (result === undefined || !there.has(item)) return [];
        this.#count(result.kind);
        return [{ type: 'posted', postId: item.post.postId, origin: item.origin, result }];
      });
      if (inputs.length > 0) this.#process.run(...inputs);
      this.#process.stir();
    });
  }

  #count(kind: string): void {
    const { situations } = this.#process.place;
    if (kind === 'mismatch') situations.met('rejected round');
    if (kind === 'gone') situations.met('post to a device that was gone');
  }

  /** One claim per user at a time; what it covers is answered with it, as the shell does. */
  #claim(claim: Claim): void {
    const { userId } = claim;
    if (this.#claiming.has(userId)) return;
    const devices = [...claim.devices].sort((a, b) => a - b);
    if (devices.length === 0) {
      this.#claimed(claim, (waiting) => ({ type: 'claimed', results: [], ...waiting }));
      return;
    }
    this.#claiming.add(userId);
    const claimId = claimIdFromBytes(this.#process.env.entropy(16));
    this.#ask({ kind: 'claimKeys', claimId, userId, devices }, (outcome) => {
      this.#claiming.delete(userId);
      if (outcome?.ok === true && outcome.value.kind === 'claimKeys') {
        const { results } = outcome.value;
        this.#claimed(claim, (waiting) => ({ type: 'claimed', results, ...waiting }));
      } else if (outcome?.ok === false && outcome.error.code === 'UNKNOWN_USER') {
        this.#claimed(claim, (waiting) => ({ type: 'claimFailed', ...waiting }));
      } else {
        if (outcome !== undefined) this.#process.isProven = false;
        this.#process.retry();
      }
    });
  }

  #claimed({ userId, devices }: Claim, inputFor: (waiting: Waiting) => Input): void {
    const isCovered = (claim: Claim): boolean =>
      claim.userId === userId && claim.devices.every((deviceId) => devices.includes(deviceId));
    const covered = this.#claims.filter(isCovered);
    this.#claims = this.#claims.filter((claim) => !covered.includes(claim));
    // A quarantine meanwhile has forgotten them.
    if (covered.length === 0) return;
    const sends = [...new Set(covered.flatMap((claim) => claim.sends))];
    const resends = new Map(
      covered
        .flatMap((claim) => claim.resends)
        .map((resend) => [`${resend.messageId} ${resend.deviceId}`, resend]),
    );
    this.#process.run(inputFor({ userId, sends, resends: [...resends.values()] }));
  }

  /** Without an answer nothing can be said of the mail: it is not acknowledged, and comes again. */
  #fetchList({ userId, envelope }: ListFetch): void {
    if (envelope !== undefined) this.#process.place.situations.met('list fetched for a stranger');
    this.#ask({ kind: 'getList', userId, since: 0 }, (outcome) => {
      if (outcome?.ok !== true || outcome.value.kind !== 'getList') {
        if (envelope !== undefined) this.wantMail();
        return;
      }
      const { result } = outcome.value;
      if (result.kind === 'list') this.#process.run({ type: 'listLearned', list: result.list });
      if (envelope !== undefined) {
        this.#process.run({ type: 'envelope', envelope, isListFresh: true });
      }
    });
  }

  #acknowledge(): void {
    const seqs = this.#acks.splice(0);
    this.#ask({ kind: 'ack', seqs }, (outcome) => {
      if (outcome?.ok === true) return;
      this.#acks.push(...seqs);
      this.#process.retry();
    });
  }

  #fetch(): void {
    if (this.#fetching !== 'no') return;
    this.#fetching = 'page';
    if (this.#after === 0) this.#draining.push(...this.#drains.splice(0));
    this.#ask({ kind: 'fetch', after: this.#after, limit: PAGE }, (outcome) => {
      const isStale = this.#fetching === 'stale';
      this.#fetching = 'no';
      if (outcome?.ok !== true || outcome.value.kind !== 'fetch') {
        if (outcome !== undefined) this.#process.isProven = false;
        this.#process.retry();
        return;
      }
      const { envelopes, isEmpty } = outcome.value;
      // Somebody asked for all of it meanwhile: then it begins anew.
      if (!isStale) {
        this.#after = envelopes.at(-1)?.seq ?? this.#after;
        this.#isMailWanted = !isEmpty;
      }
      this.#takeIn(this.#process.carry(envelopes));
      if (isEmpty && !isStale) this.#drained();
      this.#process.stir();
    });
  }

  #takeIn(mail: readonly IncomingEnvelope[]): void {
    if (mail.length === 0) return;
    if (this.#isSabotaged('acknowledges-before-commit')) {
      this.#acks.push(...mail.map(({ seq }) => seq));
      this.#acknowledge();
    }
    this.#process.run(...mail.map((envelope) => ({ type: 'envelope', envelope }) as const));
  }

  #drained(): void {
    for (const { dueMs, users } of this.#draining.splice(0)) {
      this.#process.place.situations.met('mailbox drained before deletion');
      this.#process.run({ type: 'drained', dueMs, users });
    }
  }
}
