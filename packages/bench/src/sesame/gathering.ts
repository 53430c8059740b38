/** A device of ours with settled sessions to many devices of many users: each of them answered once. */

import { randomBytes } from 'node:crypto';
import { invariant } from '@simsim/bytes';
import type { CoreInput, DeviceCore } from '@simsim/device-core';
import type { EventLog } from '@simsim/event-log';
import { messageIdFromBytes } from '@simsim/relay-protocol';
import type { UserId } from '@simsim/relay-protocol';
import type { Effect } from '@simsim/sesame';
import { BODY_BYTES, follow } from '../log/crowd.ts';
import { createParty } from '../log/party.ts';
import type { Party } from '../log/party.ts';
import type { LiveEngine } from './live-engine.ts';
import { answerInitiation, bundleOf, createPeerUser } from './peer-users.ts';
import type { PeerUser } from './peer-users.ts';

/** How many there are. */
export interface GatheringSize {
  readonly users: number;
  readonly devicesEach: number;
}

/** A device among them. */
export interface Gathering {
  readonly own: Party;
  readonly users: readonly PeerUser[];
}

/** Users met by one send while a gathering is made: a commit stays far below its bounds. */
const USERS_AT_A_TIME = 8;

/** Makes our device over an empty log and settles a session with each device, both ways. */
export function createGathering(
  log: EventLog,
  { users: count, devicesEach }: GatheringSize,
): Gathering {
  const own = createParty('own', log);
  const users: PeerUser[] = [];
  for (let i = 0; i < count; i += USERS_AT_A_TIME) {
    const some = Array.from({ length: Math.min(USERS_AT_A_TIME, count - i) }, (_, n) =>
      createPeerUser(`user-${i + n}`, devicesEach),
    );
    meet(own, some);
    follow(log);
    users.push(...some);
  }
  log.flush();
  invariant(own.core.outbox().length === 0, 'nothing is pending once everybody has answered');
  return { own, users };
}

/** Sends to users of whom nothing is known, and goes on until each device has answered. */
function meet({ core }: Party, users: readonly PeerUser[]): void {
  const byId = new Map(users.map((user) => [user.userId, user]));
  let inputs: readonly CoreInput[] = [sendTo(users)];
  while (inputs.length > 0) {
    const { effects } = core.run(inputs);
    inputs = effects.flatMap((effect) => answersTo(effect, byId));
  }
}

function sendTo(users: readonly Pick<PeerUser, 'userId'>[]): CoreInput {
  return {
    type: 'send',
    messageId: messageIdFromBytes(randomBytes(16)),
    to: users.map(({ userId }) => userId),
    body: randomBytes(BODY_BYTES),
  };
}

/** What the relay and the peers say to an effect. */
function answersTo(effect: Effect, users: ReadonlyMap<UserId, PeerUser>): readonly CoreInput[] {
  if (effect.type === 'claim') {
    const { userId, devices, sends, resends } = effect;
    const user = users.get(userId);
    invariant(user !== undefined, 'only users of the gathering are claimed');
    const results = devices.map((deviceId) => ({ deviceId, bundle: bundleOf(user, deviceId) }));
    return [{ type: 'claimed', userId, results, sends, resends }];
  }
  if (effect.type !== 'post') return [];
  const { post, origin } = effect;
  const { postId, recipient, envelopes } = post;
  const user = users.get(recipient);
  if (user === undefined || envelopes.length > 0) {
    const mail = user === undefined ? [] : envelopes.map((each) => answerInitiation(user, each));
    const result = { kind: 'accepted', listVersion: 1 } as const;
    return [
      { type: 'posted', postId, origin, result },
      ...mail.map((envelope): CoreInput => ({ type: 'envelope', envelope })),
    ];
  }
  const { list } = user;
  const missing = list.list.devices.map(({ deviceId }) => deviceId);
  const result = { kind: 'mismatch', missing, extra: [], stale: [], list } as const;
  return [{ type: 'posted', postId, origin, result }];
}

/** Sends to all devices of users, and later has everybody answer. */
export interface Sender {
  /** One message, in one commit. */
  send(to: readonly Pick<PeerUser, 'userId'>[]): void;
  /** The relay answers, and each device that got a copy says so: no send is left afterwards. */
  settle(): void;
}

/** What a {@link Sender} sends with. */
interface Sending {
  run(inputs: readonly CoreInput[]): { readonly effects: readonly Effect[] };
  /** Called once everything was answered. */
  settled(): void;
}

/** Sends from a device that has a session with each device. */
export function createSender(core: DeviceCore): Sender {
  return senderOf({
    run: (inputs) => core.run(inputs),
    settled() {
      core.log.flush();
      invariant(core.outbox().length === 0, 'every post was answered');
    },
  });
}

/** The same with the engine by itself. */
export function createLiveSender(engine: LiveEngine): Sender {
  return senderOf({
    run: (inputs) => engine.run(inputs),
    settled: () => invariant(!engine.isPosting(), 'every post was answered'),
  });
}

function senderOf(sending: Sending): Sender {
  let posts: Extract<Effect, { type: 'post' }>[] = [];
  return {
    send(to) {
      const { effects } = sending.run([sendTo(to)]);
      for (const effect of effects) if (effect.type === 'post') posts.push(effect);
    },
    settle() {
      sending.run(posts.flatMap(answersAndReceipts));
      posts = [];
      sending.settled();
    },
  };
}

function answersAndReceipts({
  post,
  origin,
}: Extract<Effect, { type: 'post' }>): readonly CoreInput[] {
  invariant(origin.type === 'round', 'nothing but sends is posted');
  const { postId, recipient: userId, envelopes } = post;
  const result = { kind: 'accepted', listVersion: 1 } as const;
  return [
    { type: 'posted', postId, origin, result },
    ...envelopes.map(({ deviceId }): CoreInput => {
      return { type: 'receipted', userId, deviceId, messageIds: [origin.messageId] };
    }),
  ];
}
