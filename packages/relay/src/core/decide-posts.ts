/** Posting: the exact set of devices or nothing at all (SES-41…43), once per post id. */

import { equalBytes } from '@simsim/bytes';
import type { DeviceId, Post, PostRequest, PostResult } from '@simsim/relay-protocol';
import { encodePost, ENVELOPE_BYTES_MAX, findDevice } from '@simsim/relay-protocol';
import type { Change } from './change.ts';
import { checkPostingHead } from './decide-heads.ts';
import type { CallerInput, Decision, Reads, RelayEnv, Wakeup } from './decision.ts';
import { answer, refuse } from './decision.ts';
import type { Account, AcceptedPost, DeviceAddress, Slice } from './slice.ts';
import { addressKey } from './slice.ts';

/** Reads the recipients and which of the posts were accepted before. */
export const readsForPosts = (request: PostRequest): Reads => ({
  users: [...new Set(request.posts.map((post) => post.recipient))],
  posts: request.posts.map((post) => post.postId),
  ...(request.from && { ownEntry: true }),
});

/**
 * Decides each post by itself, in order; what an earlier one stored counts for the later.
 *
 * Refuses: `BAD_HEAD`, `HEAD_MOVED`, both as a whole.
 */
export function decidePosts({ request, slice, env, caller }: CallerInput<'post'>): Decision {
  const check = checkPostingHead(request.from, { slice, env, caller });
  if (!check.ok) return refuse(check.code);
  const round = new Round(slice, env, caller);
  const results = request.posts.map((post) => round.decide(post));
  return answer({ kind: 'post', results }, [...check.changes, ...round.changes], round.wakeups);
}

/** What the posts of one request have done so far. */
class Round {
  readonly changes: Change[] = [];
  readonly wakeups: Wakeup[] = [];
  readonly #accepted = new Map<string, AcceptedPost>();
  readonly #added = new Map<string, { count: number; bytes: number }>();
  readonly #slice: Slice;
  readonly #env: RelayEnv;
  readonly #caller: DeviceAddress;

  constructor(slice: Slice, env: RelayEnv, caller: DeviceAddress) {
    this.#slice = slice;
    this.#env = env;
    this.#caller = caller;
  }

  decide(post: Post): PostResult {
    const bodyHash = this.#env.crypto.digest([encodePost(post)]);
    const before = this.#accepted.get(post.postId) ?? this.#slice.posts.get(post.postId);
    if (before !== undefined) {
      const { listVersion } = before;
      const isSame = equalBytes(before.bodyHash, bodyHash);
      return isSame ? { kind: 'accepted', listVersion } : { kind: 'conflict' };
    }
    const isTooLarge = post.envelopes.some((one) => one.content.length > ENVELOPE_BYTES_MAX);
    if (isTooLarge) return { kind: 'tooLarge' };
    const account = this.#slice.accounts.get(post.recipient);
    if (account === undefined) return { kind: 'unknownUser' };
    const refused = post.scope === 'all' ? this.#mismatch(post, account) : gone(post, account);
    if (refused !== undefined) return refused;
    if (!this.#hasRoom(post, account)) return { kind: 'mailboxFull' };
    return this.#store(post, { bodyHash, listVersion: account.list.list.version });
  }

  #mismatch(post: Post, account: Account): PostResult | undefined {
    const { list } = account.list;
    const isOwn = post.recipient === this.#caller.userId;
    const due = list.devices.filter((one) => !isOwn || one.deviceId !== this.#caller.deviceId);
    const missing: DeviceId[] = [];
    const stale: DeviceId[] = [];
    for (const device of due) {
      const envelope = post.envelopes.find((one) => one.deviceId === device.deviceId);
      if (envelope === undefined) missing.push(device.deviceId);
      else if (envelope.registrationId !== device.registrationId) stale.push(device.deviceId);
    }
    const extra = post.envelopes
      .map((envelope) => envelope.deviceId)
      .filter((id) => due.every((device) => device.deviceId !== id));
    if (missing.length + stale.length + extra.length === 0) return undefined;
    return { kind: 'mismatch', missing, extra, stale, list: account.list };
  }

  #hasRoom(post: Post, account: Account): boolean {
    const { mailboxBytesMax, mailboxCountMax } = this.#env.policy;
    return post.envelopes.every((envelope) => {
      const device = account.devices.get(envelope.deviceId);
      const added = this.#added.get(addressKey({ ...envelope, userId: post.recipient }));
      const count = (device?.mailCount ?? 0) + (added?.count ?? 0) + 1;
      const bytes = (device?.mailBytes ?? 0) + (added?.bytes ?? 0) + envelope.content.length;
      return count <= mailboxCountMax && bytes <= mailboxBytesMax;
    });
  }

  #store(post: Post, accepted: AcceptedPost): PostResult {
    const { nowMs } = this.#env;
    for (const envelope of post.envelopes) {
      const { deviceId, envelopeId, kind, content } = envelope;
      const device = { userId: post.recipient, deviceId };
      const mail = { sender: this.#caller, envelopeId, kind, content, storedAtMs: nowMs };
      this.changes.push({ kind: 'mailStored', device, mail });
      this.wakeups.push({ kind: 'mail', device });
      const key = addressKey(device);
      const added = this.#added.get(key) ?? { count: 0, bytes: 0 };
      const bytes = added.bytes + content.length;
      this.#added.set(key, { count: added.count + 1, bytes });
    }
    const { postId } = post;
    this.changes.push({
      kind: 'postAccepted',
      device: this.#caller,
      postId,
      ...accepted,
      atMs: nowMs,
    });
    this.#accepted.set(postId, accepted);
    return { kind: 'accepted', listVersion: accepted.listVersion };
  }
}

function gone(post: Post, account: Account): PostResult | undefined {
  const isCurrent = post.envelopes.every((envelope) => {
    const entry = findDevice(account.list.list, envelope.deviceId);
    return entry?.registrationId === envelope.registrationId;
  });
  return isCurrent ? undefined : { kind: 'gone' };
}
