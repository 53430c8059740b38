/** Commands about identity keys: what applications say of them, and users who come with another one. */

import { bytesToHex, hexToBytes, invariant } from '@simsim/bytes';
import type { UserId } from '@simsim/relay-protocol';
import type { TestDevice } from '../test-device.ts';
import { excuse, isAt } from './debts.ts';
import { oneOf } from './deed.ts';
import type { Deed } from './deed.ts';
import { resetUser } from './reset-user.ts';
import { addressOf, say } from './model-state.ts';
import type { Address, ModelDevice } from './model-state.ts';
import { withOtherBit } from './mail-commands.ts';
import { foreignList } from './relay-lies.ts';
import { USERS } from './town.ts';
import type { Scene } from './desk.ts';
import type { Town } from './town.ts';
import { accept, pinsOf } from './trust-model.ts';

/** How often in one case a user may begin anew: it is a lot of work for everybody. */
const RESETS_MAX = 2;

/** What applications do about keys, and what makes them. */
export const TRUST_DEEDS = {
  /** The application accepts a key, or has compared it: the pinned one, or another that is genuine. */
  trustKey: {
    weight: 3,
    able: whoKnows(() => true),
    play(town, device, n) {
      const { me } = town.observer(device);
      const userId = oneOf(contactsOf(me), n);
      const [place, known] = (userId && oneOf(pinsOf(me, userId), n >> 3)) ?? [];
      if (userId === undefined || place === undefined || known === undefined) return;
      const isGenuine = known.offered === town.keysOf(userId).get(place);
      const key = isGenuine ? known.offered : known.key;
      if (key !== undefined) trustKey(town, device, { userId, key, isVerified: (n & 4) !== 0 });
    },
  },
  /** It will not have the key that was shown, nor wait for it. */
  refuseKey: {
    weight: 1,
    able: whoKnows(isAsked),
    play(town, device, n) {
      const { me } = town.observer(device);
      const userId = oneOf(
        contactsOf(me).filter((each) => isAsked(me, each)),
        n,
      );
      if (userId !== undefined) refuse(town, device, userId);
    },
  },
  /** The relay shows a stranger's key for a user, and the application writes to that user. */
  showOtherKey: {
    weight: 2,
    able: whoKnows(() => true),
    play(town, device, n) {
      const { me } = town.observer(device);
      const userId = oneOf(contactsOf(me), n);
      if (userId === undefined) return;
      device.store.fault = undefined;
      if (n & 1) beMisread(town, device, userId);
      if (!town.isMet(device, userId)) return;
      const list = foreignList(town, userId);
      const key = bytesToHex(town.outsider().own().identity.publicKey.bytes);
      const wasShown = pinsOf(me, userId).some(([, { offered }]) => offered === key);
      const told = device.run({ type: 'listLearned', list })?.effects ?? [];
      const isTold = wasShown || told.some(({ type }) => type === 'identityChanged');
      if (!isTold) say(town.model, 'S11', `${device.address} was not told of another key`);
      device.send([userId], `line ${town.world.journal.sent.size}`);
      if (n & 1) device.receive(device.fetch());
    },
  },
  /** A user lost all devices and begins anew, with another identity under the same name. */
  beginAnew: {
    weight: 2,
    able: ({ desks, model }) => (model.resets < RESETS_MAX ? [...desks.keys()] : []),
    play(town, device, n) {
      town.model.resets += 1;
      const anew = resetUser(town, device.userId);
      town.situations.met('a user came back with another identity');
      if (n % 3 === 0) return;
      // Often it writes at once to those who know it by another key.
      anew.send(USERS, `line ${town.world.journal.sent.size}`);
      for (let i = 0; i < 4; i++) anew.work();
      for (const other of town.world.devices) if (other !== anew) other.receive(other.fetch());
    },
  },
} as const satisfies Readonly<Record<string, Deed>>;

