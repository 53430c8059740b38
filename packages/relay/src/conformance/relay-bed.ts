/** A relay and its people: what the cases ask of it, and what must come of that. */

import { check, same } from '@simsim/bytes/conformance';
import type {
  AnswerTo,
  ClaimId,
  IncomingEnvelope,
  Post,
  PostResult,
  PreKeyBundle,
  RefusalCode,
  RelayOutcome,
  RelayRequest,
  RequestKind,
} from '@simsim/relay-protocol';
import {
  claimIdFromBytes,
  ENVELOPES_PER_BATCH_MAX,
  isRelayUnavailable,
} from '@simsim/relay-protocol';
import type { Timer } from '@simsim/relay-protocol/conformance';
import { LineProbe, within } from '@simsim/relay-protocol/conformance';
import type { TestDevice } from './people.ts';
import { TestUser } from './people.ts';
import type { BareRelayCase, RelayHooks, RelayUnderTest } from './relay-hooks.ts';

/** One case of the contract, over a relay that is stopped afterwards. */
export function onRelay(
  name: string,
  run: (bed: RelayBed) => Promise<void>,
): BareRelayCase<RelayHooks> {
  return {
    name,
    async run({ make, timer }) {
      const bed = new RelayBed(await make(), timer);
      try {
        await run(bed);
      } finally {
        await bed.stop();
      }
    },
  };
}

/** A relay in use. */
export class RelayBed {
  relay: RelayUnderTest;
  readonly #timer: Timer;
  readonly #lines: LineProbe[] = [];

  constructor(relay: RelayUnderTest, timer: Timer) {
    this.relay = relay;
    this.#timer = timer;
  }

  /** Lets go of the lines, and of the relay. */
  async stop(): Promise<void> {
    for (const { line } of this.#lines) line.drop();
    await this.relay.stop();
  }

  /** What comes back, with the token of a device or without one. */
  async outcome(request: RelayRequest, device?: Pick<TestDevice, 'token'>): Promise<RelayOutcome> {
    const coming = this.relay.transport.ask(request, device?.token);
    try {
      return await within(this.#timer, coming, `the answer to ${request.kind}`);
    } catch (failure) {
      check(!isRelayUnavailable(failure), `${request.kind} has no answer`);
      throw failure;
    }
  }

  /** The answer; a refusal breaks the case. */
  async ask<K extends RequestKind>(
    request: Extract<RelayRequest, { kind: K }>,
    device?: Pick<TestDevice, 'token'>,
  ): Promise<AnswerTo<K>> {
    const outcome = await this.outcome(request, device);
    if (!outcome.ok) check(false, `${request.kind} is refused with ${outcome.error.code}`);
    same(outcome.value.kind, request.kind, 'the kind of an answer');
    return outcome.value as AnswerTo<K>;
  }

  /** The request is refused by this name. */
  async refused(
    code: RefusalCode,
    request: RelayRequest,
    device?: Pick<TestDevice, 'token'>,
  ): Promise<void> {
    const outcome = await this.outcome(request, device);
    same(outcome.ok ? 'an answer' : outcome.error.code, code, `what ${request.kind} comes to`);
  }

  /** A nonce. */
  async nonce(): Promise<Uint8Array> {
    return (await this.ask({ kind: 'nonce' })).nonce;
  }

  /** A new user with one device. */
  async user(name: string, oneTimeCount = 3): Promise<{ user: TestUser; device: TestDevice }> {
    const user = new TestUser(name);
    const device = user.makeDevice(1, oneTimeCount);
    await this.ask(user.createAccount(device, await this.nonce()));
    return { user, device };
  }

  /** A further device of a user, listed. */
  async join(user: TestUser, id: number, approver: TestDevice): Promise<TestDevice> {
    const device = user.makeDevice(id);
    const request = user.addDevice(device, approver, await this.nonce());
    await this.ask(request);
    user.list = request.list;
    return device;
  }

  /** A device that is listed no longer. */
  async remove(user: TestUser, id: number, signer: TestDevice): Promise<void> {
    const request = user.removeDevice(id, signer);
    await this.ask(request, signer);
    user.list = request.list;
  }

  /** What becomes of posts. */
  async post(from: TestDevice, ...posts: readonly Post[]): Promise<readonly PostResult[]> {
    const { results } = await this.ask({ kind: 'post', posts }, from);
    same(results.length, posts.length, 'results for posts');
    return results;
  }

  /** Posts that are taken. */
  async posted(from: TestDevice, ...posts: readonly Post[]): Promise<void> {
    const results = await this.post(from, ...posts);
    const kinds = results.map(({ kind }) => kind);
    same(kinds, Array(posts.length).fill('accepted'), 'what becomes of posts');
  }

  /** All mail that waits for a device. */
  async mailbox(device: TestDevice): Promise<readonly IncomingEnvelope[]> {
    const mail: IncomingEnvelope[] = [];
    for (;;) {
      const after = mail.at(-1)?.seq ?? 0;
      const limit = ENVELOPES_PER_BATCH_MAX;
      const { envelopes, isEmpty } = await this.ask({ kind: 'fetch', after, limit }, device);
      check(isEmpty || envelopes.length > 0, 'a page that is not the last has mail');
      mail.push(...envelopes);
      if (isEmpty) return mail;
    }
  }

  /** The numbers of the mail that waits for a device. */
  async waiting(device: TestDevice): Promise<readonly number[]> {
    return (await this.mailbox(device)).map(({ seq }) => seq);
  }

  /** A request for a bundle of a device. */
  claimOf(
    device: TestDevice,
    claimId: ClaimId,
  ): Extract<RelayRequest, { readonly kind: 'claimKeys' }> {
    return { kind: 'claimKeys', claimId, userId: device.userId, devices: [device.deviceId] };
  }

  /** A bundle of a device. */
  async bundle(
    caller: { user: TestUser; device: TestDevice },
    of: TestDevice,
  ): Promise<PreKeyBundle> {
    const claimId = claimIdFromBytes(caller.user.entropy(16));
    const { results } = await this.ask(this.claimOf(of, claimId), caller.device);
    const [result] = results;
    check(result !== undefined && 'bundle' in result, 'a listed device has a bundle');
    return result.bundle;
  }

  /** A line for whoever has this token. */
  line(device: Pick<TestDevice, 'token'> | undefined): LineProbe {
    const probe = new LineProbe(this.relay.transport, this.#timer, device?.token);
    this.#lines.push(probe);
    return probe;
  }
}

/** The same bytes but for one bit. */
export function flipped(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
}
