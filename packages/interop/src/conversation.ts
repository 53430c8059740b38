/** Plays one conversation between two devices and says the first thing that is not as it should be. */

import type { Result } from '@simsim/bytes';
import {
  bytesToHex,
  compareBytes,
  concatBytes,
  encodeUtf8,
  err,
  invariant,
  ok,
} from '@simsim/bytes';
import type { RegularMessage, WireVersion } from '@simsim/session';
import { parseMessage } from '@simsim/session';
import type { Device, Letter, Refusal } from './peer.ts';
import type { PlannedMessage, Schedule, Side } from './schedule.ts';
import { BURSTS } from './schedule.ts';

/** A conversation to be played. */
export interface ConversationInput {
  readonly schedule: Schedule;
  readonly alice: Device;
  readonly bob: Device;
  readonly version: WireVersion;
  /** Whether every message is to take part in the post-quantum ratchet, or none. */
  readonly hasPqRatchet: boolean;
  readonly withOneTimePreKey: boolean;
  /** Which side writes into its initiations who the two are. */
  readonly namesParties: { readonly [S in Side]: boolean };
}

/** What happened. */
export interface Counts {
  readonly sent: number;
  /** Decrypted to exactly what was sent. */
  readonly delivered: number;
  readonly lost: number;
  /** Delivered after a later message of the same direction. */
  readonly late: number;
  /** Brought again, and refused. */
  readonly repeated: number;
  /** Brought with a flipped bit, and refused. */
  readonly damaged: number;
  /** Changes of the side that speaks which brought a new ratchet key. */
  readonly turns: number;
}

/** A conversation's end: `fault` says what broke and where, and stops the conversation. */
export interface ConversationResult {
  readonly counts: Counts;
  readonly fault: string | undefined;
}

/** Turns of the ratchet without which a conversation has proven too little. */
const TURNS_MIN = 10;

/** Nothing has happened yet. */
export const noCounts: Counts = {
  sent: 0,
  delivered: 0,
  lost: 0,
  late: 0,
  repeated: 0,
  damaged: 0,
  turns: 0,
};

/** A conversation while it runs. */
interface Talk extends ConversationInput {
  readonly counts: { -readonly [K in keyof Counts]: Counts[K] };
  readonly letters: Map<number, Letter>;
  /** The ratchet keys that each burst was sent under. */
  readonly keysOfBurst: Map<number, Set<string>>;
  readonly newest: { [S in Side]: number };
  readonly hasHeard: { [S in Side]: boolean };
}

/** Plays a whole conversation. Never throws because of what a device does. */
export async function playConversation(input: ConversationInput): Promise<ConversationResult> {
  const talk: Talk = {
    ...input,
    counts: { ...noCounts },
    letters: new Map(),
    keysOfBurst: new Map(),
    newest: { alice: -1, bob: -1 },
    hasHeard: { alice: false, bob: false },
  };
  const fault = (await begin(talk)) ?? (await playSteps(talk)) ?? judgeTurns(talk);
  return { counts: talk.counts, fault };
}

async function begin(talk: Talk): Promise<string | undefined> {
  const { alice, bob, schedule, version, withOneTimePreKey } = talk;
  const initiators: readonly (readonly [Side, Device, Device])[] =
    schedule.opening === 'one side'
      ? [['alice', alice, bob]]
      : [
          ['alice', alice, bob],
          ['bob', bob, alice],
        ];
  const bundles = [];
  for (const [side, initiator, publisher] of initiators) {
    const bundle = await publisher.publish({ version, withOneTimePreKey });
    if (!bundle.ok) return `no bundle for ${side}: ${bundle.error.code}`;
    const { oneTimePreKey, kemPreKey } = bundle.value;
    if ((oneTimePreKey !== undefined) !== withOneTimePreKey) return `${side} got another bundle`;
    if ((kemPreKey !== undefined) !== (version === 4)) return `${side} got another bundle`;
    bundles.push({ side, initiator, bundle: bundle.value });
  }
  for (const { side, initiator, bundle } of bundles) {
    const begun = await initiator.initiate(bundle);
    if (!begun.ok) return `${side} could not initiate: ${begun.error.code}`;
  }
  return undefined;
}

