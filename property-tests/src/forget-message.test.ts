/** A message that its sender deletes: its plaintext goes, and nobody gets it again (SES-77). */

import { hexToBytes, invariant } from '@simsim/bytes';
import { SEND_PREFIX } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import { deliver, forgedRetry, lastEnvelope, loseMail, only, twoUsers, write } from './scene.ts';
import { user } from './world.ts';

const bo = user('bo');

describe('a message that its sender deletes', () => {
  it('is not resent, whoever asks', () => {
    const { a, b } = twoUsers();
    const messageId = a.send([bo], 'regretted');
    deliver(a);
    const mail = only(b.fetch());
    const content = hexToBytes(mail.envelopeId);
    invariant(content !== undefined, 'ids are hexadecimal');
    a.run({ type: 'forgetSend', messageId });
    expect(a.log.streamsWithPrefix(SEND_PREFIX)).toEqual([]);
    const { deviceId: senderDevice } = b.own();
    a.takeIn([{ ...mail, sender: bo, senderDevice, kind: 'retry', content, seq: 1_000_000 }]);
    expect([...a.posts, ...a.claims]).toEqual([]);
  });

  it('does not leave where it has not yet, and that is told', () => {
    const { world, a, b } = twoUsers();
    a.send([bo], 'first');
    world.settle();
    const messageId = a.send([bo], 'regretted');
    a.run({ type: 'forgetSend', messageId });
    expect(a.log.outbox()).toEqual([]);
    a.restart();
    world.settle();
    expect(b.texts()).toEqual(['first']);
    const failures = a.effects.flatMap((effect) =>
      effect.type === 'recipientDone' && effect.failure !== undefined ? [effect.failure] : [],
    );
    expect(new Set(failures)).toEqual(new Set(['FORGOTTEN']));
  });

  it('stays where it was read, and deleting it twice, or one that never was, is fine', () => {
    const { world, a, b } = twoUsers();
    const messageId = a.send([bo], 'read');
    world.settle();
    for (const id of [messageId, messageId, 'ab'.repeat(16) as typeof messageId]) {
      const outcomes = a.run({ type: 'forgetSend', messageId: id })?.outcomes;
      expect(outcomes).toEqual([{ kind: 'done' }]);
    }
    expect(b.texts()).toEqual(['read']);
  });
});

describe('what was on its way to a user who is forgotten', () => {
  it('does not leave: neither what they asked for again nor a receipt', () => {
    const { world, a, b } = twoUsers();
    a.send([bo], 'unread');
    while (a.work());
    loseMail(b);
    a.takeIn([forgedRetry(b, lastEnvelope(a, b))]);
    const mail = write(b, a, 'hello');
    a.takeIn([mail]);
    a.acknowledge(a.core.inbox());
    expect(a.core.outbox().map(({ origin }) => origin.type)).toEqual(['resend', 'notice']);
    a.run({ type: 'forgetUser', userId: bo });
    expect(a.core.outbox()).toEqual([]);
    a.restart();
    world.settle();
    expect(b.texts()).toEqual([]);
  });
});
