/**
 * The shell around a device core, whose socket, timers and application are the test: what the core
 * has let out and nobody has answered yet. The core may be in this process or in one that dies.
 */

import { encodeUtf8, invariant } from '@simsim/bytes';
import { nodeEntropy as entropy } from '@simsim/crypto/node';
import type { CoreInput, CoreOutcome, OutboxItem } from '@simsim/device-core';
import { claimIdFromBytes } from '@simsim/relay-protocol';
import type {
  DeviceHead,
  IncomingEnvelope,
  MessageId,
  PostResult,
  RelayRequest,
  UserId,
} from '@simsim/relay-protocol';
import type { Effect, InboxItem } from '@simsim/sesame';
import type { Ask } from './network.ts';

/** A device core, wherever it runs. Every function answers `undefined` where it died meanwhile. */
export interface Runner {
  /** Effects come through the party's `take`, one by one, before this answers. */
  run(inputs: readonly CoreInput[]): Promise<readonly CoreOutcome[] | undefined>;
  registration(nonce: Uint8Array): Promise<{ request: RelayRequest | undefined } | undefined>;
  head(): Promise<DeviceHead | undefined>;
  token(): Uint8Array | undefined;
}

/** What goes with posts, so that a relay knows a copy of a log from the log. */
interface HeadProof {
  readonly head: DeviceHead;
  readonly expected: Uint8Array;
}
type PostResults = readonly PostResult[];
type EffectOf<K extends Effect['type']> = Extract<Effect, { type: K }>;

/** Somebody with one device. */
export class Party {
  readonly userId: UserId;
  readonly #ask: Ask;
  readonly #runner: () => Runner;
  /** Left the core, and the relay has not answered. */
  posts: OutboxItem[] = [];
  claims: EffectOf<'claim'>[] = [];
  acks: number[] = [];
  /** The application has it and has not acknowledged it. */
  inbox: InboxItem[] = [];
  isRegistering = false;
  #lists: EffectOf<'fetchList'>[] = [];
  #uploads: EffectOf<'uploadKeys'>[] = [];
  #keeps = 0;
  /** What the relay holds of this log since it was last asked; none before, in each life. */
  #expected: Uint8Array | undefined;

  constructor(userId: UserId, parts: { readonly ask: Ask; readonly runner: () => Runner }) {
    this.userId = userId;
    this.#ask = parts.ask;
    this.#runner = parts.runner;
  }

  /** What a process finds when it starts; all else died with the one before. */
  reborn(found: { outbox: readonly OutboxItem[]; inbox: readonly InboxItem[] }): void {
    this.posts = [...found.outbox];
    this.inbox = [...found.inbox];
    this.claims = [];
    this.acks = [];
    this.isRegistering = false;
    this.#expected = undefined;
    this.#lists = [];
    this.#uploads = [];
  }

  /** An effect has left the core. */
  take(effect: Effect): void {
    if (effect.type === 'post') this.posts.push(effect);
    if (effect.type === 'claim') this.claims.push(effect);
    if (effect.type === 'deliver') this.inbox.push(effect.item);
    if (effect.type === 'fetchList') this.#lists.push(effect);
    if (effect.type === 'uploadKeys') this.#uploads.push(effect);
    if (effect.type === 'acknowledge') this.acks.push(effect.seq);
    if (effect.type === 'register') this.isRegistering = true;
  }

  run(...inputs: readonly CoreInput[]): Promise<readonly CoreOutcome[] | undefined> {
    return this.#runner().run(inputs);
  }

  /** The application sends; the same id again is harmless. */
  async send(messageId: MessageId, to: readonly UserId[], text: string): Promise<boolean> {
    const outcomes = await this.run({ type: 'send', messageId, to, body: encodeUtf8(text) });
    return outcomes !== undefined;
  }

  /** Whether anything has left that nobody has answered. */
  isBusy(): boolean {
    return (
      this.isRegistering ||
      this.posts.length + this.claims.length + this.acks.length + this.inbox.length > 0 ||
      this.#lists.length + this.#uploads.length > 0
    );
  }

  /** Answers everything that has left, once. False where the core died. */
  async work(): Promise<boolean> {
    if (this.isRegistering && !(await this.register())) return false;
    for (const claim of this.claims) if (!(await this.claim(claim))) return false;
    if (this.posts.length > 0 && !(await this.post([...this.posts]))) return false;
    this.upload();
    return this.fetchLists();
  }

  /** Hands posts to the relay and takes all its answers in at once. */
  async post(items: readonly OutboxItem[]): Promise<boolean> {
    const from = await this.#prove();
    if (from === undefined) return false;
    const { results } = this.#request(items, from);
    const inputs = items.map(({ post, origin }, i): CoreInput => {
      const result = results[i];
      invariant(result !== undefined, 'a post has a result');
      return { type: 'posted', postId: post.postId, origin, result };
    });
    const answered = new Set(items.map(({ post }) => post.postId));
    this.posts = this.posts.filter(({ post }) => !answered.has(post.postId));
    return (await this.run(...inputs)) !== undefined;
  }

