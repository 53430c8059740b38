/**
 * What happens in one conversation, decided before it begins: who sends when, and what the network
 * does to every message. Two sides take turns in bursts; each burst answers the one before it.
 */

import { invariant } from '@simsim/bytes';
import type { Dice } from './dice.ts';

/** Alice initiates; in a simultaneous initiation, Bob does too. */
export type Side = 'alice' | 'bob';

/** One message of a conversation; its number is its place in {@link Schedule.messages}. */
export interface PlannedMessage {
  readonly from: Side;
  /** Which burst it belongs to, from 0. */
  readonly burst: number;
  /** Length of the plaintext in bytes. */
  readonly bodyBytes: number;
  readonly isLost: boolean;
}

/** One thing that happens. `repeat` and `damage` bring what the receiver must refuse. */
interface Step {
  readonly kind: 'send' | 'deliver' | 'repeat' | 'damage';
  readonly message: number;
}

/**
 * How a conversation begins. Where both sides initiate before either has heard anything, the first
 * two bursts cross; `crossing in order` spares a peer everything late among them.
 */
export type Opening = 'one side' | 'crossing' | 'crossing in order';

/** A conversation to be. */
export interface Schedule {
  readonly messages: readonly PlannedMessage[];
  readonly steps: readonly Step[];
  readonly opening: Opening;
}

/** 13 changes of direction, 12 where the first two bursts cross. */
export const BURSTS = 14;
/** Messages of one conversation. */
const MESSAGES = 56;
/** Lost of them: a little more than a tenth. */
const LOST = 6;
/** No message arrives behind one of its direction that was sent more than this many later. */
export const WINDOW = 8;

/** With two messages a burst, a window of 8 reaches four chains back: what every peer still holds. */
const BURST_MESSAGES_MIN = 2;
const BURST_MESSAGES_MAX = 9;

/** Makes a conversation from the dice alone. */
export function makeSchedule(dice: Dice, opening: Opening): Schedule {
  const bursts = burstLengths(dice).map((length, burst) =>
    Array.from({ length }, () => ({
      from: burst % 2 === 0 ? ('alice' as const) : ('bob' as const),
      burst,
      bodyBytes: bodyBytes(dice),
    })),
  );
  const planned = bursts.flat();
  const lost = chooseLost(planned, dice);
  const messages = planned.map((message, number) => ({ ...message, isLost: lost.has(number) }));
  return { messages, steps: makeSteps(messages, { dice, opening }), opening };
}

function burstLengths(dice: Dice): readonly number[] {
  const lengths = Array.from({ length: BURSTS }, () => BURST_MESSAGES_MIN);
  for (let left = MESSAGES - BURSTS * BURST_MESSAGES_MIN; left > 0;) {
    const at = dice(BURSTS);
    if ((lengths[at] ?? 0) >= BURST_MESSAGES_MAX) continue;
    lengths[at] = (lengths[at] ?? 0) + 1;
    left -= 1;
  }
  return lengths;
}

/** Mostly short, sometimes empty or a whole number of cipher blocks, now and then long. */
function bodyBytes(dice: Dice): number {
  const roll = dice(20);
  if (roll === 0) return 4096 + dice(17);
  return roll < 4 ? 16 * dice(6) : 1 + dice(300);
}

/** Every burst keeps a message, or the answer to it would not be one. */
function chooseLost(messages: readonly { readonly burst: number }[], dice: Dice): Set<number> {
  const left = new Map<number, number>();
  for (const { burst } of messages) left.set(burst, (left.get(burst) ?? 0) + 1);
  const lost = new Set<number>();
  while (lost.size < LOST) {
    const number = dice(messages.length);
    const burst = messages[number]?.burst ?? 0;
    if (lost.has(number) || (left.get(burst) ?? 0) < 2) continue;
    lost.add(number);
    left.set(burst, (left.get(burst) ?? 0) - 1);
  }
  return lost;
}

/** A message waiting in the network. */
interface Waiting {
  readonly message: number;
  readonly from: Side;
  /** Released once this many messages of its direction have been sent. */
  readonly due: number;
  readonly tie: number;
}

function makeSteps(
  messages: readonly PlannedMessage[],
  { dice, opening }: { readonly dice: Dice; readonly opening: Opening },
): readonly Step[] {
  const steps: Step[] = [];
  const delivered: number[] = [];
  const sent = { alice: 0, bob: 0 };
  const prompts = choosePrompts(messages, dice);
  let waiting: readonly Waiting[] = [];

  const release = (isDue: (letter: Waiting) => boolean): void => {
    const now = waiting.filter(isDue).toSorted((a, b) => a.due - b.due || a.tie - b.tie);
    waiting = waiting.filter((letter) => !isDue(letter));
    for (const { message } of now) {
      if (dice(12) === 0) steps.push({ kind: 'damage', message });
      steps.push({ kind: 'deliver', message });
      delivered.push(message);
      const again = delivered[dice(delivered.length)];
      if (dice(8) === 0 && again !== undefined) steps.push({ kind: 'repeat', message: again });
    }
  };

  messages.forEach(({ from, burst, isLost }, message) => {
    steps.push({ kind: 'send', message });
    sent[from] += 1;
    const isCrossing = opening !== 'one side' && burst < 2;
    const isPrompt = prompts.has(message) || (isCrossing && opening === 'crossing in order');
    const delay = isPrompt || dice(2) === 0 ? 0 : dice(WINDOW + 1);
    if (!isLost) waiting = [...waiting, { message, from, due: sent[from] + delay, tie: dice(999) }];
    if (isCrossing) {
      // Nobody hears anything before both have spoken.
      const isLastOfBoth = messages[message + 1]?.burst === 2;
      if (isLastOfBoth) release((letter) => letter.due <= sent[letter.from]);
      return;
    }
    release((letter) => letter.from === from && letter.due <= sent[from]);
  });
  release(() => true);
  return steps;
}

/** One surviving message of each burst, which arrives within it: what the next burst answers. */
function choosePrompts(messages: readonly PlannedMessage[], dice: Dice): ReadonlySet<number> {
  const prompts = new Set<number>();
  for (let burst = 0; burst < BURSTS; burst++) {
    const candidates = messages.flatMap((message, number) =>
      message.burst === burst && !message.isLost ? [number] : [],
    );
    const prompt = candidates[dice(Math.max(1, candidates.length))];
    invariant(prompt !== undefined, 'every burst keeps a message');
    prompts.add(prompt);
  }
  return prompts;
}
