/** Commands of the mail: delivered in any order, repeated, lost, spoilt on its way. */

import type { IncomingEnvelope } from '@simsim/relay-protocol';
import { RESENDS_MAX } from '@simsim/sesame';
import type { TestDevice } from '../test-device.ts';
import { lose } from './debts.ts';
import { oneOf, whoHas } from './deed.ts';
import type { Deed } from './deed.ts';

/** What befalls envelopes. */
export const MAIL_DEEDS = {
  /** All mail is read and kept. */
  read: {
    weight: 5,
    able: whoHas('mail'),
    play: (_, device) => void device.receive(device.fetch()),
  },
  /** Some of the mail is fetched, in any order, in one commit or in one each. */
  fetch: { weight: 5, able: whoHas('mail'), play: (_, device, n) => fetchSome(device, n) },
  /** An envelope comes again. */
  again: {
    weight: 3,
    able: whoHas('history'),
    play(_, device, n) {
      const envelope = oneOf(device.history, n);
      if (envelope !== undefined) device.takeIn([envelope]);
    },
  },
  /** An envelope is lost at the relay. */
  lose: {
    weight: 1,
    able: whoHas('mail'),
    play(town, device, n) {
      const envelope = oneOf(device.fetch(), n);
      if (envelope === undefined) return;
      device.ask({ kind: 'ack', seqs: [envelope.seq] });
      const copy = town.model.copies.get(envelope.envelopeId);
      if (copy?.fate === 'posted') lose(town.model, copy);
    },
  },
  /** A bit is another one when it comes. */
  spoil: {
    weight: 3,
    able: whoHas('mail'),
    play(town, device, n) {
      const envelope = oneOf(device.fetch(), n);
      if (envelope === undefined) return;
      const spoilt = withOtherBit(envelope, n * 31, n & 7);
      town.spoilt.add(spoilt);
      const copy = town.model.copies.get(envelope.envelopeId);
      if (copy?.asksFor !== undefined && copy.fate === 'posted') lose(town.model, copy);
      device.takeIn([spoilt]);
    },
  },
  /** Whatever comes is spoilt, resends too, until nobody sends it again (SES-75). */
  spoilForEver: {
    weight: 1,
    able: whoHas('mail'),
    play(town, device) {
      for (let round = 0; round < RESENDS_MAX + 2; round++) {
        for (const envelope of device.fetch()) {
          if (envelope.kind === 'retry') continue;
          const spoilt = withOtherBit(envelope, envelope.content.length - 1);
          town.spoilt.add(spoilt);
          device.takeIn([spoilt]);
        }
        device.work();
        for (const each of town.world.devices) {
          if (each !== device) each.receive(each.fetch());
          for (let i = 0; i < 3; i++) each.work();
        }
      }
    },
  },
  /** The application acknowledges some messages. */
  keep: {
    weight: 4,
    able: whoHas('inbox'),
    play: (_, device, n) => device.acknowledge(device.core.inbox().slice(0, 1 + (n % 3))),
  },
} as const satisfies Readonly<Record<string, Deed>>;

function fetchSome(device: TestDevice, n: number): void {
  const mail = device.fetch();
  if (mail.length === 0) return;
  const start = n % mail.length;
  const turned = [...mail.slice(start), ...mail.slice(0, start)];
  const ordered = n & 1 ? turned.reverse() : turned;
  const some = ordered.slice(0, 1 + ((n >> 2) % mail.length));
  if (n & 2) device.takeIn(some);
  else for (const envelope of some) device.takeIn([envelope]);
}

/** The same mail with another bit. */
export function withOtherBit(envelope: IncomingEnvelope, n: number, bit = 0): IncomingEnvelope {
  const at = n % envelope.content.length;
  const content = envelope.content.with(at, (envelope.content[at] ?? 0) ^ (1 << bit));
  return { ...envelope, content };
}
