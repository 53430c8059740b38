/** Arbitrary facts of every event. */

import fc from 'fast-check';
import type { EventName, Fact, FactValue } from '../src/fact-codec.ts';
import { deviceId, messageId, userChange, userId } from './arbitraries.ts';

const number = fc.nat(2 ** 40);
const numbers = fc.array(deviceId, { maxLength: 5 });
const word = fc.string({ maxLength: 30 });

/** Every event, with the type of each of its fields; a new event does not compile without a row. */
export const FIELDS: Record<EventName, Record<string, fc.Arbitrary<FactValue>>> = {
  DeviceCreated: { userId, deviceId: number, registrationId: number },
  DeviceRegistered: { listVersion: number },
  DeviceRemoved: {},
  SignedPreKeyMade: { id: number },
  OneTimePreKeysMade: { firstId: number, count: number },
  OneTimePreKeyUsed: { id: number },
  UserChanged: { changes: fc.array(userChange, { maxLength: 5 }) },
  SessionStarted: { role: word },
  MessageSent: { envelopeId: messageId },
  MessageReceived: { envelopeId: messageId, messageId, outcome: word },
  SessionDropped: {},
  ChainsTurned: {},
  KeysSkipped: { block: number },
  KeysForgotten: { block: number },
  SendOpened: { messageId, to: fc.array(userId, { maxLength: 5 }) },
  RoundPosted: { userId, round: number, postId: messageId, devices: numbers },
  RoundAccepted: { userId, listVersion: number, devices: numbers },
  RoundRejected: { userId, round: number, missing: numbers, extra: numbers, stale: numbers },
  KeysClaimed: { userId, devices: numbers },
  SendFailed: { userId, reason: word },
  ReceiptTaken: { userId, deviceId: number },
  ResendAsked: { userId, deviceId: number, envelopeId: messageId },
  Resent: { userId, deviceId: number, envelopeId: messageId, count: number },
  SendClosed: { reason: word },
  LastResortMade: { id: number },
  OneTimeKemPreKeysMade: { firstId: number, count: number },
  OneTimeKemPreKeyUsed: { id: number },
  AgreementRemembered: { preKeyId: number },
  PreKeyDropped: { id: number },
  RolledBack: {
    source: word,
    seenSeq: number,
    seenHash: word,
    foundSeq: number,
    foundHash: word,
    incarnation: number,
    lost: number,
  },
  DeviceQuarantined: { registrationId: number },
  DeviceReplaced: {},
  QuarantineEnded: {},
  PreKeysReplaced: {},
  SendRestarted: {},
  HeadTold: { deviceId: number, headSeq: number },
  TimeKept: { atMs: number },
  SendHeld: { userId, reason: word },
  SendReleased: { userId },
  CopyGivenUp: { userId, deviceId: number, reason: word },
  HealBegun: { userId, deviceId: number },
  PreKeysTold: { oneTime: number, kem: number },
  PreKeyIdsRaised: { nextId: number },
  SuccessionBegun: { deviceId: number, listVersion: number },
  IdentitySucceeded: { listVersion: number },
  SuccessionDropped: { deviceId: number },
  ContactsTold: { count: number },
};

/** All events, in the order of their numbers. */
export const factNames = Object.keys(FIELDS) as readonly EventName[];

/** Facts of one event. */
export const factNamed = (name: EventName): fc.Arbitrary<Fact> =>
  fc.record(FIELDS[name]).map((fields) => ({ name, fields }));

/** Facts of any event. */
export const anyFact: fc.Arbitrary<Fact> = fc.constantFrom(...factNames).chain(factNamed);
