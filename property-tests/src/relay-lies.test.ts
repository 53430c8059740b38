/**
 * A relay that lies to its own devices: about what they sent, which keys it has seen, and whether it knows
 * them. Nothing of it is for ever (SES-51, SES-75, SES-94, SES-98).
 */

import { invariant } from '@simsim/bytes';
import { claimIdFromBytes } from '@simsim/relay-protocol';
import type { EnvelopeId, PostId, SignedDeviceList } from '@simsim/relay-protocol';
import { HEALS_MAX, listWithout, PRE_KEYS_STREAM, RESENDS_MAX } from '@simsim/sesame';
import type { CopyDeath } from '@simsim/sesame';
import { describe, expect, it } from 'vitest';
import {
  deliver,
  endsOf,
  foreignList,
  forgedRetry,
  lastEnvelope,
  listOfOne,
  only,
  spoilt,
  takePost,
  twoUsers,
  write,
} from './scene.ts';
import type { TestDevice } from './test-device.ts';
import { user } from './world.ts';

const DAY_MS = 24 * 3600 * 1000;
const bo = user('bo');

/** Days pass, one sweep each. */
function pass(days: number, devices: readonly TestDevice[]): void {
  for (let day = 0; day < days; day++) {
    for (const { world } of devices.slice(0, 1)) world.nowMs += DAY_MS;
    for (const device of devices) device.sweep();
  }
}

function ownList(device: TestDevice): SignedDeviceList {
  const answer = device.ask({ kind: 'getList', userId: device.userId, since: 0 });
  invariant(answer.kind === 'getList' && answer.result.kind === 'list', 'there is a list');
  return answer.result.list;
}

const deaths = (device: TestDevice): readonly CopyDeath[] =>
  device.effects.flatMap((effect) => (effect.type === 'copyDead' ? [effect.reason] : []));

describe('keys of one device, given many times in one answer,', () => {
  it('make one session, and leave no other', () => {
    const { world, a } = twoUsers({ oneTimeKeys: 60 });
    a.send([bo], 'x');
    while (a.posts.length > 0) for (const item of a.posts) a.post(item);
    const { devices, sends, resends } = only(a.claims);
    const claim = () => {
      const claimId = claimIdFromBytes(world.entropy(16));
      const answer = a.ask({ kind: 'claimKeys', claimId, userId: bo, devices });
      invariant(answer.kind === 'claimKeys', 'it answers claims');
      return answer.results;
    };
    const results = Array.from({ length: 16 }, claim).flat();
    a.claims = [];
    a.run({ type: 'claimed', userId: bo, results, sends, resends });
    const device = only([...a.record(bo).devices.values()]);
    expect([device.active !== undefined, device.inactive]).toEqual([true, []]);
    expect(a.log.streamsWithPrefix('session/bo')).toHaveLength(1);
    expect(a.log.streamsWithPrefix('chains/bo')).toHaveLength(1);
  });
});

describe('a relay that says that nobody is there whenever a copy is resent', () => {
  it('gets no more ciphertexts of one message than the ladder has rungs, and the send ends once', () => {
    const { world, a, b } = twoUsers({ oneTimeKeys: 60 });
    write(b, a, 'hi');
    world.settle();
    write(a, b, 'the plan');
    const envelopes = new Set<EnvelopeId>();
    for (let round = 0; round < 60 && a.log.streamsWithPrefix('send/').length > 0; round++) {
      const envelopeId = lastEnvelope(a, b);
      envelopes.add(envelopeId);
      a.takeIn([forgedRetry(b, envelopeId, 1_000_000 + round)]);
      for (let step = 0; step < 10; step++) {
        for (const claim of a.claims) a.claim(claim);
        for (const item of a.posts) {
          if (item.origin.type !== 'resend') {
            a.post(item);
            continue;
          }
          for (const each of item.post.envelopes) envelopes.add(each.envelopeId);
          a.posts = a.posts.filter((each) => each !== item);
          const { postId } = item.post;
          a.run({ type: 'posted', postId, origin: item.origin, result: { kind: 'gone' } });
        }
      }
      world.nowMs += 2 * 3600 * 1000;
      a.sweep();
    }
    expect(envelopes.size).toBeLessThanOrEqual(1 + RESENDS_MAX);
    expect(deaths(a)).toEqual(['RESENDS_SPENT']);
    const done = a.effects.filter(
      (effect) => effect.type === 'recipientDone' && effect.userId === bo,
    );
    expect(done).toMatchObject([{ listVersion: 1 }]);
  });

  it('does not keep a device that has renewed itself from what it asked for', () => {
    const { world, a, b } = twoUsers({ oneTimeKeys: 60 });
    write(b, a, 'hi');
    world.settle();
    write(a, b, 'the plan');
    a.takeIn([forgedRetry(b, lastEnvelope(a, b), 1_000_000)]);
    const item = only(a.posts);
    a.posts = [];
    const { postId } = item.post;
    a.run({ type: 'posted', postId, origin: item.origin, result: { kind: 'gone' } });
    // The list has it all the same: what it asked for goes out again.
    pass(1, [a]);
    deliver(a);
    expect(deaths(a)).toEqual([]);
    world.settle();
    expect(b.texts()).toEqual(['the plan']);
  });
});

