/** What must hold of a world, whatever happened in it. */

import { invariant } from '@simsim/bytes';
import type { MessageId } from '@simsim/relay-protocol';
import {
  allSessionsOf,
  evolveRecord,
  sendStream,
  sessionStream,
  USER_PREFIX,
} from '@simsim/sesame';
import { parseMessage, sessionIdOf } from '@simsim/session';
import { expect } from 'vitest';
import { factsOf, hex, stateOf } from './log-state.ts';
import type { TestDevice } from './test-device.ts';
import type { World } from './world.ts';

/** Everything at rest: all that must hold after {@link World.settle}. */
export function checkWorld(world: World): void {
  for (const device of world.devices) {
    checkDelivery(device);
    checkSends(device);
    checkQueues(device);
    checkDevice(device);
  }
}

/** What must hold of a device at any time. */
export function checkDevice(device: TestDevice): void {
  checkRecords(device);
  checkOneTimeKeys(device);
  checkReplay(device);
  checkReopen(device);
}

/** Every accepted message is with the application once, and nothing else is. */
function checkDelivery(device: TestDevice): void {
  const { journal } = device.world;
  const owed: Record<string, unknown> = {};
  for (const [messageId, text] of journal.owedTo(device)) {
    const from = journal.sent.get(messageId)?.from.userId ?? 'nobody';
    owed[messageId] = { count: 1, line: `${from}: ${text}` };
  }
  expect(Object.fromEntries(device.kept()), `rows of ${device.label}`).toEqual(owed);
}

/** Every send was taken for every recipient, and waits for nobody but devices that are gone. */
function checkSends(device: TestDevice): void {
  const { journal } = device.world;
  const taken = new Set<string>();
  for (const { messageId, userId } of journal.accepted.values())
    taken.add(`${messageId} ${userId}`);
  for (const [messageId, { from, to }] of journal.sent) {
    if (from !== device) continue;
    for (const userId of new Set([...to, device.userId])) {
      const isTaken = taken.has(`${messageId} ${userId}`);
      expect(isTaken, `the round of ${device.label} to ${userId} was taken`).toBe(true);
    }
    if (device.log.head(sendStream(messageId))?.isClosed === true) continue;
    const owing = debtors(device, messageId);
    expect(owing, 'a plaintext is kept for somebody').not.toEqual([]);
    for (const debtor of owing) {
      const isListed = device.world.devices.some((other) => other.label === debtor);
      expect(isListed, `${debtor} has receipted ${device.label}`).toBe(false);
    }
  }
  for (const fact of factsOf(device.log)) expect(fact.name).not.toBe('SendFailed');
}

/** Devices whose receipt a send still waits for; the reason why its plaintext is kept. */
function debtors(device: TestDevice, messageId: MessageId): string[] {
  const state = device.core.reader().value('send', sendStream(messageId));
  if (state === undefined) return [];
  const names: string[] = [];
  for (const { userId, status, copies } of state.recipients.values()) {
    expect(status).toBe('accepted');
    for (const [deviceId, copy] of copies) {
      const { registrationId } = device.record(userId).devices.get(deviceId) ?? {};
      if (copy.stage !== 'receipted') names.push(`${userId}.${deviceId}/${registrationId}`);
    }
  }
  return names;
}

/** The plaintext of a send goes only once every device that got it has kept it. */
export function checkPlaintextLife(world: World, messageId: MessageId): 'open' | 'closed' {
  const sent = world.journal.sent.get(messageId);
  const head = sent?.from.log.head(sendStream(messageId));
  if (sent === undefined || head?.isClosed !== true) return 'open';
  expect(sent.from.log.sealedValue(sendStream(messageId))).toBeUndefined();
  for (const accepted of world.journal.accepted.values()) {
    if (accepted.messageId !== messageId) continue;
    for (const device of accepted.devices) {
      if (world.journal.gone.has(device)) continue;
      expect(device.kept().has(messageId), `${device.label} kept what is forgotten`).toBe(true);
    }
  }
  return 'closed';
}

