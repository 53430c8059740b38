/** PQXDH as the house uses it: which KEM prekey goes to whom, when it goes, what a repeat finds. */

import { invariant } from '@simsim/bytes';
import { claimIdFromBytes } from '@simsim/relay-protocol';
import type { IncomingEnvelope, PreKeyBundle } from '@simsim/relay-protocol';
import { PRE_KEYS_STREAM, replaysStream } from '@simsim/sesame';
import type { Sabotage } from '@simsim/sesame';
import { encodeWireKey, parseMessage } from '@simsim/session';
import type { InitiationMessage } from '@simsim/session';
import { describe, expect, it } from 'vitest';
import { checkDevice, checkWorld } from './checks.ts';
import { factsOf, stateOf } from './log-state.ts';
import type { TestDevice } from './test-device.ts';
import { user, World } from './world.ts';

const bo = user('bo');

interface Scene {
  readonly world: World;
  readonly a: TestDevice;
  readonly b: TestDevice;
}

function scene(oneTimeKeys: number, sabotage: readonly Sabotage[] = []): Scene {
  const world = new World({ seed: 4, oneTimeKeys, sabotage });
  return { world, a: world.create('ada'), b: world.create('bo') };
}

/** Posts and claims until everything is at the relay. */
function deliver(device: TestDevice): void {
  for (let i = 0; i < 6; i++) device.work();
}

function only<T>(items: readonly T[]): T {
  const [item] = items;
  invariant(item !== undefined && items.length === 1, 'there is one');
  return item;
}

/** Ada's first message, as it waits for Bo. */
function firstMail({ a, b }: Scene): IncomingEnvelope {
  a.send([bo], 'open sesame');
  deliver(a);
  return only(b.fetch());
}

function initiationOf(mail: IncomingEnvelope): InitiationMessage {
  const parsed = parseMessage(mail.content);
  invariant(parsed.ok && parsed.value.kind === 'initiation', 'a first message');
  return parsed.value;
}

function claim({ world, a }: Scene): PreKeyBundle {
  const claimId = claimIdFromBytes(world.entropy(16));
  const devices = world.devicesOf(bo).map((device) => device.own().deviceId);
  const answer = a.ask({ kind: 'claimKeys', claimId, userId: bo, devices });
  invariant(answer.kind === 'claimKeys', 'a claim is answered');
  const result = only(answer.results);
  invariant('bundle' in result, 'bo is listed');
  return result.bundle;
}

function lastResortOf(device: TestDevice): number {
  const preKeys = device.core.reader().value('prekeys', PRE_KEYS_STREAM);
  const id = preKeys?.lastResorts[0]?.id;
  invariant(id !== undefined, 'a device has a last resort');
  return id;
}

/** A base key with the point of order two added: X25519 gives the same with it. */
function twinOf(publicKey: Uint8Array): Uint8Array {
  const prime = 2n ** 255n - 19n;
  let base = publicKey.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
  let twin = 1n;
  for (let rest = prime - 2n; rest > 0n; rest >>= 1n) {
    if (rest & 1n) twin = (twin * base) % prime;
    base = (base * base) % prime;
  }
  return Uint8Array.from({ length: 32 }, (_, i) => Number((twin >> BigInt(8 * i)) & 0xffn));
}

/** The same bytes with one part put in another's place. */
function replaced(whole: Uint8Array, part: Uint8Array, by: Uint8Array): Uint8Array {
  const text = whole.join();
  invariant(text.split(part.join()).length === 2, 'the part is there once');
  return Uint8Array.from(text.replace(part.join(), by.join()).split(',').map(Number));
}