/** A message comes to a user in another form than it was sent, so that its devices ask for it again. */
function beMisread(town: Town, device: TestDevice, userId: UserId): void {
  device.send([userId], `line ${town.world.journal.sent.size}`);
  for (let i = 0; i < 4; i++) device.work();
  town.look();
  for (const other of town.world.devicesOf(userId)) {
    for (const envelope of other.fetch()) {
      const isOurs = envelope.sender === device.userId && envelope.kind === 'message';
      if (!isOurs) continue;
      const spoilt = withOtherBit(envelope, envelope.content.length - 1);
      town.spoilt.add(spoilt);
      other.takeIn([spoilt]);
    }
    other.work();
  }
}

/** Applications say what is still to be said: whom they wait for is who he is. False if nothing was. */
export function speak(town: Town): boolean {
  let isSaid = false;
  for (const device of town.world.devices) {
    const { me } = town.observer(device);
    for (const userId of contactsOf(me)) if (speakOf(town, device, userId)) isSaid = true;
  }
  return isSaid;
}

function speakOf(town: Town, device: TestDevice, userId: UserId): boolean {
  const { me } = town.observer(device);
  const isWaiting = isAsked(me, userId);
  let isSaid = false;
  for (const [place, key] of town.keysOf(userId)) {
    const known = me.pins.get(place);
    const isSettled = known?.key === key && known.offered === undefined && !isWaiting;
    if (known === undefined || isSettled) continue;
    trustKey(town, device, { userId, key, isVerified: true });
    device.sweep();
    isSaid = true;
  }
  // What nobody has, of no device that is there, goes with the next list under keys that are known.
  if (isWaiting && isAsked(me, userId)) {
    const list = town.lists.get(userId)?.at(-1);
    if (list !== undefined) device.run({ type: 'listLearned', list });
    isSaid = true;
  }
  return isSaid;
}

/** The application vouches for a key, and says it again if the process died under it. */
function trustKey(
  town: Town,
  device: TestDevice,
  { userId, key, isVerified }: { userId: UserId; key: string; isVerified: boolean },
): void {
  const { me } = town.observer(device);
  const level = isVerified ? 'verified' : 'accepted';
  const identityKey = hexToBytes(key);
  invariant(identityKey !== undefined, 'keys are kept in hex');
  const isChange = pinsOf(me, userId).every((each) => each[1].key !== key);
  accept(town.model, me, { userId, key, level });
  const input = { type: 'trustIdentity', userId, identityKey, level } as const;
  if (device.run(input) === undefined) device.run(input);
  if (isChange) town.situations.met('a changed key was accepted');
}

function refuse(town: Town, device: TestDevice, userId: UserId): void {
  const { model, situations } = town;
  const { me } = town.observer(device);
  for (const held of me.held) if (held.endsWith(` ${userId}`)) model.lies.add(held);
  for (const { messageId, from, to, fate } of model.copies.values()) {
    const isTheirs = to === device.address && from.startsWith(`${userId}.`);
    if (isTheirs && fate === 'asked' && messageId !== undefined)
      excuse(model, 'refused', isAt(messageId, to));
  }
  const input = { type: 'refuseIdentity', userId } as const;
  if (device.run(input) === undefined) device.run(input);
  situations.met('a key was refused');
}

/** Whether the application has something to say of a user's key. */
function isAsked(me: ModelDevice, userId: UserId): boolean {
  const isHeld = [...me.held].some((held) => held.endsWith(` ${userId}`));
  return isHeld || pinsOf(me, userId).some(([, { offered }]) => offered !== undefined);
}

function contactsOf(me: ModelDevice): UserId[] {
  return USERS.filter((userId) => userId !== me.userId && pinsOf(me, userId).length > 0);
}

/** Devices that know a user of whom this holds. */
function whoKnows(
  holds: (me: ModelDevice, userId: UserId) => boolean,
): (scene: Readonly<Scene>) => readonly Address[] {
  return ({ desks, model }) =>
    [...desks.keys()]
      .flatMap((name) => model.devices.get(name) ?? [])
      .filter((me) => contactsOf(me).some((userId) => holds(me, userId)))
      .map(addressOf);
}
