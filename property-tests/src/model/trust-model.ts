/**
 * Identity keys on one page (SES-22, SES-31, SES-32, SES-35, SES-36, SES-88…91): which key is pinned in
 * which place, which is offered, and when mail has to wait. A part of the model, written from the requirements.
 */

import type { UserId } from '@simsim/relay-protocol';
import type { TrustLevel } from '@simsim/sesame';
import { addressOf, placeOf, say } from './model-state.ts';
import type { KeyPlace, Model, ModelDevice, Peer, Pin, Whose } from './model-state.ts';

/** One key, hex, and whose it is: a user's, or one device's. */
export interface ShownKey extends Whose {
  readonly key: string;
}

/** What a device knows of the keys of a user, one or one for each device. */
export function pinsOf({ pins }: ModelDevice, userId: UserId): [KeyPlace, Pin][] {
  return [...pins].filter(([place]) => place === userId || place.startsWith(`${userId}.`));
}

/** What it knows of the key that a device uses: that one's own, or its user's. */
export function pinFor({ pins }: ModelDevice, peer: Peer): Pin | undefined {
  const own = pins.get(addressOf(peer));
  return own?.key === undefined ? (pins.get(peer.userId) ?? own) : own;
}

/** Whether no key of a user is pinned: the first one that is seen may be. */
export function isStranger(device: ModelDevice, userId: UserId): boolean {
  return pinsOf(device, userId).every(([, { key }]) => key === undefined);
}

/** The application says what stands behind a key. */
export function accept(
  model: Model,
  device: ModelDevice,
  { userId, key, level }: ShownKey & { level: TrustLevel },
): void {
  model.words.set(wordKey(device, { userId, key }), level);
}

/**
 * A key is pinned: the first one that is seen, the own one, or that of a new device which a known one stands
 * for. Any other only if the application has accepted it (SES-91), and with it goes what was verified (SES-90).
 * Answers whose record begins anew with it, a user's or a device's (SES-31, SES-32).
 */
export function pin(model: Model, device: ModelDevice, shown: ShownKey): Whose | undefined {
  const { userId, deviceId, key } = shown;
  const before = device.pins.get(placeOf(shown));
  if (before?.key === key) return undefined;
  const ofUser = device.pins.get(userId);
  // A first message does not tell whose key it is; a list may show that it is one device's alone.
  const isMoved = deviceId !== undefined && ofUser?.key === key;
  const isAsked = model.words.has(wordKey(device, shown));
  if (!isStranger(device, userId) && !isMoved && !isAsked && !isVouchedFor(model, device, shown))
    say(model, 'S11', `${addressOf(device)} took another key of ${userId} unasked`);
  const isWhole = deviceId === undefined || (ofUser?.key !== undefined && !isMoved);
  if (deviceId === undefined)
    for (const [place] of pinsOf(device, userId)) device.pins.delete(place);
  device.pins.delete(userId);
  const level = isMoved ? ofUser?.level : undefined;
  device.pins.set(placeOf(shown), { key, level, offered: undefined });
  if (isWhole) return { userId };
  return before?.key === undefined ? undefined : { userId, deviceId };
}

/** Whether a device that is known stands for the key of a new one: no list names another in its place. */
function isVouchedFor(
  model: Model,
  device: ModelDevice,
  { userId, deviceId, key }: ShownKey,
): boolean {
  if (deviceId === undefined) return false;
  const isTaken = device.rows.get(userId)?.listed.has(deviceId) === true;
  const isFree = device.pins.get(placeOf({ userId, deviceId }))?.key === undefined || !isTaken;
  const kinOf = (each: string): number | undefined => model.kin.get(`${userId} ${each}`);
  const known = pinsOf(device, userId).flatMap(([, each]) => each.key ?? []);
  return isFree && kinOf(key) !== undefined && known.some((each) => kinOf(each) === kinOf(key));
}

/** Another key was shown: it stands beside the pinned one, if any is pinned there. */
export function offer(model: Model, device: ModelDevice, shown: ShownKey): void {
  const { userId, key } = shown;
  const known = device.pins.get(placeOf(shown));
  const where = `${addressOf(device)}: the key of ${placeOf(shown)}`;
  if (userId === device.userId) say(model, 'S11', `${where} is its own, and another is none`);
  if (isStranger(device, userId) || known?.key === key)
    say(model, 'S11', `${where} is no other one`);
  const { level, ...pinned } = known ?? { key: undefined, level: undefined };
  device.pins.set(placeOf(shown), { ...pinned, level, offered: key });
}

/** What was shown is off the table. */
export function withdraw(device: ModelDevice, whose: Whose): void {
  const known = device.pins.get(placeOf(whose));
  if (known?.key === undefined) device.pins.delete(placeOf(whose));
  else known.offered = undefined;
}

/** What is said of a pinned key is what the application said of it. */
export function vouch(
  model: Model,
  device: ModelDevice,
  { level, ...whose }: Whose & { level: TrustLevel },
): void {
  const { userId } = whose;
  const known = device.pins.get(placeOf(whose));
  const said = known?.key && model.words.get(wordKey(device, { userId, key: known.key }));
  if (said !== level)
    say(model, 'S11', `${addressOf(device)} has ${placeOf(whose)} as ${level}: nobody said so`);
  if (known !== undefined) known.level = level;
}

/** Why mail to a user has to wait now; `undefined` where it need not. Own devices never wait. */
export function mustWait(device: ModelDevice, userId: UserId): string | undefined {
  if (userId === device.userId || isStranger(device, userId)) return undefined;
  const known = pinsOf(device, userId);
  if (known.some(([, { offered }]) => offered !== undefined)) return 'another key was shown';
  const levels = known
    .filter(([place]) => isInUse(device, userId, place))
    .map(([, each]) => each.level);
  switch (device.policy) {
    case 'tofu':
      return undefined;
    case 'ask':
      return levels.includes(undefined) ? 'nobody accepted the key' : undefined;
    case 'verified-only':
      return levels.every((level) => level === 'verified') ? undefined : 'nobody verified the key';
  }
}

/** A user's key always is; a device's while mail goes to it. */
function isInUse({ rows }: ModelDevice, userId: UserId, place: KeyPlace): boolean {
  if (place === userId) return true;
  const { staleAt, devices = [] } = rows.get(userId) ?? {};
  return [...devices].some(
    ([deviceId, row]) =>
      placeOf({ userId, deviceId }) === place && (row.staleAt ?? staleAt) === undefined,
  );
}

function wordKey(device: ModelDevice, { userId, key }: ShownKey): string {
  return `${addressOf(device)} ${userId} ${key}`;
}
