/**
 * What somebody reads who copied a device's files (SES-93): what `SECURITY.md` says, no more and no
 * less. Nothing that was read before; what comes next, until a round trip without the thief; and what
 * is kept because somebody has not receipted it yet.
 */

import { invariant } from '@simsim/bytes';
import type { IncomingEnvelope } from '@simsim/relay-protocol';
import { chainsStream, sendStream, sessionStream } from '@simsim/sesame';
import { decrypt, parseMessage } from '@simsim/session';
import { describe, expect, it } from 'vitest';
import { entryOf, twoUsers, write } from './scene.ts';
import { TestDevice } from './test-device.ts';

/** Whether the sessions of a copy open mail, whatever the copy remembers of having seen it. */
function opens(copy: TestDevice, mail: IncomingEnvelope): boolean {
  const parsed = parseMessage(mail.content);
  invariant(parsed.ok, 'honest mail is well-formed');
  const { sender: userId, senderDevice: deviceId } = mail;
  const reader = copy.core.reader();
  const prefix = `session/${userId}.${deviceId}/`;
  return copy.log.streamsWithPrefix(prefix).some((stream) => {
    const at = { userId, deviceId, session: stream.slice(prefix.length) };
    const hot = reader.value('session', sessionStream(at));
    const cold = reader.value('chains', chainsStream(at));
    invariant(hot !== undefined && cold !== undefined, 'a live session has both parts');
    return decrypt({ hot, cold, blocks: new Map() }, parsed.value, copy.world).ok;
  });
}

describe('a thief of a device’s files', () => {
  it('reads nothing of before, what comes next, and nothing after a round trip without it', () => {
    const { world, a, b } = twoUsers();
    write(a, b, 'first');
    world.settle();
    write(b, a, 'answer');
    world.settle();
    write(a, b, 'read before');
    world.settle();
    const past = b.history.filter(({ kind }) => kind === 'message');
    const thief = new TestDevice(world, b.image());
    for (const mail of past) expect(opens(thief, mail), 'of before').toBe(false);
    const next = write(a, b, 'comes next');
    expect(opens(thief, next), 'on the chain that was stolen').toBe(true);
    world.settle();
    // The owner's first turn may still rest on the keys that were stolen; the answer to it does not.
    for (const [from, to] of [
      [b, a],
      [a, b],
      [b, a],
    ] as const) {
      write(from, to, 'a turn');
      world.settle();
    }
    const later = write(a, b, 'healed');
    expect(opens(thief, later), 'after a round trip').toBe(false);
    expect(opens(b, later), 'by the owner').toBe(true);
    expect(entryOf(b, a).active).toBe(entryOf(a, b).active);
  });

  it('reads what was sent and not receipted, and nothing that was', () => {
    const { world, a, b } = twoUsers();
    const settled = a.send([b.userId], 'receipted');
    world.settle();
    const open = a.send([b.userId], 'on its way');
    const thief = new TestDevice(world, a.image());
    const reader = thief.core.reader();
    const body = reader.value('send', sendStream(open))?.body;
    expect(new TextDecoder().decode(body)).toBe('on its way');
    expect(reader.value('send', sendStream(settled))).toBeUndefined();
    expect(thief.log.sealedValue(sendStream(settled))).toBeUndefined();
  });
});
