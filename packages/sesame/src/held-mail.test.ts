import { envelopeIdFromBytes } from '@simsim/relay-protocol';
import type { IncomingEnvelope } from '@simsim/relay-protocol';
import { parseMessage } from '@simsim/session';
import { describe, expect, it } from 'vitest';
import { userNamed } from '../test/arbitraries.ts';
import { firstMail, newDevice } from '../test/first-mail.ts';
import type { MemorySlice } from '../test/memory-slice.ts';
import { HELD_MAIL_MAX } from './limits.ts';
import { userStream } from './streams.ts';
import { emptyUserRecord } from './user-record.ts';

const ada = userNamed('ada');

/** Bo, who knows Ada by another key than the one this mail of hers came under and was shown. */
function waiting(): { bo: MemorySlice; mail: IncomingEnvelope } {
  const bo = newDevice('bo', 1);
  const mail = firstMail(bo, 2);
  bo.take({ type: 'registered' });
  const message = parseMessage(mail.content);
  if (!message.ok || message.value.kind !== 'initiation') throw new Error('it is a first message');
  const keys = { identityKey: new Uint8Array(32).fill(7), offered: message.value.identityKey };
  bo.values.set(userStream(ada), { ...emptyUserRecord(ada), ...keys });
  return { bo, mail };
}

describe('mail under a key that is not accepted', () => {
  it('waits up to its number; what comes beyond has a named end, and what waits stays', () => {
    const { bo, mail } = waiting();
    const comes = (n: number): unknown => {
      const envelopeId = envelopeIdFromBytes(new Uint8Array(16).fill(n >> 8, 8).fill(n, 9));
      const envelope = { ...mail, envelopeId };
      const { effects } = bo.take({ type: 'envelope', envelope, isListFresh: true });
      return effects.flatMap((effect) => (effect.type === 'acknowledge' ? [effect.end] : []));
    };
    const waits = [{ state: 'resend-requested', reason: 'IDENTITY_CHANGED' }];
    for (let n = 0; n < HELD_MAIL_MAX; n++) expect(comes(n)).toEqual(waits);
    const full = bo.value(userStream(ada));
    expect(full).toMatchObject({ held: { length: HELD_MAIL_MAX } });
    expect(comes(HELD_MAIL_MAX)).toEqual([{ state: 'dead', reason: 'TOO_MUCH_HELD' }]);
    // What waits already may come again.
    expect(comes(0)).toEqual(waits);
    expect(bo.value(userStream(ada))).toBe(full);
  });
});
