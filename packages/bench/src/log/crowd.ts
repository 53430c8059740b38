/** One device on SQLite with sessions to many others, whose mail is made in advance. */

import { randomBytes } from 'node:crypto';
import { invariant } from '@simsim/bytes';
import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import { createEventLog, createMemoryStore, createMemoryVault } from '@simsim/event-log';
import type { EventLog } from '@simsim/event-log';
import type { DeviceId, IncomingEnvelope, UserId } from '@simsim/relay-protocol';
import { FLUSH_EVENTS } from './bench-log.ts';
import { converse, createParty, send } from './party.ts';
import type { Party } from './party.ts';

/** Bytes of a message's text, as in the other benches. */
export const BODY_BYTES = 256;

/** Somebody the device has a session with. */
interface Contact {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}

/** A device among many. */
export interface Crowd {
  readonly bob: Party;
  readonly contacts: readonly Contact[];
  /** Mail in the order of a round robin over all contacts. */
  readonly mail: readonly IncomingEnvelope[];
}

/** A device in memory: what the other side of a bench is. */
export function partyInMemory(name: string): Party {
  return createParty(name, logInMemory());
}

/** An empty log in memory. */
export function logInMemory(): EventLog {
  const parts = { crypto, entropy };
  const vault = createMemoryVault(parts);
  const log = createEventLog({ store: createMemoryStore(), vault, ...parts });
  invariant(log.ok, 'an empty store takes a log');
  return log.value;
}

/** How large a crowd is. */
export interface CrowdSize {
  readonly contacts: number;
  /** Messages of each contact. */
  readonly messages: number;
  /** Bytes of a text; default {@link BODY_BYTES}. */
  readonly bodyBytes?: number;
}

/**
 * Settles a session with each contact, both ways, over an empty log; then each contact makes
 * `messages` messages on one chain, the first of which turns the ratchet, and is let go.
 */
export function createCrowd(log: EventLog, size: CrowdSize): Crowd {
  const bob = createParty('bob', log);
  const contacts: Contact[] = [];
  const mailOf: (readonly IncomingEnvelope[])[] = [];
  for (let i = 0; i < size.contacts; i++) {
    const contact = partyInMemory(`contact-${i}`);
    converse(bob, contact, randomBytes(BODY_BYTES));
    converse(contact, bob, randomBytes(BODY_BYTES));
    contacts.push({ userId: contact.userId, deviceId: contact.deviceId });
    const made = Array.from({ length: size.messages }, () => {
      const { mail, answers } = send(contact, bob, randomBytes(size.bodyBytes ?? BODY_BYTES));
      contact.core.run(answers);
      return mail;
    });
    mailOf.push(made.flat());
    contact.core.log.close();
    follow(log);
  }
  log.flush();
  const mail = Array.from({ length: size.messages }, (_, round) =>
    mailOf.flatMap((all) => all[round] ?? []),
  );
  return { bob, contacts, mail: mail.flat() };
}

/** Keeps the vault close behind, as a device does by default. */
export function follow(log: EventLog): void {
  if (log.lag() >= FLUSH_EVENTS) log.flush();
}