describe('a device that only the relay says is gone', () => {
  /** One that has not read its copy, and asks for it again while no list comes that has it. */
  function askingFromNowhere() {
    const { world, a, b } = twoUsers({ oneTimeKeys: 60 });
    write(b, a, 'hi');
    world.settle();
    const mail = write(a, b, 'the plan');
    b.ask({ kind: 'ack', seqs: b.fetch().map(({ seq }) => seq) });
    const { deviceId } = b.own();
    const notice = { type: 'notice', userId: bo, deviceId } as const;
    const postId = 'ab'.repeat(16) as PostId;
    a.run({ type: 'posted', postId, origin: notice, result: { kind: 'gone' } });
    const retry = forgedRetry(b, mail.envelopeId);
    a.run({ type: 'envelope', envelope: retry, isListFresh: true });
    return { world, a, b, deviceId };
  }

  it('is not refused what it asks for', () => {
    const { world, a, b, deviceId } = askingFromNowhere();
    expect(a.record(bo).devices.get(deviceId)?.staleAt).toBeDefined();
    expect(a.effects.at(-1)).toMatchObject({ type: 'acknowledge', end: { state: 'taken' } });
    expect(a.posts).toEqual([]);
    // The list that was known all the time comes again.
    a.fetchLists();
    world.settle();
    expect(b.texts()).toEqual(['the plan']);
  });

  it('is looked for by each sweep until it has it', () => {
    const { world, a, b } = askingFromNowhere();
    const asked = (): number =>
      a.effects.filter((effect) => effect.type === 'fetchList' && effect.userId === bo).length;
    const before = asked();
    a.run({ type: 'swept' });
    a.run({ type: 'swept' });
    expect(asked()).toBe(before + 2);
    a.fetchLists();
    world.settle();
    expect(b.texts()).toEqual(['the plan']);
    const then = asked();
    a.run({ type: 'swept' });
    expect(asked()).toBe(then);
  });

  it('is refused it once a newer list has left it out', () => {
    const { world, a, b } = twoUsers({ oneTimeKeys: 60 });
    const tablet = world.link(b);
    world.settle();
    a.send([bo], 'the plan');
    deliver(a);
    const envelopeId = lastEnvelope(a, tablet);
    world.remove(b, tablet);
    a.run({ type: 'listLearned', list: ownList(b) });
    a.run({ type: 'envelope', envelope: forgedRetry(tablet, envelopeId), isListFresh: true });
    const end = { state: 'dead', reason: 'RESEND_REFUSED' };
    expect(a.effects.at(-1)).toMatchObject({ type: 'acknowledge', end });
  });
});

describe('a request that finds nobody by the relay’s word', () => {
  /** One that cannot read a message, and is told that its sender is not there. */
  function askingNobody() {
    const { world, a, b } = twoUsers({ oneTimeKeys: 60 });
    write(b, a, 'hi');
    world.settle();
    const mail = write(a, b, 'the plan');
    b.takeIn([{ ...spoilt(mail), seq: mail.seq }]);
    return { world, a, b };
  }

  function lie(device: TestDevice): void {
    const item = only(device.posts);
    device.posts = [];
    const { origin, post } = item;
    device.run({ type: 'posted', postId: post.postId, origin, result: { kind: 'gone' } });
  }

  it('is made again when a list has them', () => {
    const { world, b } = askingNobody();
    lie(b);
    b.fetchLists();
    expect(only(b.posts).post.envelopes).toMatchObject([{ kind: 'retry' }]);
    world.settle();
    expect(b.texts()).toEqual(['the plan']);
  });

  it('is made no more often than sessions are, however often the relay says both', () => {
    const { world, a, b } = askingNobody();
    let requests = 0;
    for (let round = 0; round < 30; round++) {
      if (b.posts.length > 0) {
        requests++;
        lie(b);
      }
      b.fetchLists();
    }
    expect(requests).toBe(1 + HEALS_MAX);
    // It waits for a sweep, and is not forgotten.
    expect(b.record(a.userId).held).toHaveLength(1);
    world.nowMs += 2 * 3600 * 1000;
    b.sweep();
    world.settle();
    expect(b.texts()).toEqual(['the plan']);
  });
});

