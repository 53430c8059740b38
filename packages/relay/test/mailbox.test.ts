/** What a mailbox promises, in both stores: Sesame's model of the server (§2). */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeUtf8 } from '@simsim/bytes';
import type { IncomingEnvelope, Post } from '@simsim/relay-protocol';
import { claimIdFromBytes } from '@simsim/relay-protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSqliteStore } from '../src/index.ts';
import type { TestDevice } from '../src/conformance/people.ts';
import { TestUser } from '../src/conformance/people.ts';
import type { TestStore } from './stores.ts';
import { BareRelay } from '../src/conformance/bare-relay.ts';
import { memoryStore, sqliteStore } from './stores.ts';

const MONTH_MS = 30 * 24 * 3600 * 1000;

/** Ali and Baba have a device each, of the same id. */
class Town {
  readonly relay: BareRelay;
  readonly ali = new TestUser('ali');
  readonly baba = new TestUser('baba');
  readonly phone: TestDevice;
  readonly desk: TestDevice;

  constructor(relay: BareRelay) {
    this.relay = relay;
    this.phone = this.#join(this.ali);
    this.desk = this.#join(this.baba);
  }

  #join(user: TestUser): TestDevice {
    const device = user.makeDevice(7);
    const answer = this.relay.answer(user.createAccount(device, this.relay.nonce()));
    expect(answer).toEqual({ kind: 'createAccount' });
    return device;
  }

  /** A line from Ali's phone to Baba's desk. */
  line(text: string): Post {
    return this.ali.postTo(this.baba.userId, [this.desk.entry], encodeUtf8(text));
  }

  post(from: TestDevice, ...posts: Post[]): unknown {
    return this.relay.answer({ kind: 'post', posts }, from);
  }

  fetch(device: TestDevice): readonly IncomingEnvelope[] {
    const { outcome } = this.relay.call({ kind: 'fetch', after: 0, limit: 64 }, device);
    if (!outcome.ok || outcome.value.kind !== 'fetch') throw new Error('a mailbox is there');
    return outcome.value.envelopes;
  }

  texts(device: TestDevice): string[] {
    return this.fetch(device).map(({ content }) => new TextDecoder().decode(content));
  }

  acknowledge(device: TestDevice): void {
    const seqs = this.fetch(device).map(({ seq }) => seq);
    expect(this.relay.answer({ kind: 'ack', seqs }, device)).toEqual({ kind: 'ack' });
  }
}

describe.each([
  ['memory', memoryStore],
  ['sqlite', sqliteStore],
])('a mailbox of the %s store', (_name, make) => {
  let one: TestStore;
  let town: Town;

  beforeEach(() => {
    one = make();
    town = new Town(new BareRelay(one.store));
  });

  afterEach(() => one.dispose());

  test('keeps mail for a device that is away', () => {
    town.post(town.phone, town.line('first'), town.line('second'));
    town.relay.nowMs += MONTH_MS - 1;
    town.relay.store.prune({ nowMs: town.relay.nowMs, beforeMs: town.relay.nowMs - MONTH_MS });
    expect(town.texts(town.desk)).toEqual(['first', 'second']);
  });

  test('gives nothing again that its device has acknowledged', () => {
    town.post(town.phone, town.line('first'));
    expect(town.texts(town.desk)).toEqual(['first']);
    expect(town.texts(town.desk), 'not acknowledged yet').toEqual(['first']);
    town.acknowledge(town.desk);
    expect(town.texts(town.desk)).toEqual([]);
    town.post(town.phone, town.line('second'));
    expect(town.texts(town.desk)).toEqual(['second']);
  });

  test('names the sender by the token of the post, whatever the content says', () => {
    const claim = town.line('I am baba, device 7');
    town.post(town.phone, claim);
    const { phone } = town;
    expect(town.fetch(town.desk)).toMatchObject([
      { sender: phone.userId, senderDevice: phone.deviceId },
    ]);
  });

  test('is one for each pair of user and device, also where ids of devices are the same', () => {
    expect(town.phone.deviceId).toBe(town.desk.deviceId);
    town.post(town.phone, town.line('for baba'));
    town.post(town.desk, town.baba.postTo(town.ali.userId, [town.phone.entry]));
    expect(town.fetch(town.desk)).toMatchObject([{ sender: 'ali' }]);
    expect(town.fetch(town.phone)).toMatchObject([{ sender: 'baba' }]);
    town.acknowledge(town.phone);
    expect(town.texts(town.desk)).toEqual(['for baba']);
    const bundle = (user: TestUser): unknown => {
      const claimId = claimIdFromBytes(user.entropy(16));
      const { userId } = user;
      const devices = [town.phone.deviceId];
      return town.relay.answer({ kind: 'claimKeys', claimId, userId, devices }, town.phone);
    };
    expect(bundle(town.ali)).not.toEqual(bundle(town.baba));
  });

  test('opens to nobody but its device', () => {
    town.post(town.phone, town.line('private'));
    const page = { kind: 'fetch', after: 0, limit: 9 } as const;
    const thief = { ...town.desk, tokenHash: town.desk.tokenHash.map((byte) => byte ^ 1) };
    expect(town.relay.answer(page)).toBe('UNAUTHORIZED');
    expect(town.relay.answer(page, thief)).toBe('UNAUTHORIZED');
    expect(town.texts(town.phone)).toEqual([]);
    town.relay.answer({ kind: 'ack', seqs: [1, 2, 3] }, town.phone);
    expect(town.texts(town.desk)).toEqual(['private']);
  });
});

test('mail and who sent it are there after a restart of the relay', () => {
  const folder = mkdtempSync(join(tmpdir(), 'simsim-mailbox-'));
  const file = join(folder, 'relay.db');
  try {
    const first = openSqliteStore(file);
    const town = new Town(new BareRelay(first));
    town.post(town.phone, town.line('still here'));
    first.close();
    const second = openSqliteStore(file);
    const later = new BareRelay(second);
    const answer = later.answer({ kind: 'fetch', after: 0, limit: 9 }, town.desk);
    expect(answer).toMatchObject({
      envelopes: [{ sender: 'ali', senderDevice: 7, content: encodeUtf8('still here') }],
    });
    second.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
