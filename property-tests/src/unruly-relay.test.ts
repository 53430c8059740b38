/** A device that has much to do, or whose relay does not keep to the protocol. */

import { nodeEntropy as entropy } from '@simsim/crypto/node';
import { linkDevice, memory } from '@simsim/device';
import type { Message, RelayTransport } from '@simsim/device';
import { envelopeIdFromBytes, parseDeviceId, parseUserId } from '@simsim/relay-protocol';
import type {
  IncomingEnvelope,
  LineListener,
  RelayOutcome,
  RelayRequest,
  ServerFrame,
} from '@simsim/relay-protocol';
import { invariant } from '@simsim/bytes';
import { afterEach, expect, test, vi } from 'vitest';
import { memoryHouseForEach } from './memory-house.ts';

const house = memoryHouseForEach();
const { create, open } = house;

// Before the devices are closed.
afterEach(() => void vi.useRealTimers());

/** A way to the relay with somebody beside it, who has the lines and may keep a frame back. */
class Tap implements RelayTransport {
  readonly lines: LineListener[] = [];
  drops = 0;
  /** Whether lines stay; else they go as soon as they are up. */
  opens = true;
  /** Gets the next mail instead of the device. */
  keeper: ((frame: ServerFrame) => void) | undefined;

  readonly asked: RelayRequest[] = [];
  /** Says what comes of a request; by default the relay does. */
  answer: (request: RelayRequest) => Promise<RelayOutcome | undefined> = async () => undefined;

  ask: RelayTransport['ask'] = async (request, token) => {
    this.asked.push(request);
    return (await this.answer(request)) ?? house.relay.transport.ask(request, token);
  };

  connect: RelayTransport['connect'] = (token, listener) => {
    this.lines.push(listener);
    if (!this.opens) {
      queueMicrotask(() => {
        listener.onUp();
        listener.onDown('lost');
      });
      return { acknowledge: () => undefined, close: () => undefined, drop: () => undefined };
    }
    const line = house.relay.transport.connect(token, {
      onUp: () => listener.onUp(),
      onDown: (end) => listener.onDown(end),
      onFrame: (frame) => {
        const { keeper } = this;
        if (frame.kind !== 'envelopes' || keeper === undefined) return listener.onFrame(frame);
        this.keeper = undefined;
        keeper(frame);
      },
    });
    const drop = (): void => {
      this.drops++;
      line.drop();
    };
    return { ...line, drop };
  };
}

test('mail that comes while a thousand messages wait to be sent arrives, and all that follows', async () => {
  const tap = new Tap();
  const [alice, bob] = [await create('alice', tap), await create('bob')];
  const texts: string[] = [];
  alice.handle(({ text }) => void texts.push(text));
  const kept = new Promise<ServerFrame>((resolve) => (tap.keeper = resolve));
  await bob.send('alice', 'one');
  const frame = await kept;
  const sends = Array.from({ length: 1100 }, () => alice.sendLater('alice', 'a note'));
  tap.lines.at(-1)?.onFrame(frame);
  await Promise.all(sends);
  await bob.send('alice', 'two');
  await expect.poll(() => texts).toEqual(['one', 'two']);
  expect(tap.lines).toHaveLength(1);
});

test('a relay that sends more than may be under way loses the line, and fills no memory', async () => {
  const tap = new Tap();
  const alice = await create('alice', tap);
  await expect.poll(() => tap.lines).toHaveLength(1);
  const [line] = tap.lines;
  let sent = 0;
  const frame = (): ServerFrame => ({
    kind: 'envelopes',
    envelopes: Array.from({ length: 64 }, () => forged(++sent)),
  });
  while (tap.drops === 0 && sent < 10_000) line?.onFrame(frame());
  // As many as may wait to be decided, as many as may be under way, and one frame of each.
  expect(sent).toBeLessThanOrEqual(1024 + 64 + 256 + 64);
  await expect.poll(() => tap.lines).toHaveLength(2);
  await alice.send('alice', 'it goes on');
});

test('a device that is shut out while its keys are compared comes back', async () => {
  const tap = new Tap();
  let compared = (): void => undefined;
  const waits = new Promise<void>((resolve) => (compared = resolve));
  tap.answer = async ({ kind }) => void (kind === 'checkKeys' && (await waits));
  await create('alice', tap);
  await expect.poll(() => tap.asked.map(({ kind }) => kind)).toContain('checkKeys');
  await expect.poll(() => tap.lines).toHaveLength(1);
  tap.lines[0]?.onDown('unauthorized');
  await expect.poll(() => tap.lines).toHaveLength(2);
  compared();
});

