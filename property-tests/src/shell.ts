/** What a test device does by itself at a relay that always answers: the simulator's first steps, carried out. */

import { invariant } from '@simsim/bytes';
import { NEEDS_TOKEN } from '@simsim/relay-protocol';
import type { PreKeyUpload, RelayAnswer, RelayOutcome, RelayRequest } from '@simsim/relay-protocol';
import type { Effect } from '@simsim/sesame';
import * as steps from '@simsim/simulator/device';
import type { ProvingDevice } from '@simsim/simulator/device';

/** What is asked of a device here. */
interface ShellDevice extends Pick<ProvingDevice, 'core' | 'run'> {
  readonly world: ProvingDevice['env'] & {
    ask(request: RelayRequest): RelayAnswer;
    tryAsk(request: RelayRequest): RelayOutcome;
  };
  /** Asks with the token of the moment. */
  tryAsk(request: RelayRequest): RelayOutcome;
  /** Looks at what the device is now. */
  freshOwn(): unknown;
  /** Uploads what the engine wants uploaded. */
  upload(): void;
}

/** A device as the steps see it. What it is may be another thing after each input. */
function shellOf(device: ShellDevice): ProvingDevice {
  return {
    get core() {
      return device.core;
    },
    env: device.world,
    run(...inputs) {
      const result = device.run(...inputs);
      device.freshOwn();
      return result;
    },
    tryAsk: (request) =>
      NEEDS_TOKEN[request.kind] ? device.tryAsk(request) : device.world.tryAsk(request),
  };
}

/**
 * Has the relay say where this device stood, and quarantines where that is needed. Answers the link of
 * the head that the relay has then; `undefined` where the device may not speak: it was removed, or a
 * copy took its place.
 */
export function proveDevice(device: ShellDevice): Uint8Array | undefined {
  device.freshOwn();
  const standing = steps.proveDevice(shellOf(device));
  return standing.kind === 'open' ? standing.expected : undefined;
}

/** A nonce of the relay and the public halves of all prekeys. */
export function uploadFor(device: ShellDevice): { nonce: Uint8Array; keys: PreKeyUpload } {
  const upload = steps.uploadFor(shellOf(device));
  invariant(upload !== undefined, 'a nonce is given');
  return upload;
}

/** Uploads prekeys, and takes the relay's word for it. */
export function uploadKeys(
  device: ShellDevice,
  wanted: Omit<Extract<Effect, { type: 'uploadKeys' }>, 'type'>,
): void {
  invariant(steps.uploadKeys(shellOf(device), wanted), 'keys are taken');
  device.upload();
}

/** Has the relay say what it has of a device's prekeys, as each start does, and uploads what is missing. */
export function checkKeys(device: ShellDevice): void {
  invariant(steps.checkKeys(shellOf(device)), 'the relay compares keys');
  device.upload();
}

/** Has the relay take an identity key that waits. Answers the code of a refusal. */
export function publish(device: ShellDevice): string | undefined {
  device.freshOwn();
  return steps.publish(shellOf(device));
}

/** Does what the effect `succeed` asks for, and uploads what comes of it. */
export function succeed(device: ShellDevice): void {
  device.freshOwn();
  steps.succeed(shellOf(device));
  device.upload();
}

/** Fetches a list or follows the own one, then decides the envelope that waited for it. */
export function followUp(
  device: ShellDevice,
  wanted: Extract<Effect, { type: 'fetchList' | 'succeed' }>,
): void {
  const { envelope } = wanted;
  if (wanted.type === 'succeed') {
    succeed(device);
    if (envelope !== undefined) device.run({ type: 'envelope', envelope, isFollowed: true });
    return;
  }
  const answer = device.world.ask({ kind: 'getList', userId: wanted.userId, since: 0 });
  if (answer.kind === 'getList' && answer.result.kind === 'list')
    device.run({ type: 'listLearned', list: answer.result.list });
  if (envelope !== undefined) device.run({ type: 'envelope', envelope, isListFresh: true });
}