describe('a device that comes back to its place on the list', () => {
  it('is still read in the sessions there were, and written to in another one (SES-34)', () => {
    const { world, a, b } = twoUsers({ oneTimeKeys: 60 });
    write(b, a, 'hi');
    world.settle();
    write(a, b, 'ho');
    world.settle();
    const { deviceId } = b.own();
    const { active } = a.record(bo).devices.get(deviceId) ?? {};
    invariant(active !== undefined, 'they have a session');
    const notice = { type: 'notice', userId: bo, deviceId } as const;
    const postId = 'ab'.repeat(16) as PostId;
    a.run({ type: 'posted', postId, origin: notice, result: { kind: 'gone' } });
    a.fetchLists();
    const back = a.record(bo).devices.get(deviceId);
    expect([back?.active, back?.inactive, back?.staleAt]).toEqual([undefined, [active], undefined]);
    // What was on its way is read, and what asks for nothing is not asked for.
    const mail = write(b, a, 'on its way');
    a.takeIn([mail]);
    expect(endsOf(a).at(-1)).toMatchObject({ state: 'delivered' });
  });

  it('begins anew where it is another one', () => {
    const { world, a, b } = twoUsers({ oneTimeKeys: 60 });
    const tablet = world.link(b);
    world.settle();
    a.send([bo], 'hi');
    world.settle();
    const { deviceId } = tablet.own();
    expect(a.record(bo).devices.get(deviceId)?.active).toBeDefined();
    world.remove(b, tablet);
    a.run({ type: 'listLearned', list: ownList(b) });
    expect(a.record(bo).devices.get(deviceId)?.staleAt).toBeDefined();
    const other = world.link(b);
    a.run({ type: 'listLearned', list: ownList(b) });
    const record = a.record(bo).devices.get(other.own().deviceId);
    expect([record?.active, record?.inactive]).toEqual([undefined, []]);
  });
});

describe('a copy that its device has got', () => {
  it('is not encrypted again, whoever asks for it (SES-67)', () => {
    const { world, a, b } = twoUsers({ oneTimeKeys: 60 });
    const tablet = world.link(b);
    world.settle();
    write(b, a, 'hi');
    world.settle();
    a.send([bo], 'the plan');
    deliver(a);
    const envelopeId = lastEnvelope(a, b);
    b.receive(b.fetch());
    deliver(b);
    a.takeIn(a.fetch());
    // The tablet has not read it, so the message is kept.
    const stream = only(a.log.streamsWithPrefix('send/'));
    const before = a.core.reader().value('send', stream);
    a.takeIn([forgedRetry(b, envelopeId, 1_000_000)]);
    const end = { state: 'dead', reason: 'RESEND_REFUSED' };
    expect(a.effects.at(-1)).toMatchObject({ type: 'acknowledge', end });
    expect(a.posts).toEqual([]);
    expect(a.core.reader().value('send', stream)).toBe(before);
    world.settle();
    expect([b.texts(), tablet.texts()]).toMatchObject([['the plan'], { length: 2 }]);
  });
});

describe('an answer to a round that is over', () => {
  it('says nothing of the one that is under way', () => {
    const { a, b } = twoUsers({ oneTimeKeys: 60 });
    write(a, b, 'before');
    a.send([bo], 'x');
    const first = takePost(a, b);
    const { postId } = first.post;
    const { origin } = first;
    const list = ownList(b);
    const mismatch = { kind: 'mismatch', missing: [], extra: [], stale: [], list } as const;
    a.run({ type: 'posted', postId, origin, result: mismatch });
    const accepted = { kind: 'accepted', listVersion: 1 } as const;
    const before = a.effects.length;
    a.run({ type: 'posted', postId, origin, result: accepted });
    expect(a.effects.slice(before)).toEqual([]);
    expect(takePost(a, b).post.postId).not.toBe(postId);
  });
});

describe('a copy that was asked for again', () => {
  it('and waits for a key outlives any send that does not', () => {
    const { a, b } = twoUsers({ oneTimeKeys: 60 });
    write(a, b, 'unread');
    a.run({ type: 'listLearned', list: foreignList(b) });
    a.takeIn([forgedRetry(b, lastEnvelope(a, b), 1_000_000)]);
    pass(40, [a]);
    expect(a.log.streamsWithPrefix('send/')).toHaveLength(1);
    expect(deaths(a)).toEqual([]);
    // Once the key is settled it leaves, and has its time from there on.
    a.run({ type: 'refuseIdentity', userId: bo });
    pass(1, [a]);
    deliver(a);
    b.takeIn(b.fetch());
    expect(b.texts()).toEqual(['unread']);
  });

  it('and came to nothing ends with a word', () => {
    const { a, b } = twoUsers({ oneTimeKeys: 60 });
    write(a, b, 'unread');
    a.takeIn([forgedRetry(b, lastEnvelope(a, b), 1_000_000)]);
    a.posts = [];
    a.takeIn([forgedRetry(b, lastEnvelope(a, b), 1_000_001)]);
    // Nobody answers the claim.
    pass(15, [a]);
    expect(a.log.streamsWithPrefix('send/')).toEqual([]);
    expect(deaths(a)).toEqual(['EXPIRED']);
  });
});

