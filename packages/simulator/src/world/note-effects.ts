/** Enters what a commit releases into the books. */

import type { Effect } from '@simsim/sesame';
import type { Process } from '../device/process.ts';
import type { Ledger } from './ledger.ts';

/** Looks at effects as a bookkeeper. */
export function noteEffects(ledger: Ledger, process: Process, effects: readonly Effect[]): void {
  for (const effect of effects) {
    if (effect.type === 'post') ledger.origins.set(effect.post.postId, effect.origin);
    if (effect.type === 'recipientDone' && effect.failure !== undefined) {
      ledger.sent.get(effect.messageId)?.failed.set(effect.userId, effect.failure);
    }
    if (effect.type === 'copyDead') {
      const { messageId, userId, deviceId } = effect;
      ledger.sent.get(messageId)?.given.add(`${userId}.${deviceId}`);
    }
    if (effect.type === 'rolledBack' && effect.isQuarantined) {
      ledger.quarantined.set(process.address, process.world.agenda.nowMs);
    }
  }
}
