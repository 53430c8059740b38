/**
 * Identity keys on one page (SES-31, SES-35, SES-36, SES-88…91): which key is pinned, which is offered,
 * and when mail has to wait. A part of the model, written from the requirements.
 */

import type { UserId } from '@simsim/relay-protocol';
import type { TrustLevel } from '@simsim/sesame';
import { addressOf, say } from './model-state.ts';
import type { Model, ModelDevice } from './model-state.ts';

/** One key of one user, hex. */
export interface UserKey {
  readonly userId: UserId;
  readonly key: string;
}

/** The application says what stands behind a key. */
export function accept(
  model: Model,
  device: ModelDevice,
  { userId, key, level }: UserKey & { level: TrustLevel },
): void {
  model.words.set(wordKey(device, { userId, key }), level);
}

/**
 * A key is pinned. The first one that is seen may be, and the own one; any other only if the
 * application has accepted it (SES-91), and with it goes what was verified (SES-90).
 */
export function pin(model: Model, device: ModelDevice, { userId, key }: UserKey): void {
  const before = device.pins.get(userId);
  const isNew = before !== undefined && before.key !== key;
  if (isNew && !model.words.has(wordKey(device, { userId, key })))
    say(model, 'S11', `${addressOf(device)} took another key of ${userId} unasked`);
  if (before?.key !== key) device.pins.set(userId, { key, level: undefined, offered: undefined });
}

/** Another key was shown: it stands beside the pinned one. */
export function offer(model: Model, device: ModelDevice, { userId, key }: UserKey): void {
  const known = device.pins.get(userId);
  const where = `${addressOf(device)}: the key of ${userId}`;
  if (userId === device.userId) say(model, 'S11', `${where} is its own, and another is none`);
  if (known === undefined || known.key === key) say(model, 'S11', `${where} is no other one`);
  else known.offered = key;
}

/** What is said of the pinned key is what the application said of it. */
export function vouch(
  model: Model,
  device: ModelDevice,
  { userId, level }: { userId: UserId; level: TrustLevel },
): void {
  const known = device.pins.get(userId);
  const said = known && model.words.get(wordKey(device, { userId, key: known.key }));
  if (said !== level)
    say(model, 'S11', `${addressOf(device)} has ${userId} as ${level}: nobody said so`);
  if (known !== undefined) known.level = level;
}

/** Why mail to a user has to wait now; `undefined` where it need not. Own devices never wait. */
export function mustWait(device: ModelDevice, userId: UserId): string | undefined {
  const known = device.pins.get(userId);
  if (known === undefined || userId === device.userId) return undefined;
  if (known.offered !== undefined) return 'another key was shown';
  switch (device.policy) {
    case 'tofu':
      return undefined;
    case 'ask':
      return known.level === undefined ? 'nobody accepted the key' : undefined;
    case 'verified-only':
      return known.level === 'verified' ? undefined : 'nobody verified the key';
  }
}

function wordKey(device: ModelDevice, { userId, key }: UserKey): string {
  return `${addressOf(device)} ${userId} ${key}`;
}
