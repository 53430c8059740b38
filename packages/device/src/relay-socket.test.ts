import { envelopeIdFromBytes, parseDeviceId, parseUserId } from '@simsim/relay-protocol';
import type { LineListener, RelayTransport, ServerFrame } from '@simsim/relay-protocol';
import { invariant } from '@simsim/bytes';
import { expect, test, vi } from 'vitest';
import { RelayClient } from './relay-client.ts';
import { RelaySocket } from './relay-socket.ts';

/** What the far end has of a device's lines, and what it was told on each. */
function farEnd(): { transport: RelayTransport; lines: LineListener[]; acks: number[][] } {
  const lines: LineListener[] = [];
  const acks: number[][] = [];
  const transport: RelayTransport = {
    ask: () => Promise.reject(new Error('nobody asks here')),
    connect(_token, listener) {
      const told: number[] = [];
      acks.push(told);
      lines.push(listener);
      return {
        acknowledge: (seqs) => void told.push(...seqs),
        close: () => undefined,
        drop: () => undefined,
      };
    },
  };
  return { transport, lines, acks };
}

function mail(...seqs: number[]): ServerFrame {
  const [sender, senderDevice] = [parseUserId('ali'), parseDeviceId(1)];
  invariant(sender.ok && senderDevice.ok, 'they are well-formed');
  const envelopes = seqs.map((seq) => ({
    seq,
    sender: sender.value,
    senderDevice: senderDevice.value,
    envelopeId: envelopeIdFromBytes(new Uint8Array(16)),
    kind: 'message' as const,
    content: new Uint8Array(1),
    waitedMs: 0,
  }));
  return { kind: 'envelopes', envelopes };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('mail is acknowledged by the line that brought it, and by no later one', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const { transport, lines, acks } = farEnd();
  const quiet = { onFrame: () => undefined, onUp: () => undefined, onDown: () => undefined };
  const listener = { ...quiet, onShutOut: () => undefined, onEnd: () => undefined };
  const socket = new RelaySocket(new RelayClient(transport), listener);
  socket.open();
  lines[0]?.onUp();
  lines[0]?.onFrame(mail(7, 8));
  socket.acknowledge(7);
  await turn();
  lines[0]?.onDown('lost');
  vi.advanceTimersByTime(100);
  lines[1]?.onUp();
  // Decided late; the relay was put back meanwhile, and its eighth mail is another one.
  socket.acknowledge(8);
  await turn();
  lines[1]?.onFrame(mail(8));
  await turn();
  expect(acks).toEqual([[7], []]);
  socket.acknowledge(8);
  await turn();
  expect(acks).toEqual([[7], [8]]);
  socket.close();
  vi.useRealTimers();
});
