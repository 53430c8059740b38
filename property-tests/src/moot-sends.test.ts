/** A message that only removed devices have not receipted: nobody will, so its plaintext goes (SES-77). */

import { invariant } from '@simsim/bytes';
import type { MessageId } from '@simsim/relay-protocol';
import { sendStream } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import { deliver, listOf, loseMail, spoilt, twoUsers } from './scene.ts';
import type { TestDevice } from './test-device.ts';
import { user } from './world.ts';

const bo = user('bo');

/** Whether a sender keeps a message, once it has looked at what it keeps. */
function keeps(device: TestDevice, messageId: MessageId): boolean {
  device.sweep();
  return device.log.sealedValue(sendStream(messageId)) !== undefined;
}

describe('a message that was read by all but a device that is gone', () => {
  it('is kept while its device is there, and forgotten by the sweep after its removal', () => {
    const { world, a, b } = twoUsers();
    const tablet = world.link(b);
    const messageId = a.send([bo], 'for both');
    deliver(a);
    b.receive(b.fetch());
    deliver(b);
    a.receive(a.fetch());
    expect(keeps(a, messageId)).toBe(true);
    world.remove(b, tablet);
    a.run({ type: 'listLearned', list: listOf(b) });
    expect(keeps(a, messageId)).toBe(false);
  });

  it('is kept for another one that has not read it, and for one that has yet to be sent it', () => {
    const { world, a, b } = twoUsers();
    const [tablet, c] = [world.link(b), world.create('cy')];
    const unread = a.send([bo], 'unread');
    deliver(a);
    world.remove(b, tablet);
    a.run({ type: 'listLearned', list: listOf(b) });
    const unsent = a.send([user('cy')], 'unsent');
    expect([unread, unsent].map((messageId) => keeps(a, messageId))).toEqual([true, true]);
    world.settle();
    expect([b.texts(), c.texts()]).toEqual([['unread'], ['unsent']]);
  });

  it('is kept where the relay alone says that the device is gone: it may be mistaken', () => {
    const { world, a, b } = twoUsers();
    const messageId = a.send([bo], 'unread');
    deliver(a);
    const [mail] = b.fetch();
    invariant(mail !== undefined, 'it was sent');
    const results = [{ deviceId: b.own().deviceId, gone: true }] as const;
    a.run({ type: 'claimed', userId: bo, results, sends: [], resends: [] });
    expect(keeps(a, messageId)).toBe(true);
    loseMail(b);
    b.receive([spoilt(mail)]);
    world.settle();
    expect(b.texts()).toEqual(['unread']);
    expect(keeps(a, messageId)).toBe(false);
  });
});
