/** What must hold after every command, and what must hold once faults are over and all is at rest. */

import { bytesToHex } from '@simsim/bytes';
import { LATENCY_MAX_MS } from '@simsim/relay-protocol';
import { allSessionsOf, RESENDS_MAX, SEND_ROUNDS_MAX, USER_PREFIX } from '@simsim/sesame';
import type { DeviceRecord, KeyPin, UserRecord } from '@simsim/sesame';
import type { TestDevice } from '../test-device.ts';
import { addressOf, placeOf } from './model-state.ts';
import type { DeviceRow, InvariantName, KeyPlace, Model, ModelDevice, Pin } from './model-state.ts';
import { userRow } from './sesame-model.ts';
import type { Town } from './town.ts';
import { pinsOf } from './trust-model.ts';

/** A law of the engine: its violations, as text. */
type Invariant = (town: Town) => string[];

/** After every command. */
const STEP_INVARIANTS = {
  S1: toldOnly,
  S9,
  S10,
  S11,
  S13: toldOnly,
  'T-28': T28,
} as const satisfies Partial<Record<InvariantName, Invariant>>;

/** At rest. */
const REST_INVARIANTS = { L1, L3, L4 } as const satisfies Partial<Record<InvariantName, Invariant>>;

/** Every invariant. */
export const INVARIANTS: readonly InvariantName[] = [
  'S1',
  'S9',
  'S10',
  'S11',
  'S13',
  'T-28',
  'L1',
  'L2',
  'L3',
  'L4',
];

/** Throws where one of these does not hold after a command. */
export function checkStep(town: Town, watched: readonly InvariantName[]): void {
  for (const [name, find] of entries(STEP_INVARIANTS)) {
    if (watched.includes(name)) demand(name, [...found(town.model, name), ...find(town)]);
  }
}

/** Throws where one of these does not hold at rest. */
export function checkRest(town: Town, watched: readonly InvariantName[]): void {
  for (const [name, find] of entries(REST_INVARIANTS)) {
    if (watched.includes(name)) demand(name, [...found(town.model, name), ...find(town)]);
  }
}

/** Throws, with the invariant's name first. */
export function demand(name: InvariantName, violations: readonly string[]): void {
  if (violations.length > 0) throw new Error(`${name}: ${violations.join('; ')}`);
}

function entries<K extends string, V>(table: Readonly<Record<K, V>>): [K, V][];
function entries(table: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(table);
}

function found({ findings }: Model, name: InvariantName): string[] {
  return findings.filter((finding) => finding.name === name).map(({ text }) => text);
}

/** S1 and S13 are seen where they happen: at what leaves a device. */
function toldOnly(): string[] {
  return [];
}

/** S9: records hold the sessions the specification says, one active at most, the others in order. */
function S9(town: Town): string[] {
  return overRecords(town, ({ where, record, me }) => {
    const known = userRow(me, record.userId);
    const problems: string[] = [];
    for (const deviceId of new Set([...known.devices.keys(), ...record.devices.keys()])) {
      const [real, model] = [record.devices.get(deviceId), known.devices.get(deviceId)];
      const [is, should] = [sessionsText(real), sessionsText(model)];
      if (is !== should && !(model?.isOrderOpen === true && hasSame(real, model)))
        problems.push(`${where}.${deviceId} has ${is}, not ${should}`);
    }
    return problems;
  });
}

/** Whether both hold the same sessions, in whatever order. */
function hasSame(real: DeviceRecord | undefined, model: DeviceRow): boolean {
  const all = (row: Pick<DeviceRecord, 'active' | 'inactive'> | DeviceRow | undefined): string =>
    [row?.active ?? '', ...(row?.inactive ?? [])]
      .filter((id) => id !== '')
      .sort()
      .join();
  return all(real) === all(model);
}

/** S10: what is stale has the time it first was, no ciphertext, and its sessions until MAXLATENCY. */
function S10(town: Town): string[] {
  const { nowMs } = town.world;
  return overRecords(town, ({ where, record, me }) => {
    const known = userRow(me, record.userId);
    const problems: string[] = [];
    if (record.staleAt !== known.staleAt)
      problems.push(`${where} is stale since ${record.staleAt}`);
    for (const [deviceId, row] of known.devices) {
      const real = record.devices.get(deviceId);
      const isOver = row.staleAt !== undefined && nowMs - row.staleAt > LATENCY_MAX_MS;
      if (real === undefined && isOver) continue;
      if (real?.staleAt === row.staleAt) continue;
      problems.push(`${where}.${deviceId} is stale since ${real?.staleAt}, not ${row.staleAt}`);
    }
    return problems;
  });
}