async function playSteps(talk: Talk): Promise<string | undefined> {
  const { schedule } = talk;
  for (const { kind, message } of schedule.steps) {
    const planned = schedule.messages[message];
    invariant(planned !== undefined, 'a step names a message of its schedule');
    const fault = await playStep(talk, kind, message);
    if (fault !== undefined) {
      return `message ${message} (${planned.from}, burst ${planned.burst}), ${kind}: ${fault}`;
    }
  }
  const { messages } = schedule;
  if (talk.counts.delivered + talk.counts.lost !== messages.length) return 'a message went missing';
  return undefined;
}

function playStep(
  talk: Talk,
  kind: Schedule['steps'][number]['kind'],
  message: number,
): Promise<string | undefined> {
  switch (kind) {
    case 'send':
      return send(talk, message);
    case 'deliver':
      return deliver(talk, message);
    case 'repeat':
      return refuse(talk, message, 'repeated');
    case 'damage':
      return refuse(talk, message, 'damaged');
  }
}

async function send(talk: Talk, number: number): Promise<string | undefined> {
  const message = planned(talk, number);
  const sent = await talk[message.from].encrypt(plaintextOf(message, number));
  if (!sent.ok) return `not encrypted: ${sent.error.code}`;
  const letter = sent.value;
  const parsed = readOutside(letter);
  if (!parsed.ok) return `not a message: ${parsed.error.code}`;
  const version = (letter.bytes[0] ?? 0) >> 4;
  if (version !== talk.version) return `speaks version ${version}, not ${talk.version}`;
  if ((parsed.value.message.pq !== undefined) !== talk.hasPqRatchet) {
    return `has ${talk.hasPqRatchet ? 'no' : 'a'} part in the post-quantum ratchet`;
  }
  const mustName = talk.namesParties[message.from] && letter.isInitiation;
  if ((parsed.value.message.addresses !== undefined) !== mustName) {
    return mustName ? 'does not say who the two are' : 'says who the two are';
  }
  const mayInitiate = message.from === 'alice' || isCrossing(talk);
  if (!talk.hasHeard[message.from] && letter.isInitiation !== mayInitiate) {
    return 'a side that has heard nothing sends what begins the session, and nobody else does';
  }
  if (talk.hasHeard[message.from] && letter.isInitiation && !isCrossing(talk)) {
    return 'still initiating after an answer';
  }
  if (parsed.value.usesOneTimePreKey === !talk.withOneTimePreKey) {
    return 'the one-time prekey is named where there is none, or the other way round';
  }
  const keys = talk.keysOfBurst.get(message.burst) ?? new Set();
  talk.keysOfBurst.set(message.burst, keys.add(bytesToHex(parsed.value.message.header.ratchetKey)));
  talk.letters.set(number, letter);
  talk.counts.sent += 1;
  if (message.isLost) talk.counts.lost += 1;
  return undefined;
}

async function deliver(talk: Talk, number: number): Promise<string | undefined> {
  const message = planned(talk, number);
  const opened = await receiver(talk, message).decrypt(letterOf(talk, number));
  if (!opened.ok) return `refused: ${opened.error.code}`;
  if (compareBytes(opened.value, plaintextOf(message, number)) !== 0) return 'another plaintext';
  talk.counts.delivered += 1;
  if (number < talk.newest[message.from]) talk.counts.late += 1;
  talk.newest[message.from] = Math.max(number, talk.newest[message.from]);
  talk.hasHeard[message.from === 'alice' ? 'bob' : 'alice'] = true;
  return undefined;
}

