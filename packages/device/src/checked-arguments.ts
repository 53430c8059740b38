/** What applications pass beside ids, checked at the door: what is of the wrong kind changes nothing. */

import { decodeUtf8, encodeUtf8 } from '@simsim/bytes';
import type { DataPut } from '@simsim/device-core';
import { NAME_BYTES_MAX, RETENTION, retentionOf, VALUE_BYTES_MAX } from '@simsim/event-log';
import type { Retention, RetentionName } from '@simsim/event-log';
import { SessionError } from './session-error.ts';
import type { Trust, TrustAnswer } from './trust.ts';

/** An argument that is not what it has to be; `takes` says what that is. */
export function badArgument(name: string, takes: string): SessionError {
  return new SessionError('BAD_ARGUMENT', { detail: `${name} takes ${takes}` });
}

/** A message's body as bytes of its own. Throws: {@link SessionError} `BAD_ARGUMENT`. */
export function checkedBody(body: string | Uint8Array): Uint8Array {
  if (typeof body === 'string') return encodeUtf8(body);
  if (isBytes(body)) return body.slice();
  throw badArgument('body', 'text or a Uint8Array');
}

/** A label of a conversation. Throws: {@link SessionError} `BAD_ARGUMENT`. */
export function checkedConversation(label: string | undefined): string | undefined {
  if (label === undefined || isText(label)) return label;
  throw badArgument('conversation', 'text');
}

/** One of a few words. Throws: {@link SessionError} `BAD_ARGUMENT`. */
export function checkedChoice<C extends string>(
  name: string,
  choice: C | undefined,
  choices: readonly C[],
): C | undefined {
  if (choice === undefined || choices.includes(choice)) return choice;
  throw badArgument(name, choices.map((each) => `'${each}'`).join(' or '));
}

/** Whose keys are trusted. Throws: {@link SessionError} `BAD_ARGUMENT`. */
export function checkedTrust(trust: Trust | undefined): Trust | undefined {
  if (trust === undefined || trust === 'tofu' || trust === 'verified-only') return trust;
  if (typeof trust === 'function') return trust;
  throw badArgument('trust', "'tofu', 'verified-only' or a function");
}

const ANSWERS: readonly TrustAnswer[] = ['accepted', 'verified', 'refuse', 'hold'];

/** What a function says of a key: nothing else accepts one. Throws: {@link SessionError} `BAD_ARGUMENT`. */
export function checkedAnswer(answer: TrustAnswer): TrustAnswer {
  if (ANSWERS.includes(answer)) return answer;
  const words = ANSWERS.map((each) => `'${each}'`).join(', ');
  throw badArgument('trust', `functions that answer one of ${words}`);
}

/** A function to call. Throws: {@link SessionError} `BAD_ARGUMENT`. */
export function checkedListener<L>(name: string, listener: L | undefined): L | undefined {
  if (listener === undefined || typeof listener === 'function') return listener;
  throw badArgument(name, 'a function');
}

/** The application's own rows; values are copied. Throws: {@link SessionError} `BAD_ARGUMENT`. */
export function checkedRows(rows: readonly DataPut[] = []): readonly DataPut[] {
  if (!Array.isArray(rows)) throw badArgument('put', 'an array of rows');
  return rows.map(checkedRow);
}

function checkedRow(row: DataPut): DataPut {
  if (!isRow(row))
    throw badArgument('put', 'rows of a text and a Uint8Array, or undefined to delete');
  const [key, value] = row;
  if (encodeUtf8(key).length > NAME_BYTES_MAX) {
    throw badArgument('put', `keys of at most ${NAME_BYTES_MAX} bytes of UTF-8`);
  }
  if (value !== undefined && value.length > VALUE_BYTES_MAX) {
    throw badArgument('put', `values of at most ${VALUE_BYTES_MAX} bytes`);
  }
  return [key, value?.slice()];
}

/** An identity key as it is shown. Throws: {@link SessionError} `BAD_ARGUMENT`. */
export function checkedIdentityKey(key: Uint8Array): Uint8Array {
  if (isBytes(key)) return key;
  throw badArgument('identityKey', 'a Uint8Array of 32 bytes, as `identitiesOf` shows it');
}

/** How long the past stays. Throws: {@link SessionError} `BAD_ARGUMENT`. */
export function checkedRetention(choice: RetentionName | Retention = 'default'): Retention {
  const isPreset = typeof choice === 'string' && Object.hasOwn(RETENTION, choice);
  const isPolicy = typeof choice === 'object' && typeof choice.flush === 'object';
  if (isPreset || isPolicy) return retentionOf(choice);
  const names = Object.keys(RETENTION).join(', ');
  throw badArgument('retention', `one of ${names}, or a policy such as keepAll() makes`);
}

function isRow(row: unknown): row is DataPut {
  return Array.isArray(row) && isText(row[0]) && (row[1] === undefined || isBytes(row[1]));
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

/** Text without half characters, which would come back as others. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && decodeUtf8(encodeUtf8(value)) === value;
}
