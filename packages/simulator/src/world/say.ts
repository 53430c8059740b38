/** An application says something, and the books know of it. */

import { messageIdFromBytes } from '@simsim/relay-protocol';
import type { UserId } from '@simsim/relay-protocol';
import type { Process } from '../device/process.ts';
import type { Dice } from '../dice.ts';
import type { World } from './world.ts';

/** A line and those who are to read it; `dice` draw its id. */
export interface Line {
  readonly to: readonly UserId[];
  readonly text: string;
  readonly dice: Dice;
}

/** Has the application of a device send a line. */
export function say(world: World, process: Process, { to, text, dice }: Line): void {
  const { label, userId } = process.machine;
  const messageId = messageIdFromBytes(dice.bytes(16));
  const atMs = world.agenda.nowMs;
  const sent = { by: label, userId, to, text, atMs, failed: new Map(), given: new Set<string>() };
  world.ledger.sent.set(messageId, sent);
  process.alive(() => process.application.send([{ messageId, to, text }]));
}
