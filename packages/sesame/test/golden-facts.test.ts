/** Facts of every event in every schema there ever was. */

import { envelopeIdFromBytes } from '@simsim/relay-protocol';
import fc from 'fast-check';
import { describeGolden, toPlain } from '../../../.ci/golden.ts';
import type { GoldenKey, GoldenSample } from '../../../.ci/golden.ts';
import {
  encodeFact,
  eventSchema,
  eventType,
  READABLE_EVENTS,
  readFact,
} from '../src/fact-codec.ts';
import type { EventName, Fact } from '../src/fact-codec.ts';
import type { UserChange } from '../src/user-change.ts';
import { deviceNumbered, nameOf } from './arbitraries.ts';
import { factNamed, factNames } from './facts.ts';

const deviceId = deviceNumbered(3);
const session = '0123456789abcdef'.repeat(2);
const at = 1_700_000_000_000;

/** A change of a user's record of every kind: the one field that holds more than one form. */
const CHANGES: { readonly [T in UserChange['type']]: Extract<UserChange, { type: T }> } = {
  identity: { type: 'identity', key: new Uint8Array(32).fill(0xab) },
  list: {
    type: 'list',
    version: 300,
    hash: new Uint8Array(32).fill(0xcd),
    at,
    devices: [
      { deviceId, registrationId: 16_383, deviceKey: new Uint8Array(32).fill(0xef) },
      { deviceId: deviceNumbered(4), registrationId: 1, deviceKey: new Uint8Array(32).fill(1) },
    ],
  },
  device: { type: 'device', deviceId, registrationId: 200 },
  insert: { type: 'insert', deviceId, session },
  activate: { type: 'activate', deviceId, session },
  gone: { type: 'gone', at },
  deviceGone: { type: 'deviceGone', deviceId, at },
  retire: { type: 'retire', deviceId },
  freeze: { type: 'freeze', at },
  thaw: { type: 'thaw' },
  end: { type: 'end', deviceId, session },
  drop: { type: 'drop', devices: [deviceId, deviceNumbered(4)] },
  healSpent: { type: 'healSpent', deviceId, allowance: { left: 3, refillAt: at } },
  offer: { type: 'offer', key: new Uint8Array(32).fill(0xba) },
  withdraw: { type: 'withdraw' },
  trust: { type: 'trust', level: 'verified' },
  holdMail: {
    type: 'holdMail',
    mail: { deviceId, envelopeId: envelopeIdFromBytes(new Uint8Array(16).fill(0xdc)) },
  },
  releaseMail: { type: 'releaseMail' },
  forgetList: { type: 'forgetList' },
  succession: { type: 'succession', key: new Uint8Array(32).fill(0xbc) },
  name: {
    type: 'name',
    naming: {
      deviceKey: new Uint8Array(32).fill(0xee),
      name: nameOf('Küchentablett'),
      counter: 70_000,
      by: deviceId,
    },
  },
};

/** Changes that have a second form. */
const SECOND_FORMS: Readonly<Record<string, UserChange>> = {
  'insert with its time': { type: 'insert', deviceId, session, at },
  'list with former devices': {
    ...CHANGES.list,
    former: [{ deviceId: deviceNumbered(9), deviceKey: new Uint8Array(32).fill(2) }],
  },
  'identity of a device': { ...CHANGES.identity, deviceId },
  'identity of a vouched device': {
    ...CHANGES.identity,
    deviceId,
    voucher: {
      approver: deviceNumbered(4),
      listVersion: 299,
      signature: new Uint8Array(64).fill(7),
    },
  },
  'offer of a device': { ...CHANGES.offer, deviceId },
  'withdraw of a device': { ...CHANGES.withdraw, deviceId },
  'trust of a device': { ...CHANGES.trust, deviceId },
};

function sampleOf(fact: Fact, title?: string): GoldenSample {
  return {
    kind: fact.name,
    version: eventSchema(fact.name),
    ...(title === undefined ? {} : { title }),
    bytes: encodeFact(fact),
  };
}

function anySample(name: EventName): GoldenSample {
  const [fact] = fc.sample(factNamed(name), { seed: eventType(name), numRuns: 1 });
  if (fact === undefined) throw new Error('one sample was asked for');
  return sampleOf(fact);
}

function factOf({ kind, version }: GoldenKey, facts: Uint8Array): Fact | undefined {
  const event = READABLE_EVENTS.find(({ name, schema }) => name === kind && schema === version);
  const read = readFact({ type: event?.type ?? 0, schema: version, facts });
  return read.ok ? read.value : undefined;
}

describeGolden('facts', {
  file: new URL('../golden/facts.json', import.meta.url),
  readable: READABLE_EVENTS.map(({ name, schema }) => ({ kind: name, version: schema })),
  samples: [
    ...factNames.map(anySample),
    ...Object.values(CHANGES).map((change) =>
      sampleOf({ name: 'UserChanged', fields: { changes: [change] } }, change.type),
    ),
    ...Object.entries(SECOND_FORMS).map(([title, change]) =>
      sampleOf({ name: 'UserChanged', fields: { changes: [change] } }, title),
    ),
  ],
  decode: (key, bytes) => toPlain(factOf(key, bytes)),
  encode(key, bytes) {
    const fact = factOf(key, bytes);
    if (fact === undefined) throw new Error('a golden fact decodes');
    return sampleOf(fact);
  },
});
