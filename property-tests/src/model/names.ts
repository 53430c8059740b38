/** Names in events and streams, read back. */

import { invariant } from '@simsim/bytes';
import {
  parseDeviceId,
  parseEnvelopeId,
  parseMessageId,
  parseUserId,
} from '@simsim/relay-protocol';
import type { EnvelopeId, MessageId } from '@simsim/relay-protocol';
import type { UserChange } from '@simsim/sesame';
import type { Peer } from './model-state.ts';

/** Whether a field of an event holds a change of a record. */
export function isUserChange(change: UserChange | string | number): change is UserChange {
  return typeof change === 'object';
}

/** An envelope's name, if it is one. */
export function envelopeIdOf(text: string): EnvelopeId | undefined {
  const id = parseEnvelopeId(text);
  return id.ok ? id.value : undefined;
}

/** A message's name. */
export function messageIdOf(text: string): MessageId {
  const id = parseMessageId(text);
  invariant(id.ok, 'a send is named by its message');
  return id.value;
}

/** A user's name. */
export function userOf(text: string): Peer['userId'] {
  const id = parseUserId(text);
  invariant(id.ok, 'a record is named by its user');
  return id.value;
}

/** Whom a session is with: `user.7`. */
export function peerOf(name: string): Peer {
  const dot = name.lastIndexOf('.');
  const deviceId = parseDeviceId(Number(name.slice(dot + 1)));
  invariant(deviceId.ok, 'a session is with a device');
  return { userId: userOf(name.slice(0, dot)), deviceId: deviceId.value };
}