/** At rest nothing waits. */
function checkQueues(device: TestDevice): void {
  expect(device.core.inbox()).toEqual([]);
  expect(device.core.outbox()).toEqual([]);
  expect(device.log.outbox()).toEqual([]);
  expect(device.log.inbox()).toEqual([]);
}

/** Trap T-28: what the specification's text leaves unsaid about records. */
function checkRecords(device: TestDevice): void {
  const named = new Set<string>();
  for (const stream of device.log.streamsWithPrefix(USER_PREFIX)) {
    const record = device.core.reader().value('user', stream);
    invariant(record !== undefined, 'a live record has a value');
    for (const entry of record.devices.values()) {
      const sessions = allSessionsOf(entry);
      expect(new Set(sessions).size, 'sessions of a device are unique').toBe(sessions.length);
      const { userId, deviceId } = device.own();
      const isSelf = record.userId === userId && entry.deviceId === deviceId;
      if (isSelf) expect(sessions, 'no session with oneself').toEqual([]);
      for (const id of sessions) named.add(`${record.userId}.${entry.deviceId}/${id}`);
    }
  }
  for (const prefix of ['session/', 'chains/']) {
    const live = device.log.streamsWithPrefix(prefix).map((name) => name.slice(prefix.length));
    expect(live.sort(), `${prefix} of ${device.label}`).toEqual([...named].sort());
  }
  for (const stream of device.log.streamsWithPrefix('skip/')) {
    const session = stream.slice('skip/'.length, stream.lastIndexOf('/'));
    expect(named.has(session), 'skipped keys belong to a session').toBe(true);
  }
}

/** The one-time prekeys behind a session are gone: each is used once (X3-23, SES-62, PQ-10). */
function checkOneTimeKeys(device: TestDevice): void {
  const kept = new Set<number>();
  for (const stream of device.log.streamsWithPrefix('opk/')) {
    const batch = device.core.reader().value('opk', stream);
    for (const id of batch?.pairs.keys() ?? []) kept.add(id);
  }
  const keptKem = new Set<number>();
  for (const stream of device.log.streamsWithPrefix('kpk/')) {
    const batch = device.core.reader().value('kpk', stream);
    for (const id of batch?.keys.keys() ?? []) keptKem.add(id);
  }
  for (const { sender: userId, senderDevice: deviceId, kind, content } of device.history) {
    const message = kind === 'message' ? parseMessage(content) : undefined;
    if (message?.ok !== true || message.value.kind !== 'initiation') continue;
    const { baseKey, oneTimePreKeyId, version, kem } = message.value;
    const session = sessionIdOf(baseKey, device.world.crypto);
    const isBegun = device.log.head(sessionStream({ userId, deviceId, session })) !== undefined;
    if (isBegun) expect(version, 'sessions of the house begin with PQXDH').toBe(4);
    const isKept = oneTimePreKeyId !== undefined && kept.has(oneTimePreKeyId);
    expect(isBegun && isKept, 'a used one-time prekey is gone').toBe(false);
    const isKemKept = kem !== undefined && keptKem.has(kem.preKeyId);
    expect(isBegun && isKemKept, 'a used one-time KEM prekey is gone').toBe(false);
  }
}

/** Nothing had to be sent twice: every honest message opens in any order. */
export function checkNoResends(world: World): void {
  for (const device of world.devices) {
    for (const effect of device.effects) {
      if (effect.type !== 'acknowledge') continue;
      expect(['delivered', 'duplicate', 'taken']).toContain(effect.end.state);
    }
  }
}

/** Folding the events gives what the live device has. */
function checkReplay({ log }: TestDevice): void {
  const rows = new Map<string, Uint8Array | undefined>();
  for (const event of log.events()) {
    if (!event.stream.startsWith(USER_PREFIX)) continue;
    rows.set(event.stream, evolveRecord(rows.get(event.stream), event));
  }
  expect([...rows.keys()].sort()).toEqual(log.recordNames().sort());
  for (const [name, row] of rows) expect(hex(row), `replay of ${name}`).toBe(hex(log.record(name)));
}

/** A killed process finds what it had. */
function checkReopen(device: TestDevice): void {
  const before = stateOf(device.log);
  device.restart();
  expect(stateOf(device.log)).toEqual(before);
}
