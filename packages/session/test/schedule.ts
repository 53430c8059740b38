/** Random conversations over a bad network, and what must hold while they run. */

import fc from 'fast-check';
import type { Crypto, Secret } from '@simsim/crypto';
import type { Session } from '../src/index.ts';
import type { End, TalkOptions } from './conversation.ts';
import { Conversation } from './conversation.ts';

/** What happens next; indices are taken modulo what is there. */
export type Event =
  | { readonly kind: 'send'; readonly from: 'alice' | 'bob' }
  | { readonly kind: 'deliver'; readonly to: 'alice' | 'bob'; readonly index: number }
  | { readonly kind: 'drop'; readonly to: 'alice' | 'bob'; readonly index: number }
  | { readonly kind: 'repeat'; readonly to: 'alice' | 'bob'; readonly index: number }
  | { readonly kind: 'flip'; readonly to: 'alice' | 'bob'; readonly index: number };

const side = fc.constantFrom('alice' as const, 'bob' as const);
const index = fc.nat({ max: 1000 });

export const events: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('send' as const), from: side }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('deliver' as const), to: side, index }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), to: side, index }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('repeat' as const), to: side, index }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('flip' as const), to: side, index }) },
  ),
  { minLength: 5, maxLength: 60 },
);

/** A step as an observer sees it. */
interface Observation {
  readonly end: End;
  readonly before: Session;
  readonly after: Session;
  readonly consumed: readonly Secret[];
  /** The code of a refusal. */
  readonly refused?: string;
}

export interface ScheduleOptions extends TalkOptions {
  /** Looks at every step; may replace the session of its end, as a reload would. */
  readonly observe?: (step: Observation) => void;
}

/** What a run left behind. */
export interface Run {
  readonly talk: Conversation;
  /** Everything that was sent, in order. */
  readonly wire: readonly Uint8Array[];
  readonly delivered: number;
}

interface Letter {
  readonly bytes: Uint8Array;
  readonly plaintext: Uint8Array;
}

/**
 * Plays the events, then delivers everything that still lies around. Throws where a message that
 * was not dropped fails to decrypt to what was sent, or a repeated or damaged one is taken.
 */
export function play(script: readonly Event[], crypto: Crypto, options: ScheduleOptions = {}): Run {
  const talk = new Conversation(crypto, options);
  const wire: Uint8Array[] = [];
  const observe = options.observe ?? (() => undefined);
  const pending = { alice: new Array<Letter>(), bob: new Array<Letter>() };
  const seen = { alice: new Array<Letter>(), bob: new Array<Letter>() };
  let delivered = 0;

  const send = (from: 'alice' | 'bob'): void => {
    const end = talk[from];
    const plaintext = Uint8Array.of(wire.length, wire.length >> 8, 1);
    const before = end.session;
    const step = talk.steps.encrypt(before, plaintext, end.party.env);
    if (!step.ok) throw new Error(`sending was refused: ${step.error.code}`);
    end.session = step.value.session;
    observe({ end, before, after: end.session, consumed: step.value.consumed });
    wire.push(step.value.message);
    pending[from === 'alice' ? 'bob' : 'alice'].push({ bytes: step.value.message, plaintext });
  };
  const receive = (to: 'alice' | 'bob', bytes: Uint8Array): Uint8Array | string => {
    const end = talk[to];
    const before = end.session;
    const step = talk.tryDeliver(end, bytes);
    const consumed = step.ok ? step.value.consumed : [];
    const refused = step.ok ? {} : { refused: step.error.code };
    observe({ end, before, after: end.session, consumed, ...refused });
    return step.ok ? step.value.plaintext : step.error.code;
  };
  const deliver = (to: 'alice' | 'bob', at: number): void => {
    const letter = pending[to].splice(at % Math.max(1, pending[to].length), 1)[0];
    if (letter === undefined) return;
    const plaintext = receive(to, letter.bytes);
    if (typeof plaintext === 'string') throw new Error(`a good message was refused: ${plaintext}`);
    if (plaintext.join() !== letter.plaintext.join()) throw new Error('a wrong plaintext');
    seen[to].push(letter);
    delivered += 1;
  };
  const refuse = (to: 'alice' | 'bob', bytes: Uint8Array | undefined): void => {
    if (bytes === undefined) return;
    const before = talk[to].session;
    const result = receive(to, bytes);
    if (typeof result !== 'string') throw new Error('a repeated or damaged message was taken');
    if (talk[to].session !== before) throw new Error('a refusal changed the session');
  };

  // Bob has a session from the first message on.
  const plaintext = Uint8Array.of(9);
  const first = talk.send(talk.alice, plaintext);
  wire.push(first);
  talk.toBob(first);
  for (const event of script) {
    switch (event.kind) {
      case 'send':
        send(event.from);
        break;
      case 'deliver':
        deliver(event.to, event.index);
        break;
      case 'drop':
        pending[event.to].splice(event.index % Math.max(1, pending[event.to].length), 1);
        break;
      case 'repeat':
        refuse(event.to, seen[event.to][event.index % Math.max(1, seen[event.to].length)]?.bytes);
        break;
      case 'flip': {
        const target = pending[event.to][event.index % Math.max(1, pending[event.to].length)];
        refuse(event.to, target && flipTag(target.bytes));
        break;
      }
    }
  }
  for (const to of ['alice', 'bob'] as const) while (pending[to].length > 0) deliver(to, 0);
  return { talk, wire, delivered };
}

/** Damages the tag of a message, of an inner message too: everything before it still parses. */
export function flipTag(bytes: Uint8Array): Uint8Array {
  const damaged = bytes.slice();
  // An initiation message ends with its two ids (4 bytes here), in version 4 with those of the KEM
  // prekey too (2 + 1572 bytes); before them ends the inner message.
  const isInitiation = bytes[1] === 0x08 || bytes[1] === 0x12;
  const kemBytes = bytes[0] === 0x44 ? 1574 : 0;
  const at = isInitiation ? bytes.length - 5 - kemBytes : bytes.length - 1;
  damaged[at] = (damaged[at] ?? 0) ^ 0x10;
  return damaged;
}