async function refuse(
  talk: Talk,
  number: number,
  how: 'repeated' | 'damaged',
): Promise<string | undefined> {
  const letter = letterOf(talk, number);
  const bytes = how === 'repeated' ? letter.bytes : damage(letter, number);
  const opened = await receiver(talk, planned(talk, number)).decrypt({ ...letter, bytes });
  if (opened.ok) return `a ${how} message was taken`;
  talk.counts[how] += 1;
  return undefined;
}

/** Each burst answers the one before it, so it must be sent under one key that is new. */
function judgeTurns(talk: Talk): string | undefined {
  const seen = new Set<string>();
  for (let burst = 0; burst < BURSTS; burst++) {
    const keys = [...(talk.keysOfBurst.get(burst) ?? [])];
    const isNew = keys.length > 0 && keys.every((key) => !seen.has(key));
    // Where both initiate, a late message may lead a side back to the other session for a while.
    if (!isCrossing(talk) && !(isNew && keys.length === 1)) {
      return `burst ${burst} was sent under ${keys.length} keys, ${isNew ? 'new' : 'not all new'}`;
    }
    const isFirst = burst === 0 || (burst === 1 && isCrossing(talk));
    if (isNew && !isFirst) talk.counts.turns += 1;
    for (const key of keys) seen.add(key);
  }
  if (talk.counts.turns < TURNS_MIN) return `only ${talk.counts.turns} turns of the ratchet`;
  return undefined;
}

function isCrossing({ schedule }: Talk): boolean {
  return schedule.opening !== 'one side';
}

function planned({ schedule }: Talk, number: number): PlannedMessage {
  const message = schedule.messages[number];
  invariant(message !== undefined, 'a step names a message of its schedule');
  return message;
}

function letterOf({ letters }: Talk, number: number): Letter {
  const letter = letters.get(number);
  invariant(letter !== undefined, 'a schedule sends before it delivers');
  return letter;
}

function receiver(talk: Talk, { from }: PlannedMessage): Device {
  return from === 'alice' ? talk.bob : talk.alice;
}

/** Differs from message to message in every length but 0, so that none can stand for another. */
function plaintextOf({ from, bodyBytes }: PlannedMessage, number: number): Uint8Array {
  const text = encodeUtf8(`${number} of ${from} `);
  return concatBytes([text, new Uint8Array(Math.max(0, bodyBytes)).fill(number)]).slice(
    0,
    bodyBytes,
  );
}

/** What the driver reads off a letter, with the parser that everybody else uses. */
interface Outside {
  readonly message: RegularMessage;
  /** Absent in what does not initiate. */
  readonly usesOneTimePreKey: boolean | undefined;
}

function readOutside({ bytes, isInitiation }: Letter): Result<Outside, Refusal> {
  const parsed = parseMessage(bytes);
  if (!parsed.ok) return parsed;
  const { value } = parsed;
  if ((value.kind === 'initiation') !== isInitiation) return err({ code: 'OF_ANOTHER_KIND' });
  if (value.kind === 'regular') return ok({ message: value, usesOneTimePreKey: undefined });
  // Some peers write "prekey 0" where there is none.
  const usesOneTimePreKey = (value.oneTimePreKeyId ?? 0) !== 0;
  return ok({ message: value.inner, usesOneTimePreKey });
}

/**
 * The letter with one bit flipped in its tag or in the last 16 bytes before it. Nothing but the tag
 * vouches for a message, and what goes around an initiation is outside it, so not any bit will do.
 */
function damage(letter: Letter, number: number): Uint8Array {
  const outside = readOutside(letter);
  invariant(outside.ok, 'what was sent has been parsed before');
  const { covered, tag } = outside.value.message;
  const whole = concatBytes([covered, tag]);
  const start = letter.isInitiation ? indexOf(letter.bytes, whole) : 0;
  const damaged = letter.bytes.slice();
  const at = start + whole.length - 1 - (number % 24);
  damaged[at] = (damaged[at] ?? 0) ^ (1 << (number % 8));
  return damaged;
}

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  const at = Buffer.from(bytes).indexOf(part);
  invariant(at >= 0, 'an initiation holds its message');
  return at;
}
