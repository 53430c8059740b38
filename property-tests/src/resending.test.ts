/** Retry requests and what they may cause (Sesame §4.1): names of messages, and who may ask. */

import { bytesToHex, hexToBytes, invariant } from '@simsim/bytes';
import { claimIdFromBytes } from '@simsim/relay-protocol';
import type { IncomingEnvelope } from '@simsim/relay-protocol';
import { sendStream } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import { stateOf } from './log-state.ts';
import {
  answer,
  createAs,
  deliver,
  endsOf,
  loseMail,
  only,
  spoilt,
  takePost,
  twoUsers,
  write,
} from './scene.ts';
import type { TestDevice } from './test-device.ts';

/** What a device would post for an envelope that it cannot read. */
function retryOf(envelopeId: string, mail: IncomingEnvelope, from: TestDevice): IncomingEnvelope {
  const content = hexToBytes(envelopeId);
  invariant(content !== undefined, 'ids are hexadecimal');
  const { userId: sender, deviceId: senderDevice } = from.own();
  return { ...mail, seq: 1_000_000, sender, senderDevice, kind: 'retry', content };
}

describe('mail that cannot be read', () => {
  it('is asked for by a name that is readable outside, and comes again under another', () => {
    const { world, a, b } = twoUsers();
    write(a, b, '1');
    world.settle();
    const mail = write(a, b, '2');
    b.takeIn([{ ...spoilt(mail), seq: mail.seq }]);
    const { post } = only(b.posts.filter((item) => item.post.recipient === a.userId));
    const request = only(post.envelopes);
    expect(request.kind).toBe('retry');
    expect(bytesToHex(request.content)).toBe(mail.envelopeId);
    deliver(b);
    a.takeIn(a.fetch());
    deliver(a);
    const again = only(b.fetch());
    expect(again.envelopeId).not.toBe(mail.envelopeId);
    b.receive([again]);
    expect(endsOf(b).at(-1)).toEqual({ state: 'healed' });
    expect(b.texts()).toEqual(['1', '2']);
    world.settle();
  });

  it('is kept by its sender for the user it went to, with the session it went over', () => {
    const { a, b } = twoUsers();
    const messageId = a.send([b.userId], 'x');
    deliver(a);
    const mail = only(b.fetch());
    const sent = a.core.reader().value('send', sendStream(messageId));
    const copy = sent?.recipients.get(b.userId)?.copies.get(b.own().deviceId);
    const { active } = a.record(b.userId).devices.get(b.own().deviceId) ?? {};
    expect(copy).toMatchObject({ envelopeId: mail.envelopeId, session: active });
    expect(new TextDecoder().decode(sent?.body)).toBe('x');
  });
});

describe('a resend that its mailbox had no room for', () => {
  it('is made again later', () => {
    const { world, a, b } = twoUsers();
    write(a, b, '1');
    world.settle();
    const mail = write(a, b, '2');
    b.takeIn([{ ...spoilt(mail), seq: mail.seq }]);
    deliver(b);
    a.takeIn(a.fetch());
    answer(a, takePost(a, b), { kind: 'mailboxFull' });
    a.sweep();
    world.settle();
    expect(b.texts()).toEqual(['1', '2']);
  });

  it('and never has is told to be dead', () => {
    const { world, a, b } = twoUsers();
    const mail = write(a, b, 'x');
    a.takeIn([retryOf(mail.envelopeId, mail, b)]);
    for (let tries = 0; tries < 3; tries++) {
      for (const claim of a.claims) a.claim(claim);
      for (const item of a.posts.filter(({ origin }) => origin.type === 'resend')) {
        a.posts = a.posts.filter((each) => each !== item);
        answer(a, item, { kind: 'mailboxFull' });
      }
      a.sweep();
    }
    const dead = a.effects.flatMap((effect) => (effect.type === 'copyDead' ? [effect.reason] : []));
    expect(dead).toEqual(['RESENDS_SPENT']);
    world.settle();
  });
});