  /** Hands posts to the relay that had left before their device died, and no more. */
  handOver(items: readonly OutboxItem[]): void {
    if (items.length > 0) this.#request(items, undefined);
  }

  #request(items: readonly OutboxItem[], from: HeadProof | undefined): { results: PostResults } {
    const posts = items.map(({ post }) => post);
    const answer = this.ask({ kind: 'post', posts, ...(from === undefined ? {} : { from }) });
    invariant(answer.kind === 'post', 'posts are answered');
    if (from !== undefined) this.#expected = from.head.hash;
    return answer;
  }

  /** Asks the relay once a life what it knows of this log, as every device does before it posts. */
  async #prove(): Promise<HeadProof | undefined> {
    const head = await this.#runner().head();
    if (head === undefined) return undefined;
    if (this.#expected !== undefined) return { head, expected: this.#expected };
    const answer = this.ask({ kind: 'exchangeHead', head });
    const before = answer.kind === 'exchangeHead' ? answer.before : undefined;
    if (before !== undefined) {
      const outcomes = await this.run({ type: 'headSeen', source: 'relay', head: before });
      if (outcomes === undefined) return undefined;
    }
    return { head, expected: head.hash };
  }

  /** Fetches the keys of a claim and takes them in. */
  async claim(claim: EffectOf<'claim'>): Promise<boolean> {
    const { userId, sends, resends } = claim;
    const claimId = claimIdFromBytes(entropy(16));
    const devices = [...claim.devices].sort((a, b) => a - b);
    this.claims = this.claims.filter((each) => each !== claim);
    const answer =
      devices.length === 0 ? undefined : this.ask({ kind: 'claimKeys', claimId, userId, devices });
    const results = answer?.kind === 'claimKeys' ? answer.results : [];
    return (await this.run({ type: 'claimed', userId, results, sends, resends })) !== undefined;
  }

  /** Fetches the lists that envelopes of unknown devices wait for, and gives those again. */
  async fetchLists(): Promise<boolean> {
    for (const { userId, envelope } of this.#lists.splice(0)) {
      const answer = this.#ask({ kind: 'getList', userId, since: 0 });
      const hasList = answer.kind === 'getList' && answer.result.kind === 'list';
      const learned: CoreInput[] =
        hasList && answer.result.kind === 'list'
          ? [{ type: 'listLearned', list: answer.result.list }]
          : [];
      const again: CoreInput[] =
        envelope === undefined ? [] : [{ type: 'envelope', envelope, isListFresh: true }];
      if ((await this.run(...learned, ...again)) === undefined) return false;
    }
    return true;
  }

  upload(): void {
    for (const { keys } of this.#uploads.splice(0)) this.ask({ kind: 'uploadKeys', keys });
  }

  /** What waits in the mailbox; nothing is removed. */
  mailbox(): readonly IncomingEnvelope[] {
    if (this.#runner().token() === undefined || this.isRegistering) return [];
    const answer = this.ask({ kind: 'fetch', after: 0, limit: 64 });
    return answer.kind === 'fetch' ? answer.envelopes : [];
  }

  /** Takes mail in with one commit. */
  async takeIn(envelopes: readonly IncomingEnvelope[]): Promise<boolean> {
    const inputs = envelopes.map((envelope): CoreInput => ({ type: 'envelope', envelope }));
    return inputs.length === 0 || (await this.run(...inputs)) !== undefined;
  }

  /** Tells the relay what is done with. */
  acknowledge(): void {
    const seqs = this.acks.splice(0);
    if (seqs.length > 0) this.ask({ kind: 'ack', seqs });
  }

  /**
   * The application keeps messages: a row of its own in the same commit, under a name never used
   * before, so that a message that is kept twice has two.
   */
  async keep(items: readonly InboxItem[]): Promise<boolean> {
    const inputs = items.map(({ envelopeId, messageId, body }): CoreInput => {
      const key = `chat/${messageId}/${this.#keeps++}`;
      return { type: 'acknowledged', envelopeId, put: [[key, Uint8Array.from(body)]] };
    });
    this.inbox = this.inbox.filter((item) => !items.includes(item));
    return inputs.length === 0 || (await this.run(...inputs)) !== undefined;
  }

  /** Gets listed at the relay. */
  async register(): Promise<boolean> {
    const nonce = this.#ask({ kind: 'nonce' });
    invariant(nonce.kind === 'nonce', 'a nonce is given');
    const answer = await this.#runner().registration(nonce.nonce);
    if (answer === undefined) return false;
    if (answer.request !== undefined) {
      this.#ask(answer.request);
      if ((await this.run({ type: 'registered' })) === undefined) return false;
    }
    this.isRegistering = false;
    return true;
  }

  ask(request: RelayRequest): ReturnType<Ask> {
    const token = this.#runner().token();
    invariant(token !== undefined, 'a device has a token before it asks');
    return this.#ask(request, token);
  }
}
