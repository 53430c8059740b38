/** What a device uploads: to register, where the relay lacks keys, and where the engine wants more. */

import { invariant } from '@simsim/bytes';
import type { CheckKeysAnswer, PreKeyUpload } from '@simsim/relay-protocol';
import { preKeyDigest } from '@simsim/relay-protocol';
import {
  ONE_TIME_KEM_TARGET_KEYS,
  ONE_TIME_TARGET_KEYS,
  oneTimeKemStream,
  oneTimeStream,
  PRE_KEYS_STREAM,
  uploadOf,
} from '@simsim/sesame';
import type { Effect } from '@simsim/sesame';
import { succeed } from './succession.ts';
import type { ProvingDevice } from './proving-device.ts';

/** The public halves of all prekeys. */
function keysOf({ core, env }: Pick<ProvingDevice, 'core' | 'env'>): PreKeyUpload {
  const reader = core.reader();
  const preKeys = reader.value('prekeys', PRE_KEYS_STREAM);
  invariant(preKeys !== undefined, 'a device has prekeys');
  const oneTime = preKeys.batches.flatMap((id) => reader.value('opk', oneTimeStream(id)) ?? []);
  const kem = preKeys.kemBatches.flatMap((id) => reader.value('kpk', oneTimeKemStream(id)) ?? []);
  return uploadOf(preKeys, { oneTime, kem }, env.crypto);
}

/** A nonce of the relay and all prekeys; `undefined` where no answer came. */
export function uploadFor(
  device: ProvingDevice,
): { nonce: Uint8Array; keys: PreKeyUpload } | undefined {
  const outcome = device.tryAsk({ kind: 'nonce' });
  if (outcome?.ok !== true || outcome.value.kind !== 'nonce') return undefined;
  return { nonce: outcome.value.nonce, keys: keysOf(device) };
}

/** Uploads prekeys; false where no answer came. */
export function uploadKeys(
  device: ProvingDevice,
  { keys, identityKey, replacesOneTime }: Omit<Extract<Effect, { type: 'uploadKeys' }>, 'type'>,
): boolean {
  const outcome = device.tryAsk({
    kind: 'uploadKeys',
    keys,
    identityKey,
    ...(replacesOneTime && { replacesOneTime }),
  });
  if (outcome?.ok === false && outcome.error.code === 'IDENTITY_CHANGED') return succeed(device);
  if (outcome?.ok !== true) return false;
  const oneTime = keys.oneTimePreKeys.at(-1)?.id ?? 0;
  const kem = keys.oneTimeKemPreKeys.at(-1)?.id ?? 0;
  device.run({ type: 'keysUploaded', oneTime, kem });
  return true;
}

/** Has the relay say what it has of a device's prekeys, as each start does; false without an answer. */
export function checkKeys(device: ProvingDevice): boolean {
  const found = askForKeys(device);
  if (found === undefined) return false;
  // How many keys there are is the story's to say: no start makes up for few.
  const oneTime = { ...found.oneTime, count: ONE_TIME_TARGET_KEYS };
  const kem = { ...found.kem, count: ONE_TIME_KEM_TARGET_KEYS };
  device.run({ type: 'keysChecked', ...found, oneTime, kem });
  return true;
}

/**
 * Makes up for prekeys that were handed out, by what the relay has now: word that they run low may be old
 * when it comes. False without an answer.
 */
export function refillKeys(device: ProvingDevice): boolean {
  const found = askForKeys(device);
  if (found !== undefined) device.run({ type: 'keysChecked', ...found });
  return found !== undefined;
}

function askForKeys(device: ProvingDevice): Omit<CheckKeysAnswer, 'kind'> | undefined {
  const digest = preKeyDigest(keysOf(device), device.env.crypto);
  const outcome = device.tryAsk({ kind: 'checkKeys', digest });
  if (outcome?.ok !== true || outcome.value.kind !== 'checkKeys') return undefined;
  const { kind: _, ...found } = outcome.value;
  return found;
}