describe('signed prekeys', () => {
  const ages = (device: TestDevice): number[] => {
    const preKeys = device.core.reader().value('prekeys', PRE_KEYS_STREAM);
    return [...(preKeys?.signed ?? []), ...(preKeys?.lastResorts ?? [])].map(
      ({ madeAt }) => (device.world.nowMs - madeAt) / DAY_MS,
    );
  };

  it('go on being replaced and deleted while the relay does not take the next incarnation', () => {
    const { a } = twoUsers();
    const at = { seq: 5, hash: new Uint8Array(32) };
    a.run({ type: 'rolledBack', source: 'vault', seen: at, found: { ...at, seq: 4 }, lost: [] });
    expect(a.freshOwn().status).toBe('renewing');
    pass(120, [a]);
    expect(Math.max(...ages(a))).toBeLessThan(45);
    expect(Math.min(...ages(a))).toBeLessThan(10);
  });

  it('of a device that was removed are gone with it, and so are all others', () => {
    const { a } = twoUsers({ oneTimeKeys: 60 });
    a.run({ type: 'revoked' });
    expect(ages(a)).toEqual([]);
    for (const prefix of ['opk/', 'kpk/', 'replays/']) {
      expect(a.log.streamsWithPrefix(prefix)).toEqual([]);
    }
  });
});

describe('a relay that does not know a device', () => {
  it('ends it by no word of its own, nor by a list that has it, nor by one of a stranger', () => {
    const { world, a, b } = twoUsers();
    for (const list of [undefined, ownList(a), ownList(b), foreignList(a)]) {
      a.run({ type: 'shutOut', ...(list && { list }) });
      expect(a.freshOwn().status).toBe('registered');
    }
    write(a, b, 'still here');
    world.settle();
    expect(b.texts()).toEqual(['still here']);
  });

  it('ends it by a list under another identity key where a device that it knows has signed that', () => {
    const { world, a } = twoUsers();
    const tablet = world.link(a);
    world.settle();
    const identity = world.crypto.keyPair(world.entropy(32));
    const after = ownList(a).list;
    const stranger = world.crypto.signingKeyPair(world.entropy(32));
    tablet.run({ type: 'shutOut', list: listOfOne(a, { identity, after, deviceKey: stranger }) });
    expect(tablet.freshOwn().status).toBe('registered');
    tablet.run({ type: 'shutOut', list: listOfOne(a, { identity, after }) });
    expect(tablet.freshOwn().status).toBe('removed');
  });

  it('ends it by a list that its user signed and that leaves it out', () => {
    const { world, a } = twoUsers();
    const tablet = world.link(a);
    world.settle();
    const after = ownList(a).list;
    expect(after.devices).toHaveLength(2);
    tablet.run({ type: 'shutOut', list: listOfOne(a, { after }) });
    expect(tablet.freshOwn().status).toBe('removed');
  });
});

describe('an own device that the relay says is gone', () => {
  it('is on the next list that another one signs all the same', () => {
    const { world, a } = twoUsers();
    const [tablet, laptop] = [world.link(a), world.link(a)];
    a.learnOwnList();
    a.send([bo], 'x');
    while (a.posts.length > 0) for (const item of a.posts) a.post(item);
    const { deviceId } = tablet.own();
    const claim = only(a.claims.filter(({ userId }) => userId === a.userId));
    a.claims = a.claims.filter((each) => each !== claim);
    const { userId, sends, resends } = claim;
    a.run({ type: 'claimed', userId, results: [{ deviceId, gone: true }], sends, resends });
    const notice = { type: 'notice', userId, deviceId } as const;
    const postId = 'ab'.repeat(16) as PostId;
    a.run({ type: 'posted', postId, origin: notice, result: { kind: 'gone' } });
    const signed = listWithout(a.ownListInput(), { deviceId: laptop.own().deviceId }, world);
    invariant(signed.ok, 'another one can be removed');
    expect(signed.value.list.devices.map((entry) => entry.deviceId)).toContain(deviceId);
    // It was there all the time, and gets its copy.
    world.settle();
    expect(tablet.texts()).toEqual(['x']);
  });

  it('is left out where a list says so, and the copies for the others leave', () => {
    const { world, a, b } = twoUsers();
    const [tablet, laptop] = [world.link(a), world.link(a)];
    a.learnOwnList();
    world.remove(laptop, tablet);
    a.send([bo], 'x');
    world.settle();
    expect([b.texts(), laptop.texts(), tablet.texts()]).toEqual([['x'], ['x'], []]);
  });
});