test('a relay that lets go of each line as soon as it is open is connected to less and less', async () => {
  const tap = new Tap();
  await create('alice', tap);
  await expect.poll(() => tap.lines).toHaveLength(1);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  tap.opens = false;
  tap.lines[0]?.onDown('lost');
  await pass(20_000);
  expect(tap.lines.length).toBeGreaterThan(5);
  expect(tap.lines.length).toBeLessThan(16);
  tap.opens = true;
  await pass(10_000);
  tap.lines.at(-1)?.onDown('lost');
  const { length } = tap.lines;
  await pass(1000);
  expect(tap.lines).toHaveLength(length + 1);
});

test('a relay that always has another head is asked less and less', async () => {
  const tap = new Tap();
  tap.answer = async ({ kind }) =>
    kind === 'post' ? { ok: false, error: { code: 'HEAD_MOVED' } } : undefined;
  await create('alice', tap);
  const tries = (): number => tap.asked.filter(({ kind }) => kind === 'post').length;
  await expect.poll(tries).toBeGreaterThan(0);
  const before = tries();
  // Turns enough for dozens of answers, in less time than the shortest wait.
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(tries() - before).toBeLessThanOrEqual(1);
});

test('a post that an answer leaves out goes out again', async () => {
  const tap = new Tap();
  const [alice, bob] = [await create('alice', tap), await create('bob')];
  let short = 0;
  tap.answer = async (request) =>
    request.kind === 'post' && request.posts.length > 0 && short++ === 0
      ? { ok: true, value: { kind: 'post', results: [] } }
      : undefined;
  await alice.send('bob', 'open sesame');
  expect(short).toBeGreaterThan(1);
  await expect.poll(() => bob.doctor().inbox).toBe(1);
});

test('a relay that asks for patience without end is asked again in its own time, not at once', async () => {
  const tap = new Tap();
  const alice = await create('alice', tap);
  await create('bob');
  tap.answer = async ({ kind }) =>
    kind === 'claimKeys'
      ? { ok: false, error: { code: 'RATE_LIMITED', retryAfterMs: Number.MAX_SAFE_INTEGER } }
      : undefined;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  await alice.sendLater('bob', 'waits');
  const claims = (): number => tap.asked.filter(({ kind }) => kind === 'claimKeys').length;
  await expect.poll(claims).toBe(1);
  await pass(10_000);
  expect(claims()).toBe(1);
});

test('a first message to many asks for the keys of some at a time, and holds up no post', async () => {
  const tap = new Tap();
  const alice = await create('alice', tap);
  const strangers = Array.from({ length: 18 }, (_, i) => `stranger-${i}`);
  for (const stranger of [...strangers, 'bob']) await create(stranger);
  await alice.send('bob', 'open sesame');
  const claims = (): number => tap.asked.filter(({ kind }) => kind === 'claimKeys').length;
  const before = claims();
  let give: () => void = () => undefined;
  const given = new Promise<void>((resolve) => (give = resolve));
  tap.answer = async ({ kind }) => {
    if (kind === 'claimKeys') await given;
    return undefined;
  };
  const sent = alice.send(strangers, 'open sesame');
  await expect.poll(() => claims() - before).toBe(16);
  await alice.send('bob', 'and another');
  expect(claims() - before).toBe(16);
  give();
  expect((await sent).recipients.filter(({ failure }) => failure === undefined)).toHaveLength(19);
  expect(claims() - before).toBe(18);
});

test('whoever the relay gives no keys of for now holds up nobody else', async () => {
  const tap = new Tap();
  const alice = await create('alice', tap);
  const busy = Array.from({ length: 17 }, (_, i) => `busy-${i}`);
  for (const user of [...busy, 'bob']) await create(user);
  tap.answer = async (request) =>
    request.kind === 'claimKeys' && request.userId !== 'bob'
      ? { ok: false, error: { code: 'RATE_LIMITED', retryAfterMs: 3_600_000 } }
      : undefined;
  const warned = vi.fn();
  process.once('warning', warned);
  await alice.sendLater(busy, 'waits');
  await alice.send('bob', 'open sesame');
  expect(warned).not.toHaveBeenCalled();
  process.off('warning', warned);
});

test('a relay that gives no keys is said to be unavailable', async () => {
  const tap = new Tap();
  const alice = await create('alice', tap);
  await create('bob');
  tap.answer = async ({ kind }) =>
    kind === 'claimKeys' ? { ok: false, error: { code: 'MALFORMED' } } : undefined;
  const health: string[] = [];
  alice.health$.subscribe(({ type }) => health.push(type));
  await alice.sendLater('bob', 'waits');
  await expect.poll(() => health).toContain('relayUnavailable');
});

