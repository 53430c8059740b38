/**
 * Sesame on two pages: which records each device has, what is on its way, and what is owed to whom.
 * Written from the requirements (`SES-n`, `T-n`), not from the engine, of which it knows the ids only.
 * It is told what happened, does what the specification says of that, and notes what may not happen.
 */

import type { DeviceId, EnvelopeId, MessageId, UserId } from '@simsim/relay-protocol';
import type { SessionId } from '@simsim/sesame';

/** What must hold: see `invariants.ts`. */
export type InvariantName = 'S9' | 'S10' | 'S11' | 'T-28' | 'L1' | 'L2' | 'L3' | 'L4';

/** A user's device, whichever incarnation of it: `user.7`. */
export type Address = string;

/** DeviceRecord (SES-18, SES-20). Sessions are in order, the newest first. */
export interface DeviceRow {
  incarnation: number;
  /** Only a message of its own told of it; no list has named it (SES-32). */
  isMet: boolean;
  active: SessionId | undefined;
  inactive: SessionId[];
  /** Sessions of before the own state was put back; they may decrypt and nothing else. */
  frozen: SessionId[];
  staleAt: number | undefined;
}

/** UserRecord: the newest list that was accepted, and the devices. */
export interface UserRow {
  version: number;
  listed: Map<DeviceId, number>;
  staleAt: number | undefined;
  devices: Map<DeviceId, DeviceRow>;
}

/** What one device has. All of it goes back where its state is put back. */
export interface ModelDevice {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly rows: Map<UserId, UserRow>;
  /** Sessions once accepted from a first message: a repeat begins none (SES-63). */
  readonly accepted: Set<SessionId>;
  readonly opened: Set<EnvelopeId>;
  /** Messages of the application that it got. */
  readonly kept: Set<MessageId>;
  /** Messages its application gave it. */
  readonly said: Set<MessageId>;
  /** Messages whose plaintext it still has for whoever asks again. */
  readonly sends: Set<MessageId>;
  /** When its prekeys were last replaced as a whole: first messages for earlier ones are in vain. */
  preKeysSince: number;
  /** Sessions whose keys may be lost with a file that was put back. */
  readonly unsure: Set<SessionId>;
}

/** One ciphertext or retry request, from its encryption to its end. */
export interface Copy {
  readonly from: Address;
  readonly to: Address;
  readonly session: SessionId | undefined;
  /** What it carries of the application; undefined for receipts, heads and retry requests. */
  messageId?: MessageId;
  /** The copy that a retry request asks for. */
  readonly asksFor?: EnvelopeId | undefined;
  /** Made for a user who is marked stale. */
  readonly isLate: boolean;
  isInitiation: boolean;
  fate: 'written' | 'posted' | 'lost' | 'opened' | 'asked' | 'ended';
}

/** One message for one device the relay took it for. */
export interface Debt {
  /** Why it may never arrive: mail was lost, or whoever could send it again no longer can. */
  excuse: string | undefined;
  resends: number;
}

/** Everything there is. `say` notes that something was broken; `limits` are the engine's. */
export interface Model {
  readonly devices: Map<Address, ModelDevice>;
  readonly copies: Map<EnvelopeId, Copy>;
  readonly debts: Map<MessageId, Map<Address, Debt>>;
  /** When sessions were begun by their initiators. */
  readonly begun: Map<SessionId, number>;
  /** Sends to one user that were lied about, or ran out of time, so that they may
   * fail: `message user`, `message *`. */
  readonly lies: Set<string>;
  /** Sessions begun beside an active one; each must serve a resend (SES-73): `from to`. */
  readonly surplus: Map<string, number>;
  /** Pairs in which a receipt was lost: the sender waits in vain until its limit: `from to`. */
  readonly silenced: Set<string>;
  readonly findings: { readonly name: InvariantName; readonly text: string }[];
  readonly limits: { readonly inactive: number; readonly frozen: number; readonly resends: number };
}

/** Whom an operation of one device is about. */
export interface Peer {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}

export const addressOf = ({ userId, deviceId }: Peer): Address => `${userId}.${deviceId}`;

export function say(model: Model, name: InvariantName, text: string): void {
  model.findings.push({ name, text });
}

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
  return { ...none, incarnation, isMet: false, inactive: [], frozen: [] };
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
function activate(model: Model, row: DeviceRow, session: SessionId): void {
  if (!row.inactive.includes(session)) return;
  row.inactive = row.inactive.filter((each) => each !== session);
  insert(model, row, session);
}

/**
 * SES-31…34, SES-45: what is absent is stale from now; what is new or another begins empty.
 *
 * Differs: SES-34 (1) would empty the record of a user who was marked stale. The engine keeps it where
 * the list names the same incarnations under the same identity, so no relay can end sessions at will.
 */
