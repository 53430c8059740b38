/** Commands of applications: what is sent to whom, and how the posts fare. */

import type { UserId } from '@simsim/relay-protocol';
import type { TestDevice } from '../test-device.ts';
import { anybody, oneOf, whoHas } from './deed.ts';
import type { Deed } from './deed.ts';
import { USERS } from './town.ts';
import type { Town } from './town.ts';

const BURST = 3;

/** Sends and posts. */
export const SEND_DEEDS = {
  /** One message to another user. */
  send: {
    weight: 5,
    able: anybody,
    play: (town, device, n) => say(town, device, [another(device, n)]),
  },
  /** Several in a row, before any of them leaves. */
  burst: {
    weight: 1,
    able: anybody,
    play(town, device, n) {
      for (let i = 0; i < BURST; i++) say(town, device, [another(device, n)]);
    },
  },
  /** One message to everybody. */
  sendToAll: { weight: 2, able: anybody, play: (town, device) => say(town, device, USERS) },
  /** A note to one's own other devices. */
  sendToSelf: {
    weight: 1,
    able: anybody,
    play: (town, device) => say(town, device, [device.userId]),
  },
  /** Two write to each other before either reads (T-24). */
  cross: {
    weight: 2,
    able: anybody,
    play(town, device, n) {
      const other = town.device(another(device, n));
      const pairs = [
        { from: device, to: other.userId },
        { from: other, to: device.userId },
      ];
      for (const { from, to } of pairs) say(town, from, [to]);
      for (const { from } of pairs) for (let i = 0; i < 4; i++) from.work();
    },
  },
  /** A post reaches the relay and is answered. */
  post: {
    weight: 5,
    able: whoHas('posts'),
    play(_, device, n) {
      const item = oneOf(device.posts, n);
      if (item !== undefined) device.post(item);
    },
  },
  /** A post reaches the relay, its answer is lost (SES-49). */
  loseAnswer: {
    weight: 2,
    able: whoHas('posts'),
    play(_, device, n) {
      if (!device.prove()) return;
      const item = oneOf(device.posts, n);
      if (item !== undefined) device.handOver(item);
    },
  },
  /** A claim is answered. */
  claim: {
    weight: 3,
    able: whoHas('claims'),
    play(_, device, n) {
      const claim = oneOf(device.claims, n);
      if (claim !== undefined) device.claim(claim);
    },
  },
  /** Everything a device has to do with the relay is done. */
  work: { weight: 6, able: anybody, play: (_, device) => void device.work() },
} as const satisfies Readonly<Record<string, Deed>>;

function say(town: Town, from: TestDevice, to: readonly UserId[]): void {
  from.send(to, `line ${town.world.journal.sent.size}`);
}

function another({ userId }: TestDevice, n: number): UserId {
  return (
    oneOf(
      USERS.filter((each) => each !== userId),
      n,
    ) ?? userId
  );
}
