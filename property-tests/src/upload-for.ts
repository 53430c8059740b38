/** What a device uploads to register. */

import { invariant } from '@simsim/bytes';
import type { Crypto } from '@simsim/crypto';
import type { PreKeyUpload, RelayAnswer, RelayRequest } from '@simsim/relay-protocol';
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
import type { CoreInput, DeviceCore } from '@simsim/device-core';
import { succeed } from './succeed.ts';
import type { SucceedingDevice } from './succeed.ts';

/** What an upload is made of. */
interface UploadingDevice {
  readonly core: DeviceCore;
  readonly world: { readonly crypto: Crypto; ask(request: RelayRequest): RelayAnswer };
}

/** A nonce of the relay and the public halves of all prekeys. */
export function uploadFor(device: UploadingDevice): { nonce: Uint8Array; keys: PreKeyUpload } {
  const { world, core } = device;
  const answer = world.ask({ kind: 'nonce' });
  invariant(answer.kind === 'nonce', 'a nonce is given');
  const reader = core.reader();
  const preKeys = reader.value('prekeys', PRE_KEYS_STREAM);
  invariant(preKeys !== undefined, 'a device has prekeys');
  const oneTime = preKeys.batches.flatMap((id) => reader.value('opk', oneTimeStream(id)) ?? []);
  const kem = preKeys.kemBatches.flatMap((id) => reader.value('kpk', oneTimeKemStream(id)) ?? []);
  return { nonce: answer.nonce, keys: uploadOf(preKeys, { oneTime, kem }, world.crypto) };
}

/** Uploads prekeys, and takes the relay's word for it. */
export function uploadKeys(
  device: SucceedingDevice,
  { keys, identityKey, replacesOneTime }: Omit<Extract<Effect, { type: 'uploadKeys' }>, 'type'>,
): void {
  const anew = { ...(replacesOneTime && { replacesOneTime }) };
  const outcome = device.tryAsk({ kind: 'uploadKeys', keys, identityKey, ...anew });
  if (!outcome.ok) {
    invariant(outcome.error.code === 'IDENTITY_CHANGED', 'keys are taken');
    succeed(device);
    return;
  }
  const oneTime = keys.oneTimePreKeys.at(-1)?.id ?? 0;
  const kem = keys.oneTimeKemPreKeys.at(-1)?.id ?? 0;
  device.run({ type: 'keysUploaded', oneTime, kem });
}

/** Has the relay say what it has of a device's prekeys, as each start does, and uploads what is missing. */
export function checkKeys(
  device: UploadingDevice & {
    ask(request: RelayRequest): RelayAnswer;
    run(input: CoreInput): unknown;
    upload(): void;
  },
): void {
  const { keys } = uploadFor(device);
  const digest = preKeyDigest(keys, device.world.crypto);
  const { kind, ...found } = device.ask({ kind: 'checkKeys', digest });
  invariant(kind === 'checkKeys' && 'isSame' in found, 'the relay compares keys');
  // How many keys there are is the story's to say: no start makes up for few.
  const oneTime = { ...found.oneTime, count: ONE_TIME_TARGET_KEYS };
  const kem = { ...found.kem, count: ONE_TIME_KEM_TARGET_KEYS };
  device.run({ type: 'keysChecked', ...found, oneTime, kem });
  device.upload();
}
