import { describe, expect, it } from 'vitest';
import type { DeviceId, EnvelopeId, MessageId, PostId } from '@simsim/relay-protocol';
import { deviceNumbered, userNamed } from '../test/arbitraries.ts';
import { MemorySlice } from '../test/memory-slice.ts';
import type { SendState, SentCopy } from './send-state.ts';
import { sendStream } from './streams.ts';
import type { SessionId } from './user-record.ts';

const bo = userNamed('bo');
const messageId = 'ab'.repeat(16) as MessageId;
const postId = 'cd'.repeat(16) as PostId;
const stream = sendStream(messageId);

/** A device with a round to bo in flight. */
function sending(round = 1): MemorySlice {
  const slice = new MemorySlice();
  slice.take({ type: 'create', userId: userNamed('ada'), oneTimeKeys: 2 });
  slice.take({ type: 'registered' });
  const copy: SentCopy = {
    envelopeId: 'ef'.repeat(16) as EnvelopeId,
    session: '12'.repeat(16) as SessionId,
    resends: 0,
    stage: 'sent',
  };
  const state: SendState = {
    messageId,
    sentAt: 1,
    openedAt: 1,
    to: [bo],
    body: new Uint8Array(3),
    recipients: new Map([
      [
        bo,
        {
          userId: bo,
          status: 'posting',
          round,
          postId,
          listVersion: 1,
          copies: new Map<DeviceId, SentCopy>([[deviceNumbered(5), copy]]),
        },
      ],
    ]),
  };
  slice.values.set(stream, state);
  return slice;
}

const namesOf = (slice: MemorySlice): string[] =>
  slice.take({ type: 'started' }).changes.map(({ fact }) => fact.name);

describe('a round whose post is gone from the outbox', () => {
  it('begins again after a start, under another post', () => {
    const slice = sending();
    const { changes, effects } = slice.take({ type: 'started' });
    expect(changes.map(({ fact }) => fact.name)).toContain('SendRestarted');
    const posts = effects.flatMap((effect) => (effect.type === 'post' ? [effect.post] : []));
    expect(posts).toHaveLength(1);
    expect(posts[0]?.postId).not.toBe(postId);
    expect(slice.value(stream)).toMatchObject({ recipients: new Map([[bo, { round: 2 }]]) });
  });

  it('is left alone while the post is there', () => {
    const slice = sending();
    slice.posts = [{ postId, origin: { type: 'round', messageId, userId: bo } }];
    expect(namesOf(slice)).not.toContain('SendRestarted');
  });

  it('ends where there were too many rounds already', () => {
    const slice = sending(1000);
    expect(namesOf(slice)).toContain('SendFailed');
  });
});
