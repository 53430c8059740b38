/**
 * What the log says happened: one table of event types, each with its named fields. The table is the
 * codec, the description for people, and the list of what may be written in the clear of the owner's
 * metadata key. No secret type fits any field.
 */

import { bytesToHex, hexToBytes, invariant } from '@simsim/bytes';
import type { Result } from '@simsim/bytes';
import { createFactTable } from './fact-table-codec.ts';
import type { EventShape, FactRejection, FieldType, RecordedFact } from './fact-table-codec.ts';
import { decodeUserChanges, describeUserChange, encodeUserChanges } from './user-change.ts';
import type { UserChange } from './user-change.ts';

/** Values a fact may hold. */
export type FactValue =
  | number
  | string
  | readonly string[]
  | readonly number[]
  | readonly UserChange[];

type Field = FieldType<FactValue>;

const number: Field = {
  write: (writer, value) => void writer.varint(Number(value)),
  read: (reader) => reader.varint(),
};
const text: Field = {
  write: (writer, value) => void writer.text(asText(value)),
  read: (reader) => reader.text(1024),
};
const id: Field = {
  write(writer, value) {
    const bytes = hexToBytes(asText(value));
    invariant(bytes?.length === 16, 'an id is 32 hex characters');
    writer.raw(bytes);
  },
  read: (reader) => bytesToHex(reader.raw(16)),
};
const texts: Field = list(text);
const numbers: Field = list(number);
const changes: Field = {
  write: (writer, value) => void writer.bytes(encodeUserChanges(value as readonly UserChange[])),
  read: (reader) => decodeUserChanges(reader.bytes()),
};

function asText(value: FactValue): string {
  invariant(typeof value === 'string', 'a text field holds text');
  return value;
}

function list(item: Field): Field {
  return {
    write(writer, value) {
      const items = value as readonly (string | number)[];
      writer.varint(items.length);
      for (const each of items) item.write(writer, each);
    },
    read(reader) {
      const count = reader.varint();
      const items: (string | number)[] = [];
      for (let i = 0; i < count && reader.isIntact(); i++)
        items.push(item.read(reader) as string | number);
      return items as readonly string[];
    },
  };
}

/** The name of an event type. */
export type EventName =
  | 'DeviceCreated'
  | 'DeviceRegistered'
  | 'DeviceRemoved'
  | 'SignedPreKeyMade'
  | 'OneTimePreKeysMade'
  | 'OneTimePreKeyUsed'
  | 'UserChanged'
  | 'SessionStarted'
  | 'MessageSent'
  | 'MessageReceived'
  | 'SessionDropped'
  | 'ChainsTurned'
  | 'KeysSkipped'
  | 'KeysForgotten'
  | 'SendOpened'
  | 'RoundPosted'
  | 'RoundAccepted'
  | 'RoundRejected'
  | 'KeysClaimed'
  | 'SendFailed'
  | 'ReceiptTaken'
  | 'ResendAsked'
  | 'Resent'
  | 'SendClosed'
  | 'LastResortMade'
  | 'OneTimeKemPreKeysMade'
  | 'OneTimeKemPreKeyUsed'
  | 'AgreementRemembered'
  | 'PreKeyDropped'
  | 'RolledBack'
  | 'DeviceQuarantined'
  | 'DeviceReplaced'
  | 'QuarantineEnded'
  | 'PreKeysReplaced'
  | 'SendRestarted'
  | 'HeadTold'
  | 'TimeKept'
  | 'SendHeld'
  | 'SendReleased'
  | 'CopyGivenUp'
  | 'HealBegun'
  | 'PreKeysTold'
  | 'PreKeyIdsRaised'
  | 'SuccessionBegun'
  | 'IdentitySucceeded'
  | 'SuccessionDropped'
  | 'ContactsTold';

/**
 * Every event type: its number in the log and its fields, in encoding order. Numbers are never reused.
 * Whoever changes the fields of an event puts the former ones under `older`, with the function that
 * turns them into what follows; see {@link EventShape}.
 */