describe('a retry request', () => {
  it('for a message that nobody sent causes nothing', () => {
    const { world, a, b } = twoUsers();
    const mail = write(a, b, 'x');
    const before = stateOf(a.log);
    const unknown = bytesToHex(world.entropy(16));
    for (const name of [unknown, '', mail.envelopeId.slice(2), `${mail.envelopeId}00`]) {
      a.takeIn([retryOf(name, mail, b)]);
      expect(endsOf(a).at(-1)).toEqual({ state: 'dead', reason: 'RESEND_REFUSED' });
    }
    expect(stateOf(a.log)).toEqual(before);
    expect([a.posts, a.claims]).toEqual([[], []]);
  });

  it('of another user causes nothing, however well it names the message', () => {
    const { world, a, b } = twoUsers();
    const mallory = world.create('mallory');
    write(mallory, a, 'hello');
    a.takeIn(a.fetch());
    const mail = write(a, b, 'for bo alone');
    const before = stateOf(a.log);
    a.takeIn([retryOf(mail.envelopeId, mail, mallory)]);
    expect(endsOf(a).at(-1)).toEqual({ state: 'dead', reason: 'RESEND_REFUSED' });
    expect(stateOf(a.log)).toEqual(before);
    expect([a.posts, a.claims]).toEqual([[], []]);
  });

  it('under a name that the message has no more causes nothing, under its new one it does', () => {
    const { world, a, b } = twoUsers();
    const mail = write(a, b, 'x');
    a.takeIn([retryOf(mail.envelopeId, mail, b)]);
    deliver(a);
    const again = b.fetch().at(-1);
    invariant(again !== undefined && again.envelopeId !== mail.envelopeId, 'it was resent');
    const before = stateOf(a.log);
    a.takeIn([retryOf(mail.envelopeId, mail, b)]);
    expect(endsOf(a).at(-1)).toEqual({ state: 'dead', reason: 'RESEND_REFUSED' });
    expect(stateOf(a.log)).toEqual(before);
    a.takeIn([retryOf(again.envelopeId, again, b)]);
    expect(a.claims.length).toBe(1);
    world.settle();
    expect(b.texts()).toEqual(['x']);
  });

  it('whose new session cannot be made leaves sessions as they were, and waits (SES-76)', () => {
    const { world, a, b } = twoUsers();
    const mail = write(a, b, 'x');
    a.takeIn([retryOf(mail.envelopeId, mail, b)]);
    deliver(a);
    const again = b.fetch().at(-1);
    invariant(again !== undefined, 'it was resent');
    const before = a.record(b.userId).devices.get(b.own().deviceId);
    a.takeIn([retryOf(again.envelopeId, again, b)]);
    const { userId, devices, sends, resends } = only(a.claims.splice(0));
    const claimId = claimIdFromBytes(world.entropy(16));
    const answer = a.ask({ kind: 'claimKeys', claimId, userId, devices });
    invariant(answer.kind === 'claimKeys', 'a claim is answered');
    const results = answer.results.map((result) => {
      if ('gone' in result) return result;
      const { signedPreKey } = result.bundle;
      const signature = signedPreKey.signature.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
      return {
        ...result,
        bundle: { ...result.bundle, signedPreKey: { ...signedPreKey, signature } },
      };
    });
    a.run({ type: 'claimed', userId, results, sends, resends });
    const { active, inactive } = a.record(b.userId).devices.get(b.own().deviceId) ?? {};
    expect({ active, inactive }).toEqual({ active: before?.active, inactive: before?.inactive });
    expect([a.posts, a.claims]).toEqual([[], []]);
    // Not at once: the next sweep tries again.
    a.sweep();
    expect(a.claims.length).toBe(1);
    world.settle();
    expect(b.texts()).toEqual(['x']);
  });

  it('of a user who is gone when keys are fetched waits, and is served when the user is back', () => {
    const { world, a, b } = twoUsers();
    const mail = write(a, b, 'x');
    a.takeIn([retryOf(mail.envelopeId, mail, b)]);
    deliver(a);
    const again = b.fetch().at(-1);
    invariant(again !== undefined, 'it was resent');
    a.takeIn([retryOf(again.envelopeId, again, b)]);
    loseMail(b);
    const { userId, sends, resends } = only(a.claims.splice(0));
    a.run({ type: 'claimFailed', userId, sends, resends });
    a.sweep();
    expect([a.posts, a.claims]).toEqual([[], []]);
    const answer = world.ask({ kind: 'getList', userId, since: 0 });
    invariant(answer.kind === 'getList' && answer.result.kind === 'list', 'the user is back');
    a.run({ type: 'listLearned', list: answer.result.list });
    a.sweep();
    expect(a.claims.length).toBe(1);
    world.settle();
    expect(b.texts()).toEqual(['x']);
  });

  it('of another device of the user is served: it may be the one that took its place', () => {
    const { world, a, b } = twoUsers();
    const mail = write(a, b, 'for bo');
    const b2 = world.link(b);
    world.remove(b2, b);
    a.takeIn([retryOf(mail.envelopeId, mail, b2)]);
    deliver(a);
    b2.receive(b2.fetch());
    expect(b2.texts()).toEqual(['for bo']);
  });

  it('of another device of the user that has a copy of its own is refused', () => {
    const { world, a, b } = twoUsers();
    const b2 = world.link(b);
    world.settle();
    write(a, b, 'hello');
    world.settle();
    a.send([b.userId], 'for both');
    deliver(a);
    const [mail, own] = [only(b.fetch()), only(b2.fetch())];
    const before = stateOf(a.log);
    // The relay gave it to the other one.
    a.takeIn([retryOf(mail.envelopeId, mail, b2)]);
    expect([a.posts, a.claims]).toEqual([[], []]);
    expect(stateOf(a.log)).toEqual(before);
    a.takeIn([retryOf(own.envelopeId, own, b2)]);
    deliver(a);
    b2.takeIn(b2.fetch().slice(1));
    expect(b2.texts()).toEqual(['hello', 'for both']);
  });
});

describe('a receipt', () => {
  it('ends what is kept of a message, and only for the device that says so itself', () => {
    const { world, a, b } = twoUsers();
    const b2 = world.link(b);
    // Her device has the id of one of his.
    const mallory = createAs(world, 'mallory', b.own().deviceId);
    write(mallory, a, 'hello');
    world.settle();
    const messageId = a.send([b.userId], 'x');
    deliver(a);
    const isKept = (): boolean => a.log.head(sendStream(messageId))?.isClosed === false;
    const owed = (): number[] => {
      const state = a.core.reader().value('send', sendStream(messageId));
      const copies = state?.recipients.get(b.userId)?.copies ?? new Map();
      return [...copies].flatMap(([id, { stage }]) => (stage === 'receipted' ? [] : [id]));
    };
    const receipt = (from: TestDevice): void => {
      const { userId, deviceId } = a.own();
      from.run({ type: 'sendReceipts', userId, deviceId, messageIds: [messageId] });
      deliver(from);
      a.takeIn(a.fetch());
    };
    receipt(mallory);
    expect(owed()).toHaveLength(2);
    for (const device of [b, b2]) {
      device.takeIn(device.fetch());
      expect(owed()).toContain(device.own().deviceId);
      expect(isKept()).toBe(true);
      receipt(device);
      expect(owed()).not.toContain(device.own().deviceId);
    }
    expect(isKept()).toBe(false);
  });
});
