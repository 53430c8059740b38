/** What the engine wants done, handed to whoever does it. Every effect is durable when it comes here. */

import type { CoreInput } from '@simsim/device-core';
import type { Effect, InboxItem } from '@simsim/sesame';
import type { ClaimDesk } from './claim-desk.ts';
import type { Drainer } from './drainer.ts';
import type { FrameDesk } from './frame-desk.ts';
import type { HeadTeller } from './head-teller.ts';
import type { HealthEvent } from './health.ts';
import type { OwnList } from './own-devices.ts';
import type { PostPump } from './post-pump.ts';
import type { Registrar } from './registrar.ts';
import type { SendDesk } from './send-desk.ts';
import type { Standing } from './standing.ts';
import type { Stats } from './stats.ts';
import type { TrustDesk } from './trust-desk.ts';

/** Who does what. */
export interface Desks {
  readonly pump: PostPump;
  readonly claims: ClaimDesk;
  readonly sends: SendDesk;
  readonly heads: HeadTeller;
  readonly frames: FrameDesk;
  readonly lists: OwnList;
  readonly registrar: Registrar;
  readonly standing: Standing;
  readonly trust: TrustDesk;
  readonly drainer: Drainer;
  readonly stats: Stats;
  readonly acknowledge: (seq: number) => void;
  readonly deliver: (item: InboxItem) => void;
  readonly health: (event: HealthEvent) => void;
  /** Has an input decided; nobody waits for it. */
  readonly post: (input: CoreInput) => void;
}

/** Carries an effect out. */
export function carryOut(effect: Effect, desks: Desks): void {
  switch (effect.type) {
    case 'post':
      desks.pump.put(effect);
      break;
    case 'claim':
      desks.claims.put(effect);
      break;
    case 'acknowledge':
      desks.stats.ended(effect.end);
      desks.health({ type: 'envelopeEnded', end: effect.end });
      desks.acknowledge(effect.seq);
      break;
    case 'deliver':
      desks.deliver(effect.item);
      break;
    case 'recipientDone':
      desks.sends.recipientDone(effect);
      break;
    case 'sendDone':
      desks.sends.sendDone(effect.messageId);
      desks.heads.sent();
      break;
    case 'fetchList':
      fetchList(effect, desks);
      break;
    case 'succeed':
      succeed(effect, desks);
      break;
    case 'identitySucceeded':
      desks.lists.succession.judged(undefined);
      desks.health({ type: 'identitySucceeded', identityKey: effect.identityKey });
      break;
    case 'identityUnproven':
      desks.lists.succession.judged(effect.reason);
      desks.health({ type: 'identityUnproven', reason: effect.reason });
      break;
    case 'uploadKeys':
      void desks.registrar.upload(effect);
      break;
    case 'register':
      desks.registrar.wanted();
      desks.standing.wanted();
      break;
    case 'rolledBack':
      desks.standing.rolledBack(effect);
      break;
    case 'sweepOn':
      setImmediate(() => desks.post({ type: 'swept', after: effect.after }));
      break;
    case 'tellContacts':
      setImmediate(() => desks.post({ type: 'tellContacts' }));
      break;
    case 'drain':
      desks.drainer.wanted(effect);
      break;
    case 'identityChanged':
    case 'identityAdded':
    case 'foreignKey':
    case 'recipientHeld':
    case 'recipientReleased':
    case 'copyDead':
    case 'headIgnored':
    case 'keyRepeated':
    case 'relayPutBack':
    case 'receipted':
      tell(effect, desks);
      break;
  }
}

type Told = Extract<
  Effect,
  {
    type:
      | 'identityChanged'
      | 'identityAdded'
      | 'foreignKey'
      | 'recipientHeld'
      | 'recipientReleased'
      | 'copyDead'
      | 'headIgnored'
      | 'keyRepeated'
      | 'relayPutBack'
      | 'receipted';
  }
>;

/** What the application should know. */
function tell(effect: Told, { health, sends, trust }: Desks): void {
  switch (effect.type) {
    case 'identityChanged':
    case 'identityAdded':
    case 'foreignKey': {
      const { type, userId, deviceId, identityKey } = effect;
      health({ type, user: userId, identityKey, ...(deviceId && { deviceId }) });
      if (type === 'identityChanged')
        trust.offered(userId, { key: identityKey, ...(deviceId && { deviceId }) });
      break;
    }
    case 'recipientHeld': {
      const { messageId, userId, reason, keys } = effect;
      sends.recipientHeld(effect);
      health({ type: 'sendHeld', messageId, user: userId, reason });
      for (const shown of keys) trust.offered(userId, shown);
      break;
    }
    case 'recipientReleased':
      health({ type: 'sendReleased', messageId: effect.messageId, user: effect.userId });
      break;
    case 'copyDead': {
      const { messageId, userId, deviceId, reason } = effect;
      health({ type: 'copyDead', messageId, user: userId, deviceId, reason });
      break;
    }
    case 'headIgnored':
      health({ type: 'headIgnored', from: effect.source });
      break;
    case 'keyRepeated': {
      const { userId, deviceId, envelopeId } = effect;
      health({ type: 'keyRepeated', user: userId, deviceId, envelopeId });
      break;
    }
    case 'relayPutBack':
      health({ type: 'relayPutBack' });
      break;
    case 'receipted':
      break;
  }
}

function fetchList(
  { userId, envelope }: Extract<Effect, { type: 'fetchList' }>,
  { lists, post }: Desks,
): void {
  void lists.fetch(userId).then((answer) => {
    // Without an answer nothing can be said of the mail: it is not acknowledged, and comes again.
    if (envelope === undefined || answer === 'silent') return;
    post({ type: 'envelope', envelope, isListFresh: true });
  });
}

function succeed({ envelope }: Extract<Effect, { type: 'succeed' }>, { lists, post }: Desks): void {
  const decideAgain = (): void => {
    if (envelope !== undefined) post({ type: 'envelope', envelope, isFollowed: true });
  };
  // It fails with the store alone, and that is told where it failed.
  lists.succession.settle().then(decideAgain, () => undefined);
}
