/**
 * Names of own devices: giving one, telling it, and taking what other own devices tell.
 *
 * A naming is told like mail, with rounds, receipts and resends, so that a device which is away or has
 * no session yet gets it too. What is told is always everything: whoever knows something newer answers
 * with that, so that a device whose state was put back, or that was linked meanwhile, catches up.
 */

import { messageIdFromBytes } from '@simsim/relay-protocol';
import type { DeviceId } from '@simsim/relay-protocol';
import type { DecideResult } from './decision.ts';
import { encodeNamesTold, isNewerNaming, namingKey, nextNamingCounter } from './device-name.ts';
import type { DeviceNames, DeviceNaming } from './device-name.ts';
import type { Input } from './input.ts';
import { DEVICES_PER_USER_MAX } from './limits.ts';
import { listedDevices } from './own-list.ts';
import { changeUser, roundStreams } from './peer-session.ts';
import { openSend, sendRefusal } from './send-round.ts';
import { DEVICE_STREAM, sendStream, userStream } from './streams.ts';
import { currentDevices } from './user-record.ts';
import { needMore, refused } from './workspace.ts';
import type { Workspace } from './workspace.ts';

type In<T extends Input['type']> = Extract<Input, { type: T }>;

const NONE: DeviceNames = new Map();

/** Gives a device of the own user a name, or takes it back; the others are told. */
export function decideRenameDevice(input: In<'renameDevice'>, work: Workspace): DecideResult {
  const first = work.missing([DEVICE_STREAM]);
  if (first.length > 0) return needMore(first);
  const own = work.value('device', DEVICE_STREAM);
  const refusal = sendRefusal(own);
  if (own === undefined || refusal !== undefined) return refused(refusal ?? 'NOT_REGISTERED');
  const { userId, deviceId: by } = own;
  const missing = work.missing([userStream(userId)]);
  if (missing.length > 0) return needMore(missing);
  const deviceKey = listedKeys(work).get(input.deviceId);
  if (deviceKey === undefined) return refused('UNKNOWN_DEVICE');
  const names = work.user(userId).names ?? NONE;
  const before = names.get(namingKey(deviceKey));
  const naming = { deviceKey, name: input.name, counter: nextNamingCounter(names, deviceKey), by };
  if ((before?.name ?? '') === input.name || !isNewerNaming(naming, before)) return work.decided();
  changeUser(work, userId, [{ type: 'name', naming }]);
  tellLater(work);
  return work.decided();
}

/** Has every own device told all names, in the same commit. */
export function tellLater(work: Workspace, isAnswer?: true): void {
  if (work.isSabotaged('untold-name')) return;
  const messageId = messageIdFromBytes(work.env.entropy(16));
  work.andThen({ type: 'tellNames', messageId, ...(isAnswer && { isAnswer }) });
}

/** Tells every own device all names of listed ones, as a send to nobody else. */
export function decideTellNames(input: In<'tellNames'>, work: Workspace): DecideResult {
  const { messageId, isAnswer } = input;
  const first = work.missing([DEVICE_STREAM, sendStream(messageId)]);
  if (first.length > 0) return needMore(first);
  const own = work.value('device', DEVICE_STREAM);
  if (own === undefined || sendRefusal(own) !== undefined) return work.decided();
  const missing = roundStreams(work, own.userId);
  if (missing.length > 0) return needMore(missing);
  const names = listedNames(work);
  const isAlone = currentDevices(work.user(own.userId)).length === 0;
  if (isAlone && names.length === 0) return work.decided();
  const body = encodeNamesTold({ names, ...(isAnswer && { isAnswer }) });
  openSend(work, { messageId, to: [], body });
  return work.decided();
}

/** Takes what an own device told, where it is newer, and answers where it knows less. */
export function decideNamesTold(input: In<'namesTold'>, work: Workspace): DecideResult {
  const first = work.missing([DEVICE_STREAM]);
  if (first.length > 0) return needMore(first);
  const { userId } = work.self();
  const missing = work.missing([userStream(userId)]);
  if (missing.length > 0) return needMore(missing);
  const { names: told, isAnswer } = input;
  const known = work.user(userId).names ?? NONE;
  const isNews = (naming: DeviceNaming): boolean =>
    isNewerNaming(naming, known.get(namingKey(naming.deviceKey)));
  const wanted = work.isSabotaged('last-told-name') ? told : told.filter(isNews);
  const news = withoutTooMany(work, wanted, known);
  changeUser(
    work,
    userId,
    news.map((naming) => ({ type: 'name', naming })),
  );
  const listed = new Set([...listedKeys(work).values()].map(namingKey));
  const isListed = ({ deviceKey }: DeviceNaming): boolean => listed.has(namingKey(deviceKey));
  // Linked a moment ago, as far as this device can tell.
  if (!news.every(isListed)) work.effect({ type: 'fetchList', userId });
  if (knowsLess(work, told, isAnswer) && !work.isSabotaged('never-answer-names'))
    tellLater(work, true);
  return work.decided();
}

/**
 * Of namings of devices that nobody here has heard of, no more than a user can link: the rest are made up, and
 * would leave no room for names of devices that there are.
 */
function withoutTooMany(
  work: Workspace,
  news: readonly DeviceNaming[],
  known: DeviceNames,
): readonly DeviceNaming[] {
  const { devices } = work.user(work.self().userId);
  const keys = [...devices.values()].map(({ deviceKey }) => deviceKey);
  const heardOf = new Set([...keys, ...listedKeys(work).values()].map(namingKey));
  const unheard = new Set([...known.keys()].filter((key) => !heardOf.has(key)));
  return news.filter(({ deviceKey }) => {
    const key = namingKey(deviceKey);
    if (heardOf.has(key) || unheard.has(key)) return true;
    return unheard.size < DEVICES_PER_USER_MAX && unheard.add(key).has(key);
  });
}

/**
 * Whether what was told is less than what is known here. Of an answer only older names count: two devices
 * with different lists would tell each other for ever what the other leaves out.
 */
function knowsLess(work: Workspace, told: readonly DeviceNaming[], isAnswer?: true): boolean {
  const byKey = new Map(told.map((naming) => [namingKey(naming.deviceKey), naming]));
  return listedNames(work).some((naming) => {
    const theirs = byKey.get(namingKey(naming.deviceKey));
    return theirs === undefined ? isAnswer !== true : isNewerNaming(naming, theirs);
  });
}

/** Keys of the devices that the own list names, this one's too. */
function listedKeys(work: Workspace): ReadonlyMap<DeviceId, Uint8Array> {
  const own = work.self();
  const devices = listedDevices({ own, record: work.user(own.userId) });
  return new Map(devices.map(({ deviceId, deviceKey }) => [deviceId, deviceKey]));
}

/** Names of removed devices are not spread. */
function listedNames(work: Workspace): readonly DeviceNaming[] {
  const names = work.user(work.self().userId).names ?? NONE;
  return [...listedKeys(work).values()].flatMap((key) => names.get(namingKey(key)) ?? []);
}