describe('KEM prekeys', () => {
  it('have an id each, also those made later (PQ-4)', () => {
    const { world, a, b } = scene(3);
    for (let i = 0; i < 3; i++) b.replenish(4);
    const ids: number[] = [];
    for (let i = 0; i < 12; i++) ids.push(claim({ world, a, b }).kemPreKey?.id ?? 0);
    expect(new Set(ids).size).toBe(12);
    expect(ids).not.toContain(0);
    expect(ids).not.toContain(lastResortOf(b));
  });

  it.each(['one-time', 'last-resort'])('of a forged signature begin nothing, %s (PQ-4)', (kind) => {
    const { world, a, b } = scene(kind === 'one-time' ? 3 : 0);
    a.send([bo], 'x');
    for (const item of a.posts) a.post(item);
    const bundle = claim({ world, a, b });
    const { kemPreKey } = bundle;
    invariant(kemPreKey !== undefined, 'bundles have a KEM prekey');
    const signature = kemPreKey.signature.with(3, (kemPreKey.signature[3] ?? 0) ^ 1);
    const forged = { ...bundle, kemPreKey: { ...kemPreKey, signature } };
    const { userId, sends, resends } = only(a.claims);
    const results = [{ deviceId: bundle.deviceId, bundle: forged }];
    a.claims = [];
    a.run({ type: 'claimed', userId, results, sends, resends });
    expect([...factsOf(a.log)].map(({ name }) => name)).not.toContain('SessionStarted');
    expect(a.effects).toContainEqual(expect.objectContaining({ failure: 'BAD_BUNDLE' }));
  });

  it('go out one by one, then the last resort for ever; all of them open (PQ-6)', () => {
    const { world, a, b } = scene(2);
    const named: (number | undefined)[] = [];
    for (const name of ['cy', 'di', 'ed', 'fay']) {
      const from = world.create(name);
      from.send([bo], name);
      deliver(from);
      named.push(initiationOf(only(b.fetch())).kem?.preKeyId);
      world.settle();
    }
    const last = lastResortOf(b);
    expect(new Set(named).size).toBe(3);
    expect(named.slice(2)).toEqual([last, last]);
    expect(named.slice(0, 2)).not.toContain(last);
    expect(b.texts()).toEqual(['cy', 'di', 'ed', 'fay']);
    expect(a.texts()).toEqual([]);
    checkWorld(world);
  });

  it('left out by the relay begin nothing that is taken, and all is well once it stops', () => {
    const { world, a, b } = scene(2);
    a.send([bo], 'x');
    for (const item of a.posts) a.post(item);
    const { kemPreKey: _, ...weak } = claim({ world, a, b });
    const { userId, sends, resends } = only(a.claims);
    a.claims = [];
    const results = [{ deviceId: weak.deviceId, bundle: weak }];
    a.run({ type: 'claimed', userId, results, sends, resends });
    deliver(a);
    const mail = only(b.fetch());
    expect(initiationOf(mail).version).toBe(3);
    b.takeIn([mail]);
    b.fetchLists();
    const end = { state: 'resend-requested', reason: 'DOWNGRADE' };
    expect(b.effects).toContainEqual(expect.objectContaining({ end }));
    world.settle();
    expect(b.texts()).toEqual(['x']);
    checkDevice(b);
  });
});

describe('a first message', () => {
  it('with a damaged KEM ciphertext leaves keys and log as they were (PQ-10)', () => {
    const all = scene(2);
    const { world, a, b } = all;
    // Bo knows Ada's device, so that the damage is answered by a request and nothing else.
    b.send([a.userId], 'hello');
    world.settle();
    const c = world.create('cy');
    c.send([bo], 'open sesame');
    deliver(c);
    const mail = only(b.fetch());
    const { ciphertext } = initiationOf(mail).kem ?? {};
    invariant(ciphertext !== undefined, 'version 4');
    const damaged = ciphertext.with(700, (ciphertext[700] ?? 0) ^ 1);
    const before = stateOf(b.log);
    b.takeIn([{ ...mail, content: replaced(mail.content, ciphertext, damaged) }]);
    expect(stateOf(b.log)).toEqual(before);
    b.takeIn([mail]);
    world.settle();
    expect(b.texts()).toEqual(['open sesame']);
    checkDevice(b);
  });

  it('uses its KEM prekey up: nothing else opens under it, also after a restart (PQ-10)', () => {
    const all = scene(2);
    const { b } = all;
    const mail = firstMail(all);
    b.takeIn([mail]);
    b.restart();
    const { baseKey } = initiationOf(mail);
    const content = replaced(mail.content, encodeWireKey(baseKey), encodeWireKey(twinOf(baseKey)));
    b.takeIn([{ ...mail, content }]);
    const reason = 'PREKEY_UNKNOWN';
    expect(b.effects).toContainEqual(
      expect.objectContaining({ end: { state: 'resend-requested', reason } }),
    );
    checkDevice(b);
  });

  /** Bo's sessions with Ada after her first message, and after it came again as a twin. */
  function afterRepeat(sabotage: readonly Sabotage[]): { before: unknown; after: unknown } {
    const all = scene(0, sabotage);
    const { a, b } = all;
    const mail = firstMail(all);
    expect(initiationOf(mail)).not.toHaveProperty('oneTimePreKeyId', expect.any(Number));
    b.takeIn([mail]);
    b.restart();
    const { deviceId } = a.own();
    const before = b.record(a.userId).devices.get(deviceId);
    b.takeIn([mail]);
    expect(b.effects.at(-1)).toMatchObject({ end: { state: 'duplicate' } });
    const { baseKey } = initiationOf(mail);
    const content = replaced(mail.content, encodeWireKey(baseKey), encodeWireKey(twinOf(baseKey)));
    b.takeIn([{ ...mail, content }]);
    return { before, after: b.record(a.userId).devices.get(deviceId) };
  }

  it('under the last resort alone is taken once, whatever is done to its base key (PQ-12)', () => {
    const { before, after } = afterRepeat([]);
    expect(after).toEqual(before);
    expect(before).toMatchObject({ inactive: [] });
  });

  it('would be taken again by a device that forgets agreements', () => {
    const { before, after } = afterRepeat(['forget-agreements']);
    expect(after).not.toEqual(before);
  });

  it('with a one-time prekey needs no record, one without is in it after a restart', () => {
    const withKey = scene(1);
    withKey.b.takeIn([firstMail(withKey)]);
    const none = withKey.b.log.head(replaysStream(lastResortOf(withKey.b)));
    expect(none).toBeUndefined();
    const without = scene(0);
    without.b.takeIn([firstMail(without)]);
    without.b.restart();
    const stream = replaysStream(lastResortOf(without.b));
    expect(without.b.core.reader().value('replays', stream)?.fingerprints.length).toBe(32);
  });
});