test('a clock that is set while a device registers does not end that', async () => {
  const tap = new Tap();
  tap.answer = async ({ kind }) => {
    if (kind !== 'createAccount' || tap.asked.length > 2) return undefined;
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 24 * 3600 * 1000 });
    return { ok: false, error: { code: 'NONCE_UNKNOWN' } };
  };
  expect((await create('alice', tap)).user).toBe('alice');
});

test.each([
  ['the same', () => envelopeIdFromBytes(new Uint8Array(16).fill(7))],
  ['no', () => envelopeIdFromBytes(new Uint8Array(16))],
])('mail under %s envelope id arrives, also while more of it waits', async (_, idOf) => {
  const tap = new Tap();
  const [alice, bob] = [await create('alice', tap), await create('bob')];
  const kept: IncomingEnvelope[] = [];
  for (const text of ['one', 'two', 'three']) {
    const frame = new Promise<ServerFrame>((resolve) => (tap.keeper = resolve));
    await bob.send('alice', text);
    const came = await frame;
    if (came.kind !== 'envelopes') throw new Error('mail comes in frames of mail');
    kept.push(...came.envelopes);
  }
  const [one, two, three] = kept.map((envelope) => ({ ...envelope, envelopeId: idOf() }));
  invariant(one !== undefined && two !== undefined && three !== undefined, 'three were posted');
  const line = tap.lines.at(-1);
  line?.onFrame({ kind: 'envelopes', envelopes: [one, two] });
  const messages: Message[] = [];
  for await (const message of alice.messages()) {
    messages.push(message);
    if (messages.length === 2) line?.onFrame({ kind: 'envelopes', envelopes: [three] });
    if (messages.length === 3) break;
  }
  expect(messages.map(({ text }) => text)).toEqual(['one', 'two', 'three']);
  for (const message of messages) await message.ack();
  expect(alice.doctor().inbox).toBe(0);
});

test('a device is linked whose relay gave it what was left for it, and the answer was lost', async () => {
  const tap = new Tap();
  const alice = await create('alice');
  let lost = 0;
  tap.answer = async (request) => {
    if (request.kind !== 'takeLink' || lost > 0) return undefined;
    const outcome = await house.relay.transport.ask(request, undefined);
    if (!outcome.ok || !('ciphertext' in outcome.value)) return outcome;
    lost++;
    return { ok: false, error: { code: 'UNAVAILABLE' } };
  };
  const tablet = await linkDevice({
    store: memory(),
    relay: tap,
    onCode: async (code) => void (await alice.approveLink(code)),
  });
  open.push(tablet);
  expect([tablet.user, lost]).toEqual(['alice', 1]);
});

test('a removal that another device always precedes says so', async () => {
  const tap = new Tap();
  const alice = await create('alice', tap);
  const tablet = await linkDevice({
    store: memory(),
    relay: house.relay.transport,
    onCode: async (code) => void (await alice.approveLink(code)),
  });
  open.push(tablet);
  tap.answer = async ({ kind }) =>
    kind === 'removeDevice' ? { ok: false, error: { code: 'LIST_MOVED' } } : undefined;
  await expect(alice.remove(tablet.deviceId)).rejects.toMatchObject({ code: 'LIST_MOVED' });
});

test('a device that was closed asks for nothing more', async () => {
  const tap = new Tap();
  const alice = await create('alice', tap);
  const isAway = { ok: false, error: { code: 'UNAVAILABLE' } } as const;
  tap.answer = async ({ kind }) => (kind === 'getList' ? isAway : undefined);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const removal = alice.remove(1).catch((failure: unknown) => failure);
  await expect.poll(() => tap.asked.at(-1)?.kind).toBe('getList');
  await alice.close();
  await pass(60_000);
  await removal;
  expect(tap.asked.filter(({ kind }) => kind === 'getList')).toHaveLength(1);
});

test('a device that does not start goes on with nothing', async () => {
  await create('alice');
  const tap = new Tap();
  vi.useFakeTimers({ toFake: ['setInterval'] });
  await expect(create('alice', tap)).rejects.toThrow('USER_EXISTS');
  tap.asked.length = 0;
  await pass(120_000);
  expect(tap.asked).toEqual([]);
});

/** Time passes in steps, so that what it causes has its turns. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1000) {
    vi.advanceTimersByTime(1000);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

function forged(seq: number): IncomingEnvelope {
  const [sender, senderDevice] = [parseUserId('nobody'), parseDeviceId(1)];
  invariant(sender.ok && senderDevice.ok, 'they are well-formed');
  return {
    seq,
    sender: sender.value,
    senderDevice: senderDevice.value,
    envelopeId: envelopeIdFromBytes(entropy(16)),
    kind: 'message',
    content: entropy(40),
    waitedMs: 0,
  };
}
