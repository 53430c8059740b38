/**
 * Sesame on two pages: which records each device has, what is on its way, and what is owed to whom.
 * Written from the requirements (`SES-n`, `T-n`), not from the engine, of which it knows the ids only.
 * It is told what happened, does what the specification says of that, and notes what may not happen.
 */

import type { DeviceId, EnvelopeId, UserId } from '@simsim/relay-protocol';
import type { SessionId } from '@simsim/sesame';
import { addressOf, placeOf, say } from './model-state.ts';
import type { Copy, DeviceRow, Model, ModelDevice, Peer, UserRow, Whose } from './model-state.ts';
import { isStranger, mustWait, pinFor } from './trust-model.ts';

/** The record of a user, an empty one where there was none. */
export function userRow(device: ModelDevice, userId: UserId): UserRow {
  const row = device.rows.get(userId) ?? {
    version: 0,
    listed: new Map(),
    staleAt: undefined,
    devices: new Map(),
  };
  device.rows.set(userId, row);
  return row;
}

function emptyRow(incarnation: number): DeviceRow {
  const none = { active: undefined, staleAt: undefined };
  const sessions = { inactive: [], frozen: [], began: new Map(), isOrderOpen: false };
  return { ...none, ...sessions, incarnation, isMet: false };
}

/** Sessions that may open mail. */
export function sessionsIn(row: DeviceRow | undefined): SessionId[] {
  if (row === undefined) return [];
  return [...(row.active === undefined ? [] : [row.active]), ...row.inactive, ...row.frozen];
}

/** SES-29: the new one is active, the former heads the list, the tail drops. */
function insert(model: Model, row: DeviceRow, session: SessionId): void {
  if (row.active !== undefined) row.inactive.unshift(row.active);
  row.active = session;
  row.inactive.splice(model.limits.inactive);
}

/** SES-30: it leaves the list; the order of the others stays. A frozen one stays where it is. */
function activate(model: Model, row: DeviceRow, session: SessionId, at: number): void {
  if (!row.inactive.includes(session)) return;
  const isOld = ageOf(model, row, { session, at });
  if (isOld === 'maybe') row.isOrderOpen = true;
  if (isOld === 'yes') return;
  row.inactive = row.inactive.filter((each) => each !== session);
  insert(model, row, session);
}

/** Whether a session is past MAXSEND: it opens mail and sends none (SES-83). */
function ageOf(
  { limits }: Model,
  row: DeviceRow,
  { session, at }: { session: SessionId; at: number },
): 'yes' | 'maybe' | 'no' {
  const { earliest = at, latest = at } = row.began.get(session) ?? {};
  if (at - latest >= limits.sendMs) return 'yes';
  return at - earliest >= limits.sendMs ? 'maybe' : 'no';
}

/** SES-25, SES-28: the record of a stale device goes when MAXLATENCY is over, and no other. */
export function drop(model: Model, device: ModelDevice, peer: Peer, at: number): void {
  const user = userRow(device, peer.userId);
  const row = user.devices.get(peer.deviceId);
  const staleAt = row?.staleAt ?? user.staleAt;
  const isOver = staleAt !== undefined && at - staleAt > model.limits.latencyMs;
  const isEmpty = row?.isMet === true && sessionsIn(row).length === 0;
  if (!isOver && !isEmpty)
    say(model, 'S10', `${addressOf(device)} dropped ${addressOf(peer)} before its time`);
  user.devices.delete(peer.deviceId);
}

/** No receipt goes out on a session too old to send: whoever waits for it does in vain. */
export function silenceOld(model: Model, device: ModelDevice, at: number): void {
  for (const [userId, { devices }] of device.rows) {
    for (const [deviceId, row] of devices) {
      const { active: session } = row;
      if (session === undefined || ageOf(model, row, { session, at }) === 'no') continue;
      model.silenced.add(`${addressOf(device)} ${addressOf({ userId, deviceId })}`);
    }
  }
}

/** SES-83: the active session may not send any more; no other one is active then. */
export function retire(model: Model, device: ModelDevice, peer: Peer, at: number): void {
  const row = userRow(device, peer.userId).devices.get(peer.deviceId);
  const session = row?.active;
  if (row === undefined || session === undefined) return;
  if (ageOf(model, row, { session, at }) === 'no')
    say(model, 'S9', `${addressOf(device)} gave ${session} up, which may still send`);
  row.inactive.unshift(session);
  row.inactive.splice(model.limits.inactive);
  row.active = undefined;
}