/** S11: nothing is encrypted for whom the newest accepted list does not name, nor under a foreign key. */
function S11(town: Town): string[] {
  return overRecords(town, ({ where, record, me }) => {
    const known = userRow(me, record.userId);
    const problems: string[] = [];
    const pins = keptPins(record);
    for (const [, { key }] of pins) {
      if (key !== undefined && !town.hadKey(record.userId, key))
        problems.push(`${where} has a foreign identity key`);
    }
    const [is, should] = [pins, pinsOf(me, record.userId)].map(pinsText);
    if (is !== should) problems.push(`${where} has keys ${is}, not ${should}`);
    if (record.listVersion !== known.version) {
      problems.push(`${where} has list ${record.listVersion}, not ${known.version}`);
    }
    return problems;
  });
}

/** The keys that a record holds, in their places. */
function keptPins(record: UserRecord): [KeyPlace, Pin][] {
  const { userId, devicePins = [] } = record;
  const all: [KeyPlace, KeyPin][] = [
    [userId, record],
    ...[...devicePins].map(([id, each]): [KeyPlace, KeyPin] => [
      placeOf({ userId, deviceId: id }),
      each,
    ]),
  ];
  const hex = (key: Uint8Array | undefined): string | undefined => key && bytesToHex(key);
  return all
    .map(([place, { identityKey, trust, offered }]): [KeyPlace, Pin] => {
      return [place, { key: hex(identityKey), level: trust, offered: hex(offered) }];
    })
    .filter(([, { key, offered }]) => key !== undefined || offered !== undefined);
}

function pinsText(pins: readonly [KeyPlace, Pin][]): string {
  const texts = pins.map(([place, { key, level, offered }]) => [place, key, level, offered].join());
  return texts.toSorted().join('; ');
}

/** T-28: sessions are unique and of one kind, nobody has a record of itself, none is left empty. */
function T28(town: Town): string[] {
  return overRecords(town, ({ where, record, me, device }) => {
    const problems: string[] = [];
    for (const entry of record.devices.values()) {
      const peer = { userId: record.userId, deviceId: entry.deviceId };
      const sessions = allSessionsOf(entry);
      const name = addressOf(peer);
      if (new Set(sessions).size !== sessions.length) problems.push(`${where} doubles in ${name}`);
      if (name === device.address) problems.push(`${where} has a record of itself`);
      const isListed = userRow(me, record.userId).listed.has(entry.deviceId);
      // Differs: SES-28 lets a device go with its last session, also a stale one, and one that only
      // its own message told of and whose sessions ended with a quarantine.
      const isMet = userRow(me, record.userId).devices.get(entry.deviceId)?.isMet === true;
      const isAwaited = isListed || isMet || entry.staleAt !== undefined;
      if (sessions.length === 0 && !isAwaited) problems.push(`${where} keeps an empty ${name}`);
      for (const session of sessions) {
        const head = device.log.head(`session/${name}/${session}`);
        if (head === undefined || head.isClosed) problems.push(`${name} has no ${session}`);
      }
    }
    return problems;
  });
}

/** L1: what the relay took for a device is with its application exactly once. */
function L1(town: Town): string[] {
  const { world, model } = town;
  const problems = untaken(town);
  const sent = new Map([...world.journal.sent].map(([id, each]) => [id as string, each]));
  for (const device of world.devices) {
    const kept = device.kept();
    for (const [messageId, { count, line }] of kept) {
      const { from, text } = sent.get(messageId) ?? {};
      const isTrue = count === 1 && line === `${from?.userId}: ${text}`;
      if (!isTrue) problems.push(`${device.address} has ${line} ${count} times`);
    }
    for (const [messageId, debts] of model.debts) {
      const debt = debts.get(device.address);
      const from = sent.get(messageId)?.from;
      if (debt === undefined || from === undefined || kept.has(messageId)) continue;
      if (debt.excuse !== undefined || !canBeSentAgain(model, { messageId, from, to: device }))
        continue;
      problems.push(`${device.address} lacks ${sent.get(messageId)?.text} of ${from.address}`);
    }
  }
  return problems;
}

