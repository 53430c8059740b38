/** What befalls a page of mail on its way to a device. */

import type { IncomingEnvelope } from '@simsim/relay-protocol';
import type { Knobs } from '../case/case.ts';
import type { Situation } from '../case/situations.ts';
import type { Machine } from '../device/machine.ts';
import { Dice } from '../dice.ts';

/** What decides it. */
export interface MailFate {
  readonly seed: number;
  readonly knobs: Knobs;
  readonly met: (situation: Situation) => void;
}

/** The page as it arrives: in another order, some of it twice, one bit turned over. */
export function carryMail(
  machine: Machine,
  mail: readonly IncomingEnvelope[],
  { seed, knobs, met }: MailFate,
): readonly IncomingEnvelope[] {
  if (mail.length === 0) return mail;
  const dice = new Dice(seed, `mail/${machine.label}/${machine.requests}`);
  let carried = [...mail];
  // A retry request with another bit asks for something else: that is losing it, which is another fault.
  const place = carried.findIndex(({ kind }) => kind === 'message');
  if (machine.spoils > 0 && place >= 0) {
    machine.spoils--;
    met('mail spoilt');
    carried = carried.map((envelope, i) => (i === place ? spoilt(envelope, dice) : envelope));
  }
  if (dice.chance(knobs.repeated)) {
    const again = dice.pick(carried);
    if (again !== undefined) carried.push(again);
    met('same mail twice');
  }
  if (dice.chance(knobs.shuffled) && carried.length > 1) {
    carried = dice.shuffled(carried);
    met('mail in another order');
  }
  return carried;
}

function spoilt(envelope: IncomingEnvelope, dice: Dice): IncomingEnvelope {
  const place = dice.below(envelope.content.length);
  const bit = 1 << dice.below(8);
  return {
    ...envelope,
    content: envelope.content.map((byte, i) => (i === place ? byte ^ bit : byte)),
  };
}
