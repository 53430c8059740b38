/** What the model knows of what is owed to whom, and why it may never come. */

import type { MessageId } from '@simsim/relay-protocol';
import { say } from './model-state.ts';
import type { Address, Copy, Debt, Model } from './model-state.ts';

/**
 * SES-73, as decision 038 has it: what was resent and not read does not come again in the same session.
 */
export function checkResend(model: Model, copy: Copy): void {
  const { messageId, from, to, session } = copy;
  copy.isResend = true;
  const asked = [...model.copies.values()].filter(
    (each) => each.messageId === messageId && each.to === to && each.fate === 'asked',
  );
  const last = asked.at(-1);
  if (last?.isResend === true && last.session === session) {
    say(model, 'L4', `${from} sent ${messageId} to ${to} again in the session that failed`);
  }
}

/** A message owed to a device, if the relay took it for that one. */
export function debtOf(model: Model, messageId: MessageId, address: Address): Debt | undefined {
  return model.debts.get(messageId)?.get(address);
}

/** These will never come, or need not. */
export function excuse(
  model: Model,
  why: string,
  which: (m: MessageId, to: Address) => boolean,
): void {
  for (const [messageId, debts] of model.debts) {
    for (const [address, debt] of debts) if (which(messageId, address)) debt.excuse ??= why;
  }
}

/** The message at that device. */
export function isAt(
  messageId: MessageId,
  address: Address,
): (m: MessageId, to: Address) => boolean {
  return (message, to) => message === messageId && to === address;
}

/** A copy will not arrive, nor what it was to bring about. */
export function lose(model: Model, copy: Copy): void {
  copy.fate = 'lost';
  const { messageId, asksFor, from, to } = copy;
  const asked = asksFor && model.copies.get(asksFor)?.messageId;
  if (asked !== undefined) excuse(model, 'a retry request was lost', isAt(asked, from));
  if (messageId !== undefined) excuse(model, 'lost at the relay', isAt(messageId, to));
  else model.silenced.add(`${from} ${to}`);
}

/** What was owed to a device that is no more. */
export function bury(model: Model, address: Address, why: string): void {
  excuse(model, why, (_, to) => to === address);
  for (const copy of model.copies.values()) {
    if (copy.to === address && copy.fate === 'posted') copy.fate = 'ended';
  }
}