/** Messages that the relay took for nobody, of devices that know of them. */
function untaken({ world, model }: Town): string[] {
  const rounds = [...world.journal.accepted.values()];
  const taken = new Set(rounds.map(({ messageId, userId }) => `${messageId} ${userId}`));
  return [...world.journal.sent].flatMap(([messageId, { from, to, text }]) => {
    const isSaid = model.devices.get(from.address)?.said.has(messageId) === true;
    const isOver = model.lies.has(`${messageId} *`);
    if (!isSaid || isOver || !world.devices.includes(from)) return [];
    return [...new Set([...to, from.userId])]
      .filter((userId) => !taken.has(`${messageId} ${userId}`))
      .filter((userId) => !model.lies.has(`${messageId} ${userId}`))
      .map((userId) => `${text} of ${from.address} was never taken for ${userId}`);
  });
}

/** Whether a device that asked could be answered, or never had to ask. */
function canBeSentAgain(
  model: Model,
  { messageId, from, to }: { messageId: string; from: TestDevice; to: TestDevice },
): boolean {
  const copies = [...model.copies.values()].filter(
    (copy) => copy.messageId === messageId && copy.to === to.address,
  );
  const isStuck = copies.some(({ fate }) => fate === 'asked' || fate === 'ended');
  const sender = model.devices.get(from.address);
  const isHere = from.world.devices.includes(from);
  const hasIt = [...(sender?.sends ?? [])].some((each) => each === messageId);
  return !isStuck || (isHere && hasIt);
}

/** L3: nothing waits, and a plaintext is kept only for somebody whose receipt cannot come. */
function L3({ world, model }: Town): string[] {
  const problems: string[] = [];
  for (const device of world.devices) {
    const { core, log, address } = device;
    const waiting = core.outbox().length + core.inbox().length + log.outbox().length;
    if (waiting > 0) problems.push(`${waiting} rows wait at ${address}`);
    if (device.fetch().length > 0) problems.push(`mail waits for ${address}`);
    for (const messageId of model.devices.get(address)?.sends ?? []) {
      const debts = [...(model.debts.get(messageId) ?? [])];
      const isLied = [...model.lies].some((lie) => lie.startsWith(messageId));
      const hasDebtor = debts.some(([to, debt]) => {
        return debt.excuse !== undefined || model.silenced.has(`${to} ${address}`);
      });
      if (!hasDebtor && !isLied) problems.push(`${address} keeps ${messageId} for nobody`);
    }
  }
  return problems;
}

/** L4: nothing goes in circles: requests, resends, sessions, rounds and lists have their number. */
function L4(town: Town): string[] {
  const { model, world } = town;
  const problems: string[] = [];
  for (const [pair, surplus] of model.surplus) {
    if (surplus > 0) problems.push(`${surplus} sessions of ${pair} served no resend`);
  }
  for (const [messageId, debts] of model.debts) {
    for (const [to, { resends }] of debts) {
      if (resends > RESENDS_MAX) problems.push(`${messageId} went ${resends} times to ${to}`);
    }
  }
  for (const device of world.devices) {
    const { arrivals, requests, fetches, rounds } = town.observer(device);
    for (const [what, counts] of Object.entries({ requests, fetches })) {
      for (const [envelopeId, count] of counts) {
        const most = arrivals.get(envelopeId) ?? 0;
        if (count > most) problems.push(`${count} ${what} for ${most} of ${envelopeId}`);
      }
    }
    for (const [send, count] of rounds) {
      if (count > SEND_ROUNDS_MAX) problems.push(`${count} rounds of ${send}`);
    }
  }
  return problems;
}

/** One real record and the model of its owner. */
interface Place {
  readonly where: string;
  readonly record: UserRecord;
  readonly me: ModelDevice;
  readonly device: TestDevice;
}

function overRecords(town: Town, find: (place: Place) => string[]): string[] {
  return town.world.devices.flatMap((device) => {
    const { me } = town.observer(device);
    return device.log.streamsWithPrefix(USER_PREFIX).flatMap((stream) => {
      const record = device.core.reader().value('user', stream);
      if (record === undefined) return [`${device.address} has no value for ${stream}`];
      return find({ where: `${device.address}: ${record.userId}`, record, me, device });
    });
  });
}

function sessionsText(row: DeviceRow | DeviceRecord | undefined): string {
  if (row === undefined) return 'no record';
  const { active = 'none', inactive, frozen = [] } = row;
  return `active ${active}, inactive [${inactive.join()}], frozen [${frozen.join()}]`;
}