export function acceptList(
  device: ModelDevice,
  list: { userId: UserId; version: number; listed: ReadonlyMap<DeviceId, number> },
  at: number,
): void {
  const row = userRow(device, list.userId);
  Object.assign(row, { version: list.version, listed: new Map(list.listed), staleAt: undefined });
  for (const [deviceId, known] of row.devices) {
    if (!list.listed.has(deviceId)) known.staleAt ??= at;
  }
  for (const [deviceId, incarnation] of list.listed) {
    const isSelf = device.userId === list.userId && device.deviceId === deviceId;
    const known = row.devices.get(deviceId);
    const isSame = known?.incarnation === incarnation && known.staleAt === undefined;
    if (isSame) known.isMet = false;
    if (!isSelf && !isSame) row.devices.set(deviceId, emptyRow(incarnation));
  }
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
      row.frozen = sessionsIn(row).slice(0, model.limits.frozen);
      Object.assign(row, { active: undefined, inactive: [] });
    }
  }
}

/** SES-34 (3), SES-73: a session of one's own, where there is none, or instead of one that failed. */
export function begin(model: Model, device: ModelDevice, { peer, session }: Use): void {
  const row = userRow(device, peer.userId).devices.get(peer.deviceId);
  if (row === undefined) return say(model, 'S11', `a session with ${addressOf(peer)}, unlisted`);
  const key = `${addressOf(device)} ${addressOf(peer)}`;
  if (row.active !== undefined) model.surplus.set(key, (model.surplus.get(key) ?? 0) + 1);
  insert(model, row, session);
}

/** One use of one session with a device. */
export interface Use {
  readonly peer: Peer;
  readonly session: SessionId;
}

/** SES-53: a first message began a session here. Repeats are opened by the session itself (SES-54). */
export function accept(model: Model, device: ModelDevice, { peer, session }: Use): void {
  const row = userRow(device, peer.userId).devices.get(peer.deviceId);
  if (row === undefined) return say(model, 'S9', `a session of nobody: ${addressOf(peer)}`);
  if (device.accepted.has(session)) say(model, 'S9', `${session} was accepted twice`);
  device.accepted.add(session);
  insert(model, row, session);
}

/** SES-39: only with the active session of a device that is neither stale nor unlisted. */
export function encrypt(
  model: Model,
  device: ModelDevice,
  use: Use & { envelopeId: EnvelopeId },
): void {
  const { peer, session, envelopeId } = use;
  const [from, to] = [addressOf(device), addressOf(peer)];
  const user = userRow(device, peer.userId);
  const row = user.devices.get(peer.deviceId);
  if (row?.staleAt !== undefined) say(model, 'S10', `${from} encrypted for the stale ${to}`);
  const isListed = row?.isMet || user.listed.get(peer.deviceId) === row?.incarnation;
  if (row === undefined || !isListed) say(model, 'S11', `${from} encrypted for ${to}, unlisted`);
  if (row?.active !== session) say(model, 'S9', `${from} sent to ${to} on a session not active`);
  const isLate = user.staleAt !== undefined;
  model.copies.set(envelopeId, { from, to, session, isLate, isInitiation: false, fate: 'written' });
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
  if (row !== undefined) activate(model, row, use.session);
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
  const { session, to } = copy;
  if (session === undefined || to !== addressOf(device) || device.unsure.has(session)) return false;
  const row = device.rows.get(from.userId)?.devices.get(from.deviceId);
  if (sessionsIn(row).includes(session)) return true;
  const begun = model.begun.get(session) ?? 0;
  const isFresh = begun > device.preKeysSince && at - begun < prekeysMs;
  return copy.isInitiation && isFresh && row !== undefined && !device.accepted.has(session);
}

/** SES-73: what comes again does not come in the session that could not be read. */
export function checkResend(model: Model, { messageId, from, to, session }: Copy): void {
  const asked = [...model.copies.values()].filter(
    (each) => each.messageId === messageId && each.to === to && each.fate === 'asked',
  );
  if (asked.at(-1)?.session === session) {
    say(model, 'L4', `${from} sent ${messageId} to ${to} again in the session that failed`);
  }
}

/** A message owed to a device, if the relay took it for that one. */
export function debtOf(model: Model, messageId: MessageId, address: Address): Debt | undefined {
  return model.debts.get(messageId)?.get(address);
}

/** These will never come, or need not. */
export function excuse(
  model: Model,
  why: string,
  which: (m: MessageId, to: Address) => boolean,
): void {
  for (const [messageId, debts] of model.debts) {
    for (const [address, debt] of debts) if (which(messageId, address)) debt.excuse ??= why;
  }
}

/** The message at that device. */
export function isAt(
  messageId: MessageId,
  address: Address,
): (m: MessageId, to: Address) => boolean {
  return (message, to) => message === messageId && to === address;
}

/** A copy will not arrive, nor what it was to bring about. */
export function lose(model: Model, copy: Copy): void {
  copy.fate = 'lost';
  const { messageId, asksFor, from, to } = copy;
  const asked = asksFor && model.copies.get(asksFor)?.messageId;
  if (asked !== undefined) excuse(model, 'a retry request was lost', isAt(asked, from));
  if (messageId !== undefined) excuse(model, 'lost at the relay', isAt(messageId, to));
  else model.silenced.add(`${from} ${to}`);
}