/**
 * SES-31…34, SES-45: what is absent is stale from now; what is new or another begins empty.
 *
 * Differs: SES-34 (1) would empty the record of a user who was marked stale. The engine keeps it where
 * the list names the same incarnations under the same identity, so no relay can end sessions at will.
 */
export function acceptList(device: ModelDevice, list: Listed, at: number): void {
  const row = userRow(device, list.userId);
  Object.assign(row, { version: list.version, listed: new Map(list.listed), staleAt: undefined });
  for (const [deviceId, known] of row.devices) {
    if (list.listed.has(deviceId)) continue;
    // SES-92: late mail of a former device opens; one with a key of its own that is none is in other hands.
    const hasKey = device.pins.has(placeOf({ userId: list.userId, deviceId }));
    if (hasKey && !list.former.has(deviceId)) row.devices.delete(deviceId);
    else known.staleAt ??= at;
  }
  for (const deviceId of list.former) {
    if (!row.devices.has(deviceId)) row.devices.set(deviceId, { ...emptyRow(0), staleAt: at });
  }
  for (const [deviceId, incarnation] of list.listed) {
    const isSelf = device.userId === list.userId && device.deviceId === deviceId;
    const known = row.devices.get(deviceId);
    const isSame = known?.incarnation === incarnation && known.staleAt === undefined;
    if (isSame) known.isMet = false;
    if (!isSelf && !isSame) row.devices.set(deviceId, emptyRow(incarnation));
  }
}

/** A list as its user signed it. */
interface Listed {
  readonly userId: UserId;
  readonly version: number;
  readonly listed: ReadonlyMap<DeviceId, number>;
  /** Removed devices with keys of their own, whose mail may be late. */
  readonly former: ReadonlySet<DeviceId>;
}

/** SES-31, SES-32: under another key the record of a user, or of a device, begins anew. */
export function beginAnew(device: ModelDevice, { userId, deviceId }: Whose): void {
  const devices = device.rows.get(userId)?.devices;
  if (deviceId === undefined) device.rows.delete(userId);
  else if (devices?.has(deviceId)) devices.set(deviceId, { ...emptyRow(0), isMet: true });
}

/** SES-32: a device that a message told of, where no list did. */
export function meet(device: ModelDevice, peer: Peer, incarnation: number): void {
  const { devices } = userRow(device, peer.userId);
  const row = { ...emptyRow(incarnation), isMet: true };
  if (!devices.has(peer.deviceId)) devices.set(peer.deviceId, row);
}

/** SES-44, SES-71: the relay says the user, or one device, is gone. The first time counts (SES-24). */
export function markStale(
  device: ModelDevice,
  who: Partial<Peer> & { userId: UserId },
  at: number,
): void {
  const user = userRow(device, who.userId);
  const row = who.deviceId === undefined ? user : user.devices.get(who.deviceId);
  if (row !== undefined) row.staleAt ??= at;
}

/** The own state was put back: no session of before sends again. */
export function freeze(model: Model, device: ModelDevice): void {
  for (const { devices } of device.rows.values()) {
    for (const row of devices.values()) {
      for (const session of sessionsIn(row)) device.before.add(session);
      row.frozen = sessionsIn(row).slice(0, model.limits.frozen);
      Object.assign(row, { active: undefined, inactive: [] });
    }
  }
}

/** SES-34 (3), SES-73: a session of one's own, where there is none, or instead of one that failed. */
export function begin(model: Model, device: ModelDevice, { peer, session, at }: Use): void {
  const row = userRow(device, peer.userId).devices.get(peer.deviceId);
  if (row === undefined) return say(model, 'S11', `a session with ${addressOf(peer)}, unlisted`);
  const key = `${addressOf(device)} ${addressOf(peer)}`;
  const { active } = row;
  const canSend = active !== undefined && ageOf(model, row, { session: active, at }) === 'no';
  if (canSend) model.surplus.set(key, (model.surplus.get(key) ?? 0) + 1);
  row.began.set(session, { earliest: at, latest: at });
  insert(model, row, session);
}

/** One use of one session with a device. */
export interface Use {
  readonly peer: Peer;
  readonly session: SessionId;
  /** Now. */
  readonly at: number;
}

