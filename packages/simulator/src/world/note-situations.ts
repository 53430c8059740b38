/** Which situations a commit shows. */

import type { CoreInput, RunResult } from '@simsim/device-core';
import type { Effect } from '@simsim/sesame';
import type { Process } from '../device/process.ts';
import type { World } from './world.ts';

/** Looks at what a device decided. */
export function noteSituations(
  world: World,
  process: Process,
  { inputs, result }: { readonly inputs: readonly CoreInput[]; readonly result: RunResult },
): void {
  const { situations } = world;
  for (const effect of result.effects) noteEffect(world, process, effect);
  const sends = inputs.filter((input) => input.type === 'send');
  if (sends.length > 2) situations.met('burst of messages in one commit');
  if (sends.some((input) => input.type === 'send' && input.to.length > 1)) {
    situations.met('message to several users');
  }
  if (sends.length > 0 && process.machine.cuts.size > 0) {
    situations.met('a send by a device that was cut off');
  }
}

function noteEffect({ situations }: World, process: Process, effect: Effect): void {
  switch (effect.type) {
    case 'acknowledge':
      if (effect.end.state === 'duplicate') situations.met('repeat told as duplicate');
      if (effect.end.state === 'resend-requested') situations.met('message asked for again');
      if (effect.end.state === 'healed') situations.met('a resend healed');
      if (effect.end.state === 'dead') situations.met('mail came to a dead end');
      break;
    case 'post':
      if (effect.origin.type === 'resend') situations.met('message sent again');
      break;
    case 'deliver':
      if (effect.item.sender === process.machine.userId) situations.met('message to an own device');
      break;
    case 'recipientDone':
      if (effect.failure !== undefined) situations.met('send failed');
      break;
    case 'rolledBack':
      if (effect.evidence.source === 'relay') situations.met('rollback seen by the relay');
      if (effect.evidence.source === 'device') situations.met('rollback told by an own device');
      break;
    default:
      break;
  }
}