export const EVENTS: Readonly<Record<EventName, EventShape<FactValue>>> = {
  DeviceCreated: { type: 1, fields: { userId: text, deviceId: number, registrationId: number } },
  DeviceRegistered: { type: 2, fields: { listVersion: number } },
  DeviceRemoved: { type: 3, fields: {} },
  SignedPreKeyMade: { type: 4, fields: { id: number } },
  OneTimePreKeysMade: { type: 5, fields: { firstId: number, count: number } },
  OneTimePreKeyUsed: { type: 6, fields: { id: number } },
  UserChanged: { type: 7, fields: { changes } },
  SessionStarted: { type: 8, fields: { role: text } },
  MessageSent: { type: 9, fields: { envelopeId: id } },
  MessageReceived: { type: 10, fields: { envelopeId: id, messageId: id, outcome: text } },
  SessionDropped: { type: 11, fields: {} },
  ChainsTurned: { type: 12, fields: {} },
  KeysSkipped: { type: 13, fields: { block: number } },
  KeysForgotten: { type: 14, fields: { block: number } },
  SendOpened: { type: 15, fields: { messageId: id, to: texts } },
  RoundPosted: { type: 16, fields: { userId: text, round: number, postId: id, devices: numbers } },
  RoundAccepted: { type: 17, fields: { userId: text, listVersion: number, devices: numbers } },
  RoundRejected: {
    type: 18,
    fields: { userId: text, round: number, missing: numbers, extra: numbers, stale: numbers },
  },
  KeysClaimed: { type: 19, fields: { userId: text, devices: numbers } },
  SendFailed: { type: 20, fields: { userId: text, reason: text } },
  ReceiptTaken: { type: 21, fields: { userId: text, deviceId: number } },
  ResendAsked: { type: 22, fields: { userId: text, deviceId: number, envelopeId: id } },
  Resent: { type: 23, fields: { userId: text, deviceId: number, envelopeId: id, count: number } },
  SendClosed: { type: 24, fields: { reason: text } },
  LastResortMade: { type: 25, fields: { id: number } },
  OneTimeKemPreKeysMade: { type: 26, fields: { firstId: number, count: number } },
  OneTimeKemPreKeyUsed: { type: 27, fields: { id: number } },
  AgreementRemembered: { type: 28, fields: { preKeyId: number } },
  PreKeyDropped: { type: 29, fields: { id: number } },
  RolledBack: {
    type: 30,
    fields: {
      source: text,
      seenSeq: number,
      seenHash: text,
      foundSeq: number,
      foundHash: text,
      incarnation: number,
      lost: number,
    },
  },
  DeviceQuarantined: { type: 31, fields: { registrationId: number } },
  DeviceReplaced: { type: 32, fields: {} },
  QuarantineEnded: { type: 33, fields: {} },
  PreKeysReplaced: { type: 34, fields: {} },
  SendRestarted: { type: 35, fields: {} },
  HeadTold: { type: 36, fields: { deviceId: number, headSeq: number } },
  TimeKept: { type: 37, fields: { atMs: number } },
  SendHeld: { type: 38, fields: { userId: text, reason: text } },
  SendReleased: { type: 39, fields: { userId: text } },
  CopyGivenUp: { type: 40, fields: { userId: text, deviceId: number, reason: text } },
  HealBegun: { type: 41, fields: { userId: text, deviceId: number } },
  PreKeysTold: { type: 42, fields: { oneTime: number, kem: number } },
  PreKeyIdsRaised: { type: 43, fields: { nextId: number } },
  SuccessionBegun: { type: 44, fields: { deviceId: number, listVersion: number } },
  IdentitySucceeded: { type: 45, fields: { listVersion: number } },
  SuccessionDropped: { type: 46, fields: { deviceId: number } },
  ContactsTold: { type: 47, fields: { count: number } },
};

/** An event's name and its fields, checked by name only; the table knows each field's form. */
export interface Fact {
  readonly name: EventName;
  readonly fields: Readonly<Record<string, FactValue>>;
}

const TABLE = createFactTable(EVENTS);

/** Every type and schema of an event that this release can read. */
export const READABLE_EVENTS: readonly {
  readonly name: EventName;
  readonly type: number;
  readonly schema: number;
}[] = TABLE.readable;

/** The number of an event type in the log. */
export function eventType(name: EventName): number {
  return TABLE.typeOf(name);
}

/** The schema that events of this type are written with. */
export function eventSchema(name: EventName): number {
  return TABLE.schemaOf(name);
}

/** Encodes an event's facts. A missing field is a bug and throws. */
export function encodeFact(fact: Fact): Uint8Array {
  return TABLE.encode(fact);
}

/**
 * Reads an event of any schema there ever was, in today's shape.
 *
 * Rejects: `UNKNOWN_EVENT` for a type or schema of a later release, `MALFORMED_FACTS`.
 */
export function readFact(event: RecordedFact): Result<Fact, FactRejection> {
  return TABLE.decode(event);
}

/** {@link readFact} for whoever looks for certain events; `undefined` for what is not read. */
export function decodeFact(event: RecordedFact): Fact | undefined {
  const fact = readFact(event);
  return fact.ok ? fact.value : undefined;
}

/** An event as plain data for printing; of one that is not read, its numbers. */
export function describeFact(event: RecordedFact): Record<string, unknown> {
  const fact = readFact(event);
  if (!fact.ok) {
    const { type, schema } = event;
    return { event: fact.error.code === 'UNKNOWN_EVENT' ? 'unknown' : 'malformed', type, schema };
  }
  const { name, fields } = fact.value;
  if (name !== 'UserChanged') return { event: name, ...fields };
  return { event: name, changes: userChangesOf(fact.value).map(describeUserChange) };
}

/** The changes of a `UserChanged` event, none for any other. */
export function userChangesOf(fact: Fact): readonly UserChange[] {
  return fact.name === 'UserChanged' ? (fact.fields['changes'] as readonly UserChange[]) : [];
}

/** A field that holds text or an id; empty where the event has no such field. */
export function factText(fact: Fact, field: string): string {
  const value = fact.fields[field];
  return typeof value === 'string' ? value : '';
}

/** A field that holds a number; 0 where the event has no such field. */
export function factNumber(fact: Fact, field: string): number {
  const value = fact.fields[field];
  return typeof value === 'number' ? value : 0;
}