/** SES-53: a first message began a session here. Repeats are opened by the session itself (SES-54). */
export function accept(model: Model, device: ModelDevice, { peer, session, at }: Use): void {
  const row = userRow(device, peer.userId).devices.get(peer.deviceId);
  if (row === undefined) return say(model, 'S9', `a session of nobody: ${addressOf(peer)}`);
  if (device.accepted.has(session)) say(model, 'S9', `${session} was accepted twice`);
  device.accepted.add(session);
  row.began.set(session, { earliest: at - model.limits.latencyMs, latest: at });
  insert(model, row, session);
}

/**
 * SES-39: only with the active session of a device that is neither stale nor unlisted; one that so far
 * only its own message told of counts as listed (SES-32).
 */
export function encrypt(
  model: Model,
  device: ModelDevice,
  use: Use & { envelopeId: EnvelopeId },
): void {
  const { peer, session, envelopeId, at } = use;
  const [from, to] = [addressOf(device), addressOf(peer)];
  const user = userRow(device, peer.userId);
  const row = user.devices.get(peer.deviceId);
  if (row?.staleAt !== undefined) say(model, 'S10', `${from} encrypted for the stale ${to}`);
  const isListed = !row?.isMet && user.listed.get(peer.deviceId) === row?.incarnation;
  const isKnown = row?.isMet || isListed;
  if (row === undefined || !isKnown) say(model, 'S11', `${from} encrypted for ${to}, unlisted`);
  const isOpenOrder = row?.isOrderOpen === true && sessionsIn(row).includes(session);
  if (row?.active !== session && !isOpenOrder)
    say(model, 'S9', `${from} sent to ${to} on a session not active`);
  if (row !== undefined && ageOf(model, row, { session, at }) === 'yes')
    say(model, 'S10', `${from} sent to ${to} on a session past MAXSEND`);
  if (device.before.has(session)) say(model, 'S13', `${from} sent to ${to} as it did before`);
  const { key: pinned } = pinFor(device, peer) ?? {};
  if ((device.keyOf.get(session) ?? pinned) !== pinned)
    say(model, 'S11', `${from} encrypted for ${to} under a key that is not the pinned one`);
  const isLate = user.staleAt !== undefined;
  const hold = mustWait(device, peer.userId);
  const key = pinFor(device, device)?.key;
  const plain = { isLate, hold, key, isInitiation: false, fate: 'written' } as const;
  model.copies.set(envelopeId, { from, to, session, isListed, ...plain });
}

/** SES-57, SES-58, SES-61: any session opens, a stale device's too; it is active then. */
export function open(
  model: Model,
  device: ModelDevice,
  use: Use & { envelopeId: EnvelopeId },
): void {
  const row = userRow(device, use.peer.userId).devices.get(use.peer.deviceId);
  const copy = model.copies.get(use.envelopeId);
  const [here, name] = [addressOf(device), use.envelopeId];
  if (copy === undefined) return say(model, 'S11', `${here} opened ${name}, which nobody sent`);
  const isFor = copy.to === here && copy.from === addressOf(use.peer);
  if (!isFor || copy.session !== use.session) say(model, 'S9', `${here} opened ${name} otherwise`);
  if (device.opened.has(use.envelopeId)) say(model, 'S9', `${here} opened ${name} twice`);
  device.opened.add(use.envelopeId);
  copy.fate = 'opened';
  if (copy.messageId !== undefined) device.kept.add(copy.messageId);
  if (row !== undefined) activate(model, row, use.session, use.at);
}

/** A copy that comes to a device; `prekeysMs` is how long those of a first message surely last. */
interface Arrival {
  readonly copy: Copy;
  readonly from: Peer;
  readonly at: number;
  readonly prekeysMs: number;
}

/** Whether an undamaged copy must open on a device now: by a session it has, or a first message. */
export function mustOpen(model: Model, device: ModelDevice, arrival: Arrival): boolean {
  const { copy, from, at, prekeysMs } = arrival;
  const { session, to, key } = copy;
  if (!isStranger(device, from.userId) && pinFor(device, from)?.key !== key) return false;
  if (session === undefined || to !== addressOf(device) || device.unsure.has(session)) return false;
  const row = device.rows.get(from.userId)?.devices.get(from.deviceId);
  if (sessionsIn(row).includes(session)) return true;
  const begun = model.begun.get(session) ?? 0;
  const isFresh = begun > device.preKeysSince && at - begun < prekeysMs;
  return copy.isInitiation && isFresh && row !== undefined && !device.accepted.has(session);
}
