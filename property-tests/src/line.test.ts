/** The line of a device that has much to do, or whose relay does not keep to the protocol. */

import { nodeCrypto as crypto, nodeEntropy as entropy } from '@simsim/crypto/node';
import { memory, openDevice } from '@simsim/device';
import type { Device, RelayTransport } from '@simsim/device';
import { envelopeIdFromBytes, parseDeviceId, parseUserId } from '@simsim/relay-protocol';
import type { IncomingEnvelope, LineListener, ServerFrame } from '@simsim/relay-protocol';
import { invariant } from '@simsim/bytes';
import { createMemoryRelay } from '@simsim/relay/memory';
import type { MemoryRelay } from '@simsim/relay/memory';
import { afterEach, beforeEach, expect, test } from 'vitest';

let relay: MemoryRelay;
let open: Device[];

beforeEach(() => {
  relay = createMemoryRelay({ crypto, entropy, now: () => Date.now() });
  open = [];
});

afterEach(async () => {
  for (const device of open) await device.close();
  relay.close();
});

async function create(user: string, by: RelayTransport = relay.transport): Promise<Device> {
  const device = await openDevice({ user, store: memory(), relay: by, ifMissing: 'create' });
  open.push(device);
  return device;
}

/** A way to the relay with somebody beside it, who has the lines and may keep a frame back. */
class Tap implements RelayTransport {
  readonly lines: LineListener[] = [];
  drops = 0;
  /** Gets the next mail instead of the device. */
  keeper: ((frame: ServerFrame) => void) | undefined;

  ask: RelayTransport['ask'] = (request, token) => relay.transport.ask(request, token);

  connect: RelayTransport['connect'] = (token, listener) => {
    this.lines.push(listener);
    const line = relay.transport.connect(token, {
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
